// The waiting room (候诊室): when it begins by the expert's last word, who is there, whose devices were tested. While this
// page stands here the hub tells the others so; entering the room ends it.
import { signal } from '@preact/signals'
import { useEffect, useLayoutEffect, useMemo, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Consult, DeviceCheck, Plan } from '../api/types.gen'
import { now, wait } from '../app/clock'
import { listed } from '../i18n/catalogue'
import { t } from '../i18n/planning'
import { subscribe, whisper } from '../live/live'
import { usePlan } from './planned'
import { type Floor, NO_FLOOR, readFloor, type Shared } from './shared'
import type { Way } from './ways'
import { minute, whenWords } from './when'
import './planning.css'

/** Says that this page waits, as long as `waits`; the floor as the hub tells it here too. */
export function useWaiting(consult: string, waits: boolean): Floor {
  const floor = useMemo(() => signal<Floor>(NO_FLOOR), [consult])
  // In the layout, so that the topic is free again before the room follows it: who follows first hears the whole floor.
  useLayoutEffect(() => {
    if (!waits) return
    const topic = `consult:${consult}`
    return subscribe(topic, null, {
      ready: () => whisper(topic, null, { kind: 'wait', up: true }),
      whisper: (from, body) => {
        const told = from === '' ? readFloor(body) : null
        if (told !== null && told.rev > floor.peek().rev) floor.value = told
      },
    })
  }, [consult, waits])
  return floor.value
}

type Props = Readonly<{
  consult: Consult
  floor: Floor
  checked: Pick<DeviceCheck, 'camera' | 'microphone'> | null // null: not yet known
  rtt_ms: number | null | 'asking'
  way: Way | null // null: not yet known
}>

export function WaitingRoom(p: Props) {
  const known = usePlan(p.consult).plan
  const [told, setTold] = useState<Plan | null>(null)
  const { camera, microphone } = p.checked ?? { camera: null, microphone: null }
  useEffect(() => {
    if (camera === null || microphone === null || p.rtt_ms === 'asking') return
    const found: DeviceCheck = { camera, microphone, rtt_ms: p.rtt_ms, way: p.way }
    // Kept for the other side; without it one enters all the same.
    api.post<Plan>(`/api/consults/${encodeURIComponent(p.consult.id)}/tested`, found).then(setTold, () => undefined)
  }, [p.consult.id, camera, microphone, p.rtt_ms, p.way])
  const plan = told !== null && known !== null && known.tested.length < told.tested.length ? told : known
  if (plan === null) return null
  return (
    <section class="lobby-who f13" aria-label={t('lobby.who')} data-testid="waiting-room">
      <Begins plan={plan} />
      <ul>
        {p.consult.members.map(m => (
          <li key={m.account} data-account={m.account} data-waits={p.floor.waits.includes(m.account)}>
            <b>{m.name}</b> <span class="muted">{standing(p.floor, plan, m.account)}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** When it begins: as planned, or by the expert's word on being late. Without a time there is nothing to say. */
function Begins({ plan }: { plan: Plan }) {
  if (plan.starts_at === null) return null
  const late = plan.booking?.late_min ?? 0
  const left_s = (Date.parse(plan.starts_at) - now.value) / 1000
  return (
    <p>
      <b>
        {late > 0
          ? t('lobby.expected', { time: minute(plan.starts_at), minutes: late })
          : t('lobby.planned', { time: whenWords(plan.starts_at) })}
      </b>{' '}
      <span class="muted">{left_s > 0 ? t('lobby.in', { wait: wait(left_s) }) : t('lobby.due')}</span>
    </p>
  )
}

function standing(floor: Floor, plan: Plan, account: string): string {
  if (floor.here.some(h => h.account === account)) return t('lobby.in.room')
  const waits = floor.waits.includes(account)
  const seen = plan.tested.find(s => s.account === account)
  if (seen === undefined) return waits ? t('lobby.waits') : t('lobby.away')
  const lacks = [
    ...(seen.camera ? [] : [t('lobby.no.camera')]),
    ...(seen.microphone ? [] : [t('lobby.no.microphone')]),
    ...(seen.way === 'sound' ? [t('lobby.no.picture')] : []),
    ...(seen.way === 'none' ? [t('lobby.no.media')] : []),
  ]
  if (waits) return lacks.length === 0 ? t('lobby.waits') : t('lobby.waits.bad', { what: listed(lacks) })
  const time = minute(seen.at)
  return lacks.length === 0 ? t('lobby.tested', { time }) : t('lobby.tested.bad', { time, what: listed(lacks) })
}

/** Whoever stands before the door, so that nobody begins without him. */
export function Waits({ consult: c, shared }: { consult: Consult; shared: Shared }) {
  const names = c.members.filter(m => shared.floor.value.waits.includes(m.account)).map(m => m.name)
  if (names.length === 0) return null
  return (
    <p class="room-told" role="status" data-testid="waits">
      {t('lobby.waiting', { names: listed(names) })}
    </p>
  )
}
