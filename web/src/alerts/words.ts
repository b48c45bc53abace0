// An alert in words: finding with its leads, state, the ladder's countdown.
import type { Alert } from '../api/types.gen'
import { wait } from '../app/clock'
import { leadRanges } from '../clinic/leads'
import { t } from '../i18n/alerts'
import { language } from '../i18n/catalogue'
import type { Ladder } from './ladder'

/** The rule's sentence, and where it was seen unless the sentence says so itself. */
export function finding(a: Alert): string {
  const what = language.value === 'zh' ? a.say_zh : a.say_en
  const named = a.leads.some(lead => new RegExp(`(^|[^A-Za-z])${lead}([^0-9A-Za-z]|$)`).test(what))
  if (a.leads.length === 0 || a.leads.length > 8 || named) return what
  return t('alert.leads', { what, leads: leadRanges(a.leads) })
}

const STATE_WORDS = {
  raised: 'state.raised',
  notified: 'state.notified',
  seen: 'state.seen',
  acknowledged: 'state.acknowledged',
  acting: 'state.acting',
  closed: 'state.closed',
  refuted: 'state.refuted',
  expired: 'state.expired',
  superseded: 'state.superseded',
} as const
const isState = (s: string): s is keyof typeof STATE_WORDS => s in STATE_WORDS
export const stateWords = (state: string): string => (isState(state) ? t(STATE_WORDS[state]) : state)

export function ladderWords(l: Ladder): string {
  switch (l.kind) {
    case 'stopped':
      return ''
    case 'ended':
      return t('alert.next.nobody')
    case 'passing':
      return t('alert.next.now', { name: l.name })
    case 'counting':
      if (l.again) return t('alert.next.again', { wait: wait(l.left_s), name: l.name })
      return l.left_s < 100
        ? t('alert.next', { s: l.left_s, name: l.name })
        : t('alert.next.long', { wait: wait(l.left_s), name: l.name })
  }
}
