// The device register: which boxes may upload for whom, when they were last heard, whether their clock is off.
// A new device's key is shown once; revoking names its effect.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { DeviceKey, DeviceView } from '../api/types.gen'
import { age, now } from '../app/clock'
import { useKeys } from '../app/keys'
import { me } from '../clinic/me'
import { t } from '../i18n/admin'
import { t as clinic } from '../i18n/clinic'
import { subscribe } from '../live/live'
import { Button, type Column, DataTable, Dialog, Dot, Empty, ErrorLine, FieldRow, Skeleton, Tag } from '../ui'
import { orgName } from './accounts'

type State = { kind: 'waiting' } | { kind: 'here'; value: readonly DeviceView[] } | { kind: 'failed'; error: unknown }

/** The root of what this person administers: its list holds the devices below it too. */
const root = (): string => me.value?.grants.find(g => g.role === 'admin')?.org ?? me.value?.grants[0]?.org ?? ''

export function Devices() {
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const [selected, setSelected] = useState<string | null>(null)
  const [adding, setAdding] = useState(false)
  const [key, setKey] = useState<DeviceKey | null>(null)
  const [revoking, setRevoking] = useState<DeviceView | null>(null)
  const load = (): void => {
    api.get<readonly DeviceView[]>(`/api/orgs/${encodeURIComponent(root())}/devices`).then(
      value => setState({ kind: 'here', value }),
      (error: unknown) => setState({ kind: 'failed', error }),
    )
  }
  useEffect(() => {
    load()
    const event = (e: { topic: string }): void => {
      if (e.topic === 'device') load()
    }
    return subscribe(`org:${root()}`, null, { event })
  }, [])
  useKeys('devices', [
    { id: 'admin.add', chord: 'KeyN', words: () => t('key.add'), hint: true, act: () => setAdding(true) },
  ])
  if (state.kind === 'waiting') return <Skeleton rows={10} />
  if (state.kind === 'failed') return <ErrorLine error={state.error} retry={load} />
  return (
    <div class="admin-pane" data-testid="devices-admin">
      {adding ? (
        <AddDevice
          onClose={() => setAdding(false)}
          onDone={made => {
            setAdding(false)
            setKey(made)
            load()
          }}
        />
      ) : (
        <div class="admin-tools">
          <span class="grow" />
          <Button kind="primary" icon="plus" chord="KeyN" onClick={() => setAdding(true)}>
            {t('dev.add')}
          </Button>
        </div>
      )}
      <DataTable
        label={t('seg.devices')}
        rows={state.value}
        rowKey={d => d.id}
        columns={columns(setRevoking)}
        selected={selected}
        onSelect={setSelected}
        tone={d => (d.active ? null : 'dim')}
        rowHeight={40}
        empty={<Empty title={t('dev.empty')} />}
      />
      {key !== null && <KeyOnce made={key} onClose={() => setKey(null)} />}
      {revoking !== null && (
        <Revoke
          device={revoking}
          last={!state.value.some(d => d.id !== revoking.id && d.active && d.org === revoking.org)}
          onClose={() => setRevoking(null)}
          onDone={() => {
            setRevoking(null)
            load()
          }}
        />
      )}
    </div>
  )
}

let kept: { revoke: (d: DeviceView) => void; columns: readonly Column<DeviceView>[] } | null = null

function columns(revoke: (d: DeviceView) => void): readonly Column<DeviceView>[] {
  if (kept?.revoke === revoke) return kept.columns
  const made: readonly Column<DeviceView>[] = [
    { key: 'org', head: <Head of="dev.org" />, width: '180px', cell: d => orgName(d.org) },
    { key: 'id', head: <Head of="dev.id" />, width: '240px', cell: d => d.id },
    { key: 'model', head: <Head of="dev.model" />, cell: d => d.model, show: 'pc' },
    { key: 'state', head: <Head of="dev.state" />, width: '120px', cell: d => <Standing device={d} /> },
    {
      key: 'seen',
      head: <Head of="dev.seen" />,
      width: '110px',
      num: true,
      show: 'pc',
      cell: d => <Seen device={d} />,
    },
    {
      key: 'clock',
      head: <Head of="dev.clock" />,
      width: '110px',
      num: true,
      show: 'pc',
      cell: d => (d.clock_offset_ms === null ? '–' : t('dev.ms', { n: String(d.clock_offset_ms).replace('-', '−') })),
    },
    { key: 'act', head: '', width: '90px', num: true, cell: d => <RevokeButton device={d} revoke={revoke} /> },
  ]
  kept = { revoke, columns: made }
  return made
}

type HeadKey = 'dev.org' | 'dev.id' | 'dev.model' | 'dev.state' | 'dev.seen' | 'dev.clock'
function Head({ of }: { of: HeadKey }) {
  return <>{t(of)}</>
}
const Standing = ({ device: d }: { device: DeviceView }) =>
  d.active ? (
    <span class="row">
      <Dot is={d.state === 'offline' ? 'off' : 'on'} />
      {clinic(`device.${d.state}`)}
    </span>
  ) : (
    <Tag>{t('dev.revoked')}</Tag>
  )
const Seen = ({ device: d }: { device: DeviceView }) => (
  <span class="muted">{d.last_seen_at === null ? '–' : age((now.value - Date.parse(d.last_seen_at)) / 1000)}</span>
)
const RevokeButton = ({ device, revoke }: { device: DeviceView; revoke: (d: DeviceView) => void }) =>
  device.active ? <Button onClick={() => revoke(device)}>{t('dev.revoke')}</Button> : null

function AddDevice(p: { onClose: () => void; onDone: (key: DeviceKey) => void }) {
  const orgs = me.value?.orgs ?? []
  const [org, setOrg] = useState(orgs[0]?.id ?? '')
  const [model, setModel] = useState('')
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const save = async (): Promise<void> => {
    setTried(true)
    if (model.trim() === '') return
    setBusy(true)
    setError(null)
    try {
      p.onDone(await api.post<DeviceKey>('/api/devices', { org, model: model.trim() }))
    } catch (e) {
      setError(e)
      setBusy(false)
    }
  }
  useKeys('device.add', [{ id: 'admin.cancel', chord: 'Escape', words: () => t('act.cancel'), act: p.onClose }])
  return (
    <form
      class="admin-form"
      data-testid="device-form"
      onSubmit={e => {
        e.preventDefault()
        void save()
      }}
    >
      <FieldRow label={t('dev.org')}>
        {id => (
          <select id={id} value={org} onChange={e => setOrg(e.currentTarget.value)}>
            {orgs.map(o => (
              <option key={o.id} value={o.id}>
                {o.name}
              </option>
            ))}
          </select>
        )}
      </FieldRow>
      <FieldRow label={t('dev.model')} error={tried && model.trim() === '' ? t('field.missing') : null}>
        {(id, by) => (
          <input
            id={id}
            name="model"
            aria-describedby={by}
            autocomplete="off"
            value={model}
            onInput={e => setModel(e.currentTarget.value)}
          />
        )}
      </FieldRow>
      {error !== null && <ErrorLine error={error} retry={() => void save()} />}
      <div class="admin-acts">
        <Button onClick={p.onClose}>{t('act.cancel')}</Button>
        <Button kind="primary" submit busy={busy}>
          {t('act.save')}
        </Button>
      </div>
    </form>
  )
}

function KeyOnce({ made, onClose }: { made: DeviceKey; onClose: () => void }) {
  const [copied, setCopied] = useState(false)
  // The clipboard is closed on plain http: the key is on the screen to be typed.
  const clipboard = navigator.clipboard as Clipboard | undefined
  return (
    <Dialog
      title={t('dev.key.title')}
      open
      onClose={onClose}
      acts={
        <Button kind="primary" onClick={onClose}>
          {t('act.done')}
        </Button>
      }
    >
      <div class="admin-key" data-testid="device-key">
        <p>{t('dev.key.told')}</p>
        <dl class="kv">
          <dt>{t('dev.id')}</dt>
          <dd>
            <code>{made.device}</code>
          </dd>
          <dt>{t('dev.key')}</dt>
          <dd>
            <code>{made.key}</code>
          </dd>
        </dl>
        {clipboard !== undefined && (
          <Button
            onClick={() =>
              void clipboard.writeText(`${made.device} ${made.key}`).then(
                () => setCopied(true),
                () => setCopied(false),
              )
            }
          >
            {t(copied ? 'dev.copied' : 'dev.copy')}
          </Button>
        )}
      </div>
    </Dialog>
  )
}

function Revoke(p: { device: DeviceView; last: boolean; onClose: () => void; onDone: () => void }) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const revoke = async (): Promise<void> => {
    setBusy(true)
    try {
      await api.post(`/api/devices/${encodeURIComponent(p.device.id)}/revoke`, {})
      p.onDone()
    } catch (e) {
      setError(e)
      setBusy(false)
    }
  }
  return (
    <Dialog
      title={t('dev.revoke.title')}
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
      <p>{t('dev.revoke.told', { id: p.device.id })}</p>
      {p.last && (
        <p>
          <b>{t('dev.revoke.last', { org: orgName(p.device.org) })}</b>
        </p>
      )}
      {error !== null && <ErrorLine error={error} />}
    </Dialog>
  )
}
