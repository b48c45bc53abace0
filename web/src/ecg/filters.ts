// Display filters: what the eye sees, never what is stored or measured. Each runs forwards and backwards (no phase
// shift: a delayed T end would be measured wrongly) on every stretch between gaps; NaN stays NaN.
export type DisplayFilter = Readonly<{ lowPass40: boolean; notch50: boolean; baseline: boolean }>

export const UNFILTERED: DisplayFilter = { lowPass40: false, notch50: false, baseline: false }

type Biquad = Readonly<{ b0: number; b1: number; b2: number; a1: number; a2: number }>

const LOW_PASS_HZ = 40
const NOTCH_HZ = 50
const NOTCH_Q = 15
const BASELINE_HZ = 0.05

// Coefficients: R. Bristow-Johnson, Cookbook formulae for audio EQ biquad filter coefficients.
function lowPass(hz: number, fs: number): Biquad {
  const w = (2 * Math.PI * hz) / fs
  const alpha = Math.sin(w) * Math.SQRT1_2
  const a0 = 1 + alpha
  const b = (1 - Math.cos(w)) / 2 / a0
  return { b0: b, b1: 2 * b, b2: b, a1: (-2 * Math.cos(w)) / a0, a2: (1 - alpha) / a0 }
}

function notch(hz: number, q: number, fs: number): Biquad {
  const w = (2 * Math.PI * hz) / fs
  const alpha = Math.sin(w) / (2 * q)
  const a0 = 1 + alpha
  const b1 = (-2 * Math.cos(w)) / a0
  return { b0: 1 / a0, b1, b2: 1 / a0, a1: b1, a2: (1 - alpha) / a0 }
}

/** One direction, from rest at the first value: a step at the start would ring through the first beat. */
function pass(x: Float64Array, f: Biquad): void {
  const start = x[0] ?? 0
  const settled = (start * (f.b0 + f.b1 + f.b2)) / (1 + f.a1 + f.a2)
  let z1 = settled - f.b0 * start
  let z2 = f.b2 * start - f.a2 * settled
  for (let i = 0; i < x.length; i++) {
    const v = x[i] as number
    const y = f.b0 * v + z1
    z1 = f.b1 * v - f.a1 * y + z2
    z2 = f.b2 * v - f.a2 * y
    x[i] = y
  }
}

/** Forwards and backwards over the stretch, mirrored at both ends by `pad` samples. */
function bothWays(stretch: Float32Array, f: Biquad, pad: number): void {
  const n = stretch.length
  const p = Math.min(pad, n - 1)
  const x = new Float64Array(n + 2 * p)
  const head = stretch[0] as number
  const tail = stretch[n - 1] as number
  for (let i = 0; i < p; i++) {
    x[i] = 2 * head - (stretch[p - i] as number)
    x[n + p + i] = 2 * tail - (stretch[n - 2 - i] as number)
  }
  x.set(stretch, p)
  pass(x, f)
  x.reverse()
  pass(x, f)
  x.reverse()
  for (let i = 0; i < n; i++) stretch[i] = x[p + i] as number
}

/** Slow drift off: a one-pole low-pass both ways is the drift, the rest stays. */
function withoutDrift(stretch: Float32Array, fs: number): void {
  const k = 1 - Math.exp((-2 * Math.PI * BASELINE_HZ) / fs)
  const drift = new Float64Array(stretch.length)
  let mean = 0
  for (const v of stretch) mean += v / stretch.length
  let level = mean
  for (let i = 0; i < stretch.length; i++) {
    level += k * ((stretch[i] as number) - level)
    drift[i] = level
  }
  for (let i = stretch.length - 1; i >= 0; i--) {
    level += k * ((drift[i] as number) - level)
    stretch[i] = (stretch[i] as number) - level
  }
}

/** A filtered copy; the same array when nothing is on. */
export function displayed(uv: Float32Array, fs: number, filter: DisplayFilter): Float32Array {
  if (!filter.lowPass40 && !filter.notch50 && !filter.baseline) return uv
  const shown = uv.slice()
  let from = 0
  while (from < shown.length) {
    if (Number.isNaN(shown[from])) {
      from++
      continue
    }
    let to = from
    while (to < shown.length && !Number.isNaN(shown[to])) to++
    const stretch = shown.subarray(from, to)
    if (stretch.length > 3) {
      const pad = Math.round(fs * 0.5)
      if (filter.baseline) withoutDrift(stretch, fs)
      if (filter.notch50 && fs > 2.2 * NOTCH_HZ) bothWays(stretch, notch(NOTCH_HZ, NOTCH_Q, fs), pad)
      if (filter.lowPass40 && fs > 2.2 * LOW_PASS_HZ) bothWays(stretch, lowPass(LOW_PASS_HZ, fs), pad)
    }
    from = to
  }
  return shown
}
