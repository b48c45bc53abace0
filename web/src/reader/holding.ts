// Signing with ten seconds to think again. Pure: who is held, who is due, what undo takes back, in what order.
// A critical report is never held; a failed one stays until it is signed again or opened.
import type { SignReport } from '../api/types.gen'

export const HOLD_MS = 10_000

export type Held = Readonly<{
  recording: string
  who: string
  body: SignReport
  key: string // idempotency key: the same for every try, so that it is signed once
  state: { kind: 'held'; due_ms: number } | { kind: 'sending' } | { kind: 'failed'; error: unknown }
}>

export type Wish = Omit<Held, 'state'>

export const holdFor = (wish: Wish, at_ms: number): number => (wish.body.grade === 'critical' ? at_ms : at_ms + HOLD_MS)

/** A report held twice is held once, with the newer words. */
export const hold = (all: readonly Held[], wish: Wish, at_ms: number): readonly Held[] => [
  ...all.filter(h => h.recording !== wish.recording),
  { ...wish, state: { kind: 'held', due_ms: holdFor(wish, at_ms) } },
]

export const due = (all: readonly Held[], at_ms: number): readonly Held[] =>
  all.filter(h => h.state.kind === 'held' && h.state.due_ms <= at_ms)

/** When to look again, or null. */
export function nextDue_ms(all: readonly Held[]): number | null {
  const times = all.flatMap(h => (h.state.kind === 'held' ? [h.state.due_ms] : []))
  return times.length === 0 ? null : Math.min(...times)
}

/** The last one that can still be taken back. What is on its way is signed. */
export function undo(all: readonly Held[]): { taken: Held | null; left: readonly Held[] } {
  const taken = all.findLast(h => h.state.kind === 'held') ?? null
  return { taken, left: taken === null ? all : all.filter(h => h !== taken) }
}

const put = (all: readonly Held[], recording: string, state: Held['state']): readonly Held[] =>
  all.map(h => (h.recording === recording ? { ...h, state } : h))

export const sending = (all: readonly Held[], recording: string): readonly Held[] =>
  put(all, recording, { kind: 'sending' })
export const failed = (all: readonly Held[], recording: string, error: unknown): readonly Held[] =>
  put(all, recording, { kind: 'failed', error })
export const signed = (all: readonly Held[], recording: string): readonly Held[] =>
  all.filter(h => h.recording !== recording)
