// Whether a device's clock is off by so much that somebody should set it. Pure.
type Clock = Readonly<{ clock_offset_ms: number | null; clock_uncertainty_ms?: number | null }>

/** A clock that differs by less disturbs no report; beyond it the time of an ECG would be doubted. */
export const CLOCK_OFF_MS = 2000

/**
 * How a clock is wrong, null while nobody need care or the difference was not measured well enough to say so. The hub's
 * clock less the device's: positive is slow.
 */
export function clockError(d: Clock): { side: 'fast' | 'slow'; off_s: string } | null {
  const least_ms = Math.max(CLOCK_OFF_MS, d.clock_uncertainty_ms ?? 0)
  if (d.clock_offset_ms === null || Math.abs(d.clock_offset_ms) <= least_ms) return null
  const off_s = Math.abs(d.clock_offset_ms) / 1000
  return { side: d.clock_offset_ms > 0 ? 'slow' : 'fast', off_s: off_s < 60 ? off_s.toFixed(1) : off_s.toFixed(0) }
}
