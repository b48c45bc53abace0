// Messages stored at the hub and those still on their way, as one list. Pure.
import type { Message } from '../api/types.gen'
import { me } from './me'

export type Outgoing = Readonly<{ client_id: string; text: string; at: string; state: 'sending' | 'sent' | 'failed' }>
export type Line = Outgoing & Readonly<{ author: string; author_name: string }>

/** What the hub has is shown as the hub has it; the rest follows in the order it was written. */
export function merged(stored: readonly Message[], outgoing: readonly Outgoing[]): readonly Line[] {
  const there = new Set(stored.map(m => m.client_id))
  const mine = { author: me.peek()?.id ?? '', author_name: me.peek()?.name ?? '' }
  return [
    ...stored.map(m => ({
      client_id: m.client_id,
      text: m.text,
      at: m.at,
      state: 'sent' as const,
      author: m.author,
      author_name: m.author_name,
    })),
    ...outgoing.filter(o => !there.has(o.client_id)).map(o => ({ ...o, ...mine })),
  ]
}
