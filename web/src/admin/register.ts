// The device register as arithmetic: what needs a hand, what is shown of clocks and ages, the command to type. Pure.
import type { DeviceView } from '../api/types.gen'
import { clockError } from '../clinic/deviceclock'

export type Filter = Readonly<{ org: string; state: string; words: string }>
export const EVERYTHING: Filter = { org: '', state: '', words: '' }

export const STATES = ['offline', 'idle', 'recording', 'uploading', 'upload_failed', 'done'] as const

/** Its last recording is not at the hub, and it will not come by itself. */
const stuck = (d: DeviceView): boolean => d.refused !== null || d.state === 'upload_failed'

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

/** What could not send first, then wrong clocks; what is out of use last. */
const rank = (d: DeviceView): number => (!d.active ? 3 : stuck(d) ? 0 : clockError(d) !== null ? 1 : 2)
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
