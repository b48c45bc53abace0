// Questions pinned on the trace (READ-22): a message with a place in the recording. Which one is being written, which are
// there, and where one of them stands; the thread and the paper beside it share this.
import { signal } from '@preact/signals'
import type { Message } from '../api/types.gen'

export type Quote = NonNullable<Message['quote']>
export type Pins = ReturnType<typeof createPins>

/** So much before and after the place that was clicked: a beat and what is around it. */
const AROUND_S = 0.4
const WORDS_SHOWN = 18

export function createPins(recording: string) {
  return {
    recording,
    /** The place of the question that is being written; null: an ordinary message. */
    asked: signal<Quote | null>(null),
    /** The next click on the paper chooses the place. */
    placing: signal(false),
    /** What the thread shows, the oldest first. */
    messages: signal<readonly Message[]>([]),
    /** Whose place is looked for. */
    sought: signal<Quote | null>(null),
  }
}

export function quoteAround(recording: string, lead: string, sample: number, fs: number, samples: number): Quote {
  const half = Math.round(AROUND_S * fs)
  const first = Math.max(0, Math.round(sample) - half)
  return { recording, lead, first, end: Math.max(first + 1, Math.min(samples, Math.round(sample) + half)) }
}

export const samePlace = (a: Quote, b: Quote): boolean =>
  a.recording === b.recording && a.lead === b.lead && a.first === b.first && a.end === b.end

export type Pinned = Readonly<{ quote: Quote; id: string; by: string; words: string; answers: number }>

/** One for each place: the first message there, cut short, and how many answered it in the same place. */
export function pinnedOf(messages: readonly Message[], recording: string): readonly Pinned[] {
  const found: Pinned[] = []
  for (const m of messages) {
    if (m.quote === null || m.withdrawn_at !== null || m.quote.recording !== recording) continue
    const { quote } = m
    const at = found.findIndex(p => samePlace(p.quote, quote))
    const before = found[at]
    const words = m.text.length > WORDS_SHOWN ? `${m.text.slice(0, WORDS_SHOWN)}…` : m.text
    if (before === undefined) found.push({ quote, id: m.id, by: m.author_name, words, answers: 0 })
    else found[at] = { ...before, answers: before.answers + 1 }
  }
  return found
}
