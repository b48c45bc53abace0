// Live samples between the wire and the sweep: which sample stands at the pen now, how old it is, where signal is
// missing. Pure: time is handed in. Never faster than 1.2 x; what comes too late leaves its gap on the sweep.
export type SignalAge = 'live' | 'delayed' | 'broken'
export const DELAYED_AFTER_S = 2
export const BROKEN_AFTER_S = 5

export const ageState = (age_s: number): SignalAge =>
  age_s > BROKEN_AFTER_S ? 'broken' : age_s > DELAYED_AFTER_S ? 'delayed' : 'live'

const START_AT_S = 0.3 // buffered before the pen starts, against jitter
const CATCH_UP_ABOVE_S = 0.6
const RATE_MAX = 1.2
const JUMP_ABOVE_S = 3 // so far behind, the pen jumps and the gap stays

export class PlayOut {
  /** Ring of one page and a bit; NaN where nothing came. */
  private readonly ring: Float32Array[]
  private readonly capacity: number
  private newest = -1 // the last sample that came
  private pen = -1 // the last sample drawn, fractional
  private playing = false
  private lastAt_ms: number | null = null
  private newestAt_ms: number | null = null

  constructor(
    readonly fs: number,
    readonly leads: number,
    keep_s: number,
  ) {
    this.capacity = Math.ceil(keep_s * fs)
    this.ring = Array.from({ length: leads }, () => new Float32Array(this.capacity).fill(Number.NaN))
  }

  /** A block, sample-major microvolts. Samples before the pen are late: they belong to the review strip. */
  push(firstSample: number, uv: Float32Array, at_ms: number): void {
    const count = Math.floor(uv.length / this.leads)
    if (count === 0) return
    if (this.newest < 0) this.pen = firstSample - 1
    const end = firstSample + count
    for (let gap = Math.max(this.newest + 1, end - this.capacity); gap < firstSample; gap++) this.write(gap, null, 0)
    for (let i = 0; i < count; i++) {
      const sample = firstSample + i
      if (sample > this.pen && sample > this.newest - this.capacity) this.write(sample, uv, i * this.leads)
    }
    if (end - 1 > this.newest) {
      this.newest = end - 1
      this.newestAt_ms = at_ms
    }
  }

  private write(sample: number, uv: Float32Array | null, from: number): void {
    const at = sample % this.capacity
    for (let lead = 0; lead < this.leads; lead++) {
      const ring = this.ring[lead]
      if (ring !== undefined) ring[at] = uv === null ? Number.NaN : (uv[from + lead] ?? Number.NaN)
    }
  }

  /** Moves the pen to `at_ms`; the samples [first, end) are new on the sweep. */
  advance(at_ms: number): { first: number; end: number } {
    const before = Math.floor(this.pen)
    const elapsed_s = this.lastAt_ms === null ? 0 : Math.max(0, (at_ms - this.lastAt_ms) / 1000)
    this.lastAt_ms = at_ms
    const buffered_s = (this.newest - this.pen) / this.fs
    if (buffered_s > JUMP_ABOVE_S) {
      this.playing = true
      this.pen = this.newest - START_AT_S * this.fs
      return { first: Math.floor(this.pen), end: Math.floor(this.pen) + 1 }
    }
    if (!this.playing) {
      // The frame that finds enough only starts the clock: what passed before was waiting, not signal.
      this.playing = this.newest >= 0 && buffered_s >= START_AT_S
      return { first: before + 1, end: before + 1 }
    }
    const rate = buffered_s > CATCH_UP_ABOVE_S ? RATE_MAX : 1
    this.pen = Math.min(this.newest, this.pen + elapsed_s * this.fs * rate)
    if (this.pen >= this.newest) this.playing = false
    return { first: before + 1, end: Math.floor(this.pen) + 1 }
  }

  valueAt(lead: number, sample: number): number {
    if (sample < 0 || sample > this.newest || sample <= this.newest - this.capacity) return Number.NaN
    return this.ring[lead]?.[sample % this.capacity] ?? Number.NaN
  }

  get penSample(): number {
    return Math.floor(this.pen)
  }

  /** Seconds between what is at the pen and now: buffer plus silence. null before the first sample. */
  age_s(at_ms: number): number | null {
    if (this.newestAt_ms === null) return null
    return Math.max(0, (at_ms - this.newestAt_ms) / 1000) + (this.newest - this.pen) / this.fs
  }
}
