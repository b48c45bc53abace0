// What the register's list, a device's page and the dialog of adding share: addresses and the small marks of a device.
import type { DeviceView } from '../api/types.gen'
import { age, now } from '../app/clock'
import { clockError } from '../clinic/deviceclock'
import { DeviceState } from '../clinic/devices'
import { me } from '../clinic/me'
import { t } from '../i18n/admin'
import { Tag } from '../ui'

/** The root of what this person administers, else his own place: it hears of the devices below it too. */
export const root = (): string => me.value?.grants.find(g => g.role === 'admin')?.org ?? me.value?.grants[0]?.org ?? ''

export const addressOf = (id: string): string => `/admin?show=devices&device=${encodeURIComponent(id)}`

export const Standing = ({ device: d }: { device: DeviceView }) =>
  d.active ? <DeviceState state={d.state} /> : <Tag>{t('dev.revoked')}</Tag>
export const Age = ({ at }: { at: string | null }) => (
  <span class="muted">{at === null ? '–' : age((now.value - Date.parse(at)) / 1000)}</span>
)
export function Clock({ device: d }: { device: DeviceView }) {
  const wrong = clockError(d)
  return wrong === null ? (
    <span class="dim">–</span>
  ) : (
    <b>{t(wrong.side === 'fast' ? 'dev.clock.fast' : 'dev.clock.slow', { s: wrong.off_s })}</b>
  )
}
