// Messages stored at the hub and those still on their way, as one list; pages of stored ones as one row. Pure.
import type { Attachment, Message, Messages } from '../api/types.gen'

export type Outgoing = Readonly<{
  client_id: string
  text: string
  at: string
  mentions: readonly string[]
  roles: readonly string[]
  files: readonly Attachment[]
  quote: Message['quote']
  state: 'sending' | 'sent' | 'waiting' | 'failed' // waiting: for the hub to be reached
}>
export type Line = { kind: 'stored'; message: Message } | { kind: 'outgoing'; message: Outgoing }

/** What the hub has is shown as the hub has it; the rest follows in the order it was written. */
export function merged(stored: readonly Message[], outgoing: readonly Outgoing[], me: string): readonly Line[] {
  const there = new Set(stored.filter(m => m.author === me).map(m => m.client_id))
  return [
    ...stored.map(message => ({ kind: 'stored' as const, message })),
    ...outgoing.filter(o => !there.has(o.client_id)).map(message => ({ kind: 'outgoing' as const, message })),
  ]
}

export type Shown = Readonly<{ messages: readonly Message[]; readers: Messages['readers']; more: boolean }>

/** The newest page put to what is shown: each message once, in the hub's order, as it is now. */
export function withNewest(shown: Shown | null, page: Messages): Shown {
  const last = shown?.messages.at(-1)
  const first = page.messages[0]
  // So much is new that something between is not known: begin from the newest again.
  const isGap = last !== undefined && first !== undefined && page.more && first.seq > last.seq
  if (shown === null || isGap || first === undefined) return page
  const earlier = shown.messages.filter(m => m.seq < first.seq)
  return {
    messages: [...earlier, ...page.messages],
    readers: page.readers,
    more: earlier.length > 0 ? shown.more : page.more,
  }
}

export const withEarlier = (shown: Shown, page: Messages): Shown => {
  const first = shown.messages[0]?.seq ?? Number.POSITIVE_INFINITY
  return { ...shown, messages: [...page.messages.filter(m => m.seq < first), ...shown.messages], more: page.more }
}

/** Somebody has read up to a message; null: he or the message is not known here, so the hub must be asked. */
export function withRead(shown: Shown, account: string, id: string): Shown | null {
  const seq = shown.messages.find(m => m.id === id)?.seq
  if (seq === undefined || !shown.readers.some(r => r.account === account)) return null
  const on = (far: number): number => Math.max(far, seq)
  const readers = shown.readers.map(r =>
    r.account === account ? { ...r, read: on(r.read), received: on(r.received) } : r,
  )
  return { ...shown, readers }
}

export type Piece = Readonly<{ text: string; isName: boolean }>

/** A text cut at the @names it was sent with, so that they can be set off. It stays text. */
export function pieces(text: string, names: readonly string[]): readonly Piece[] {
  const marks = names.filter(n => n !== '').map(n => `@${n}`)
  const found: Piece[] = []
  let rest = text
  while (rest !== '') {
    const at = marks.map(mark => ({ mark, i: rest.indexOf(mark) })).filter(x => x.i >= 0)
    const next = at.sort((a, b) => a.i - b.i || b.mark.length - a.mark.length)[0]
    if (next === undefined) return [...found, { text: rest, isName: false }]
    if (next.i > 0) found.push({ text: rest.slice(0, next.i), isName: false })
    found.push({ text: next.mark, isName: true })
    rest = rest.slice(next.i + next.mark.length)
  }
  return found
}
