// States of a consultation in words.
import { t } from '../i18n/consult'

const STATE_WORDS = {
  draft: 'state.draft',
  submitted: 'state.submitted',
  accepted: 'state.accepted',
  declined: 'state.declined',
  returned: 'state.returned',
  scheduled: 'state.scheduled',
  in_progress: 'state.in_progress',
  concluding: 'state.concluding',
  concluded: 'state.concluded',
  followed_up: 'state.followed_up',
  cancelled: 'state.cancelled',
  no_show: 'state.no_show',
} as const

const isState = (s: string): s is keyof typeof STATE_WORDS => s in STATE_WORDS
export const stateWords = (state: string): string => (isState(state) ? t(STATE_WORDS[state]) : state)

const ENDED: ReadonlySet<string> = new Set(['declined', 'concluded', 'followed_up', 'cancelled', 'no_show'])
export const hasEnded = (state: string): boolean => ENDED.has(state)

/** The room is open from the acceptance until the conclusion is countersigned. */
export const roomIsOpen = (events: readonly string[]): boolean => events.includes('enter')
