// Live samples between the wire and the sweep: which sample stands at the pen now, how old it is, where signal is
// missing. Pure: time is handed in. An even line is not held back at all; an uneven one by no more than it is uneven
// (docs/decisions/0019). Never faster than 1.2 x; what comes too late leaves its gap on the sweep.
export type SignalAge = 'live' | 'delayed' | 'broken'
export const DELAYED_AFTER_S = 2
export const BROKEN_AFTER_S = 5

export const ageState = (age_s: number): SignalAge =>
  age_s > BROKEN_AFTER_S ? 'broken' : age_s > DELAYED_AFTER_S ? 'delayed' : 'live'

const SLACK_S = 0.08 // unevenness nobody sees beside the steps in which packets come anyway: not held back for
const REMEMBER_S = 8 // late twice within this time: that is how the line is
const SHRINK = 0.2 // seconds of delay given up in a second: the pen goes at 1.2 x
const JUMP_ABOVE_S = 3 // so far behind, the pen jumps and the gap stays
const FRAME_S = 0.034 // between two frames of a page that keeps up

/** What one frame changes: samples [first, end) are new on the sweep, and the page is to be clear below `bar`. */
export type Advance = Readonly<{ first: number; end: number; bar: number }>

type Late = { readonly second: number; delay_s: number }

export class PlayOut {
  /** Ring of one page and a bit; NaN where nothing came. */
  private readonly ring: Float32Array[]
  private readonly capacity: number
  private newest = -1 // the last sample that came
  private pen = -1 // the last sample drawn
  private barAt = 0 // where the signal should be by now, seen or not: the erase bar goes on evenly between packets
  private packet = 0 // samples of the last packet
  private frameAt_s: number | null = null
  private newestAt_s: number | null = null
  /** Sample s is due at s / fs + delay. So late a packet may be and still be drawn with the frame after it came. */
  private delay_s = Number.NEGATIVE_INFINITY
  private readonly late: Late[] = [] // the latest packet of each of the last seconds

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
    this.packet = count
    this.came(end - 1 > this.newest ? end : firstSample - SLACK_S * this.fs, at_ms / 1000) // overtaken: whole or a gap
    if (end - 1 > this.newest) {
      this.newest = end - 1
      this.newestAt_s = at_ms / 1000
    }
  }

  /** How late a packet came decides what the line needs: at once when it is later than all before. */
  private came(end: number, at_s: number): void {
    // What waited for a frame of this page that took too long, or for a hidden page, is not the line's unevenness.
    const own_s = this.frameAt_s === null ? 0 : Math.max(0, at_s - this.frameAt_s - FRAME_S)
    const delay_s = at_s - own_s - end / this.fs
    const last = this.late.at(-1)
    if (last?.second === Math.floor(at_s)) last.delay_s = Math.max(last.delay_s, delay_s)
    else this.late.push({ second: Math.floor(at_s), delay_s })
    while (this.late.length > REMEMBER_S) this.late.shift()
    this.delay_s = Math.max(this.delay_s, delay_s - SLACK_S)
  }

  /** What the line needs: a second as bad as the worst but one. Late once is an accident, and is made up for at once. */
  private needed_s(at_s: number): number {
    let worst = Number.NEGATIVE_INFINITY
    let second = Number.NEGATIVE_INFINITY
    for (const late of this.late) {
      if (late.second < at_s - REMEMBER_S) continue
      second = Math.max(second, Math.min(worst, late.delay_s))
      worst = Math.max(worst, late.delay_s)
    }
    return (second === Number.NEGATIVE_INFINITY ? this.delay_s : second) - SLACK_S
  }

  private write(sample: number, uv: Float32Array | null, from: number): void {
    const at = sample % this.capacity
    for (let lead = 0; lead < this.leads; lead++) {
      const ring = this.ring[lead]
      if (ring !== undefined) ring[at] = uv === null ? Number.NaN : (uv[from + lead] ?? Number.NaN)
    }
  }

  /** Moves the pen to `at_ms`. */
  advance(at_ms: number): Advance {
    const at_s = at_ms / 1000
    const before = this.pen
    const elapsed_s = this.frameAt_s === null ? 0 : Math.max(0, at_s - this.frameAt_s)
    this.frameAt_s = at_s
    if (this.newestAt_s === null) return { first: before + 1, end: before + 1, bar: this.barAt }
    this.delay_s = Math.max(this.needed_s(at_s), this.delay_s - SHRINK * elapsed_s)
    let due = Math.floor((at_s - this.delay_s) * this.fs)
    if (this.newest - due > JUMP_ABOVE_S * this.fs) {
      due = this.newest
      this.delay_s = at_s - this.newest / this.fs
      this.late.length = 0
      for (let skipped = Math.max(before + 1, due - this.capacity + 1); skipped < due; skipped++)
        this.write(skipped, null, 0)
    }
    this.pen = Math.max(before, Math.min(this.newest, due))
    // On a line that has stopped the bar stops too, a packet and the slack ahead of the last sample.
    const ahead = this.newest + this.packet + Math.ceil(SLACK_S * this.fs)
    this.barAt = Math.max(this.barAt, this.pen + 1, Math.min(due, ahead) + 1)
    return { first: before + 1, end: this.pen + 1, bar: this.barAt }
  }

  valueAt(lead: number, sample: number): number {
    if (sample < 0 || sample > this.newest || sample <= this.newest - this.capacity) return Number.NaN
    return this.ring[lead]?.[sample % this.capacity] ?? Number.NaN
  }

  get penSample(): number {
    return this.pen
  }

  /** Below this the page is clear for what comes. */
  get bar(): number {
    return Math.max(this.barAt, this.pen + 1)
  }

  /** Seconds between what is at the pen and now: buffer plus silence. null before the first sample. */
  age_s(at_ms: number): number | null {
    if (this.newestAt_s === null) return null
    return Math.max(0, at_ms / 1000 - this.newestAt_s) + (this.newest - this.pen) / this.fs
  }
}
