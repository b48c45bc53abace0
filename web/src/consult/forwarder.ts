// Sound and picture of a room of three and more, over the hub's forwarder, by a seat there (place.ts). What flows in a
// seat's slot changes without negotiation; the hub says whose it is. A seat that failed is not mended: a new one is taken
// beside it, and the old one goes when the new flows.
import { ApiError, api } from '../api/client'
import type { IceServer, MediaNews, MediaSeat, Wish } from '../api/types.gen'
import { goAhead } from '../live/gather'
import { MOST_DOWN_BITS, picturesFor } from './budget'
import { type Flow, type Line, NO_FLOW } from './line'
import type { Net, Tracks } from './peer'
import { type Ask, FEW, PICTURE_SLOTS, Place, type Sitter } from './place'

const AGAIN_MS = [200, 1_000, 2_000, 5_000, 10_000]
const WATCH_MS = 1_000
const ASK_MS = 6_000
/** So long a seat that was just asked for has to come about. */
const YOUNG_MS = 1_000
const LEAD_MS = 2_000

/** What the person should read; the rest mends itself by the next try. */
const IN_WORDS: ReadonlySet<string> = new Set([
  'consult.media_full',
  'consult.media_too_often',
  'consult.media_refused',
])

type Options = Readonly<{
  consult: string
  iceServers: readonly IceServer[]
  tracks: () => Tracks
  /** Whether the hub is heard now. */
  linked: () => boolean
  line: Line
  /** How many others are in the room. */
  others: () => number
  onChange: () => void
  /** Nothing comes any more: the line may be cut. */
  onSilent: () => void
  /** The first picture over the forwarder, or quiet: what was direct may go. */
  onFlow: () => void
}>

/** null for what is not whole. Only the hub's own whispers (`from` empty) are read. */
export function readNews(from: string, body: unknown): MediaNews | null {
  if (from !== '' || typeof body !== 'object' || body === null || !('kind' in body) || body.kind !== 'media')
    return null
  return body as MediaNews
}

/** Whom to ask for, and how big: few large, of many only the one who speaks; as many as the line takes. */
export function wishes(accounts: readonly string[], lead: string | null, bits = MOST_DOWN_BITS): readonly Wish[] {
  const few = accounts.length <= FEW
  const large = lead !== null && accounts.includes(lead) ? lead : accounts[0]
  const first = accounts.filter(a => a === large).concat(accounts.filter(a => a !== large))
  const takes = picturesFor(bits, few)
  return first
    .slice(0, Math.min(PICTURE_SLOTS, takes.count))
    .map(account => ({ account, layer: takes.large && (few || account === large) ? 'large' : 'small' }))
}

export type Lead = Readonly<{ account: string | null; heardAt_ms: number }>
export const NO_LEAD: Lead = { account: null, heardAt_ms: Number.NEGATIVE_INFINITY }

/** Who is shown large: he keeps it through others' short words, since each change costs a key frame. */
export function leadAfter(lead: Lead, speakers: readonly string[], now_ms: number): Lead {
  const first = speakers[0]
  if (first === undefined) return lead
  if (first === lead.account || now_ms - lead.heardAt_ms > LEAD_MS) return { account: first, heardAt_ms: now_ms }
  return lead
}

export class Forwarder {
  /** Who has a seat now. */
  here: ReadonlySet<string> = new Set()
  speakers: readonly string[] = []
  lead: Lead = NO_LEAD
  /** Why there is no seat for this page; null: there is one, or there may be one in a moment. */
  refused: ApiError | null = null
  private now: Place | null = null
  private next: Place | null = null
  /** null: nothing has been said; the hub begins with what a newcomer mostly wishes for. */
  private wished: readonly Wish[] | null = null
  private tries = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private taking: AbortController | null = null
  private askedAt_ms = Number.NEGATIVE_INFINITY
  private looking = false
  private closed = false
  private readonly early: MediaNews[] = []
  private readonly watching: ReturnType<typeof setInterval>

  constructor(private readonly o: Options) {
    this.watching = setInterval(() => void this.listen(), WATCH_MS)
  }

  private async listen(): Promise<void> {
    if ((await this.now?.isSilent()) === true) this.o.onSilent()
  }

  /** Take a seat; `given` came with the answer to entering, and is `held` where the lobby had laid it. */
  async take(given: MediaSeat | null, held: Place | null = null): Promise<void> {
    if (this.closed || this.taking !== null) return held?.close()
    const over = new AbortController()
    this.taking = over
    this.askedAt_ms = performance.now()
    clearTimeout(this.timer)
    const ask: Ask = (what, body) => api.post(this.path(what), body, { signal: over.signal, timeout_ms: ASK_MS })
    try {
      const asked = given ?? ask<MediaSeat>('seat', {})
      goAhead(Promise.resolve(asked))
      const seat = await asked
      if (this.closed || over.signal.aborted) return
      this.next?.close()
      const { tracks, line, others } = this.o
      const sitter: Sitter = { ask: this.ask, tracks, line, others, tell: change => this.changed(place, change) }
      const place: Place = held ?? new Place(seat, this.o.iceServers, sitter)
      this.next = place
      for (const news of this.early.splice(0)) place.heard(news)
      const laid = Promise.all([place.lay(ask), held?.sit(sitter)])
      goAhead(laid)
      await laid
      this.refused = null
      await this.tellWishes(place)
    } catch (error) {
      if (over.signal.aborted) return
      console.info('room.seat', error)
      if (error instanceof ApiError && IN_WORDS.has(error.code)) this.refused = error
      this.o.onChange()
      this.again()
    } finally {
      if (this.taking === over) this.taking = null
    }
  }

  heard(news: MediaNews): void {
    if (news.say === 'engine') {
      this.tries = 0
      void this.take(null)
    } else if (news.say === 'members') this.here = new Set(news.accounts ?? [])
    else if (news.say === 'speakers') {
      this.speakers = news.accounts ?? []
      this.lead = leadAfter(this.lead, this.speakers, performance.now())
    } else if (this.now?.seat === news.seat) this.now?.heard(news)
    else if (this.next?.seat === news.seat) this.next?.heard(news)
    else if (this.taking !== null) this.early.push(news) // of a seat whose request is still on its way back
    this.o.onChange()
  }

  /** The link to the hub is back, or the network is another: what did not survive it is replaced at once. */
  async kick(): Promise<void> {
    if (this.looking) return
    this.looking = true
    const lives = this.now !== null && (await this.now.lives())
    this.looking = false
    const isYoung = performance.now() - this.askedAt_ms < YOUNG_MS && (this.taking !== null || this.next !== null)
    if (lives || this.closed || isYoung) return
    this.tries = 0
    this.taking?.abort() // a question of before the cut may wait long for its answer
    this.taking = null
    void this.take(null)
  }

  get stands(): boolean {
    return this.now?.stands === true
  }

  pictureOf(account: string): MediaStream | null {
    return this.now?.pictureOf(account) ?? this.next?.pictureOf(account) ?? null
  }

  watch(wished: readonly Wish[]): void {
    if (JSON.stringify(wished) === JSON.stringify(this.wished)) return
    this.wished = wished
    for (const place of [this.now, this.next]) if (place !== null) void this.tellWishes(place).catch(() => undefined)
  }

  async replace(tracks: Tracks): Promise<void> {
    await Promise.all([this.now?.replace(tracks), this.next?.replace(tracks)])
  }

  /** The picture as the lines bear it now. */
  async show(): Promise<void> {
    await Promise.all([this.now?.show(), this.next?.show()])
  }

  async pack(): Promise<void> {
    await Promise.all([this.now?.pack(), this.next?.pack()])
  }

  async flow(): Promise<Flow> {
    return (await this.now?.flow()) ?? NO_FLOW
  }

  async net(): Promise<Net | null> {
    return (await this.now?.net()) ?? null
  }

  close(): void {
    this.closed = true
    clearTimeout(this.timer)
    clearInterval(this.watching)
    this.taking?.abort()
    this.now?.close()
    this.next?.close()
  }

  private path(what: string): string {
    return `/api/consults/${encodeURIComponent(this.o.consult)}/media/${what}`
  }

  private readonly ask: Ask = (what, body) => api.post(this.path(what), body, { timeout_ms: ASK_MS })

  private async tellWishes(place: Place): Promise<void> {
    if (this.wished !== null) await place.wish(this.wished)
  }

  private changed(place: Place, change: 'state' | 'flows' | 'failed'): void {
    if (change === 'flows' && place === this.next) {
      this.now?.close()
      this.now = place
      this.next = null
      this.tries = 0
      this.o.onFlow()
    }
    if (change === 'failed' && (place === this.next || (place === this.now && this.next === null))) this.again()
    this.o.onChange()
  }

  /** On a full line two seats would send everything twice: the one that flows after all is kept, and no other taken. */
  private async retry(): Promise<void> {
    if ((await this.now?.lives()) !== true) return this.take(null)
    if (this.taking !== null) return
    this.next?.close()
    this.next = null
    this.tries = 0
  }

  private again(): void {
    if (this.closed || !this.o.linked()) return // `kick` comes with the link
    clearTimeout(this.timer)
    const wait_ms = AGAIN_MS[Math.min(this.tries, AGAIN_MS.length - 1)]
    this.tries += 1
    this.timer = setTimeout(() => void this.retry(), wait_ms)
  }
}
