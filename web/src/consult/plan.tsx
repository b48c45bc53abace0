// The time of one consultation: what is booked or held, a free time chosen or another one, the waiting list with what it
// offers, and what the expert says of it (late, not then). Asked anew with each change of the case.
import { useState } from 'preact/hooks'
import { api } from '../api/client'
import type { ChosenSlot, Consult, Plan, Slot } from '../api/types.gen'
import { t } from '../i18n/planning'
import { Button, ErrorLine, FieldRow, Pane } from '../ui'
import { usePlan } from './planned'
import { SlotPicker } from './slots'
import { minute, whenWords } from './when'
import './planning.css'

type Props = Readonly<{ consult: Consult; onChange: (c: Consult) => void }>
type Asking = 'slot' | 'wait' | 'back' | 'late' | null

/** Times matter until the room is opened. */
const STATES: ReadonlySet<string> = new Set(['submitted', 'accepted', 'scheduled', 'no_show'])

export function PlanPane({ consult: c, onChange }: Props) {
  const { plan } = usePlan(c)
  const [asking, setAsking] = useState<Asking>(null)
  const [error, setError] = useState<unknown>(null)
  const can = (event: string): boolean => c.events.includes(event)
  if (!STATES.has(c.state) || plan === null) return null
  const acts = can('book') || can('wait') || can('give_back') || can('late')
  if (!acts && plan.booking === null && plan.waiting === null) return null
  const send = async (what: string, body: object): Promise<void> => {
    setError(null)
    try {
      const next = await api.post<Consult>(`/api/consults/${encodeURIComponent(c.id)}/${what}`, body)
      setAsking(null)
      onChange(next)
    } catch (e) {
      setError(e)
    }
  }
  const take = (slot: Pick<Slot, 'expert' | 'from_at' | 'clinic'>): void => {
    const chosen: ChosenSlot = { expert: slot.expert, at: slot.from_at, clinic: slot.clinic ?? null }
    void send('book', chosen)
  }
  const { booking, offer, waiting } = plan
  return (
    <Pane title={t('plan')}>
      <div class="consult-top" data-testid="plan" data-booked={booking?.from_at ?? ''}>
        <Booked plan={plan} />
        {c.state === 'accepted' && c.reason !== '' && c.expert_name !== null && (
          <p class="consult-reason">{t('plan.given.back', { name: c.expert_name, why: c.reason })}</p>
        )}
        {offer !== null && can('book') && (
          <div class="plan-offer" role="status" data-testid="offer">
            <p>{t('offer.told', { when: whenWords(offer.from_at), until: minute(offer.until ?? offer.from_at) })}</p>
            <Button kind="primary" onClick={() => take({ ...offer, clinic: null })}>
              {t('offer.take')}
            </Button>
            <Button onClick={() => void send('offer/pass', {})}>{t('offer.pass')}</Button>
          </div>
        )}
        {waiting !== null && (
          <p class="row f13" data-testid="waiting">
            <span>{t('wait.place', { n: waiting.place, of: waiting.length })}</span>
            {can('wait') && <Button onClick={() => void send('wait/leave', {})}>{t('wait.leave')}</Button>}
          </p>
        )}
        {error !== null && <ErrorLine error={error} />}
        {asking === 'slot' && (
          <SlotPicker
            specialty={c.specialty}
            title={c.state === 'submitted' ? c.expert_title : 'any'}
            {...(c.expert === null ? { org: c.invitee_org } : { expert: c.expert })}
            none={t('slots.none.next')}
            onChoose={take}
          />
        )}
        {asking === 'wait' && <WaitForm onSend={to_day => void send('wait', { to_day })} />}
        {asking === 'back' && <BackForm onSend={reason => void send('give-back', { reason })} />}
        {asking === 'late' && <LateForm was={booking?.late_min ?? 0} onSend={n => void send('late', { minutes: n })} />}
        <div class="row plan-acts">
          {asking !== null && <Button onClick={() => setAsking(null)}>{t('plan.close')}</Button>}
          {asking === null && can('book') && (
            <Button onClick={() => setAsking('slot')}>{t(booking === null ? 'plan.choose' : 'plan.move')}</Button>
          )}
          {asking === null && can('wait') && waiting === null && (
            <Button onClick={() => setAsking('wait')}>{t(booking === null ? 'wait.join' : 'wait.sooner')}</Button>
          )}
          {asking === null && can('late') && <Button onClick={() => setAsking('late')}>{t('late.label')}</Button>}
          {asking === null && can('give_back') && <Button onClick={() => setAsking('back')}>{t('back.act')}</Button>}
        </div>
      </div>
    </Pane>
  )
}

function Booked({ plan }: { plan: Plan }) {
  const b = plan.booking
  if (b === null) return <p class="muted">{t('plan.none')}</p>
  const when = whenWords(b.from_at)
  const late = b.late_min > 0 && plan.starts_at !== null
  return (
    <p>
      <b>{b.kind === 'held' ? t('plan.held', { when, name: b.expert_name }) : t('plan.booked', { when })}</b>
      {b.place !== null && <span class="muted"> {t('plan.place', { n: b.place })}</span>}
      {late && (
        <span class="plan-late"> {t('plan.late', { minutes: b.late_min, time: minute(plan.starts_at ?? '') })}</span>
      )}
    </p>
  )
}

function WaitForm({ onSend }: { onSend: (toDay: string) => void }) {
  const [to, setTo] = useState('')
  return (
    <form
      class="plan-form"
      data-testid="wait-form"
      onSubmit={e => {
        e.preventDefault()
        onSend(to)
      }}
    >
      <FieldRow label={t('wait.until')}>
        {id => <input id={id} type="date" name="to_day" value={to} onInput={e => setTo(e.currentTarget.value)} />}
      </FieldRow>
      <Button kind="primary" submit>
        {t('wait.join')}
      </Button>
    </form>
  )
}

export function BackForm(p: { onSend: (reason: string) => void; label?: string; words?: string }) {
  const [reason, setReason] = useState('')
  const [missing, setMissing] = useState(false)
  return (
    <form
      class="plan-form"
      data-testid="back-form"
      onSubmit={e => {
        e.preventDefault()
        setMissing(reason.trim() === '')
        if (reason.trim() !== '') p.onSend(reason.trim())
      }}
    >
      <FieldRow label={p.label ?? t('back.why')} error={missing ? t('back.why.missing') : null}>
        {(id, by) => (
          <input
            id={id}
            name="why"
            maxLength={200}
            aria-describedby={by}
            value={reason}
            onInput={e => setReason(e.currentTarget.value)}
          />
        )}
      </FieldRow>
      <Button kind="primary" submit>
        {p.words ?? t('back.send')}
      </Button>
    </form>
  )
}

const LATE_STEP_MIN = 5
const LATE_MAX_MIN = 240

export function LateForm(p: { was: number; onSend: (minutes: number) => void }) {
  const [minutes, setMinutes] = useState(p.was === 0 ? 3 * LATE_STEP_MIN : p.was)
  return (
    <form
      class="plan-form"
      data-testid="late-form"
      onSubmit={e => {
        e.preventDefault()
        p.onSend(minutes)
      }}
    >
      <FieldRow label={t('late.label')}>
        {id => (
          <input
            id={id}
            type="number"
            name="minutes"
            min={0}
            max={LATE_MAX_MIN}
            step={LATE_STEP_MIN}
            value={minutes}
            onInput={e => setMinutes(e.currentTarget.valueAsNumber || 0)}
          />
        )}
      </FieldRow>
      <Button kind="primary" submit>
        {t('late.send')}
      </Button>
    </form>
  )
}
