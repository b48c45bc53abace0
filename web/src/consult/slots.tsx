// Free times to choose from: a week of them by day, of one expert or of everybody who fits.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Consult, Slot, Slots } from '../api/types.gen'
import { day } from '../app/clock'
import { t } from '../i18n/planning'
import { Button, Empty, ErrorLine, Skeleton } from '../ui'
import { dayAfter, minute, weekdayOf } from './when'
import './planning.css'

type State = { kind: 'waiting' } | { kind: 'here'; value: Slots } | { kind: 'failed'; error: unknown }

type Props = Readonly<{
  specialty: Consult['specialty']
  title: Consult['expert_title']
  org?: string
  expert?: string
  /** What to do when there is none. */
  none: string
  onChoose: (slot: Slot) => void
}>

const WEEK = 7

export function SlotPicker(p: Props) {
  const [from, setFrom] = useState(() => day(Date.now()))
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const load = (): void => {
    setState({ kind: 'waiting' })
    const asked = new URLSearchParams({ specialty: p.specialty, title: p.title, from_day: from, days: `${WEEK}` })
    if (p.org !== undefined) asked.set('org', p.org)
    if (p.expert !== undefined) asked.set('expert', p.expert)
    api.get<Slots>(`/api/consult/slots?${asked}`).then(
      value => setState({ kind: 'here', value }),
      (error: unknown) => setState({ kind: 'failed', error }),
    )
  }
  useEffect(load, [from, p.specialty, p.title, p.org, p.expert])
  const isFirst = from <= day(Date.now())
  return (
    <div class="slots" data-testid="slots">
      <div class="row">
        <Button
          icon="left"
          label={t('slots.earlier')}
          disabled={isFirst}
          onClick={() => setFrom(dayAfter(from, -WEEK))}
        />
        <b class="f13">{t('slots.week', { from: from.slice(5), to: dayAfter(from, WEEK - 1).slice(5) })}</b>
        <Button icon="right" label={t('slots.later')} onClick={() => setFrom(dayAfter(from, WEEK))} />
      </div>
      {state.kind === 'waiting' && <Skeleton rows={3} />}
      {state.kind === 'failed' && <ErrorLine error={state.error} retry={load} />}
      {state.kind === 'here' && state.value.slots.length === 0 && <Empty title={t('slots.none')} next={p.none} />}
      {state.kind === 'here' && <Days slots={state.value.slots} named={p.expert === undefined} onChoose={p.onChoose} />}
      {state.kind === 'here' && state.value.more && <p class="dim f12">{t('slots.more')}</p>}
    </div>
  )
}

function Days(p: { slots: readonly Slot[]; named: boolean; onChoose: (slot: Slot) => void }) {
  const days = [...new Set(p.slots.map(s => day(s.from_at)))]
  return (
    <>
      {days.map(one => (
        <section key={one} class="slots-day">
          <h3>
            {one.slice(5)} {t(`day.${weekdayOf(one)}`)}
          </h3>
          <ul>
            {p.slots
              .filter(s => day(s.from_at) === one)
              .map(s => (
                <li key={`${s.expert} ${s.from_at} ${s.clinic ?? ''}`}>
                  <button type="button" class="slot" data-expert={s.expert} onClick={() => p.onChoose(s)}>
                    <b>{minute(s.from_at)}</b>
                    {p.named && (
                      <span>
                        {s.name} <span class="muted">{[s.title, s.org_name].filter(w => w !== '').join(' ')}</span>
                      </span>
                    )}
                    {s.place !== null && s.place !== undefined && (
                      <span class="muted">{t('slots.clinic', { n: s.place })}</span>
                    )}
                    {p.named && s.fits && <span class="dim f12">{t('slots.fits')}</span>}
                  </button>
                </li>
              ))}
          </ul>
        </section>
      ))}
    </>
  )
}
