// The reading worklist: its screen, its tab with the number that waits.
import type { Route } from '../app/routes'
import { t } from '../i18n/app'
import { startWorklist, waitingCount } from './state'

export const routes: readonly Route[] = [
  {
    path: '/worklist',
    frame: 'bar',
    load: () => import('./worklist'),
    tab: {
      words: () => t('tab.worklist'),
      order: 20,
      count: waitingCount,
      roles: ['reader', 'reviewer', 'on_call', 'quality_officer'],
      phone: true,
      icon: 'list',
    },
  },
]

export const start = startWorklist
