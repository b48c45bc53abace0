// Two legs in time or in voltage, in sample-index coordinates: the same caliper stands on every layout and every screen.
// Reading, moving, snapping and marching out. Drawing is draw.ts's business, keys and clicks that of the components.
export type Caliper =
  | Readonly<{ kind: 'time'; lead: string; strip: boolean; a: number; b: number }> // sample indices
  | Readonly<{ kind: 'voltage'; lead: string; strip: boolean; sample: number; aUv: number; bUv: number }>

export type Leg = 'a' | 'b'

export type Reading = { kind: 'time'; ms: number; perMin: number | null } | { kind: 'voltage'; mv: number }

export function read(c: Caliper, fs: number): Reading {
  if (c.kind === 'voltage') return { kind: 'voltage', mv: (c.bUv - c.aUv) / 1000 }
  const ms = (Math.abs(c.b - c.a) / fs) * 1000
  return { kind: 'time', ms: Math.round(ms), perMin: ms > 0 ? Math.round(60_000 / ms) : null }
}

/** "650 ms · 92 次/分", "0.44 mV". A true minus (U+2212); the unit always. */
export function readingWords(r: Reading, perMinute: string): string {
  if (r.kind === 'voltage') return `${r.mv.toFixed(2).replace('-', '−')} mV`
  return r.perMin === null ? `${r.ms} ms` : `${r.ms} ms · ${r.perMin} ${perMinute}`
}

const clamp = (v: number, low: number, high: number): number => Math.max(low, Math.min(high, v))

/** Moves one leg by samples (time) or by microvolts (voltage); legs stay within the recording. */
export function moveLeg(c: Caliper, leg: Leg, by: number, samples: number): Caliper {
  if (c.kind === 'time') {
    return leg === 'a' ? { ...c, a: clamp(c.a + by, 0, samples - 1) } : { ...c, b: clamp(c.b + by, 0, samples - 1) }
  }
  return leg === 'a' ? { ...c, aUv: c.aUv + by } : { ...c, bUv: c.bUv + by }
}

/** An arrow is 1 sample, with Shift 10 ms (in voltage 10 µV and 100 µV). */
export function arrowStep(kind: Caliper['kind'], shift: boolean, fs: number): number {
  if (kind === 'voltage') return shift ? 100 : 10
  return shift ? Math.max(1, Math.round(fs / 100)) : 1
}

/** The fiducial within `reach` samples of `sample` that is nearest, or the sample itself. */
export function snap(sample: number, fiducials: readonly number[], reach: number): number {
  let best = sample
  let least = reach
  for (const f of fiducials) {
    const away = Math.abs(f - sample)
    if (away <= least) {
      least = away
      best = f
    }
  }
  return best
}

/** The interval repeated to both sides within [first, end): where the next beats should stand. */
export function marchOut(a: number, b: number, first: number, end: number): readonly number[] {
  const step = Math.abs(b - a)
  if (step < 1) return []
  const marks: number[] = []
  const start = Math.min(a, b)
  const from = Math.ceil((first - start) / step)
  for (let k = from; start + k * step < end; k++) if (k !== 0 && k !== 1) marks.push(start + k * step)
  return marks
}

/** Keyboard first: M without a click sets legs where a doctor would start, on the strip, one R-R or 0.8 s apart. */
export function firstCaliper(
  kind: Caliper['kind'],
  on: { lead: string; strip: boolean; first: number; end: number },
  rPeaks: readonly number[],
  fs: number,
): Caliper {
  const middle = Math.round((on.first + on.end) / 2)
  if (kind === 'voltage') return { kind, lead: on.lead, strip: on.strip, sample: middle, aUv: 0, bUv: 1000 }
  const a = rPeaks.find(r => r >= middle - fs && r < on.end) ?? middle - Math.round(0.4 * fs)
  const b = rPeaks.find(r => r > a && r < on.end) ?? Math.min(on.end - 1, a + Math.round(0.8 * fs))
  return { kind, lead: on.lead, strip: on.strip, a, b }
}
