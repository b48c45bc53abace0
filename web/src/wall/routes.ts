// The live page and its tab, for everybody who may look at recordings as they arrive.
import type { Route } from '../app/routes'
import { t } from '../i18n/wall'

const CLINICAL = [
  'village_doctor', 'operator', 'requesting_doctor', 'reader', 'reviewer', 'on_call', 'general_duty', 'expert',
  'quality_officer',
] as const // biome-ignore format: a list of roles

export const routes: readonly Route[] = [
  {
    path: '/live',
    frame: 'bar',
    load: () => import('./wall'),
    tab: { words: () => t('tab'), order: 60, roles: CLINICAL },
  },
]
