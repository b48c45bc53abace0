// Alarm sounds as numbers (IEC 60601-1-8): when each pulse of a burst begins and how loud it is. Pure; player.ts sounds it.
export type AlarmPriority = 'high' | 'medium' | 'low'
export type Pulse = Readonly<{ at_ms: number; length_ms: number }>

/** Rise and fall, 10 to 20 % of the pulse by the standard. */
export const RISE = 0.15
export const FUNDAMENTAL_HZ = 523
/** Harmonics of 523 Hz, all under 4 kHz and within 15 dB of one another, so that a small loudspeaker loses none. */
export const HARMONICS = [1, 0.8, 0.63, 0.5, 0.4, 0.32] as const

const HIGH = { pulse: 150, gap: 100, groupGap: 350, halfGap: 500 }
const MEDIUM = { pulse: 200, gap: 200 }

/** Seconds from the start of one burst to the start of the next; null: sounded once. */
export const REPEAT_S: Readonly<Record<AlarmPriority, number | null>> = { high: 8, medium: 25, low: null }

export function burst(priority: AlarmPriority): readonly Pulse[] {
  switch (priority) {
    case 'high':
      return high()
    case 'medium':
      return [0, 1, 2].map(i => ({ at_ms: i * (MEDIUM.pulse + MEDIUM.gap), length_ms: MEDIUM.pulse }))
    case 'low':
      return [0, 1].map(i => ({ at_ms: i * (MEDIUM.pulse + MEDIUM.gap), length_ms: MEDIUM.pulse }))
  }
}

/** Ten pulses in groups 3-2-3-2. */
function high(): readonly Pulse[] {
  const pulses: Pulse[] = []
  let at = 0
  for (const [group, size] of [3, 2, 3, 2].entries()) {
    for (let i = 0; i < size; i++) {
      pulses.push({ at_ms: at, length_ms: HIGH.pulse })
      at += HIGH.pulse + HIGH.gap
    }
    at += (group === 1 ? HIGH.halfGap : HIGH.groupGap) - HIGH.gap
  }
  return pulses
}

/** Starts of the bursts that should sound in the next `ahead_s`, given when the last one scheduled began. */
export function burstStarts(
  from_s: number,
  last_s: number | null,
  every_s: number,
  ahead_s: number,
): readonly number[] {
  const starts: number[] = []
  let next = last_s === null ? from_s : Math.max(last_s + every_s, from_s)
  while (next <= from_s + ahead_s) {
    starts.push(next)
    next += every_s
  }
  return starts
}
