// The rows of the alerts room, and what runs from sign-in on: subscriptions, banner, sound.
import type { Route } from '../app/routes'
import { session } from '../app/session'
import { bannerSlot } from '../app/slots'
import { loadFindingNames } from '../clinic/case'
import { t } from '../i18n/app'
import { AlarmBanner } from './banner'
import { unlockOnTouch } from './player'
import { startAlerts, waitingCount } from './store'

/** Whose work meets alarms: the rows of `alert.read` in the server's access table. */
const CLINICAL = [
  'village_doctor',
  'operator',
  'requesting_doctor',
  'reader',
  'reviewer',
  'on_call',
  'expert',
  'general_duty',
  'coordinator',
  'quality_officer',
] as const

export const routes: readonly Route[] = [
  {
    path: '/alerts',
    frame: 'bar',
    load: () => import('./list'),
    tab: { words: () => t('tab.alerts'), order: 25, count: waitingCount, roles: CLINICAL, phone: true, icon: 'bell' },
  },
  { path: '/alert/:id', frame: 'own', load: () => import('./alert'), dark: true },
  { path: '/duty', frame: 'bar', load: () => import('./duty') },
]

export function start(): void {
  const now = session.value
  // An administrator of accounts has no alarms: asking for them would only be refused.
  if (now.kind !== 'in' || !now.me.rules.includes('alert.read')) return
  bannerSlot.value = AlarmBanner
  unlockOnTouch()
  startAlerts()
  loadFindingNames()
}
