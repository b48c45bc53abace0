// How much picture a line carries beside the ECG and the voices: facts in, a rate out. Pure; what measures is line.ts.
// The ECG goes first, the voice second, the picture last, and this does not come by itself (media.md 4): at the first
// sign that packets wait on a line its share of picture is halved, and grows again only while nothing waits.
export type Level = 'full' | 'reduced' | 'still' | 'off'

/**
 * One direction of a line. `seeking`: not yet met its limit, it grows fast; `calmSince_ms`: no sign since then; `met_bits`:
 * what was too much the last time, near which it grows slowly.
 */
export type Way = Readonly<{
  bits: number
  met_bits: number
  seeking: boolean
  /** Measured before the room was entered (width.ts): it may be sought in long steps. */
  wide: boolean
  changedAt_ms: number
  calmSince_ms: number
  /** How much waited on it when it was last looked at whether to take less. */
  waited_ms: number
}>

/** How one direction did since the last look. Times: how much longer than at its best a message took on it. */
export type WayFacts = Readonly<{
  now_ms: number
  /** Of the last messages, the newest last. */
  waits_ms: readonly number[]
  /** How long the hub has owed us an answer beyond the usual. */
  owed_ms: number
  /** What waits in this computer; of the way down 0. */
  unsent_bytes: number
  /** How much later than it should the live ECG comes. */
  ecgLate_ms: number
  /** Whether packets are lost here: then a late message may be one sent again, and the connections' round trip decides. */
  lossy: boolean
  /** How much longer than at its best the connections' own round trip takes; null: not known. */
  rtt_wait_ms: number | null
  /** How long ago that was heard. */
  rtt_age_ms: number
  /** How long its best has stood. */
  rtt_settled_ms: number
  /** Share of packets lost, 0 to 1. */
  lost: number
  /** What really flows of pictures. */
  used_bits: number
}>

/** The first frames: what a line of 150 kbit/s carries beside an ECG and two voices. */
export const FIRST_BITS = 30_000
/** One picture at its best; of the way down all together. */
export const MOST_BITS = 600_000
export const MOST_DOWN_BITS = 1_500_000
export const LEAST_BITS = 6_000
const WAIT_BAD_MS = 150
export const WAIT_FAIR_MS = 60
const RTT_BAD_MS = 100
const RTT_FAIR_MS = 40
const OWED_BAD_MS = 800
const ECG_BAD_MS = 300
const UNSENT_BAD_BYTES = 20_000
/** Loss by chance is met by sending again and by RED; only what nothing mends is taken for a line that is full. */
const LOST_BAD = 0.15
const LOST_FLOOR_BITS = 150_000
const HALVE_EVERY_MS = 1_500
/** What filled a line drains away at its own pace: while it does by so much from look to look, enough was taken back. */
const DRAINS = 0.7
type Seek = Readonly<{ every_ms: number; shows_ms: number }>
/** shows_ms: so long a step takes to show on the line, the sooner the wider it is. */
const SEEK_WIDE: Seek = { every_ms: 1_500, shows_ms: 1_000 }
/** Of 150 kbit/s an ECG and two voices leave half: what is too much by a tenth of the line lets a second wait in ten. */
const SEEK_NARROW: Seek = { every_ms: 3_000, shows_ms: 2_000 }
const SEEK_NARROW_TIMES = 1.25
const SETTLED_MS = 2_000
const RAISE_EVERY_MS = 5_000
const RAISE = 1.1
/** A calm scene does not fill what it may; what it never came near to says nothing of the line. */
const USED = 0.5
const NEAR = 0.75
const NEAR_EVERY_MS = 20_000
/** So far below what was too much, the fall was deeper than it had to be: half the way back is gone soon. */
const FAR = 0.5
const FAR_EVERY_MS = 3_000
const RAISE_FAR = 1.4
/** Where little flows there is little to learn by small steps. */
const RAISE_LOW = 1.5
const LOW_BITS = 24_000
const SEEK_BITS = 60_000
/** Below, a line that was not measured as wide is taken for a narrow one. */
const CAREFUL_BITS = 150_000
const STILL_BITS = 9_000
const OFF_AFTER_MS = 8_000
/** After so long without a sign the line may have become another. */
const SEEK_AGAIN_MS = 60_000

export const firstWay = (now_ms: number, wide: boolean): Way => ({
  bits: FIRST_BITS,
  met_bits: MOST_DOWN_BITS,
  seeking: true,
  wide,
  changedAt_ms: now_ms,
  calmSince_ms: now_ms,
  waited_ms: 0,
})

/** One late message is a lost packet sent again; two in a row are a queue. */
const waitOf = (waits: readonly number[]): number => (waits.length < 2 ? 0 : Math.min(...waits.slice(-2)))

/** What waits now, as far as anything tells. */
const waitingOf = (f: WayFacts): number => Math.max(waitOf(f.waits_ms), f.rtt_wait_ms ?? 0, f.owed_ms, f.ecgLate_ms)

/**
 * A page or a hub that is busy answers late too: where the connections say that nothing waits, they are believed. On a line
 * measured as wide a little that waits there is the busy computer as well: full, it would be far more.
 */
function isFull(f: WayFacts, wide: boolean): boolean {
  if (f.unsent_bytes > UNSENT_BAD_BYTES) return true
  if (f.rtt_wait_ms !== null && f.rtt_wait_ms < (f.lossy || wide ? RTT_BAD_MS : RTT_FAIR_MS)) return false
  return waitOf(f.waits_ms) > WAIT_BAD_MS || f.owed_ms > OWED_BAD_MS || f.ecgLate_ms > ECG_BAD_MS
}

/** A round trip of after the last step is longer than it was. */
const isWaiting = (f: WayFacts, since_ms: number): boolean =>
  f.rtt_wait_ms !== null && f.rtt_age_ms < since_ms && f.rtt_wait_ms > WAIT_FAIR_MS

function isCalm(f: WayFacts): boolean {
  if (f.rtt_wait_ms !== null) return f.rtt_wait_ms < WAIT_FAIR_MS && (f.lossy || waitOf(f.waits_ms) < WAIT_BAD_MS)
  return f.waits_ms.length >= 2 && waitOf(f.waits_ms) < WAIT_FAIR_MS && f.owed_ms < WAIT_FAIR_MS
}

/** Whether what was last added has been seen to find room: a step taken before the last one shows goes far too far. */
function hasRoom(f: WayFacts, since_ms: number, shows_ms: number): boolean {
  if (f.rtt_settled_ms < SETTLED_MS) return false // what filled it before still drains: its best is not known
  if (f.rtt_wait_ms !== null && f.rtt_age_ms < since_ms - shows_ms) return f.rtt_wait_ms < RTT_FAIR_MS
  return f.lossy || (f.waits_ms.length >= 2 && Math.max(...f.waits_ms.slice(-2)) < WAIT_FAIR_MS)
}

export function wayAfter(before: Way, f: WayFacts, most_bits: number): Way {
  const full = isFull(f, before.wide)
  const calm = !full && isCalm(f)
  const way = calm ? { ...before, waited_ms: 0 } : before
  const since_ms = f.now_ms - way.changedAt_ms
  const fall = (bits: number): Way => ({
    bits: Math.max(LEAST_BITS, Math.min(way.bits, bits)),
    met_bits: bits < way.bits ? way.bits : way.met_bits,
    seeking: false,
    wide: false,
    changedAt_ms: f.now_ms,
    calmSince_ms: f.now_ms,
    waited_ms: waitingOf(f),
  })
  if (full) {
    if (since_ms < HALVE_EVERY_MS && !way.seeking) return { ...way, calmSince_ms: f.now_ms }
    if (waitingOf(f) < DRAINS * way.waited_ms) return fall(way.bits)
    // Stills are given up only when they did not help.
    if (way.bits <= STILL_BITS) return since_ms < OFF_AFTER_MS ? { ...way, calmSince_ms: f.now_ms } : fall(LEAST_BITS)
    // Where hardly any picture flows, it is not the picture that fills the line: less of it would free nothing.
    if (f.used_bits < way.bits / 4) return fall(way.bits)
    // Half of what flows: half of what nobody sends would free nothing either.
    return fall(Math.max(STILL_BITS, Math.max(way.bits / 2, Math.min(way.bits, f.used_bits)) / 2))
  }
  // A step too far, seen before it fills the line: taken back. What still drains after a fall is no such step.
  if (isCareful(before) && before.waited_ms === 0 && before.bits > FIRST_BITS && isWaiting(f, since_ms))
    return fall(before.bits / SEEK_NARROW_TIMES)
  if (f.lost > LOST_BAD && way.bits > LOST_FLOOR_BITS && since_ms >= HALVE_EVERY_MS)
    return fall(Math.max(LOST_FLOOR_BITS, way.bits * 0.7))
  // Room is only known to be there while what there is of it is used.
  const isUsed = way.bits < LOW_BITS || f.used_bits >= USED * way.bits
  if (!calm || !isUsed || way.bits >= most_bits) return way
  const seeking = way.seeking || f.now_ms - way.calmSince_ms > SEEK_AGAIN_MS
  const { every_ms, times } = seeking ? seek(way) : climb(way)
  // Of a step by a tenth, or where hardly anything flows, there is nothing to see on the line.
  const isLong = times > RAISE && way.bits >= LOW_BITS
  if (since_ms < every_ms || (isLong && !hasRoom(f, since_ms, seekOf(way).shows_ms))) return way
  return { ...way, seeking, bits: Math.min(most_bits, Math.round(way.bits * times)), changedAt_ms: f.now_ms }
}

type Step = Readonly<{ every_ms: number; times: number }>

const isCareful = (way: Way): boolean => !way.wide && way.bits < CAREFUL_BITS
const seekOf = (way: Way): Seek => (isCareful(way) ? SEEK_NARROW : SEEK_WIDE)
const seek = (way: Way): Step => ({
  every_ms: seekOf(way).every_ms,
  times: isCareful(way) ? SEEK_NARROW_TIMES : way.bits < SEEK_BITS ? 2 : 1.5,
})

function climb(way: Way): Step {
  // What the first frames met was mostly the beginning itself: the room opens, connections come to stand.
  const met_bits = Math.max(way.met_bits, 2 * FIRST_BITS)
  const far = isCareful(way) ? SEEK_NARROW_TIMES : RAISE_FAR
  if (way.bits < FAR * met_bits) return { every_ms: FAR_EVERY_MS, times: way.bits < LOW_BITS ? RAISE_LOW : far }
  const times = way.bits < LOW_BITS ? RAISE_LOW : RAISE
  return { every_ms: way.bits > NEAR * met_bits ? NEAR_EVERY_MS : RAISE_EVERY_MS, times }
}

/** What a sender of pictures is set to. */
export type Picture = Readonly<{ level: Level; maxBitrate: number; maxFramerate: number; scale: number }>

const FULL_BITS = 200_000
/** Five small pictures a second still show a hand that points or a face that nods. */
const MOVING_BITS = 12_000
/** A level is left upwards only a little above where it was entered, so that it does not flicker. */
const ABOVE = 1.2

/** `was`: the level before. */
export function pictureFor(bits: number, was: Level): Picture {
  const reaches = (limit: number, above: readonly Level[]): boolean =>
    bits >= (above.includes(was) ? limit : limit * ABOVE)
  if (reaches(FULL_BITS, ['full'])) return { level: 'full', maxBitrate: bits, maxFramerate: 24, scale: 1 }
  if (reaches(MOVING_BITS, ['full', 'reduced'])) {
    const maxFramerate = bits >= 60_000 ? 20 : bits >= 40_000 ? 15 : bits >= 20_000 ? 10 : 5
    return { level: 'reduced', maxBitrate: bits, maxFramerate, scale: 2 }
  }
  if (reaches(STILL_BITS, ['full', 'reduced', 'still']))
    return { level: 'still', maxBitrate: bits, maxFramerate: 1, scale: 2 }
  return { level: 'off', maxBitrate: STILL_BITS, maxFramerate: 1, scale: 2 }
}

export const SMALL_BITS = 100_000
const ONE_OF_FEW_BITS = 20_000
/** Where both are wished for and there is less than this, the small one serves for both. */
const BOTH_BITS = 150_000

/** A camera's two lines: what is sent on each of what somebody wishes for. */
export function layersFor(bits: number, wanted: { large: boolean; small: boolean }): { large: number; small: number } {
  if (!wanted.small) return { large: wanted.large ? bits : 0, small: 0 }
  if (!wanted.large || bits < BOTH_BITS) return { large: 0, small: Math.min(SMALL_BITS, bits) }
  const small = Math.min(SMALL_BITS, Math.round(bits / 3))
  return { large: bits - small, small }
}

/** How many pictures a line takes: of few each adapts to it, of many they come as they are. */
export function picturesFor(bits: number, few: boolean): { large: boolean; count: number } {
  if (few) return { large: true, count: Math.max(1, Math.floor(bits / ONE_OF_FEW_BITS)) }
  const large = bits >= MOST_BITS
  return { large, count: (large ? 1 : 0) + Math.floor((bits - (large ? MOST_BITS : 0)) / SMALL_BITS) }
}

/**
 * What one picture may take of a line for `count`, which come at these rates: who sends less than half of his share, by his
 * own line or since he shows nothing, leaves it to the others.
 */
export function shareOf(bits: number, count: number, rates: readonly number[]): number {
  const fair = bits / Math.max(1, count)
  const full = rates.filter(rate => rate >= fair / 2).length
  const rest = rates.filter(rate => rate < fair / 2).reduce((sum, rate) => sum + rate, 0)
  return full === 0 ? fair : Math.max(fair, (bits - rest) / full)
}

/** Longest wait of each direction's last messages, from the times of questions and answers; clocks need not agree. */
export class Delays {
  private readonly echoes: { at_ms: number; up: number; down: number }[] = []

  heard(e: { mark: number; hub_ms: number; back_ms: number }): void {
    this.echoes.push({ at_ms: e.back_ms, up: e.hub_ms - e.mark, down: e.back_ms - e.hub_ms })
    while (this.echoes.length > KEPT) this.echoes.shift()
  }

  /** What the way there and back takes at its best; null: nothing was heard yet. */
  get best_ms(): number | null {
    if (this.echoes.length === 0) return null
    return this.least('up') + this.least('down')
  }

  waits(way: 'up' | 'down', since_ms: number): readonly number[] {
    const least = this.least(way)
    return this.echoes.filter(e => e.at_ms >= since_ms).map(e => e[way] - least)
  }

  private least(way: 'up' | 'down'): number {
    return Math.min(...this.echoes.map(e => e[way]))
  }
}

const KEPT = 240

type Kind = { readonly readings: { ms: number; at_ms: number }[]; least: number; fellAt_ms: number }

/**
 * The connections' round trips, of several kinds that differ at their best: how much longer than at their best of the last
 * minute (a line may have become a longer one) the last took.
 */
export class Trips {
  private readonly kinds = new Map<string, Kind>()

  heard(name: string, rtt_ms: number, now_ms: number): void {
    const kind = this.kinds.get(name) ?? { readings: [], least: Number.POSITIVE_INFINITY, fellAt_ms: now_ms }
    this.kinds.set(name, kind)
    if (kind.readings.at(-1)?.ms === rtt_ms) return // the same one, looked at again
    kind.readings.push({ ms: rtt_ms, at_ms: now_ms })
    while ((kind.readings[0]?.at_ms ?? now_ms) < now_ms - LEAST_WITHIN_MS) kind.readings.shift()
    if (rtt_ms < kind.least - FALLS_MS) kind.fellAt_ms = now_ms
    kind.least = Math.min(...kind.readings.map(r => r.ms))
  }

  /** null: none is fresh. */
  wait_ms(now_ms: number): number | null {
    const waits = this.fresh(now_ms).map(k => lastOf(k).ms - k.least)
    return waits.length === 0 ? null : Math.max(...waits)
  }

  /** How long ago the newest was heard. */
  age_ms(now_ms: number): number {
    return Math.min(...this.fresh(now_ms).map(k => now_ms - lastOf(k).at_ms))
  }

  /** How long the best of each has stood: before that, what waited on the line is still draining. */
  settled_ms(now_ms: number): number {
    return Math.min(...this.fresh(now_ms).map(k => now_ms - k.fellAt_ms))
  }

  private fresh(now_ms: number): Kind[] {
    return [...this.kinds.values()].filter(k => now_ms - lastOf(k).at_ms < TRIP_FRESH_MS)
  }
}

const lastOf = (kind: Kind): { ms: number; at_ms: number } => kind.readings.at(-1) ?? { ms: 0, at_ms: 0 }

const LEAST_WITHIN_MS = 60_000
const FALLS_MS = 10
const TRIP_FRESH_MS = 3_500
