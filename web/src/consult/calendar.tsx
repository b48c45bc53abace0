// Calendars of experts: a week of hours, appointments and free times; one's own, or everybody's of one's institution.
// Below it the hours are kept, by the expert himself or his institution's administrator or coordinator.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Calendar, CalendarDay, ExpertCalendar } from '../api/types.gen'
import { day, now } from '../app/clock'
import { useKeys } from '../app/keys'
import { go } from '../app/router'
import { grantOrgs, may, me, orgOf } from '../clinic/me'
import { language } from '../i18n/catalogue'
import { t } from '../i18n/planning'
import { subscribe } from '../live/live'
import { Button, Empty, ErrorLine, Segmented, Skeleton } from '../ui'
import { HolidaysPane, HoursPane } from './hours'
import { dayAfter, minute, mondayOf, weekdayOf } from './when'
import './planning.css'

type Whose = 'mine' | 'org'
type State = { kind: 'waiting' } | { kind: 'here'; value: Calendar } | { kind: 'failed'; error: unknown }
type Item = CalendarDay['items'][number]

const WEEK = 7
/** Whose hours are kept here when he has nothing of his own: the institution of the grant that lets him. */
const keptOrg = (): string =>
  me.value?.grants.find(g => g.role === 'coordinator' || g.role === 'admin')?.org ?? grantOrgs.value[0] ?? ''

export default function CalendarPage() {
  const answers = may('consult.answer')
  const keeps = may('calendar.keep')
  const [whose, setWhose] = useState<Whose>(answers ? 'mine' : 'org')
  const [from, setFrom] = useState(() => mondayOf(day(Date.now())))
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const [editing, setEditing] = useState('')
  const org = keptOrg()
  const load = (): void => {
    const asked = new URLSearchParams({ from_day: from, days: `${WEEK}` })
    if (whose === 'org') asked.set('org', org)
    api.get<Calendar>(`/api/consult/calendar?${asked}`).then(
      value => setState({ kind: 'here', value }),
      (error: unknown) => setState({ kind: 'failed', error }),
    )
  }
  useEffect(load, [from, whose, org])
  useEffect(() => {
    const event = (e: { kind: string }): void => {
      if (/^(consult|clinic|expert|org)\./.test(e.kind)) load()
    }
    const stops = grantOrgs.value.map(o => subscribe(`org:${o}`, null, { event, ready: load }))
    return () => {
      for (const stop of stops) stop()
    }
  }, [from, whose, org])
  const step = (weeks: number): void => setFrom(dayAfter(from, weeks * WEEK))
  useKeys('calendar', [
    { id: 'calendar.before', chord: 'BracketLeft', words: () => t('calendar.before'), hint: true, act: () => step(-1) },
    { id: 'calendar.after', chord: 'BracketRight', words: () => t('calendar.after'), hint: true, act: () => step(1) },
    { id: 'calendar.back', chord: 'Escape', words: () => t('back'), hint: true, act: () => go('/consults') },
  ])
  const experts = state.kind === 'here' ? state.value.experts : []
  const mine = me.value?.id ?? ''
  const account = whose === 'mine' ? mine : editing || experts[0]?.account || ''
  return (
    <div class="cal" data-testid="calendar">
      <header class="cal-tools">
        <h1>{t('calendar')}</h1>
        {answers && (
          <Segmented<Whose>
            label={t('calendar.whose')}
            value={whose}
            onChange={setWhose}
            choices={[
              { value: 'mine', words: t('calendar.mine') },
              { value: 'org', words: t('calendar.org') },
            ]}
          />
        )}
        <Button icon="left" label={t('calendar.before')} onClick={() => step(-1)} />
        <b class="f13">{t('slots.week', { from, to: dayAfter(from, WEEK - 1).slice(5) })}</b>
        <Button icon="right" label={t('calendar.after')} onClick={() => step(1)} />
        <Button onClick={() => setFrom(mondayOf(day(Date.now())))}>{t('calendar.today')}</Button>
        <span class="grow" />
        <a href={`/api/consult/calendar.ics?lang=${language.value}`} download="xinlian.ics">
          {t('calendar.file')}
        </a>
        <a href="/consult/clinics">{t('clinics')}</a>
      </header>
      <div class="cal-body">
        {state.kind === 'failed' && <ErrorLine error={state.error} retry={load} />}
        {state.kind === 'waiting' && <Skeleton rows={8} />}
        {state.kind === 'here' && experts.length === 0 && <Empty title={t('calendar.nobody')} />}
        {experts.length > 0 && <Week experts={experts} />}
        {whose === 'org' && keeps && experts.length > 1 && (
          <label class="row f13">
            {t('calendar.expert')}
            <select class="input" value={account} onChange={e => setEditing(e.currentTarget.value)}>
              {experts.map(e => (
                <option key={e.account} value={e.account}>
                  {e.name}
                </option>
              ))}
            </select>
          </label>
        )}
        {account !== '' && (whose === 'mine' ? answers : keeps) && <HoursPane key={account} account={account} />}
        {keeps && org !== '' && <HolidaysPane org={org} name={orgOf(org)?.name ?? ''} />}
      </div>
    </div>
  )
}

function Week({ experts }: { experts: readonly ExpertCalendar[] }) {
  const days = experts[0]?.days ?? []
  const today = day(now.value)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: on a phone the table is scrolled sideways, by keys too
    <section class="cal-scroll" aria-label={t('calendar.expert')} tabIndex={0}>
      <table class="cal-grid">
        <thead>
          <tr>
            <th scope="col">{t('calendar.expert')}</th>
            {days.map(d => (
              <th key={d.day} scope="col" class={d.day === today ? 'is-today' : ''}>
                {t(`day.${weekdayOf(d.day)}`)} <span class="muted">{d.day.slice(5)}</span>
                {d.holiday !== '' && <p class="f12">{d.holiday}</p>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {experts.map(e => (
            <tr key={e.account} data-expert={e.account}>
              <th scope="row">
                {e.name}
                <p class="muted f12">{e.title}</p>
                {!e.has_hours && <p class="dim f12">{t('calendar.no.hours')}</p>}
                {e.waiting > 0 && <p class="f12">{t('calendar.waiting', { n: e.waiting })}</p>}
              </th>
              {e.days.map(d => (
                <Day key={d.day} day={d} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

const Day = ({ day: d }: { day: CalendarDay }) => (
  <td data-day={d.day} data-free={d.free}>
    {d.open.map(([from, to]) => (
      <p key={from} class="muted f12">
        {minute(from)}–{minute(to)}
      </p>
    ))}
    {d.free > 0 && <p class="f12">{t('calendar.free', { n: d.free })}</p>}
    {d.open.length === 0 && d.items.length === 0 && <p class="dim f12">{t('calendar.closed')}</p>}
    {d.items.map(i => (
      <Entry key={`${i.kind} ${i.from_at} ${i.consult ?? ''}`} item={i} />
    ))}
  </td>
)

function Entry({ item: i }: { item: Item }) {
  const words = (
    <>
      <b>{minute(i.from_at)}</b> {i.kind === 'clinic' ? t('item.clinic') : i.words || t('calendar.other')}
      {i.kind !== 'booked' && i.kind !== 'clinic' && <span class="muted f12"> {t(`item.${i.kind}`)}</span>}
      {i.outside && <span class="dim f12"> {t('calendar.outside')}</span>}
    </>
  )
  const to = i.kind === 'clinic' ? '/consult/clinics' : i.consult === null ? null : `/consult/${i.consult}`
  return to === null ? (
    <span class="cal-item" data-kind={i.kind}>
      {words}
    </span>
  ) : (
    <a class="cal-item" data-kind={i.kind} href={to}>
      {words}
    </a>
  )
}
