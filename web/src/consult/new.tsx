// The request for a consultation: patient from the record, question, material; at the right what the expert will see.
// From an alert everything is filled in: two clicks and it is sent. The draft is kept while it is written.
import { useEffect, useState } from 'preact/hooks'
import { known, refreshOne } from '../alerts/store'
import { finding } from '../alerts/words'
import { api, uuid } from '../api/client'
import type { Alert, Consult, Recording, RequestConsult } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { useKeys } from '../app/keys'
import { go } from '../app/router'
import type { ScreenProps } from '../app/routes'
import { complaint, personName, sexAge } from '../clinic/case'
import { me, ownOrg } from '../clinic/me'
import { t } from '../i18n/consult'
import { Button, Empty, ErrorLine, FieldRow, Pane, Segmented, Skeleton } from '../ui'
import { dropDraft, keepDraft, keptDraft } from './draft'
import './consult.css'

type State = { kind: 'waiting' } | { kind: 'here'; value: Recording } | { kind: 'failed'; error: unknown }

export default function NewConsult({ query }: ScreenProps) {
  const id = query.get('recording')
  const alertId = query.get('alert')
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const load = (): void => {
    if (id === null) return
    api.get<Recording>(`/api/recordings/${encodeURIComponent(id)}`).then(
      value => setState({ kind: 'here', value }),
      (error: unknown) => setState({ kind: 'failed', error }),
    )
    if (alertId !== null && !known.peek().has(alertId)) void refreshOne(alertId).catch(() => undefined)
  }
  useEffect(load, [id, alertId])
  if (id === null) return <Empty title={t('new.norecording')} />
  if (state.kind === 'failed') return <ErrorLine error={state.error} retry={load} />
  const alert = alertId === null ? null : (known.value.get(alertId) ?? null)
  if (state.kind === 'waiting' || (alertId !== null && alert === null)) return <Skeleton rows={10} />
  return <Form recording={state.value} alert={alert} />
}

type Fields = Readonly<{
  invitee: string
  purpose: string
  summary: string
  priority: 'emergency' | 'routine'
  consent: 'emergency' | 'written' | ''
}>

/** Whom one asks: the reading centre, then the institutions above, then the others one can see. */
function invitees(recording: Recording): readonly { id: string; name: string }[] {
  const orgs = me.value?.orgs ?? []
  const own = orgs.find(o => o.id === ownOrg.value)
  const above = [...(own?.path ?? [])].reverse().slice(1)
  const first = [recording.centre, ...above].filter(id => id !== ownOrg.value)
  const rest = orgs.filter(o => o.level === 'city' || o.level === 'county').map(o => o.id)
  return [...new Set([...first, ...rest])].flatMap(id => {
    const org = orgs.find(o => o.id === id)
    return org === undefined ? [] : [{ id, name: org.name }]
  })
}

function start(recording: Recording, alert: Alert | null, kept: string | null): Fields {
  if (kept !== null) {
    try {
      return JSON.parse(kept) as Fields
    } catch {
      // a draft of an older version: begin anew
    }
  }
  const first = invitees(recording)[0]?.id ?? recording.centre
  if (alert === null) return { invitee: first, purpose: '', summary: '', priority: 'routine', consent: '' }
  return {
    invitee: first,
    purpose: t('new.emergency.fill'),
    summary: t('new.emergency.summary', { what: finding(alert), symptoms: complaint(recording.symptoms) }),
    priority: 'emergency',
    consent: 'emergency',
  }
}

function Form({ recording, alert }: { recording: Recording; alert: Alert | null }) {
  const draftKey = `consult.${recording.id}${alert === null ? '' : '.alert'}`
  const [fields, setFields] = useState<Fields>(() => start(recording, alert, keptDraft(draftKey)))
  const [keptAt, setKeptAt] = useState<number | null>(null)
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const [idem] = useState(uuid)
  const choices = invitees(recording)
  const set = (change: Partial<Fields>): void => {
    const next = { ...fields, ...change }
    setFields(next)
    keepDraft(draftKey, JSON.stringify(next))
    setKeptAt(Date.now())
  }
  const missing = [
    fields.invitee === '' ? t('new.invitee') : null,
    fields.purpose.trim() === '' ? t('new.purpose') : null,
    fields.summary.trim() === '' ? t('new.summary') : null,
    fields.consent === '' ? t('new.consent') : null,
  ].filter(words => words !== null)
  const send = async (): Promise<void> => {
    setTried(true)
    if (missing.length > 0 || busy || fields.consent === '') return
    const body: RequestConsult = {
      recording: recording.id,
      invitee_org: fields.invitee,
      purpose: fields.purpose.trim(),
      summary: fields.summary.trim(),
      priority: fields.priority,
      consent: fields.consent,
      alert: alert?.id ?? null,
    }
    setBusy(true)
    setError(null)
    try {
      const made = await api.post<Consult>('/api/consults', body, { idempotencyKey: idem })
      dropDraft(draftKey)
      go(`/consult/${made.id}`, { replace: true })
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  useKeys('consult.new', [
    { id: 'consult.send', chord: 'Ctrl+Enter', words: () => t('key.send'), hint: true, act: () => void send() },
    { id: 'consult.back', chord: 'Escape', words: () => t('one.back'), hint: true, act: () => history.back() },
  ])
  return (
    <div class="request">
      <form
        class="request-form"
        data-testid="consult-form"
        onSubmit={e => {
          e.preventDefault()
          void send()
        }}
      >
        {tried && missing.length > 0 && (
          <p class="request-missing" role="alert">
            {t('new.missing', { what: missing.join('、') })}
          </p>
        )}
        <Pane title={t('new.question')}>
          <div class="request-body">
            <div class="request-row">
              <div class="field">
                <span class="label">{t('new.priority')}</span>
                <Segmented<Fields['priority']>
                  label={t('new.priority')}
                  value={fields.priority}
                  onChange={priority => set({ priority })}
                  choices={[
                    { value: 'emergency', words: t('priority.emergency') },
                    { value: 'routine', words: t('priority.routine') },
                  ]}
                />
              </div>
              <FieldRow label={t('new.invitee')}>
                {id => (
                  <select
                    id={id}
                    name="invitee"
                    value={fields.invitee}
                    onChange={e => set({ invitee: e.currentTarget.value })}
                  >
                    {choices.length === 0 && <option value={recording.centre}>{recording.centre}</option>}
                    {choices.map(o => (
                      <option key={o.id} value={o.id}>
                        {o.name}
                      </option>
                    ))}
                  </select>
                )}
              </FieldRow>
            </div>
            <FieldRow label={t('new.purpose')} hint={t('new.purpose.hint')}>
              {(id, by) => (
                <input
                  id={id}
                  name="purpose"
                  aria-describedby={by}
                  maxLength={200}
                  autocomplete="off"
                  value={fields.purpose}
                  onInput={e => set({ purpose: e.currentTarget.value })}
                />
              )}
            </FieldRow>
            <FieldRow label={t('new.summary')} hint={t('new.summary.hint')}>
              {(id, by) => (
                <textarea
                  id={id}
                  name="summary"
                  rows={5}
                  maxLength={2000}
                  aria-describedby={by}
                  value={fields.summary}
                  onInput={e => set({ summary: e.currentTarget.value })}
                />
              )}
            </FieldRow>
            <fieldset class="request-consent">
              <legend class="label">{t('new.consent')}</legend>
              {(['written', 'emergency'] as const).map(kind => (
                <label key={kind}>
                  <input
                    type="radio"
                    name="consent"
                    value={kind}
                    checked={fields.consent === kind}
                    disabled={kind === 'emergency' && fields.priority !== 'emergency'}
                    onChange={() => set({ consent: kind })}
                  />
                  {t(`consent.${kind}`)}
                </label>
              ))}
            </fieldset>
            {error !== null && <ErrorLine error={error} retry={() => void send()} />}
          </div>
        </Pane>
        <div class="request-acts">
          <span class="dim f12">{keptAt !== null && t('new.kept', { time: clockTime(keptAt) })}</span>
          <span class="grow" />
          <Button size="large" onClick={() => history.back()}>
            {t('one.back')}
          </Button>
          <Button size="large" kind="primary" chord="Ctrl+Enter" submit busy={busy}>
            {t('new.send')}
          </Button>
        </div>
      </form>
      <Pane class="request-preview" title={t('new.preview')}>
        <div class="request-body">
          <p>
            <b class="name f20">{personName(recording.patient)}</b> {sexAge(recording.patient)}
          </p>
          <p class="muted">{recording.org_name}</p>
          <dl class="kv">
            <dt>{t('new.material')}</dt>
            <dd>
              <a href={`/recording/${recording.id}`}>
                {t('new.ecg', {
                  time: `${day(recording.started_at ?? recording.opened_at)} ${clockTime(recording.started_at ?? recording.opened_at)}`,
                })}
              </a>
            </dd>
            <dt>{t('card.symptoms')}</dt>
            <dd>{complaint(recording.symptoms) || '–'}</dd>
            <dt>{t('new.purpose')}</dt>
            <dd>{fields.purpose || '–'}</dd>
            <dt>{t('new.summary')}</dt>
            <dd class="request-summary">{fields.summary || '–'}</dd>
          </dl>
        </div>
      </Pane>
    </div>
  )
}
