// One device: what is printed on it and what it last did, its keys, what was done to it. Changing a key is two acts,
// so that the device works on: add the new one, and when it is in the device, revoke the old one.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { DeviceDetail, DeviceEvent, DeviceFacts, DeviceKey, DeviceView, KeyView } from '../api/types.gen'
import { age, clockTime, day, now } from '../app/clock'
import { useKeys } from '../app/keys'
import { go } from '../app/router'
import { clockError } from '../clinic/deviceclock'
import { t } from '../i18n/admin'
import { fill, language } from '../i18n/catalogue'
import { ERRORS } from '../i18n/errors.gen'
import { subscribe } from '../live/live'
import { Button, Dialog, ErrorLine, FieldRow, Icon, Pane, Skeleton, Tag } from '../ui'
import { orgName } from './accounts'
import { Age, Clock, root, Standing } from './devicecells'
import { KeyText } from './devicekey'

type State = { kind: 'waiting' } | { kind: 'here'; value: DeviceDetail } | { kind: 'failed'; error: unknown }
type Open = { kind: 'facts' } | { kind: 'rotate' } | { kind: 'revoke' } | { kind: 'key'; key: KeyView } | null

const LIST = '/admin?show=devices'
const when = (at: string): string => `${day(at)} ${clockTime(at).slice(0, 5)}`

export function Device({ id, all }: { id: string; all: readonly DeviceView[] }) {
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const [open, setOpen] = useState<Open>(null)
  const path = `/api/devices/${encodeURIComponent(id)}`
  const load = (): void => {
    api.get<DeviceDetail>(path).then(
      value => setState({ kind: 'here', value }),
      (error: unknown) => setState(was => (was.kind === 'here' ? was : { kind: 'failed', error })),
    )
  }
  useEffect(() => {
    load()
    return subscribe(`org:${root()}`, null, {
      event: e => {
        if (e.topic === 'device' && e.subject === id) load()
      },
    })
  }, [id])
  useKeys('device', [
    { id: 'admin.back', chord: 'Escape', words: () => t('key.back'), hint: true, act: () => go(LIST) },
  ])
  if (state.kind === 'waiting') return <Skeleton rows={10} />
  if (state.kind === 'failed')
    return (
      <div class="admin-pane">
        <ErrorLine error={state.error} retry={load} />
        <Back />
      </div>
    )
  const { device: d, keys, history } = state.value
  const close = (): void => setOpen(null)
  const done = (): void => {
    close()
    load()
  }
  const valid = keys.filter(k => k.revoked_at === null)
  return (
    <div class="admin-scroll" data-testid="device-page">
      <Back />
      <header class="dev-head">
        <h1>
          {d.model} <span class="dim">{d.serial}</span>
        </h1>
        <Standing device={d} />
        <span class="muted">{orgName(d.org)}</span>
        <span class="grow" />
        {d.active && <Button onClick={() => setOpen({ kind: 'revoke' })}>{t('dev.revoke')}</Button>}
      </header>
      {d.refused !== null && <Refused code={d.refused} />}
      <div class="dev-panes">
        <Pane
          title={t('dev.facts')}
          tools={<Button onClick={() => setOpen({ kind: 'facts' })}>{t('dev.facts.edit')}</Button>}
        >
          <Facts device={d} />
        </Pane>
        <Pane
          title={t('dev.keys')}
          tools={d.active && <Button onClick={() => setOpen({ kind: 'rotate' })}>{t('dev.rotate')}</Button>}
        >
          <ul class="dev-keys">
            {keys.map(k => (
              <Key key={k.id} of={k} {...(d.active ? { revoke: () => setOpen({ kind: 'key', key: k }) } : {})} />
            ))}
          </ul>
        </Pane>
        <Pane title={t('dev.history')} class="dev-past">
          <ol class="dev-lines">
            {history.map(line => (
              <Line key={`${line.at} ${line.kind}`} line={line} />
            ))}
          </ol>
        </Pane>
      </div>
      {open?.kind === 'facts' && <EditFacts device={d} path={path} onClose={close} onDone={done} />}
      {open?.kind === 'rotate' && <Rotate path={path} onClose={done} />}
      {open?.kind === 'key' && (
        <Confirm
          title={t('dev.key.revoke.title')}
          told={t('dev.key.revoke.told', { key: open.key.label === '' ? shortId(open.key.id) : open.key.label })}
          warning={valid.length === 1 ? t('dev.key.revoke.last') : null}
          act={() => api.post(`${path}/keys/${encodeURIComponent(open.key.id)}/revoke`, {})}
          onClose={close}
          onDone={done}
        />
      )}
      {open?.kind === 'revoke' && (
        <Confirm
          title={t('dev.revoke.title')}
          told={t('dev.revoke.told', { id: `${d.model} ${d.serial}`.trim() })}
          warning={
            all.some(o => o.id !== d.id && o.active && o.org === d.org)
              ? null
              : t('dev.revoke.last', { org: orgName(d.org) })
          }
          act={() => api.post(`${path}/revoke`, {})}
          onClose={close}
          onDone={done}
        />
      )}
    </div>
  )
}

const Back = () => (
  <a class="dev-back" href={LIST}>
    <Icon name="left" /> {t('dev.back')}
  </a>
)

/** Why the hub sent its last recording back, as the hub says it everywhere. */
function Refused({ code }: { code: string }) {
  const entry = ERRORS[code]
  // The facts of the refusal stand on the device; here is what kind it was and what to mend.
  const sentence = entry === undefined ? '' : fill(entry[language.value], {}).replace(/\{\w+\}/g, '…')
  return (
    <p class="dev-refused">
      <b>{t('dev.refused')}</b> {sentence} <span class="dim f12">{code}</span>
    </p>
  )
}

function Facts({ device: d }: { device: DeviceView }) {
  const rows: [string, string][] = [
    [t('dev.id'), d.id],
    [t('dev.model'), d.model],
    [t('dev.maker'), d.maker],
    [t('dev.serial'), d.serial],
    [t('dev.software'), d.software],
    [t('dev.signal'), d.fs === null ? '' : t('dev.signal.is', { fs: d.fs, n: d.leads.length })],
    [t('dev.calibrated'), d.calibrated_on ?? ''],
    [t('dev.added'), when(d.added_at)],
  ]
  return (
    <dl class="kv dev-kv">
      {rows.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{value === '' ? <span class="dim">–</span> : value}</dd>
        </>
      ))}
      <dt>{t('dev.seen')}</dt>
      <dd>{d.connected ? t('dev.seen.now') : <Age at={d.last_seen_at} />}</dd>
      <dt>{t('dev.ecg')}</dt>
      <dd>
        <Age at={d.last_ecg_at} />
      </dd>
      <dt>{t('dev.clock')}</dt>
      <dd>
        <ClockFact device={d} />
      </dd>
    </dl>
  )
}

/** With how far it may be wrong and how old it is: a clock that was right last week says little. */
function ClockFact({ device: d }: { device: DeviceView }) {
  if (d.clock_offset_ms === null || d.clock_uncertainty_ms === null || d.clock_at === null)
    return <span class="dim">–</span>
  const good = clockError(d) === null
  return (
    <>
      {good ? t('dev.clock.good') : <Clock device={d} />}{' '}
      <span class="dim">
        {t('dev.clock.within', { ms: d.clock_uncertainty_ms })}
        {t('dev.clock.at', { age: age((now.value - Date.parse(d.clock_at)) / 1000) })}
      </span>
    </>
  )
}

const shortId = (id: string): string => id.slice(-6)

function Key({ of: k, revoke }: { of: KeyView; revoke?: () => void }) {
  const over = k.revoked_at !== null
  return (
    <li class={over ? 'over' : ''}>
      <span class="dev-key">
        <b>{k.label === '' ? t('dev.key.nameless', { id: shortId(k.id) }) : k.label}</b>
        <span class="dim">{t('dev.key.added', { at: when(k.added_at) })}</span>
        <span class="dim">
          {k.last_used_at === null ? t('dev.key.unused') : t('dev.key.used', { at: when(k.last_used_at) })}
        </span>
      </span>
      {over ? (
        <Tag>{t('dev.revoked')}</Tag>
      ) : (
        revoke !== undefined && <Button onClick={revoke}>{t('dev.revoke')}</Button>
      )}
    </li>
  )
}

const LINES = {
  'device.code_made': 'hist.code_made',
  'device.enrol_refused': 'hist.enrol_refused',
  'device.added': 'hist.added',
  'device.described': 'hist.described',
  'device.key_added': 'hist.key_added',
  'device.key_revoked': 'hist.key_revoked',
  'device.revoked': 'hist.revoked',
} as const

function Line({ line }: { line: DeviceEvent }) {
  const words = line.kind in LINES ? t(LINES[line.kind as keyof typeof LINES]) : line.kind
  const key = line.body.key
  return (
    <li>
      <span class="dim">{when(line.at)}</span>
      <span>
        {words} {typeof key === 'string' && <span class="dim">{shortId(key)}</span>}
      </span>
      <span class="muted">{line.actor_name}</span>
    </li>
  )
}

function EditFacts(p: { device: DeviceView; path: string; onClose: () => void; onDone: () => void }) {
  const [f, setF] = useState({
    model: p.device.model,
    maker: p.device.maker,
    serial: p.device.serial,
    calibrated_on: p.device.calibrated_on ?? '',
  })
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const save = async (): Promise<void> => {
    if (f.model.trim() === '') return
    setBusy(true)
    setError(null)
    const body: DeviceFacts = { ...f, calibrated_on: f.calibrated_on === '' ? null : f.calibrated_on }
    try {
      await api.post<DeviceView>(`${p.path}/facts`, body)
      p.onDone()
    } catch (e) {
      setError(e)
      setBusy(false)
    }
  }
  const text = (key: keyof typeof f, label: string, type: { type: 'text' } | { type: 'date' } = { type: 'text' }) => (
    <FieldRow label={label} error={key === 'model' && f.model.trim() === '' ? t('field.missing') : null}>
      {(id, by) => (
        <input
          id={id}
          name={key}
          {...type}
          maxLength={64}
          autocomplete="off"
          aria-describedby={by}
          value={f[key]}
          onInput={e => setF({ ...f, [key]: e.currentTarget.value })}
        />
      )}
    </FieldRow>
  )
  return (
    <Dialog
      title={t('dev.facts.edit')}
      open
      onClose={p.onClose}
      acts={
        <>
          <Button onClick={p.onClose}>{t('act.cancel')}</Button>
          <Button kind="primary" busy={busy} onClick={() => void save()}>
            {t('act.save')}
          </Button>
        </>
      }
    >
      <form
        class="join"
        data-testid="device-facts"
        onSubmit={e => {
          e.preventDefault()
          void save()
        }}
      >
        {text('model', t('dev.model'))}
        {text('maker', t('dev.maker'))}
        {text('serial', t('dev.serial'))}
        {text('calibrated_on', t('dev.calibrated'), { type: 'date' })}
        {error !== null && <ErrorLine error={error} />}
        <button type="submit" class="vh" tabIndex={-1}>
          {t('act.save')}
        </button>
      </form>
    </Dialog>
  )
}

function Rotate(p: { path: string; onClose: () => void }) {
  const [label, setLabel] = useState('')
  const [made, setMade] = useState<DeviceKey | null>(null)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const add = async (): Promise<void> => {
    setBusy(true)
    setError(null)
    try {
      setMade(await api.post<DeviceKey>(`${p.path}/keys`, { label }))
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog
      title={t('dev.rotate')}
      open
      onClose={p.onClose}
      acts={
        made === null ? (
          <>
            <Button onClick={p.onClose}>{t('act.cancel')}</Button>
            <Button kind="primary" busy={busy} onClick={() => void add()}>
              {t('dev.rotate.make')}
            </Button>
          </>
        ) : (
          <Button kind="primary" onClick={p.onClose}>
            {t('act.done')}
          </Button>
        )
      }
    >
      {made !== null ? (
        <KeyText made={made} />
      ) : (
        <form
          class="join"
          onSubmit={e => {
            e.preventDefault()
            void add()
          }}
        >
          <p>{t('dev.rotate.told')}</p>
          <FieldRow label={t('dev.key.label')} hint={t('dev.key.label.hint')}>
            {(id, by) => (
              <input
                id={id}
                name="label"
                maxLength={64}
                autocomplete="off"
                aria-describedby={by}
                value={label}
                onInput={e => setLabel(e.currentTarget.value)}
              />
            )}
          </FieldRow>
        </form>
      )}
      {error !== null && <ErrorLine error={error} />}
    </Dialog>
  )
}

function Confirm(p: {
  title: string
  told: string
  warning: string | null
  act: () => Promise<unknown>
  onClose: () => void
  onDone: () => void
}) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const revoke = async (): Promise<void> => {
    setBusy(true)
    try {
      await p.act()
      p.onDone()
    } catch (e) {
      setError(e)
      setBusy(false)
    }
  }
  return (
    <Dialog
      title={p.title}
      open
      onClose={p.onClose}
      acts={
        <>
          <Button onClick={p.onClose}>{t('act.cancel')}</Button>
          <Button busy={busy} onClick={() => void revoke()}>
            {t('dev.revoke')}
          </Button>
        </>
      }
    >
      <p>{p.told}</p>
      {p.warning !== null && (
        <p>
          <b>{p.warning}</b>
        </p>
      )}
      {error !== null && <ErrorLine error={error} />}
    </Dialog>
  )
}
