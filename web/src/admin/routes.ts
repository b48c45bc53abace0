// The row of administration.
import type { Route } from '../app/routes'
import { t } from '../i18n/app'

export const routes: readonly Route[] = [
  {
    path: '/admin',
    frame: 'bar',
    load: () => import('./admin'),
    home: 'admin',
    tab: {
      words: () => t('tab.admin'),
      order: 70,
      roles: ['admin', 'auditor', 'coordinator'],
      phone: true,
      icon: 'gear',
    },
  },
]
