// The clinic's devices in one line each: which, in what state, when last seen, whether its clock is off.
import type { DeviceView } from '../api/types.gen'
import { age, now } from '../app/clock'
import { t } from '../i18n/clinic'
import { Empty, Icon, Severity, Tag } from '../ui'

const CLOCK_OFF_MS = 2_000

const TONE = { offline: 'plain', idle: 'ok', recording: 'accent', uploading: 'accent', done: 'ok' } as const

/** What a device did last, in the glossary's words. An upload that stuck is an alarm of low priority: circle and word. */
export const DeviceState = ({ state }: { state: DeviceView['state'] }) =>
  state === 'upload_failed' ? (
    <Severity is="soon" words={t('device.upload_failed')} />
  ) : (
    <Tag tone={TONE[state]}>{t(`device.${state}`)}</Tag>
  )

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
          {d.state === 'offline' ? <span class="dim f12 nw">{seen(d)}</span> : <DeviceState state={d.state} />}
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
