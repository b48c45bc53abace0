// The stage of a film: what was whispered then, said again to the same readers as in the room. Backwards: begin anew.
import { batch, signal } from '@preact/signals'
import type { SharedView, StageWord } from '../api/types.gen'
import type { PeerPointer } from '../ecg'
import type { Listener } from '../live/live'
import type { Seat } from './link'
import { openShared } from './shared'
import type { TalkLine } from './talkline'
import { readView } from './view'

export type Replay = ReturnType<typeof openReplay>

export function openReplay(words: readonly StageWord[], nameOf: (account: string) => string) {
  const heard = new Set<Listener>()
  const line: TalkLine = {
    subscribe: (_topic, _cursor, listener) => {
      heard.add(listener)
      return () => heard.delete(listener)
    },
    whisper: () => undefined, // nobody hears what is done before a film
  }
  const shared = openShared('', '', () => undefined, line)
  const view = signal<SharedView | null>(null)
  const pointers = signal<readonly PeerPointer[]>([])
  const seats = signal<readonly Seat[]>([])
  let next = 0

  const say = ({ by, said }: StageWord): void => {
    for (const listener of heard) listener.whisper?.(by, said)
    if (typeof said !== 'object' || said === null || !('kind' in said)) return
    if (said.kind === 'view') {
      const told = readView(said)
      if (told !== null && (told.rev ?? 0) >= (view.peek()?.rev ?? 0)) view.value = told
    }
    if (said.kind !== 'pointer' && said.kind !== 'bye') return
    const others = pointers.peek().filter(p => p.id !== by)
    const { lead, sample } = said as { lead?: unknown; sample?: unknown }
    pointers.value =
      typeof lead === 'string' && typeof sample === 'number'
        ? [...others, { id: by, name: nameOf(by), lead, strip: false, sample }]
        : others
  }
  /** Say all up to this moment of the film that has not been said. */
  const to = (ms: number): void =>
    batch(() => {
      for (let word = words[next]; word !== undefined && word.ms <= ms; word = words[next]) {
        next += 1
        say(word)
      }
    })
  const link = { view, pointers, seats, sendView: () => undefined, sendPointer: () => undefined }
  return { shared, link, to }
}

export type Piece = Readonly<{ account: string; name: string; first_ms: number; last_ms: number }>

/** Everybody's piece of this moment, in the order of the first appearance; null: he is not there. */
export function piecesAt<P extends Piece>(
  parts: readonly P[],
  ms: number,
): readonly Readonly<{ of: P; now: P | null }>[] {
  const first = new Map<string, P>()
  for (const part of parts) if (!first.has(part.account)) first.set(part.account, part)
  return [...first.values()].map(of => ({
    of,
    // Of two pieces that overlap (he moved to another seat) the later.
    now: parts.findLast(p => p.account === of.account && p.first_ms <= ms && ms < p.last_ms) ?? null,
  }))
}
