// Adding a device: a one-time code that is read out and typed at the clinic, with its countdown and the whole command;
// or, for a box that cannot type commands, its key on the screen. The dialog says by itself when the device has come.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { DeviceKey, EnrolCode } from '../api/types.gen'
import { now, wait } from '../app/clock'
import { may, me } from '../clinic/me'
import { t } from '../i18n/admin'
import { subscribe } from '../live/live'
import { Button, Dialog, ErrorLine, FieldRow } from '../ui'
import { orgName } from './accounts'
import { addressOf, root } from './devicecells'
import { Command, KeyText } from './devicekey'
import { enrolCommand, left_s } from './register'
import './join.css'

type Step =
  | { kind: 'place'; by: 'code' | 'key' }
  | { kind: 'code'; code: EnrolCode; got_ms: number }
  | { kind: 'joined'; device: string; org: string }
  | { kind: 'key'; made: DeviceKey }

/** Where a device may be put: what he administers or heads, not the places he only sees. The hub asks again. */
const places = () => {
  const heads = (role: string): boolean => role === 'admin' || role === 'village_doctor'
  const own = me.value?.grants.filter(g => heads(g.role)).map(g => g.org) ?? []
  return (me.value?.orgs ?? []).filter(o => own.some(org => o.path.includes(org)))
}

/** The place the list is filtered by, or the only one there is. Else it is chosen: a device at a wrong place mixes patients. */
function firstPlace(filtered: string): string {
  const all = places()
  const one = all.length === 1 ? all[0] : all.find(o => o.id === filtered)
  return one?.id ?? ''
}

export function AddDevice(p: { org: string; onClose: () => void }) {
  const [step, setStep] = useState<Step>({ kind: 'place', by: 'code' })
  const [org, setOrg] = useState(firstPlace(p.org))
  const [model, setModel] = useState('')
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const act = async (work: () => Promise<Step>): Promise<void> => {
    setBusy(true)
    setError(null)
    try {
      setStep(await work())
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  const make = (): Promise<void> =>
    act(async () => ({
      kind: 'code',
      code: await api.post<EnrolCode>('/api/enrolments', { org }),
      got_ms: Date.now(),
    }))
  const save = (): Promise<void> =>
    act(async () => ({
      kind: 'key',
      made: await api.post<DeviceKey>('/api/devices', { org, model: model.trim() }),
    }))
  const begin = (): void => {
    setTried(true)
    if (step.kind !== 'place' || org === '') return
    if (step.by === 'code') void make()
    else if (model.trim() !== '') void save()
  }
  return (
    <Dialog title={t('dev.add')} open onClose={p.onClose} acts={<Acts step={step} busy={busy} make={make} {...p} />}>
      {step.kind === 'place' && (
        <form
          id="add-device"
          class="join"
          data-testid="device-form"
          onSubmit={e => {
            e.preventDefault()
            begin()
          }}
        >
          <p>{t(step.by === 'code' ? 'join.told' : 'join.key.told')}</p>
          <FieldRow label={t('dev.org')} error={tried && org === '' ? t('field.missing') : null}>
            {(id, by) => (
              <select
                id={id}
                name="org"
                aria-describedby={by}
                value={org}
                onChange={e => setOrg(e.currentTarget.value)}
              >
                {org === '' && <option value="">{t('join.choose')}</option>}
                {places().map(o => (
                  <option key={o.id} value={o.id}>
                    {o.name}
                  </option>
                ))}
              </select>
            )}
          </FieldRow>
          {step.by === 'key' && (
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
          )}
          {may('device.admin') && (
            <Button
              kind="quiet"
              onClick={() => {
                setTried(false)
                setStep({ kind: 'place', by: step.by === 'code' ? 'key' : 'code' })
              }}
            >
              {t(step.by === 'code' ? 'join.key' : 'join.code')}
            </Button>
          )}
        </form>
      )}
      {step.kind === 'code' && (
        <Code
          code={step.code}
          got_ms={step.got_ms}
          onJoined={device => setStep({ kind: 'joined', device, org: step.code.org })}
        />
      )}
      {step.kind === 'joined' && (
        <p class="join-done" role="status" data-testid="device-joined">
          {t('join.done', { org: orgName(step.org) })}{' '}
          {may('device.admin') && <a href={addressOf(step.device)}>{t('join.open')}</a>}
        </p>
      )}
      {step.kind === 'key' && <KeyText made={step.made} />}
      {error !== null && <ErrorLine error={error} />}
    </Dialog>
  )
}

function Acts(p: { step: Step; busy: boolean; make: () => Promise<void>; onClose: () => void }) {
  if (p.step.kind === 'place')
    return (
      <>
        <Button onClick={p.onClose}>{t('act.cancel')}</Button>
        {/* Enter in a field sends the form; this button stands outside of it. */}
        <Button
          kind="primary"
          busy={p.busy}
          onClick={() => document.querySelector<HTMLFormElement>('#add-device')?.requestSubmit()}
        >
          {t(p.step.by === 'code' ? 'join.make' : 'join.key.make')}
        </Button>
      </>
    )
  if (p.step.kind === 'code' && left_s(p.step.got_ms, p.step.code.valid_s, now.value) === 0)
    return (
      <>
        <Button onClick={p.onClose}>{t('act.close')}</Button>
        <Button kind="primary" busy={p.busy} onClick={() => void p.make()}>
          {t('join.again')}
        </Button>
      </>
    )
  return (
    <Button kind={p.step.kind === 'code' ? 'plain' : 'primary'} onClick={p.onClose}>
      {t(p.step.kind === 'key' ? 'act.done' : 'act.close')}
    </Button>
  )
}

function Code(p: { code: EnrolCode; got_ms: number; onJoined: (device: string) => void }) {
  const left = left_s(p.got_ms, p.code.valid_s, now.value)
  const command = enrolCommand(location.origin, p.code.code)
  useEffect(
    () =>
      subscribe(`org:${root()}`, null, {
        event: e => {
          const by = typeof e.body === 'object' && e.body !== null && 'enrolment' in e.body ? e.body.enrolment : null
          if (e.kind === 'device.added' && by === p.code.id) p.onJoined(e.subject)
        },
      }),
    [p.code.id],
  )
  return (
    <div class="join" data-testid="device-code">
      <p>{t('join.where', { org: orgName(p.code.org) })}</p>
      <p class={`join-code${left === 0 ? ' over' : ''}`} data-testid="join-code">
        {p.code.code}
      </p>
      <p class="join-left" role="timer" aria-live="off">
        {left > 0 ? t('join.left', { left: wait(left) }) : t('join.over')}
      </p>
      {left > 0 && (
        <>
          <p class="muted">{t('join.type')}</p>
          <Command text={command} />
          <p class="muted" role="status">
            {t('join.waiting')}
          </p>
        </>
      )}
    </div>
  )
}
