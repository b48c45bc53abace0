// Watches this page's line while it is in a room and says how much picture it carries each way (rules: budget.ts).
// Its feeds: questions for the hub's time on the way the room's messages take, what waits unsent, how late the live ECG
// comes, what the connections count. The others are told what this line carries of theirs; both sides see it in words.
import { signal } from '@preact/signals'
import { askTime, onEcho, unsentBytes } from '../live/live'
import type { SampleBlock } from '../live/samples'
import {
  Delays,
  FIRST_BITS,
  firstWay,
  type Level,
  MOST_BITS,
  MOST_DOWN_BITS,
  type Picture,
  pictureFor,
  shareOf,
  Trips,
  WAIT_FAIR_MS,
  type Way,
  type WayFacts,
  wayAfter,
} from './budget'
import { NO_VOICES, type Voices } from './playout'
import { FIRST_VOICE, type Voice, voiceFor } from './voice'

const LOOK_MS = 500
const IN_TIME_MS = 600
const CUT_MOST_MS = 60_000
const COUNT_EVERY = 2
const TELL_EVERY_MS = 5_000
/** What a member said of his line counts so long; it is said again every TELL_EVERY_MS. */
const TOLD_FOR_MS = 15_000
const WAITS_WITHIN_MS = 2_500
const ECG_WITHIN_MS = 60_000
/** While it is sought, so much is wished for: three of few, one of many. */
const SEEKING_BITS = 100_000
/** One report may be of a few packets. */
const SMOOTH = 0.25
const LOSSY = 0.01
const LOSSY_FOR_MS = 15_000
const LEVELS: readonly Level[] = ['full', 'reduced', 'still', 'off']

/**
 * What the connections have counted since they began. gotVideo: of each picture; lostUp: share of the last reports; trips:
 * their last round trips.
 */
export type Flow = Readonly<{
  sentVideo: number
  gotVideo: Readonly<Record<string, number>>
  voices: Voices
  got: number
  lost: number
  lostUp: number
  trips: Readonly<Record<string, number>>
}>
export const NO_FLOW: Flow = { sentVideo: 0, gotVideo: {}, voices: NO_VOICES, got: 0, lost: 0, lostUp: 0, trips: {} }

export type LineTold = Readonly<{ kind: 'line'; down_bits: number; level: Level; late_ms: number }>
type Heard = LineTold & { at_ms: number }

/** null for what is not whole. */
export function readLine(body: object): LineTold | null {
  const b = body as Partial<LineTold>
  if (typeof b.down_bits !== 'number' || typeof b.late_ms !== 'number' || !LEVELS.includes(b.level as Level))
    return null
  return { kind: 'line', down_bits: b.down_bits, level: b.level as Level, late_ms: b.late_ms }
}

/** How the picture stands and whose line is the reason. */
export type LineState = Readonly<{ level: Level; whose: 'mine' | 'theirs' }>
export const GOOD: LineState = { level: 'full', whose: 'mine' }

export const GRADES = ['bad', 'poor', 'fair', 'good'] as const
export type Grade = (typeof GRADES)[number]

/** The line in a word, from what is known of it: round trip, loss, what it still carries of pictures. */
export function gradeOf(net: { rtt_ms: number; loss_pct: number }, line: LineState): Grade {
  const mine = line.whose === 'mine' ? line.level : 'full'
  if (mine === 'off' || mine === 'still' || net.rtt_ms > 800 || net.loss_pct > 15) return 'bad'
  if (mine === 'reduced' || net.rtt_ms > 400 || net.loss_pct > 5) return 'poor'
  return net.rtt_ms > 200 || net.loss_pct > 1 ? 'fair' : 'good'
}

/** How late the newest block of the live ECG came, beyond the earliest of the last minute. */
class EcgClock {
  private stream = -1
  private readonly ways: { at_ms: number; way_ms: number }[] = []

  heard(block: SampleBlock): void {
    if (block.stream !== this.stream) this.ways.length = 0
    this.stream = block.stream
    const at_ms = performance.now()
    this.ways.push({ at_ms, way_ms: at_ms - ((block.firstSample + block.samples) / block.fs) * 1000 })
    while (this.ways.length > 0 && (this.ways[0]?.at_ms ?? 0) < at_ms - ECG_WITHIN_MS) this.ways.shift()
  }

  get late_ms(): number {
    const last = this.ways.at(-1)
    if (last === undefined || performance.now() - last.at_ms > WAITS_WITHIN_MS) return 0
    return Math.round(last.way_ms - Math.min(...this.ways.map(w => w.way_ms)))
  }
}

const ecg = new EcgClock()
/** The live ECG on the stage tells how it comes. */
export const heardEcg = (block: SampleBlock): void => ecg.heard(block)

type Options = Readonly<{
  /** As measured before the room was entered. */
  wide: boolean
  tell: (line: LineTold) => void
  flow: () => Promise<Flow>
  /** Another picture is to be sent, or another one is bearable. */
  onChange: () => void
  /** The voice may be to be packed another way. */
  onVoice: () => void
}>

export function openLine(o: Options) {
  const state = signal<LineState>(GOOD)
  let voice = FIRST_VOICE
  const delays = new Delays()
  const asked: number[] = []
  const others = new Map<string, Heard>()
  let up: Way = firstWay(performance.now(), o.wide)
  let down: Way = up
  let flow: Flow = NO_FLOW
  const trips = new Trips()
  let lossyAt_ms = Number.NEGATIVE_INFINITY
  let rates = { up_bits: 0, downs_bits: [] as readonly number[], lostUp: 0, lostDown: 0, at_ms: performance.now() }
  let picture = pictureFor(up.bits, 'full')
  let toldAt_ms = 0
  let told = ''
  let looks = 0
  let pictures = 1
  let counting = false
  /** As it was when the last answer came in time; and what is gone back to after a cut, which is no narrow line. */
  let whole = { up, down }
  let held: { up: Way; down: Way; until_ms: number } | null = null

  const stopEcho = onEcho(echo => {
    while ((asked[0] ?? Number.POSITIVE_INFINITY) <= echo.mark) asked.shift()
    delays.heard(echo)
  })

  const count = async (): Promise<void> => {
    if (counting) return
    counting = true
    try {
      const now = await o.flow()
      const at_ms = performance.now()
      const s = Math.max(0.1, (at_ms - rates.at_ms) / 1000)
      // A connection made anew counts from nothing.
      const grown = (a: number, b: number): number => Math.max(0, a >= b ? a - b : a)
      const got = grown(now.got, flow.got)
      const lost = grown(now.lost, flow.lost)
      rates = {
        up_bits: (8 * grown(now.sentVideo, flow.sentVideo)) / s,
        downs_bits: Object.entries(now.gotVideo).map(([id, n]) => (8 * grown(n, flow.gotVideo[id] ?? n)) / s),
        lostUp: rates.lostUp + SMOOTH * (now.lostUp - rates.lostUp),
        lostDown: rates.lostDown + SMOOTH * (lost / Math.max(1, got + lost) - rates.lostDown),
        at_ms,
      }
      if (held !== null && got > 0) held.until_ms = Math.min(held.until_ms, at_ms + WAITS_WITHIN_MS)
      flow = now
      for (const [kind, ms] of Object.entries(now.trips)) trips.heard(kind, ms, at_ms)
      if (Math.max(rates.lostUp, rates.lostDown) > LOSSY) lossyAt_ms = at_ms
    } finally {
      counting = false
    }
  }

  const fresh = (now_ms: number): Heard[] => [...others.values()].filter(h => now_ms - h.at_ms < TOLD_FOR_MS)

  const factsOf = (way: 'up' | 'down', now_ms: number): WayFacts => {
    const waits_ms = delays.waits(way, now_ms - WAITS_WITHIN_MS)
    const oldest = asked[0]
    const best = delays.best_ms
    const owed_ms = oldest === undefined || best === null ? 0 : Math.max(0, now_ms - oldest - best)
    // The ECG may be late on somebody else's line: only where something waits here too is it this one's affair.
    const waitsHere = (waits_ms.at(-1) ?? 0) > WAIT_FAIR_MS
    const late = way === 'down' ? ecg.late_ms : Math.max(0, ...fresh(now_ms).map(h => h.late_ms))
    return {
      now_ms,
      waits_ms,
      owed_ms,
      unsent_bytes: way === 'up' ? unsentBytes() : 0,
      ecgLate_ms: waitsHere ? late : 0,
      lossy: now_ms - lossyAt_ms < LOSSY_FOR_MS,
      rtt_wait_ms: trips.wait_ms(now_ms),
      rtt_age_ms: trips.age_ms(now_ms),
      rtt_settled_ms: trips.settled_ms(now_ms),
      lost: way === 'up' ? rates.lostUp : rates.lostDown,
      used_bits: way === 'up' ? rates.up_bits : sum(rates.downs_bits),
    }
  }

  const look = (): void => {
    const mark = askTime()
    if (mark === null) asked.length = 0
    else asked.push(mark)
    looks += 1
    if (looks % COUNT_EVERY === 0) void count()
    const now_ms = performance.now()
    const before = [up.bits, down.bits]
    if (now_ms - (asked[0] ?? now_ms) < IN_TIME_MS) whole = { up, down }
    if (held !== null) {
      up = { ...held.up, changedAt_ms: now_ms }
      down = { ...held.down, changedAt_ms: now_ms }
      if (now_ms >= held.until_ms) held = null
    } else if (mark !== null) {
      up = wayAfter(up, factsOf('up', now_ms), MOST_BITS)
      down = wayAfter(down, factsOf('down', now_ms), MOST_DOWN_BITS)
    }
    show(now_ms, up.bits !== before[0] || down.bits !== before[1])
  }

  const show = (now_ms: number, changed: boolean): void => {
    picture = pictureFor(up.bits, picture.level)
    // While it only seeks how much there is room for, nothing has become worse.
    const levelOf = (way: Way, was: Level): Level => (way.seeking ? 'full' : pictureFor(way.bits, was).level)
    const was = state.peek()
    const wasMine = was.whose === 'mine' ? was.level : 'full'
    const mine = worst([levelOf(up, wasMine), levelOf(down, wasMine)])
    const theirs = worst(fresh(now_ms).map(h => h.level))
    const next: LineState = mine !== 'full' ? { level: mine, whose: 'mine' } : { level: theirs, whose: 'theirs' }
    if (next.level !== was.level || (next.level !== 'full' && next.whose !== was.whose)) state.value = next
    const share = Math.min(MOST_BITS, Math.round(shareOf(down.bits, pictures, rates.downs_bits)))
    const down_bits = down.seeking ? Math.max(FIRST_BITS, share) : share
    const line: LineTold = { kind: 'line', down_bits, level: mine, late_ms: ecg.late_ms > 100 ? ecg.late_ms : 0 }
    const words = JSON.stringify({ ...line, late_ms: line.late_ms > 0 })
    if (words !== told || now_ms - toldAt_ms > TELL_EVERY_MS) {
      told = words
      toldAt_ms = now_ms
      o.tell(line)
    }
    if (changed) o.onChange()
    const bits = Math.min(up.bits, least(now_ms))
    voice = voiceFor(bits, rates.lostUp, voice)
    // Each time: what is negotiated anew meanwhile comes back as the other describes it.
    if (looks % COUNT_EVERY === 0) o.onVoice()
  }

  const least = (now_ms: number): number => Math.min(MOST_BITS, ...fresh(now_ms).map(h => h.down_bits))

  const timer = setInterval(look, LOOK_MS)

  return {
    state,
    /** Nothing comes any more, media included: a cut. What this line carried before is what it will carry after. */
    hold(): void {
      held ??= { ...whole, until_ms: performance.now() + CUT_MOST_MS }
    },
    /** What one picture to this member is to be: what both lines carry. null: to all, what this one carries. */
    pictureTo(account: string | null): Picture {
      const other = account === null ? undefined : others.get(account)
      const bits = Math.min(up.bits, other === undefined ? MOST_BITS : other.down_bits)
      return pictureFor(bits, picture.level)
    },
    /** What it carries of others' pictures; while that is being sought, none is left out. */
    get down_bits(): number {
      return down.seeking ? Math.max(SEEKING_BITS, down.bits) : down.bits
    },
    /** How many pictures come: each may have its share. */
    takes(count: number): void {
      pictures = count
    },
    get up_bits(): number {
      return up.bits
    },
    /** The narrowest way down of those who are here. */
    get least_bits(): number {
      return least(performance.now())
    },
    voice: (): Voice => voice,
    heard(from: string, line: LineTold): void {
      const before = others.get(from)?.down_bits
      others.set(from, { ...line, at_ms: performance.now() })
      show(performance.now(), before !== line.down_bits)
    },
    gone(account: string): void {
      others.delete(account)
    },
    close(): void {
      clearInterval(timer)
      stopEcho()
    },
  }
}

export type Line = ReturnType<typeof openLine>

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
const worst = (levels: readonly Level[]): Level =>
  LEVELS[Math.max(0, ...levels.map(level => LEVELS.indexOf(level)))] ?? 'full'
