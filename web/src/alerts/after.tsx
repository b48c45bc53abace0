// What follows once somebody took the alert: tell the clinic and hear it repeated (callback), then write action and
// outcome (close). A reader may refute with a reason. Each is one short form in place; only what the state allows shows.
import { useState } from 'preact/hooks'
import type { Alert } from '../api/types.gen'
import { clockTime } from '../app/clock'
import { go } from '../app/router'
import { may } from '../clinic/me'
import { t } from '../i18n/alerts'
import { Button, ErrorLine, FieldRow, Segmented } from '../ui'
import { command } from './act'

type Form = 'callback' | 'close' | 'refute' | null

export function After({ alert, onTwelve }: { alert: Alert; onTwelve: () => void }) {
  const can = (event: string): boolean => alert.events.includes(event)
  const due: Form = alert.state === 'acknowledged' && can('callback') ? 'callback' : can('close') ? 'close' : null
  const [open, setOpen] = useState<Form>(null)
  const form = open ?? due
  return (
    <section class="after" aria-label={t('do.title')} data-testid="alert-after">
      <Done alert={alert} />
      <div class="after-acts">
        <Button size="large" onClick={onTwelve}>
          {t('alert.see12.act')}
        </Button>
        {alert.org_phone !== '' && (
          <a class="btn btn-plain btn-large" href={`tel:${alert.org_phone}`}>
            {t('alert.call')}
          </a>
        )}
        {may('consult.request') && (
          <Button
            size="large"
            icon="people"
            onClick={() => go(`/consult/new?recording=${alert.recording}&alert=${alert.id}`)}
          >
            {t('do.consult')}
          </Button>
        )}
        {can('callback') && form !== 'callback' && (
          <Button size="large" onClick={() => setOpen('callback')}>
            {t('do.callback')}
          </Button>
        )}
        {can('close') && form !== 'close' && (
          <Button size="large" onClick={() => setOpen('close')}>
            {t('do.close')}
          </Button>
        )}
        {can('refute') && form !== 'refute' && (
          <Button size="large" kind="quiet" onClick={() => setOpen('refute')}>
            {t('do.refute')}
          </Button>
        )}
      </div>
      {form === 'callback' && <CallbackForm alert={alert} onDone={() => setOpen(null)} />}
      {form === 'close' && <CloseForm alert={alert} onDone={() => setOpen(null)} />}
      {form === 'refute' && <RefuteForm alert={alert} onDone={() => setOpen(null)} />}
    </section>
  )
}

function Done({ alert }: { alert: Alert }) {
  return (
    <>
      {alert.callback !== null && (
        <p class="after-done">
          {t('call.done', {
            by: alert.callback.by_name,
            time: clockTime(alert.callback.at),
            told: alert.callback.told,
          })}
          <br />
          {t('call.heard', { what: alert.callback.read_back })}
        </p>
      )}
      {alert.closed_at !== null && (
        <p class="after-done">
          {t('close.done', { by: alert.closed_by_name ?? '–', time: clockTime(alert.closed_at) })}
          <br />
          {alert.action} {alert.outcome}
        </p>
      )}
      {alert.state === 'refuted' && (
        <p class="after-done">
          {t('alert.refuted')}：{alert.refuted_reason}
        </p>
      )}
    </>
  )
}

type FormProps = Readonly<{ alert: Alert; onDone: () => void }>

/** Sends once; keeps what was typed when it was refused. */
function useSending(alert: string, act: string, onDone: () => void) {
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const send = async (body: object): Promise<void> => {
    setBusy(true)
    setError(null)
    try {
      if ((await command(alert, act, body)) !== null) onDone()
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  return { error, busy, send }
}

function CallbackForm({ alert, onDone }: FormProps) {
  const [told, setTold] = useState('')
  const [how, setHow] = useState<'phone' | 'room' | 'message'>('phone')
  const [back, setBack] = useState('')
  const [missing, setMissing] = useState(false)
  const { error, busy, send } = useSending(alert.id, 'callback', onDone)
  const save = (): void => {
    const whole = told.trim() !== '' && back.trim() !== ''
    setMissing(!whole)
    if (whole) void send({ told: told.trim(), how, read_back: back.trim() })
  }
  return (
    <form
      class="after-form"
      data-testid="callback-form"
      onSubmit={e => {
        e.preventDefault()
        save()
      }}
    >
      <FieldRow label={t('call.told')} hint={t('call.told.hint')} error={missing ? t('call.missing') : null}>
        {(id, by) => (
          <input
            id={id}
            name="told"
            aria-describedby={by}
            value={told}
            autocomplete="off"
            onInput={e => setTold(e.currentTarget.value)}
          />
        )}
      </FieldRow>
      <div class="field">
        <span class="label">{t('call.how')}</span>
        <Segmented
          label={t('call.how')}
          value={how}
          onChange={setHow}
          choices={[
            { value: 'phone', words: t('call.how.phone') },
            { value: 'room', words: t('call.how.room') },
            { value: 'message', words: t('call.how.message') },
          ]}
        />
      </div>
      <FieldRow label={t('call.back')} hint={t('call.back.hint')}>
        {(id, by) => (
          <textarea
            id={id}
            name="read_back"
            rows={2}
            aria-describedby={by}
            value={back}
            onInput={e => setBack(e.currentTarget.value)}
          />
        )}
      </FieldRow>
      {error !== null && <ErrorLine error={error} retry={save} />}
      <Button kind="primary" size="large" submit busy={busy} wide>
        {t('call.save')}
      </Button>
    </form>
  )
}

function CloseForm({ alert, onDone }: FormProps) {
  const [action, setAction] = useState('')
  const [outcome, setOutcome] = useState('')
  const [missing, setMissing] = useState(false)
  const { error, busy, send } = useSending(alert.id, 'close', onDone)
  const save = (): void => {
    const whole = action.trim() !== '' && outcome.trim() !== ''
    setMissing(!whole)
    if (whole) void send({ action: action.trim(), outcome: outcome.trim() })
  }
  return (
    <form
      class="after-form"
      data-testid="close-form"
      onSubmit={e => {
        e.preventDefault()
        save()
      }}
    >
      <FieldRow label={t('close.action')} error={missing ? t('close.missing') : null}>
        {(id, by) => (
          <input
            id={id}
            name="action"
            aria-describedby={by}
            value={action}
            autocomplete="off"
            onInput={e => setAction(e.currentTarget.value)}
          />
        )}
      </FieldRow>
      <FieldRow label={t('close.outcome')}>
        {id => (
          <input
            id={id}
            name="outcome"
            value={outcome}
            autocomplete="off"
            onInput={e => setOutcome(e.currentTarget.value)}
          />
        )}
      </FieldRow>
      {error !== null && <ErrorLine error={error} retry={save} />}
      <Button kind="primary" size="large" submit busy={busy} wide>
        {t('close.save')}
      </Button>
    </form>
  )
}

export function RefuteForm({ alert, onDone }: FormProps) {
  const [reason, setReason] = useState('')
  const [missing, setMissing] = useState(false)
  const { error, busy, send } = useSending(alert.id, 'refute', onDone)
  const save = (): void => {
    setMissing(reason.trim() === '')
    if (reason.trim() !== '') void send({ reason: reason.trim() })
  }
  return (
    <form
      class="after-form"
      data-testid="refute-form"
      onSubmit={e => {
        e.preventDefault()
        save()
      }}
    >
      <FieldRow label={t('refute.reason')} error={missing ? t('refute.missing') : null}>
        {(id, by) => (
          <textarea
            id={id}
            name="reason"
            rows={2}
            aria-describedby={by}
            value={reason}
            onInput={e => setReason(e.currentTarget.value)}
          />
        )}
      </FieldRow>
      {error !== null && <ErrorLine error={error} retry={save} />}
      <div class="row">
        <Button size="large" onClick={onDone}>
          {t('form.cancel')}
        </Button>
        <Button size="large" submit busy={busy} wide>
          {t('refute.save')}
        </Button>
      </div>
    </form>
  )
}
