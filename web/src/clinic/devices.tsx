// The clinic's devices in one line each: which, in what state, when last seen, whether its clock is off.
import type { DeviceView } from '../api/types.gen'
import { age, now } from '../app/clock'
import { t } from '../i18n/clinic'
import { Empty, Icon, Tag } from '../ui'

const CLOCK_OFF_MS = 2_000

export function Devices({ devices }: { devices: readonly DeviceView[] }) {
  const active = devices.filter(d => d.active)
  if (active.length === 0) return <Empty title={t('device.none')} next={t('device.none.next')} />
  return (
    <ul class="devs" aria-label={t('device.list')} data-testid="devices">
      {active.map(d => (
        <li key={d.id} class="dev">
          <Icon name="logo" />
          <span class="dev-name ell" title={d.id}>
            {d.model} <span class="dim">{d.id}</span>
          </span>
          {d.state === 'offline' ? (
            <span class="dim f12 nw">{seen(d)}</span>
          ) : (
            <Tag tone={d.state === 'idle' ? 'ok' : 'accent'}>{t(`device.${d.state}`)}</Tag>
          )}
          {d.clock_offset_ms !== null && Math.abs(d.clock_offset_ms) > CLOCK_OFF_MS && (
            <span class="dev-clock muted f12">
              {t('device.clock', { s: (d.clock_offset_ms / 1000).toFixed(1).replace('-', '−') })}
            </span>
          )}
        </li>
      ))}
      <li class="dim f12">{t('device.queue')}</li>
    </ul>
  )
}

function seen(d: DeviceView): string {
  if (d.last_seen_at === null) return t('device.never')
  return t('device.away', { age: age((now.value - Date.parse(d.last_seen_at)) / 1000) })
}
