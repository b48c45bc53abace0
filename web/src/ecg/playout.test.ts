// Drawn lines: when each packet came is made up here, frames go by at 60 a second, and a page of cells takes the ink.
import { describe, expect, it } from 'vitest'
import { ageState, PlayOut } from './playout'
import { eraseSamples, piecesFor, samplesPerPage, wipesFor } from './sweep'

const FS = 500
const FRAME_MS = 1000 / 60
const PAGE = { widthPx: 683, pxPerSample: 0.2 } // the reader's page on a PC
const PER_PAGE = samplesPerPage(PAGE)
const ERASE = eraseSamples(PAGE, 4)

type Packet = { first: number; count: number; existed_ms: number; at_ms: number }
type Frame = { at_ms: number; first: number; end: number; pen: number; age_s: number | null }

/** A random number in 0..1 that is the same in every run. */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state / 2 ** 31
  }
}

/** Packets of `ms` for `seconds`; each exists when its newest sample does and comes `late(n)` ms after that. */
function line(ms: number, seconds: number, late: (n: number) => number, clock = 1): Packet[] {
  const count = Math.round((ms * FS) / 1000)
  return Array.from({ length: Math.floor((1000 * seconds) / ms) }, (_, n) => {
    const existed_ms = ((n + 1) * ms) / clock
    return { first: n * count, count, existed_ms, at_ms: existed_ms + late(n) }
  })
}

/** In the order in which they can come: one behind the other, as over TCP. */
function inOrder(packets: Packet[]): Packet[] {
  let at_ms = 0
  for (const packet of packets) {
    at_ms = Math.max(at_ms, packet.at_ms)
    packet.at_ms = at_ms
  }
  return packets
}

/** A page of one cell a sample: what is drawn must stand on a cleared cell, once, and be the sample it should be. */
class Paper {
  readonly cells = new Float64Array(PER_PAGE).fill(Number.NaN)
  readonly drawnAt_ms = new Map<number, number>()
  readonly gaps = new Set<number>()
  faults = 0
  private clearBelow = ERASE

  constructor(private readonly playOut: PlayOut) {}

  frame(at_ms: number): Frame {
    const { first, end, bar } = this.playOut.advance(at_ms)
    for (const wipe of wipesFor(PAGE, this.clearBelow, bar + ERASE)) {
      const to = wipe.to === PAGE.widthPx ? PER_PAGE : Math.round(wipe.to / PAGE.pxPerSample)
      this.cells.fill(Number.NaN, Math.round(wipe.from / PAGE.pxPerSample), to)
    }
    this.clearBelow = Math.max(this.clearBelow, bar + ERASE)
    for (const piece of piecesFor(PAGE, first, end, this.clearBelow)) {
      for (let sample = Math.max(piece.first, first); sample < piece.end; sample++) this.ink(sample, at_ms)
    }
    return { at_ms, first, end, pen: this.playOut.penSample, age_s: this.playOut.age_s(at_ms) }
  }

  private ink(sample: number, at_ms: number): void {
    const value = this.playOut.valueAt(0, sample)
    const cell = sample % PER_PAGE
    if (!Number.isNaN(this.cells[cell]) || this.drawnAt_ms.has(sample)) this.faults += 1
    this.drawnAt_ms.set(sample, at_ms)
    if (Number.isNaN(value)) this.gaps.add(sample)
    else if (value !== sample % 1000) this.faults += 1
    this.cells[cell] = sample
  }
}

function play(packets: Packet[], until_ms = 0): { paper: Paper; frames: Frame[]; playOut: PlayOut } {
  const playOut = new PlayOut(FS, 1, 12)
  const paper = new Paper(playOut)
  const frames: Frame[] = []
  const coming = [...packets].sort((a, b) => a.at_ms - b.at_ms)
  const end_ms = Math.max(until_ms, coming.at(-1)?.at_ms ?? 0) + FRAME_MS
  for (let at_ms = 0; at_ms <= end_ms; at_ms += FRAME_MS) {
    for (let p = coming[0]; p !== undefined && p.at_ms <= at_ms; p = coming[0]) {
      coming.shift()
      const { first, count } = p
      playOut.push(
        first,
        Float32Array.from({ length: count }, (_, i) => (first + i) % 1000),
        p.at_ms,
      )
    }
    frames.push(paper.frame(at_ms))
  }
  return { paper, frames, playOut }
}

/** How long after it came each packet's newest sample was drawn, in ms. */
const waits = (packets: Packet[], paper: Paper): number[] =>
  packets.flatMap(p => {
    const drawn = paper.drawnAt_ms.get(p.first + p.count - 1)
    return drawn === undefined ? [] : [drawn - p.at_ms]
  })

const most = (values: readonly number[]): number => Math.max(...values)

/** Samples that stand one after another on the sweep, each once, none left out. */
function expectWhole(paper: Paper, samples: number): void {
  expect(paper.faults).toBe(0)
  expect([...paper.drawnAt_ms.keys()]).toEqual(Array.from({ length: samples }, (_, i) => i))
}

/** Over any second the pen goes at most 1.2 x, and a packet besides: that is the step in which signal comes. */
function expectCalm(frames: readonly Frame[], packet: number): void {
  for (let i = 60; i < frames.length; i++) {
    const moved = (frames[i]?.pen ?? 0) - (frames[i - 60]?.pen ?? 0)
    const waited = (frames[i - 60]?.age_s ?? 0) * FS // it had stood still so long, and may show where it stands
    expect(moved).toBeLessThanOrEqual(1.2 * FS + packet + Math.min(waited, 0.1 * FS) + 1)
  }
}

/** How long the pen stood still at most. */
function stood_ms(frames: readonly Frame[]): number {
  let longest = 0
  let since = frames[0]?.at_ms ?? 0
  for (const frame of frames) {
    longest = Math.max(longest, frame.at_ms - since)
    if (frame.end > frame.first) since = frame.at_ms
  }
  return longest
}

describe('on an even line', () => {
  for (const ms of [20, 100, 500]) {
    it(`the newest sample is drawn with the first frame after it came (packets of ${ms} ms)`, () => {
      const packets = line(ms, 30, () => 30)
      const { paper, frames } = play(packets)
      expect(most(waits(packets, paper))).toBeLessThanOrEqual(FRAME_MS + 0.001)
      expectWhole(paper, 30 * FS)
      expectCalm(frames, (ms * FS) / 1000)
    })
  }
  it('a few milliseconds of unevenness hold nothing back', () => {
    const chance = dice(1)
    const packets = inOrder(line(100, 60, () => 20 + 60 * chance()))
    const { paper } = play(packets)
    expect(most(waits(packets, paper))).toBeLessThanOrEqual(FRAME_MS + 0.001)
    expectWhole(paper, 60 * FS)
  })
  for (const ppm of [-200, 200]) {
    it(`a device clock ${ppm} ppm off builds up no delay in ten minutes`, () => {
      const packets = line(100, 600, () => 30, 1 + ppm / 1e6)
      const { paper } = play(packets)
      expect(most(waits(packets, paper))).toBeLessThanOrEqual(FRAME_MS + 0.001)
      expect(paper.faults).toBe(0)
    })
  }
  it('the erase bar goes on between packets and stops with the line', () => {
    const playOut = new PlayOut(FS, 1, 12)
    const bars: number[] = []
    for (let n = 0; n < 300; n++) {
      if (n % 30 === 0 && n < 150) playOut.push((n / 30) * 250, new Float32Array(250), n * FRAME_MS)
      bars.push(playOut.advance(n * FRAME_MS).bar)
    }
    const steps = bars.slice(1, 148).map((bar, i) => bar - (bars[i] as number))
    expect(most(steps)).toBeLessThanOrEqual(10) // 8.3 samples a frame, never the packet's 250
    expect(bars.at(-1)).toBe(bars[200])
    expect((bars.at(-1) as number) - playOut.penSample).toBeLessThanOrEqual(250 + 0.08 * FS + 2)
  })
})

describe('on an uneven line', () => {
  it('holds back by what it is uneven, no more, and then moves evenly', () => {
    const chance = dice(7)
    const packets = inOrder(line(100, 60, () => 20 + 300 * chance()))
    const { paper, frames } = play(packets)
    expectWhole(paper, 60 * FS)
    expectCalm(frames, 50)
    const settled = frames.filter(f => f.at_ms > 10_000)
    expect(most(settled.map(f => f.end - f.first))).toBeLessThanOrEqual(0.2 * FS) // a packet, the slack, a frame
    // From the sample's own time on: the unevenness, less the slack, and a packet.
    const behind = packets.slice(100).flatMap(p => {
      const drawn = paper.drawnAt_ms.get(p.first + p.count - 1)
      return drawn === undefined ? [] : [drawn - p.existed_ms]
    })
    expect(most(behind)).toBeLessThanOrEqual(320 + FRAME_MS)
  })
  it('after a stall shows at once what came, plays on evenly and gives the delay up at 1.2 x', () => {
    const packets = inOrder(line(100, 60, n => (n >= 200 && n < 212 ? 1200 - 100 * (n - 200) : 20)))
    const { paper, frames, playOut } = play(packets)
    expectWhole(paper, 60 * FS)
    expectCalm(frames, 50)
    const after = frames.filter(f => f.at_ms > 21_400 && f.at_ms < 26_000)
    expect(most(after.map(f => f.end - f.first))).toBeLessThanOrEqual(12) // even, no packets to be seen
    expect(frames.find(f => f.at_ms > 22_500)?.age_s).toBeGreaterThan(0.6)
    expect(most(frames.filter(f => f.at_ms > 28_000).map(f => f.age_s ?? 0))).toBeLessThan(0.12)
    expect(waits(packets, paper).at(-1)).toBeLessThanOrEqual(FRAME_MS)
    expect(playOut.age_s(frames.at(-1)?.at_ms ?? 0)).toBeLessThan(0.12)
  })
  it('waits for a line that stalls again and again: the third of the same length is not seen', () => {
    const stalled = (n: number): boolean => [100, 130, 160].some(at => n >= at && n < at + 5)
    const packets = inOrder(line(100, 20, n => (stalled(n) ? 500 : 20)))
    const { frames } = play(packets)
    expect(stood_ms(frames.filter(f => f.at_ms > 9000 && f.at_ms < 12_000))).toBeGreaterThan(450)
    // A packet, the slack and two frames: not longer than on an even line.
    expect(stood_ms(frames.filter(f => f.at_ms > 15_000 && f.at_ms < 18_000))).toBeLessThan(100 + 80 + 34)
  })
  it('five packets at a time are played one after another, as they were made', () => {
    const packets = inOrder(line(100, 30, n => 20 + 100 * (4 - (n % 5))))
    const { paper, frames } = play(packets, 31_000)
    expectWhole(paper, 30 * FS)
    const settled = frames.filter(f => f.at_ms > 5000)
    expect(most(settled.map(f => f.end - f.first))).toBeLessThanOrEqual(0.2 * FS)
  })
  it('does not take its own long frame for the line', () => {
    const playOut = new PlayOut(FS, 1, 12)
    for (let at = 0; at <= 2000; at += 20) {
      if (at % 100 === 0) playOut.push(at / 2, new Float32Array(50), at)
      playOut.advance(at)
    }
    playOut.push(1050, new Float32Array(50), 2600) // the page did nothing for 0.6 s
    for (let n = 0; n < 5; n++) playOut.push(1100 + 50 * n, new Float32Array(50), 2600 + n)
    playOut.advance(2610)
    expect(playOut.penSample).toBe(1349)
  })
})

describe('what is missing and what is late', () => {
  it('a lost packet is a gap of its own length, everything else is drawn', () => {
    const packets = line(100, 20, () => 20).filter((_, n) => n !== 77)
    const { paper } = play(packets)
    expectWhole(paper, 20 * FS)
    expect([...paper.gaps]).toEqual(Array.from({ length: 50 }, (_, i) => 77 * 50 + i))
  })
  it('what is overtaken leaves its gap; where that happens again and again it is waited for', () => {
    const packets = line(100, 20, n => (n === 60 || n === 90 || n === 120 ? 250 : 20))
    const { paper } = play(packets, 21_000)
    expectWhole(paper, 20 * FS)
    expect([...paper.gaps]).toEqual([60, 90].flatMap(n => Array.from({ length: 50 }, (_, i) => n * 50 + i)))
  })
  it('late samples go to the review strip: a drawn gap stays', () => {
    const playOut = new PlayOut(FS, 1, 10)
    playOut.push(0, new Float32Array(50).fill(7), 0)
    playOut.push(100, new Float32Array(50).fill(7), 200)
    playOut.advance(210)
    expect(playOut.penSample).toBe(149)
    playOut.push(50, new Float32Array(50).fill(9), 230)
    expect(playOut.valueAt(0, 75)).toBeNaN()
    expect(playOut.valueAt(0, 120)).toBe(7)
  })
  it('jumps when it is seconds behind instead of crawling after, and shows what it left out as a gap', () => {
    const packets = inOrder(line(100, 40, n => (n >= 100 && n < 180 ? 8000 - 100 * (n - 100) : 20)))
    const { paper, frames } = play(packets)
    expect(paper.faults).toBe(0)
    expect(paper.drawnAt_ms.has(10 * FS + 100)).toBe(false) // older than a page when it could have been drawn
    expect(paper.gaps.size).toBeGreaterThan(3 * FS)
    expect(most(frames.filter(f => f.at_ms > 19_000).map(f => f.age_s ?? 0))).toBeLessThan(0.2)
  })
  it('a page that was hidden shows what came meanwhile, without a gap', () => {
    const playOut = new PlayOut(FS, 1, 12)
    for (let n = 0; n < 100; n++) {
      playOut.push(50 * n, new Float32Array(50), 100 * n)
      if (n < 50) playOut.advance(100 * n + 10)
    }
    expect(playOut.advance(9950)).toMatchObject({ first: 2500, end: 5000 })
    expect(playOut.valueAt(0, 3000)).toBe(0)
  })
  it('says how old the signal at the pen is, and when it is late or broken', () => {
    const playOut = new PlayOut(FS, 1, 10)
    expect(playOut.age_s(0)).toBeNull()
    playOut.push(0, new Float32Array(200), 0)
    for (let at = 0; at <= 8000; at += 50) playOut.advance(at)
    expect(playOut.age_s(8000)).toBeCloseTo(8)
    expect([0.4, 2.1, 5.1].map(ageState)).toEqual(['live', 'delayed', 'broken'])
  })
  it('holds leads apart', () => {
    const playOut = new PlayOut(FS, 2, 10)
    playOut.push(0, Float32Array.from([1, -1, 2, -2]), 0)
    expect([playOut.valueAt(0, 1), playOut.valueAt(1, 1), playOut.valueAt(0, 2)]).toEqual([2, -2, Number.NaN])
  })
})
