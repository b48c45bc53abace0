// The live wire of a page, as rules: which messages there are, which topics we hold and at which cursor, when a silent
// link is dead, how long to wait before the next try. No socket and no clock: live.ts moves the messages.
export type LiveEvent = Readonly<{
  id: number
  at: string
  topic: string
  kind: string
  subject: string
  org: string | null
  actor: string | null
  body: unknown
}>

/** `low`: somebody should make room. `full`: only alerts, readings and sign-off are saved. */
export type HubStorage = 'ok' | 'low' | 'full'

export type Incoming =
  | { type: 'ready'; topic: string; cursor: number; stream?: number; leads?: readonly string[]; fs?: number }
  | { type: 'event'; topic: string; event: LiveEvent }
  | { type: 'refused'; topic: string; code: string }
  | { type: 'ended'; topic: string } // a stream's recording is complete
  | { type: 'whisper'; topic: string; from: string; body: unknown }
  | { type: 'hub'; storage: HubStorage; free_mb: number } // how its disk stands; nothing was said: it is well
  | { type: 'pace'; every_ms: number } // how often this page may whisper what is fleeting: its line is narrow; 0: freely
  | { type: 'ticket'; ticket: string } // of this page's next socket: asked for before it is needed
  | { type: 'ping' }
  | { type: 'pong'; mark?: number; at_ms?: number }

const KNOWN: ReadonlySet<string> = new Set([
  'hub',
  'pace',
  'ticket',
  'ready',
  'event',
  'refused',
  'ended',
  'whisper',
  'ping',
  'pong',
])

/** null for what this version does not know: a newer server may say more. */
export function readMessage(text: string): Incoming | null {
  let told: unknown
  try {
    told = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof told !== 'object' || told === null || !('type' in told) || typeof told.type !== 'string') return null
  return KNOWN.has(told.type) ? (told as Incoming) : null
}

export const PING_EVERY_MS = 5_000
export const DEAD_AFTER_MS = 10_000
/** An answer that takes so long: the link is in doubt, a new one is begun beside it. */
export const PONG_LATE_MS = 2_500
/** The page's heart beats every second; after a longer pause it was asleep. */
const SLEPT_MS = 3_000
/** In a room a lost link is sought this often for a minute, in up to ATTEMPTS_MAX ways at a time: the oldest gives way. */
export const HURRY_MS = 800
export const HURRY_TRIES = 75
export const ATTEMPTS_MAX = 4
/** A way that has not led there by then is given up. */
export const ATTEMPT_MS = 8_000

export type Pulse = Readonly<{ now_ms: number; slept_ms: number; heardAt_ms: number; pingedAt_ms: number }>

/** What to think of a link by when it was last heard and asked. After a sleep it may first answer. */
export function verdictOn(p: Pulse): 'fine' | 'ask' | 'doubt' | 'dead' {
  if (p.slept_ms > SLEPT_MS) return 'ask'
  if (p.heardAt_ms >= p.pingedAt_ms || p.now_ms - p.pingedAt_ms <= PONG_LATE_MS) return 'fine'
  return p.now_ms - p.heardAt_ms > DEAD_AFTER_MS ? 'dead' : 'doubt'
}

const BACKOFF_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000] as const

/** Wait before try number `tries` (from 0), spread by `chance` in 0..1 so that a ward of pages does not knock at once. */
export function backoff_ms(tries: number, chance: number): number {
  const base = BACKOFF_MS[Math.min(tries, BACKOFF_MS.length - 1)] ?? 15_000
  return Math.round(base * (0.75 + chance * 0.5))
}

type Held = { cursor: number | null; ready: boolean; early: LiveEvent[] }

const EARLY_MAX = 5_000

/**
 * Where each topic stands. After a subscription the server sends what was missed and what is new side by side, then
 * `ready`: until then events wait here, and go on in order of id, each once. The cursor moves only with what went on,
 * so a link that breaks half-way loses nothing.
 */
export class Cursors {
  private readonly at = new Map<string, Held>()

  hold(topic: string, cursor: number | null): void {
    if (!this.at.has(topic)) this.at.set(topic, { cursor, ready: false, early: [] })
  }

  drop(topic: string): void {
    this.at.delete(topic)
  }

  /** The link is new: everything is subscribed again from its cursor. */
  again(): readonly { topic: string; cursor: number | null }[] {
    return [...this.at].map(([topic, held]) => {
      held.ready = false
      held.early = []
      return { topic, cursor: held.cursor }
    })
  }

  cursor(topic: string): number | null {
    return this.at.get(topic)?.cursor ?? null
  }

  /** The events that may be handled now, in order. */
  event(topic: string, event: LiveEvent): readonly LiveEvent[] {
    const held = this.at.get(topic)
    if (held === undefined) return []
    held.early.push(event)
    return held.ready || held.early.length > EARLY_MAX ? this.release(held) : []
  }

  ready(topic: string, cursor: number): readonly LiveEvent[] {
    const held = this.at.get(topic)
    if (held === undefined) return []
    held.ready = true
    const waited = this.release(held)
    held.cursor = Math.max(held.cursor ?? cursor, cursor)
    return waited
  }

  private release(held: Held): readonly LiveEvent[] {
    const waited = held.early.sort((a, b) => a.id - b.id)
    held.early = []
    return waited.filter(event => {
      if (held.cursor !== null && event.id <= held.cursor) return false
      held.cursor = event.id
      return true
    })
  }
}
