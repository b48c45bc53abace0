// Whether a device's clock is off by so much that somebody should set it. Pure.
import type { DeviceView } from '../api/types.gen'

/** A clock that differs by less disturbs no report; beyond it the time of an ECG would be doubted. */
export const CLOCK_OFF_MS = 2000

/** How a device's clock is wrong, null while nobody need care. The hub's clock less the device's: positive is slow. */
export function clockError(d: DeviceView): { side: 'fast' | 'slow'; off_s: string } | null {
  if (d.clock_offset_ms === null || Math.abs(d.clock_offset_ms) <= CLOCK_OFF_MS) return null
  const off_s = Math.abs(d.clock_offset_ms) / 1000
  return { side: d.clock_offset_ms > 0 ? 'slow' : 'fast', off_s: off_s < 60 ? off_s.toFixed(1) : off_s.toFixed(0) }
}
