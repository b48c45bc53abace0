// The device register as arithmetic: what needs a hand, what is shown of clocks and ages, the command to type. Pure.
import type { DeviceView } from '../api/types.gen'

export type Filter = Readonly<{ org: string; state: string; words: string }>
export const EVERYTHING: Filter = { org: '', state: '', words: '' }

export const STATES = ['offline', 'idle', 'recording', 'uploading', 'upload_failed', 'done'] as const

/** A clock that differs by less disturbs no report; beyond it the time of an ECG would be doubted. */
export const CLOCK_OFF_MS = 2000

/** How a device's clock is wrong, null while nobody need care. The hub's clock less the device's: positive is slow. */
export function clockError(d: DeviceView): { side: 'fast' | 'slow'; off_s: string } | null {
  if (d.clock_offset_ms === null || Math.abs(d.clock_offset_ms) <= CLOCK_OFF_MS) return null
  const off_s = Math.abs(d.clock_offset_ms) / 1000
  return { side: d.clock_offset_ms > 0 ? 'slow' : 'fast', off_s: off_s < 60 ? off_s.toFixed(1) : off_s.toFixed(0) }
}

/** Somebody has to do something: it was refused, it stuck, or its clock is off. */
export const needsHand = (d: DeviceView): boolean =>
  d.active && (d.refused !== null || d.state === 'upload_failed' || clockError(d) !== null)

export const stateOf = (d: DeviceView): DeviceView['state'] | 'revoked' => (d.active ? d.state : 'revoked')

/** `under(place, org)`: whether `org` is `place` or below it. */
export function shown(
  all: readonly DeviceView[],
  filter: Filter,
  under: (place: string, org: string) => boolean,
): readonly DeviceView[] {
  const sought = filter.words.trim().toLowerCase()
  const fits = (d: DeviceView): boolean =>
    (filter.org === '' || under(filter.org, d.org)) &&
    (filter.state === '' || stateOf(d) === filter.state) &&
    (sought === '' || [d.id, d.model, d.maker, d.serial, d.software].some(text => text.toLowerCase().includes(sought)))
  return all.filter(fits).sort((a, b) => rank(a) - rank(b) || compare(a.org, b.org) || compare(a.id, b.id))
}

/** What needs a hand first, what is out of use last. */
const rank = (d: DeviceView): number => (needsHand(d) ? 0 : d.active ? 1 : 2)
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** What is typed at the clinic; `origin` is the address this page was opened at. */
export const enrolCommand = (origin: string, code: string): string =>
  `xinlian device enrol --hub ${origin} --code ${code} --key-file device.json`

/** The key file's text: what `xinlian device` commands read. */
export const keyFile = (made: { device: string; key: string }): string =>
  `{"device": "${made.device}", "key": "${made.key}"}`

/** Whole seconds a code is still good for. Both times are this page's: the hub's clock may differ from the PC's. */
export const left_s = (got_ms: number, valid_s: number, now_ms: number): number =>
  // `now` ticks once a second and may stand before the moment the code came.
  Math.min(valid_s, Math.max(0, Math.ceil((got_ms + valid_s * 1000 - now_ms) / 1000)))
