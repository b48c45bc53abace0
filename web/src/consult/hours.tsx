// The hours of one expert as they are kept: the week, days off and extra hours; and the holidays of an institution.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Holidays, Hours, NewDayChange, SetHours, WeeklyHours } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { isMe } from '../clinic/me'
import { t } from '../i18n/planning'
import { Button, ErrorLine, FieldRow, Pane, Skeleton } from '../ui'
import { minutesOf, readHolidays, timeOf, WEEKDAYS, weekdayOf } from './when'

const HOUR = 60
const DAY_MIN = 24 * HOUR

type State = { kind: 'waiting' } | { kind: 'here'; value: Hours } | { kind: 'failed'; error: unknown }

export function HoursPane({ account }: { account: string }) {
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const path = `/api/consult/hours/${encodeURIComponent(account)}`
  const load = (): void => {
    api.get<Hours>(path).then(
      value => setState({ kind: 'here', value }),
      (error: unknown) => setState({ kind: 'failed', error }),
    )
  }
  useEffect(load, [path])
  if (state.kind === 'waiting') return <Skeleton rows={4} />
  if (state.kind === 'failed') return <ErrorLine error={state.error} retry={load} />
  const put = (value: Hours): void => setState({ kind: 'here', value })
  const title = isMe(account) ? t('hours') : t('hours.of', { name: state.value.name })
  return (
    <>
      <Pane title={title}>
        <Weekly key={state.value.kept_at ?? ''} hours={state.value} path={path} onKept={put} />
      </Pane>
      <Pane title={t('changes')}>
        <Changes hours={state.value} path={path} onKept={put} />
      </Pane>
    </>
  )
}

type EditProps = Readonly<{ hours: Hours; path: string; onKept: (h: Hours) => void }>

function Weekly({ hours, path, onKept }: EditProps) {
  const [rows, setRows] = useState<readonly WeeklyHours[]>(hours.weekly)
  const [slot, setSlot] = useState(hours.slot_min)
  const [notice, setNotice] = useState(hours.notice_min / HOUR)
  const [error, setError] = useState<unknown>(null)
  const set = (at: number, change: Partial<WeeklyHours>): void =>
    setRows(rows.map((row, i) => (i === at ? { ...row, ...change } : row)))
  const add = (): void => {
    const last = rows.at(-1)
    const weekday = last === undefined ? 0 : Math.min(6, last.weekday + 1)
    setRows([...rows, { weekday, from_min: last?.from_min ?? 9 * HOUR, to_min: last?.to_min ?? 11 * HOUR }])
  }
  const save = async (): Promise<void> => {
    setError(null)
    const body: SetHours = { slot_min: slot, notice_min: Math.round(notice * HOUR), weekly: rows }
    try {
      onKept(await api.put<Hours>(path, body))
    } catch (e) {
      setError(e)
    }
  }
  return (
    <form
      class="cal-hours"
      data-testid="hours-form"
      data-kept={hours.kept_at ?? ''}
      onSubmit={e => {
        e.preventDefault()
        void save()
      }}
    >
      <p class="muted f13">{t('hours.told')}</p>
      <ul class="cal-stretches">
        {rows.map((row, at) => (
          <li key={at}>
            <select
              class="input"
              name="weekday"
              aria-label={t('hours.day')}
              value={row.weekday}
              onChange={e => set(at, { weekday: Number(e.currentTarget.value) })}
            >
              {WEEKDAYS.map(d => (
                <option key={d} value={d}>
                  {t(`day.${d}`)}
                </option>
              ))}
            </select>
            <TimeField label={t('hours.from')} value={row.from_min} onChange={from_min => set(at, { from_min })} />
            <TimeField label={t('hours.to')} value={row.to_min} onChange={to_min => set(at, { to_min })} />
            <Button
              kind="quiet"
              icon="cross"
              label={t('hours.drop')}
              onClick={() => setRows(rows.filter((_, i) => i !== at))}
            />
          </li>
        ))}
      </ul>
      <div>
        <Button icon="plus" onClick={add}>
          {t('hours.add')}
        </Button>
      </div>
      <div class="cal-row">
        <NumberField label={t('hours.slot')} name="slot_min" min={5} max={240} value={slot} onChange={setSlot} />
        <NumberField label={t('hours.notice')} name="notice" min={0} max={336} value={notice} onChange={setNotice} />
        <Button kind="primary" submit>
          {t('hours.save')}
        </Button>
      </div>
      {error !== null && <ErrorLine error={error} />}
      {hours.kept_at !== null && (
        <p class="dim f12" role="status">
          {t('hours.kept', {
            name: hours.kept_by_name,
            when: `${day(hours.kept_at)} ${clockTime(hours.kept_at).slice(0, 5)}`,
          })}
        </p>
      )}
    </form>
  )
}

const TimeField = (p: { label: string; value: number; onChange: (minutes: number) => void }) => (
  <input
    class="input"
    type="time"
    aria-label={p.label}
    value={p.value === DAY_MIN ? '23:59' : timeOf(p.value)}
    onInput={e => p.onChange(minutesOf(e.currentTarget.value))}
  />
)

export const NumberField = (p: {
  label: string
  name: string
  min: number
  max: number
  value: number
  onChange: (n: number) => void
}) => (
  <FieldRow label={p.label}>
    {id => (
      <input
        id={id}
        name={p.name}
        type="number"
        min={p.min}
        max={p.max}
        value={p.value}
        onInput={e => p.onChange(e.currentTarget.valueAsNumber || 0)}
      />
    )}
  </FieldRow>
)

function Changes({ hours, path, onKept }: EditProps) {
  const [on, setOn] = useState('')
  const [kind, setKind] = useState<NewDayChange['kind']>('off')
  const [from, setFrom] = useState(9 * HOUR)
  const [to, setTo] = useState(11 * HOUR)
  const [reason, setReason] = useState('')
  const [missing, setMissing] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const act = (asked: Promise<Hours>): void => {
    setError(null)
    asked.then(onKept, setError)
  }
  const add = (): void => {
    setMissing(on === '')
    if (on === '') return
    const part = kind === 'extra' ? { from_min: from, to_min: to } : {}
    act(api.post<Hours>(`${path}/days`, { day: on, kind, reason: reason.trim(), ...part } satisfies NewDayChange))
  }
  return (
    <form
      class="cal-hours"
      data-testid="change-form"
      onSubmit={e => {
        e.preventDefault()
        add()
      }}
    >
      {hours.changes.length === 0 && <p class="muted f13">{t('change.none')}</p>}
      <ul class="cal-stretches">
        {hours.changes.map(c => (
          <li key={c.id}>
            <b>
              {c.day} {t(`day.${weekdayOf(c.day)}`)}
            </b>
            <span>{t(`change.${c.kind}`)}</span>
            {(c.from_min > 0 || c.to_min < DAY_MIN) && (
              <span>
                {timeOf(c.from_min)}–{timeOf(c.to_min)}
              </span>
            )}
            <span class="muted">{c.reason}</span>
            <Button
              kind="quiet"
              icon="cross"
              label={t('change.drop', { day: c.day })}
              onClick={() => act(api.delete<Hours>(`${path}/days/${encodeURIComponent(c.id)}`))}
            />
          </li>
        ))}
      </ul>
      <div class="cal-row">
        <FieldRow label={t('change.day')} error={missing ? t('change.day.missing') : null}>
          {(id, by) => (
            <input
              id={id}
              type="date"
              name="day"
              aria-describedby={by}
              value={on}
              onInput={e => setOn(e.currentTarget.value)}
            />
          )}
        </FieldRow>
        <FieldRow label={t('change.kind')}>
          {id => (
            <select
              id={id}
              name="kind"
              value={kind}
              onChange={e => setKind(e.currentTarget.value as NewDayChange['kind'])}
            >
              <option value="off">{t('change.off')}</option>
              <option value="extra">{t('change.extra')}</option>
            </select>
          )}
        </FieldRow>
        {kind === 'extra' && <TimeField label={t('hours.from')} value={from} onChange={setFrom} />}
        {kind === 'extra' && <TimeField label={t('hours.to')} value={to} onChange={setTo} />}
        <FieldRow label={t('change.reason')}>
          {id => <input id={id} maxLength={100} value={reason} onInput={e => setReason(e.currentTarget.value)} />}
        </FieldRow>
        <Button submit>{t('change.add')}</Button>
      </div>
      {error !== null && <ErrorLine error={error} />}
    </form>
  )
}

export function HolidaysPane({ org, name }: { org: string; name: string }) {
  const path = `/api/consult/holidays/${encodeURIComponent(org)}`
  const [text, setText] = useState<string | null>(null)
  const [bad, setBad] = useState<number | null>(null)
  const [kept, setKept] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const show = (h: Holidays): void => setText(h.holidays.map(one => `${one.day} ${one.name}`).join('\n'))
  useEffect(() => {
    api.get<Holidays>(path).then(show, setError)
  }, [path])
  const save = (): void => {
    const read = readHolidays(text ?? '')
    setBad(read.bad)
    setKept(false)
    setError(null)
    if (read.bad !== null) return
    api.put<Holidays>(path, { holidays: read.holidays }).then(h => {
      show(h)
      setKept(true)
    }, setError)
  }
  return (
    <Pane title={`${t('holidays')} ${name}`}>
      <form
        class="cal-hours"
        data-testid="holidays-form"
        onSubmit={e => {
          e.preventDefault()
          save()
        }}
      >
        {text !== null && (
          <FieldRow label={t('holidays.told')} error={bad === null ? null : t('holidays.bad', { n: bad })}>
            {(id, by) => (
              <textarea
                id={id}
                class="cal-text"
                name="holidays"
                rows={5}
                aria-describedby={by}
                value={text}
                onInput={e => setText(e.currentTarget.value)}
              />
            )}
          </FieldRow>
        )}
        {error !== null && <ErrorLine error={error} />}
        <div class="row">
          <Button submit>{t('holidays.save')}</Button>
          <span class="dim f12" role="status">
            {kept ? t('kept') : ''}
          </span>
        </div>
      </form>
    </Pane>
  )
}
