// The clinic's devices in one line each: which, in what state, when last seen, whether its clock is off.
import { useState } from 'preact/hooks'
import type { DeviceView } from '../api/types.gen'
import { age, now } from '../app/clock'
import { t } from '../i18n/clinic'
import { Button, Empty, Icon, Severity, Tag } from '../ui'
import { clockError } from './deviceclock'
import { may } from './me'

const TONE = { offline: 'plain', idle: 'ok', recording: 'accent', uploading: 'accent', done: 'ok' } as const

/** What a device did last, in the glossary's words. An upload that stuck is an alarm of low priority: circle and word. */
export const DeviceState = ({ state }: { state: DeviceView['state'] }) =>
  state === 'upload_failed' ? (
    <Severity is="soon" words={t('device.upload_failed')} />
  ) : (
    <Tag tone={TONE[state]}>{t(`device.${state}`)}</Tag>
  )

export function Devices({ devices }: { devices: readonly DeviceView[] }) {
  // Held here and not beside its button: the list comes and goes while the dialog stands.
  const [dialog, setDialog] = useState<typeof import('../admin/adddevice') | null>(null)
  const active = devices.filter(d => d.active)
  const add = may('device.enrol') && (
    <Button kind="quiet" icon="plus" onClick={() => void import('../admin/adddevice').then(setDialog)}>
      {t('device.add')}
    </Button>
  )
  return (
    <>
      {active.length === 0 ? (
        <Empty title={t('device.none')} next={t(add === false ? 'device.none.next' : 'device.none.mine')}>
          {add}
        </Empty>
      ) : (
        <ul class="devs" aria-label={t('device.list')} data-testid="devices">
          {active.map(d => (
            <li key={d.id} class="dev">
              <Icon name="logo" />
              <span class="dev-name ell" title={d.id}>
                {d.model} <span class="dim">{d.id}</span>
              </span>
              {d.state === 'offline' ? <span class="dim f12 nw">{seen(d)}</span> : <DeviceState state={d.state} />}
              <Clock device={d} />
            </li>
          ))}
          <li class="dim f12">
            {t('device.queue')} {add}
          </li>
        </ul>
      )}
      {dialog !== null && <dialog.AddDevice org="" onClose={() => setDialog(null)} />}
    </>
  )
}

const Clock = ({ device }: { device: DeviceView }) => {
  const wrong = clockError(device)
  return wrong === null ? null : (
    <span class="dev-clock muted f12">
      {t(wrong.side === 'fast' ? 'device.clock.fast' : 'device.clock.slow', { s: wrong.off_s })}
    </span>
  )
}

function seen(d: DeviceView): string {
  if (d.last_seen_at === null) return t('device.never')
  return t('device.away', { age: age((now.value - Date.parse(d.last_seen_at)) / 1000) })
}
