// Which alarm stands first, whom it rings for, and when the ladder goes on. Pure: no clock, no page.
import type { Alert } from '../api/types.gen'

type Timed = Pick<Alert, 'id' | 'state' | 'raised_at' | 'step' | 'next_at' | 'next_name' | 'pages' | 'events'>

const RINGING: ReadonlySet<string> = new Set(['raised', 'notified', 'seen', 'expired'])
const ENDED: ReadonlySet<string> = new Set(['closed', 'refuted', 'superseded'])

export const isRinging = (a: Pick<Alert, 'state'>): boolean => RINGING.has(a.state)
export const isEnded = (a: Pick<Alert, 'state'>): boolean => ENDED.has(a.state)

/** The oldest unanswered first, then those taken and not yet closed, oldest first; what has ended last, newest first. */
export function inOrder<A extends Pick<Alert, 'id' | 'state' | 'raised_at'>>(alerts: readonly A[]): readonly A[] {
  const rank = (a: A): number => (isRinging(a) ? 0 : isEnded(a) ? 2 : 1)
  return [...alerts].sort((a, b) => {
    const by = rank(a) - rank(b)
    if (by !== 0) return by
    const older = a.raised_at < b.raised_at ? -1 : a.raised_at > b.raised_at ? 1 : a.id < b.id ? -1 : 1
    return isEnded(a) ? -older : older
  })
}

export type Ladder =
  | { kind: 'stopped' } // somebody took it, or it is over
  | { kind: 'counting'; left_s: number; name: string; again: boolean } // again: the same person, by another channel
  | { kind: 'passing'; name: string } // due, the hub is on its way to the next one
  | { kind: 'ended' } // everybody was paged: people phone

export function ladderOf(a: Timed, now_ms: number): Ladder {
  if (!isRinging(a)) return { kind: 'stopped' }
  if (a.next_at === null || a.next_name === null) return { kind: 'ended' }
  const left_s = Math.ceil((Date.parse(a.next_at) - now_ms) / 1000)
  const again = a.pages.some(p => p.name === a.next_name)
  return left_s > 0 ? { kind: 'counting', left_s, name: a.next_name, again } : { kind: 'passing', name: a.next_name }
}

export const unanswered_s = (a: Pick<Alert, 'raised_at'>, now_ms: number): number =>
  Math.max(0, (now_ms - Date.parse(a.raised_at)) / 1000)

const DESK_STEP = 2 // from 120 s on the reading-centre desk rings too

export type Ring = 'repeat' | 'once' | 'none'

/**
 * Who answers hears it until it is taken: the paged, those on duty, from the desk's step everybody who may answer.
 * Others (the clinic where the patient lies) hear one burst: their act is with the patient, not with the alarm.
 */
export function ringFor(a: Timed, me: string, onDuty: boolean): Ring {
  if (!isRinging(a)) return 'none'
  if (!a.events.includes('read_back')) return 'once'
  const paged = a.pages.some(p => p.account === me)
  return paged || onDuty || a.step >= DESK_STEP ? 'repeat' : 'once'
}
