// The rows of messages: the inbox, and one thread of it by its own address.
import type { Route } from '../app/routes'
import { t } from '../i18n/app'
import { startCount, unread } from './count'

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
    path: '/messages',
    frame: 'bar',
    load: () => import('./inbox'),
    tab: { words: () => t('tab.messages'), order: 40, count: unread, roles: CLINICAL, phone: true, icon: 'chat' },
  },
  { path: '/messages/:thread', frame: 'bar', load: () => import('./inbox') },
]

export const start = startCount
