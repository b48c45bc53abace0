// The rows of the consultation room. `/consult/new`, `calendar` and `clinics` stand before `/consult/:id`: the first that fits is taken.
import type { Route } from '../app/routes'
import { t } from '../i18n/app'
import { startCalls } from './calls'
import { startCount, toAnswer } from './count'

const CLINICAL = [
  'village_doctor',
  'operator',
  'requesting_doctor',
  'reader',
  'reviewer',
  'on_call',
  'expert',
  'coordinator',
] as const

export const routes: readonly Route[] = [
  {
    path: '/consults',
    frame: 'bar',
    load: () => import('./list'),
    tab: { words: () => t('tab.consults'), order: 30, count: toAnswer, roles: CLINICAL, phone: true, icon: 'people' },
  },
  { path: '/consult/new', frame: 'bar', load: () => import('./new') },
  { path: '/consult/calendar', frame: 'bar', load: () => import('./calendar') },
  { path: '/consult/clinics', frame: 'bar', load: () => import('./clinics') },
  { path: '/consult/:id', frame: 'bar', load: () => import('./detail') },
  { path: '/room/:id', frame: 'bare', load: () => import('./room'), dark: true },
]

export function start(): void {
  startCount()
  startCalls()
}
