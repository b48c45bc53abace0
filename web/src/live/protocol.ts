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

export type Incoming =
  | { type: 'ready'; topic: string; cursor: number; stream?: number; leads?: readonly string[]; fs?: number }
  | { type: 'event'; topic: string; event: LiveEvent }
  | { type: 'refused'; topic: string; code: string }
  | { type: 'whisper'; topic: string; from: string; body: unknown }
  | { type: 'ping' }
  | { type: 'pong' }

const KNOWN: ReadonlySet<string> = new Set(['ready', 'event', 'refused', 'whisper', 'ping', 'pong'])

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
const BACKOFF_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000] as const

/** Wait before try number `tries` (from 0), spread by `chance` in 0..1 so that a ward of pages does not knock at once. */
export function backoff_ms(tries: number, chance: number): number {
  const base = BACKOFF_MS[Math.min(tries, BACKOFF_MS.length - 1)] ?? 15_000
  return Math.round(base * (0.75 + chance * 0.5))
}

/** Where each topic stands. An event at or below the cursor was handled before the link broke: told once only. */
export class Cursors {
  private readonly at = new Map<string, number | null>()

  hold(topic: string, cursor: number | null): void {
    if (!this.at.has(topic)) this.at.set(topic, cursor)
  }

  drop(topic: string): void {
    this.at.delete(topic)
  }

  topics(): readonly { topic: string; cursor: number | null }[] {
    return [...this.at].map(([topic, cursor]) => ({ topic, cursor }))
  }

  cursor(topic: string): number | null {
    return this.at.get(topic) ?? null
  }

  /** The server's cursor at subscription counts only where we had none. */
  ready(topic: string, cursor: number): void {
    if (this.at.has(topic) && this.at.get(topic) === null) this.at.set(topic, cursor)
  }

  /** True when the event is new and ours to handle. */
  take(topic: string, id: number): boolean {
    const held = this.at.get(topic)
    if (held === undefined) return false
    if (held !== null && id <= held) return false
    this.at.set(topic, id)
    return true
  }
}
