// Administration: accounts, devices, rota, satisfaction, audit, one segment each. Which segments show follows the person's rules.

import { go } from '../app/router'
import type { ScreenProps } from '../app/routes'
import { may } from '../clinic/me'
import { t } from '../i18n/admin'
import { Segmented } from '../ui'
import { Accounts } from './accounts'
import { Audit } from './audit'
import { Devices } from './devices'
import { Rota } from './rota'
import { Satisfaction } from './satisfaction'
import './admin.css'

const SEGMENTS = ['accounts', 'devices', 'rota', 'satisfaction', 'audit'] as const
type Segment = (typeof SEGMENTS)[number]
const RULE: Readonly<Record<Segment, string>> = {
  accounts: 'people.admin',
  devices: 'device.admin',
  rota: 'rota.read',
  satisfaction: 'consult.measure',
  audit: 'audit.read',
}
const isSegment = (s: string | null): s is Segment => SEGMENTS.includes(s as Segment)

export default function Admin({ query }: ScreenProps) {
  const mine = SEGMENTS.filter(s => may(RULE[s]))
  const asked = query.get('show')
  const at: Segment = isSegment(asked) && mine.includes(asked) ? asked : (mine[0] ?? 'rota')
  return (
    <div class="admin">
      <header class="admin-head">
        <Segmented<Segment>
          label={t('seg.label')}
          value={at}
          onChange={v => go(`/admin?show=${v}`, { replace: true })}
          choices={mine.map(s => ({ value: s, words: t(`seg.${s}`) }))}
        />
      </header>
      {at === 'accounts' && <Accounts />}
      {at === 'devices' && <Devices device={query.get('device')} />}
      {at === 'rota' && <Rota admin={may('rota.admin')} />}
      {at === 'satisfaction' && <Satisfaction />}
      {at === 'audit' && <Audit />}
    </div>
  )
}
