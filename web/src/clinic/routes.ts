// The rows of the clinic.
import type { Route } from '../app/routes'
import { t } from '../i18n/app'

const CLINIC = ['village_doctor', 'operator', 'requesting_doctor'] as const

export const routes: readonly Route[] = [
  {
    path: '/clinic',
    frame: 'bar',
    load: () => import('./home'),
    home: 'clinic',
    tab: { words: () => t('tab.today'), order: 10, roles: CLINIC, phone: true, icon: 'logo' },
  },
  { path: '/acquire', frame: 'own', load: () => import('./acquire') },
  { path: '/recording/:id', frame: 'own', load: () => import('./recording') },
]
