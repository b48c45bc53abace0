// The sittings of one case: planned with agenda, time and seats, opened and closed by the chair, their attendance, and the
// minutes that scribe or chair write. In the room the same list stands in the side panel (`narrow`).
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Consult, PlanSitting, Seat, Sitting, Sittings } from '../api/types.gen'
import { clockTime } from '../app/clock'
import { listed } from '../i18n/catalogue'
import { t } from '../i18n/planning'
import { Button, ErrorLine, FieldRow, Pane, Tag } from '../ui'
import { dropDraft, keepDraft, keptDraft } from './draft'
import { NumberField } from './hours'
import { minute, whenWords } from './when'
import './planning.css'

type Role = Seat['role']
const ROLES: readonly Role[] = ['presenter', 'expert', 'scribe', 'observer']

const isState = (s: string): s is 'planned' | 'open' | 'closed' | 'cancelled' =>
  ['planned', 'open', 'closed', 'cancelled'].includes(s)

type Asked = {
  show: Sittings | null
  error: unknown
  send: (path: string, body: object, put?: boolean) => Promise<boolean>
}

/** Asked anew with each change of the case. */
function useSittings(of: Consult): Asked {
  const [show, setShow] = useState<Sittings | null>(null)
  const [error, setError] = useState<unknown>(null)
  const path = `/api/consults/${encodeURIComponent(of.id)}/sittings`
  useEffect(() => {
    api.get<Sittings>(path).then(setShow, () => undefined) // the case stands without its sittings
  }, [path, of])
  const send = async (to: string, body: object, put = false): Promise<boolean> => {
    setError(null)
    try {
      setShow(await (put ? api.put<Sittings>(path + to, body) : api.post<Sittings>(path + to, body)))
      return true
    } catch (e) {
      setError(e)
      return false
    }
  }
  return { show, error, send }
}

export function SittingsPane({ consult: c, narrow }: { consult: Consult; narrow?: boolean }) {
  const { show, error, send } = useSittings(c)
  const [planning, setPlanning] = useState<number | 'new' | null>(null)
  const several = c.members.filter(m => m.part === 'expert').length > 1
  if (show === null || (show.sittings.length === 0 && !(show.may_plan && several && narrow !== true))) return null
  const body = (
    <div class="consult-top" data-testid="sittings">
      {error !== null && <ErrorLine error={error} />}
      {show.sittings.map(s =>
        planning === s.number ? (
          <PlanForm
            key={s.number}
            consult={c}
            sitting={s}
            onClose={() => setPlanning(null)}
            onSend={async plan => (await send(`/${s.number}`, plan, true)) && setPlanning(null)}
          />
        ) : (
          <One key={s.number} consult={c} sitting={s} send={send} onChange={() => setPlanning(s.number)} />
        ),
      )}
      {planning === 'new' && (
        <PlanForm
          consult={c}
          sitting={null}
          onClose={() => setPlanning(null)}
          onSend={async plan => (await send('', plan)) && setPlanning(null)}
        />
      )}
      {show.may_plan && planning === null && narrow !== true && (
        <div>
          <Button onClick={() => setPlanning('new')}>{t('sitting.plan')}</Button>
        </div>
      )}
    </div>
  )
  return narrow === true ? body : <Pane title={t('sittings')}>{body}</Pane>
}

type OneProps = Readonly<{ consult: Consult; sitting: Sitting; send: Asked['send']; onChange: () => void }>

function One({ consult, sitting: s, send, onChange }: OneProps) {
  const [closing, setClosing] = useState(false)
  const [interim, setInterim] = useState('')
  const can = (event: string): boolean => s.events.includes(event)
  const to = (what: string): string => `/${s.number}/${what}`
  return (
    <section class="sitting" data-sitting={s.number} data-state={s.state}>
      <p class="row">
        <b>{t('sitting.title', { n: s.number })}</b>
        {s.at !== null && <span class="muted">{whenWords(s.at)}</span>}
        <span class="grow" />
        {isState(s.state) && <Tag tone={s.state === 'open' ? 'accent' : 'plain'}>{t(`sitting.state.${s.state}`)}</Tag>}
      </p>
      <p class="opinion-text">{s.agenda}</p>
      {s.state !== 'cancelled' && (
        <ul class="clinic-places">
          {s.seats.map(seat => (
            <li key={seat.account} data-account={seat.account} data-role={seat.role}>
              {can('seat') && seat.role !== 'chair' ? (
                <SeatSelect
                  name={seat.name}
                  value={seat.role}
                  onChange={role => void send(to('seat'), { account: seat.account, role })}
                />
              ) : (
                <span class="muted">{t(`seat.${seat.role}`)}</span>
              )}{' '}
              <b>{seat.name}</b>{' '}
              {seat.came_at !== null && <span class="f12">{t('sitting.came', { time: minute(seat.came_at) })}</span>}
              {seat.came_at === null && s.state === 'closed' && <span class="dim f12">{t('sitting.absent')}</span>}
              {seat.busy && <span class="dim f12">{t('sitting.busy')}</span>}
            </li>
          ))}
        </ul>
      )}
      {s.opinions.length > 0 && <p class="muted f13">{t('sitting.opinions', { names: listed(s.opinions) })}</p>}
      {s.interim !== '' && <p class="opinion-text">{t('sitting.interim.is', { text: s.interim })}</p>}
      {can('minute') ? (
        <MinutesForm key={s.record?.version ?? 0} consult={consult} sitting={s} send={send} />
      ) : (
        s.record !== null && <p class="opinion-text">{s.record.text}</p>
      )}
      {s.record !== null && (
        <p class="dim f12">
          {t('sitting.record.by', { name: s.record.by_name, time: clockTime(s.record.at), n: s.record.version })}
        </p>
      )}
      {closing && (
        <form
          class="plan-form"
          data-testid="close-form"
          onSubmit={e => {
            e.preventDefault()
            void send(to('close'), { interim: interim.trim() }).then(done => done && setClosing(false))
          }}
        >
          <FieldRow label={t('sitting.interim')}>
            {id => (
              <textarea
                id={id}
                name="interim"
                rows={2}
                maxLength={2000}
                value={interim}
                onInput={e => setInterim(e.currentTarget.value)}
              />
            )}
          </FieldRow>
          <Button onClick={() => setClosing(false)}>{t('plan.close')}</Button>
          <Button kind="primary" submit>
            {t('sitting.close')}
          </Button>
        </form>
      )}
      {!closing && (
        <div class="row plan-acts">
          {can('plan') && <Button onClick={onChange}>{t('sitting.change')}</Button>}
          {can('cancel') && <Button onClick={() => void send(to('cancel'), {})}>{t('sitting.cancel')}</Button>}
          {can('open') && <Button onClick={() => void send(to('open'), {})}>{t('sitting.open')}</Button>}
          {can('close') && <Button onClick={() => setClosing(true)}>{t('sitting.close')}</Button>}
        </div>
      )}
    </section>
  )
}

const SeatSelect = (p: { name: string; value: Role | ''; none?: boolean; onChange: (role: Role) => void }) => (
  <select
    class="input"
    aria-label={t('sitting.seat.of', { name: p.name })}
    value={p.value}
    onChange={e => p.onChange(e.currentTarget.value as Role)}
  >
    {p.none === true && <option value="">{t('sitting.seat.none')}</option>}
    {ROLES.map(role => (
      <option key={role} value={role}>
        {t(`seat.${role}`)}
      </option>
    ))}
  </select>
)

/** What is typed stays over a reload until it is filed. */
function MinutesForm({ consult, sitting: s, send }: Omit<OneProps, 'onChange'>) {
  const key = `minutes.${consult.id}.${s.number}`
  const [text, setText] = useState(() => keptDraft(key) ?? s.record?.text ?? '')
  const [missing, setMissing] = useState(false)
  return (
    <form
      class="plan-form"
      data-testid="minutes-form"
      onSubmit={e => {
        e.preventDefault()
        setMissing(text.trim() === '')
        if (text.trim() === '') return
        void send(`/${s.number}/minutes`, { text: text.trim() }).then(done => done && dropDraft(key))
      }}
    >
      <FieldRow label={t('sitting.record')} error={missing ? t('sitting.record.missing') : null}>
        {(id, by) => (
          <textarea
            id={id}
            name="minutes"
            rows={4}
            maxLength={8000}
            aria-describedby={by}
            value={text}
            onInput={e => {
              setText(e.currentTarget.value)
              keepDraft(key, e.currentTarget.value)
            }}
          />
        )}
      </FieldRow>
      <Button submit>{t('sitting.record.save')}</Button>
    </form>
  )
}

type PlanProps = Readonly<{
  consult: Consult
  sitting: Sitting | null
  onClose: () => void
  onSend: (plan: PlanSitting) => Promise<unknown>
}>

const local = (at: string | null): string => {
  if (at === null) return ''
  const d = new Date(at)
  return new Date(d.getTime() - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

/** Everybody of the case with the seat he has or would have; the chair of the case keeps his. */
function PlanForm({ consult: c, sitting, onClose, onSend }: PlanProps) {
  const usual = (account: string, part: string): Role =>
    account === c.requester ? 'presenter' : part === 'expert' ? 'expert' : 'observer'
  const others = c.members.filter(m => m.account !== c.expert)
  const [agenda, setAgenda] = useState(sitting?.agenda ?? '')
  const [at, setAt] = useState(local(sitting?.at ?? null))
  const [minutes, setMinutes] = useState(sitting?.minutes ?? 60)
  const [seats, setSeats] = useState<Readonly<Record<string, Role | ''>>>(() =>
    Object.fromEntries(
      others.map(m => [
        m.account,
        sitting === null ? usual(m.account, m.part) : (sitting.seats.find(s => s.account === m.account)?.role ?? ''),
      ]),
    ),
  )
  const [missing, setMissing] = useState(false)
  const send = (): void => {
    setMissing(agenda.trim() === '')
    if (agenda.trim() === '') return
    const asked = Object.entries(seats).flatMap(([account, role]): Seat[] => (role === '' ? [] : [{ account, role }]))
    const chair: Seat[] = c.expert === null ? [] : [{ account: c.expert, role: 'chair' }]
    void onSend({
      agenda: agenda.trim(),
      at: at === '' ? null : new Date(at).toISOString(),
      minutes,
      seats: [...chair, ...asked],
    })
  }
  return (
    <form
      class="cal-hours"
      data-testid="sitting-form"
      onSubmit={e => {
        e.preventDefault()
        send()
      }}
    >
      <FieldRow label={t('sitting.agenda')} error={missing ? t('sitting.agenda.missing') : null}>
        {(id, by) => (
          <textarea
            id={id}
            name="agenda"
            rows={3}
            maxLength={2000}
            aria-describedby={by}
            value={agenda}
            onInput={e => setAgenda(e.currentTarget.value)}
          />
        )}
      </FieldRow>
      <div class="cal-row">
        <FieldRow label={t('sitting.at')}>
          {id => (
            <input id={id} type="datetime-local" name="at" value={at} onInput={e => setAt(e.currentTarget.value)} />
          )}
        </FieldRow>
        <NumberField
          label={t('sitting.minutes')}
          name="minutes"
          min={5}
          max={480}
          value={minutes}
          onChange={setMinutes}
        />
      </div>
      <ul class="cal-stretches">
        {others.map(m => (
          <li key={m.account} data-account={m.account}>
            <SeatSelect
              name={m.name}
              value={seats[m.account] ?? ''}
              none
              onChange={role => setSeats({ ...seats, [m.account]: role })}
            />
            <b>{m.name}</b> <span class="muted">{m.org_name}</span>
          </li>
        ))}
      </ul>
      <div class="row">
        <Button onClick={onClose}>{t('plan.close')}</Button>
        <Button kind="primary" submit>
          {t('sitting.save')}
        </Button>
      </div>
    </form>
  )
}
