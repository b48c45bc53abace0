// Sound and picture of a room of three and more, over the hub's forwarder: two connections, one that sends and one that
// receives in slots laid once (docs/decisions/0022). What flows in a slot changes without negotiation; the hub says whose
// it is. A connection that failed is not mended: a new seat is taken beside it, and the old one goes when the new flows.
import { ApiError, api } from '../api/client'
import type { IceServer, MediaAnswer, MediaNews, MediaSeat, Wish } from '../api/types.gen'
import { layersFor, MOST_DOWN_BITS, pictureFor, picturesFor } from './budget'
import { type Flow, type Line, NO_FLOW } from './line'
import {
  bytesIn,
  type Counted,
  encodingOf,
  flowOf,
  flows,
  type Net,
  NOTHING_COUNTED,
  netOf,
  serversOf,
  setEncoding,
  type Tracks,
  VOICE,
} from './peer'
import { speakAs, voiced } from './voice'

export const PICTURE_SLOTS = 9
/** Of how many the one or two others' lines are asked how large a picture may be. */
const FEW = 3
/** With fewer, one late picture is a pause that is seen. */
const SMALL_HZ = 15
const AGAIN_MS = [200, 1_000, 2_000, 5_000, 10_000]
/** A seat over which nothing is to be seen is as good as one that flows, after this long. */
const QUIET_MS = 3_000
const LOOK_MS = 200
const HEALS_MS = 2_000
const WATCH_MS = 1_000
const QUIET_LOOKS = 3
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
  private wished: readonly Wish[] = []
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

  /** Take a seat; `given` came with the answer to entering. */
  async take(given: MediaSeat | null): Promise<void> {
    if (this.closed || this.taking !== null) return
    const over = new AbortController()
    this.taking = over
    this.askedAt_ms = performance.now()
    clearTimeout(this.timer)
    const ask: Ask = (what, body) => api.post(this.path(what), body, { signal: over.signal, timeout_ms: ASK_MS })
    try {
      const seat = given ?? (await ask<MediaSeat>('seat', {}))
      if (this.closed || over.signal.aborted) return
      this.next?.close()
      const place = new Place(seat, this.o, change => this.changed(place, change))
      this.next = place
      for (const news of this.early.splice(0)) place.heard(news)
      await Promise.all([place.receive(ask), place.send(ask)])
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

  private async tellWishes(place: Place): Promise<void> {
    await api.post(this.path('watch'), { seat: place.seat, wishes: this.wished })
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

  private again(): void {
    if (this.closed || !this.o.linked()) return // `kick` comes with the link
    clearTimeout(this.timer)
    const wait_ms = AGAIN_MS[Math.min(this.tries, AGAIN_MS.length - 1)]
    this.tries += 1
    this.timer = setTimeout(() => void this.take(null), wait_ms)
  }
}

/**
 * The small picture's own copy of what is sent. Senders that share a track all get the fewest frames that any of them asks
 * for (Chromium adapts a source to the smallest wish of its sinks): the small picture's few a second would hold for the large.
 */
export class SmallTrack {
  private source: MediaStreamTrack | null = null
  private copy: MediaStreamTrack | null = null

  /** The copy of `track`; an earlier one is stopped, since a copy keeps the camera on. */
  of(track: MediaStreamTrack | null): MediaStreamTrack | null {
    if (track !== this.source) {
      this.copy?.stop()
      this.source = track
      this.copy = track?.clone() ?? null
    }
    return this.copy
  }
}

type Ask = <T>(what: string, body: unknown) => Promise<T>

/** One seat: its two connections. */
class Place {
  readonly seat: string
  private readonly receiving: RTCPeerConnection
  private readonly sending: RTCPeerConnection
  private readonly pictures: (MediaStream | null)[] = Array(PICTURE_SLOTS).fill(null)
  private readonly sounds: HTMLAudioElement[] = []
  private shown: readonly (string | null)[] = []
  private wanted = { large: true, small: false }
  private readonly small = new SmallTrack()
  private flows = false
  private closed = false
  private heardBytes = 0
  private quiet = 0
  private connectedAt_ms: number | null = null
  private healing: ReturnType<typeof setTimeout> | undefined
  private counted: Counted = NOTHING_COUNTED
  private readonly looking: ReturnType<typeof setInterval>

  constructor(
    private readonly given: MediaSeat,
    private readonly o: Options,
    private readonly tell: (change: 'state' | 'flows' | 'failed') => void,
  ) {
    this.seat = given.seat
    const config = { iceServers: serversOf(o.iceServers) }
    this.receiving = new RTCPeerConnection(config)
    this.sending = new RTCPeerConnection(config)
    this.receiving.ontrack = event => this.laid(event)
    for (const pc of [this.receiving, this.sending]) pc.onconnectionstatechange = () => this.changed(pc)
    this.looking = setInterval(() => void this.look(), LOOK_MS)
    addEventListener('pointerdown', this.play)
    addEventListener('keydown', this.play)
  }

  get stands(): boolean {
    return this.receiving.connectionState === 'connected' && this.sending.connectionState === 'connected'
  }

  /** True once, when the forwarder, which speaks on the sending connection each second, is heard no more. */
  async isSilent(): Promise<boolean> {
    const bytes = await bytesIn(this.sending)
    this.quiet = bytes > this.heardBytes ? 0 : this.quiet + 1
    this.heardBytes = bytes
    return this.quiet === QUIET_LOOKS
  }

  /** Whether anything still comes from the forwarder. */
  async lives(): Promise<boolean> {
    return this.stands && (await flows(this.sending))
  }

  async receive(ask: Ask): Promise<void> {
    await this.receiving.setRemoteDescription({ type: 'offer', sdp: this.given.offer })
    // No waiting for candidates: the forwarder hears of them by their checks.
    await this.receiving.setLocalDescription()
    await ask('answer', { seat: this.seat, sdp: this.receiving.localDescription?.sdp ?? '' })
  }

  async send(ask: Ask): Promise<void> {
    const { audio, video } = this.o.tracks()
    this.sending.addTransceiver(audio ?? 'audio', { direction: 'sendonly', sendEncodings: [VOICE] })
    // Two plain lines in place of simulcast. The caps must be in force before the first frame.
    const [own, copy] = [video ?? 'video', this.small.of(video) ?? 'video']
    for (const [i, encoding] of this.encodings().entries())
      this.sending.addTransceiver(i === 0 ? own : copy, { direction: 'sendonly', sendEncodings: [encoding] })
    await this.sending.setLocalDescription()
    const sdp = this.sending.localDescription?.sdp ?? ''
    const answer = await ask<MediaAnswer>('publish', { seat: this.seat, sdp })
    if (this.closed) return
    await this.sending.setRemoteDescription({ type: 'answer', sdp: voiced(answer.sdp, this.o.line.voice()) })
    await this.show()
  }

  heard(news: MediaNews): void {
    if (news.say === 'slots') this.shown = news.picture ?? []
    else if (news.say === 'wanted') {
      this.wanted = { large: news.large === true, small: news.small === true }
      void this.show()
    }
  }

  pictureOf(account: string): MediaStream | null {
    return this.pictures[this.shown.indexOf(account)] ?? null
  }

  async replace(tracks: Tracks): Promise<void> {
    const own = [tracks.audio, tracks.video, this.small.of(tracks.video)]
    for (const [i, sender] of this.sending.getSenders().entries()) {
      const track = own[i] ?? null
      if (sender.track !== track) await sender.replaceTrack(track).catch(() => undefined)
    }
  }

  async net(): Promise<Net | null> {
    const { net, counted } = await netOf(this.receiving, this.counted)
    this.counted = counted
    return net
  }

  close(): void {
    this.closed = true
    this.small.of(null)
    clearInterval(this.looking)
    clearTimeout(this.healing)
    removeEventListener('pointerdown', this.play)
    removeEventListener('keydown', this.play)
    for (const sound of this.sounds) sound.srcObject = null
    for (const pc of [this.receiving, this.sending]) {
      pc.onconnectionstatechange = null
      pc.close()
    }
  }

  private laid(event: RTCTrackEvent): void {
    const stream = new MediaStream([event.track])
    const slot = Number(event.transceiver.mid?.slice(1))
    if (event.track.kind === 'video') {
      this.pictures[slot] = stream
      event.track.onunmute = () => this.tell('state')
      return
    }
    const sound = new Audio()
    sound.srcObject = stream
    this.sounds.push(sound)
    this.play()
  }

  /** Without a gesture on this page the browser keeps it silent: the next click or key lets it sound. */
  private readonly play = (): void => {
    for (const sound of this.sounds) if (sound.paused) sound.play().catch(() => undefined)
  }

  /** Only what somebody looks at leaves this computer, and of that as much as the lines bear. */
  private encodings(): readonly RTCRtpEncodingParameters[] {
    const { line } = this.o
    const few = this.o.others() <= FEW
    const bits = layersFor(few ? Math.min(line.up_bits, line.least_bits) : line.up_bits, this.wanted)
    const large = encodingOf(pictureFor(bits.large, 'reduced'))
    const small = encodingOf(pictureFor(bits.small, 'reduced'))
    return [
      large,
      { ...small, maxFramerate: Math.min(SMALL_HZ, small.maxFramerate ?? SMALL_HZ), scaleResolutionDownBy: 3 },
    ]
  }

  async show(): Promise<void> {
    const [, ...senders] = this.sending.getSenders()
    const encodings = this.encodings()
    await Promise.all(senders.map((sender, i) => setEncoding(sender, encodings[i])))
  }

  async pack(): Promise<void> {
    if (!this.closed && this.sending.connectionState === 'connected')
      await speakAs(this.sending, this.o.line.voice()).catch(error => console.info('room.voice', error))
  }

  async flow(): Promise<Flow> {
    if (this.closed) return NO_FLOW
    const [sent, got] = await Promise.all([flowOf(this.sending), flowOf(this.receiving)])
    const { gotVideo, got: came, lost } = got
    const trips: Record<string, number> = { ...sent.trips }
    if (got.trips.pair !== undefined) trips.down = got.trips.pair
    return { ...sent, gotVideo, got: came, lost, trips }
  }

  /** Until the first picture has been decoded. */
  private async look(): Promise<void> {
    if (!this.stands || this.flows) return
    this.connectedAt_ms ??= performance.now()
    let decoded = false
    const stats = await this.receiving.getStats()
    stats.forEach((s: unknown) => {
      const row = s as { type?: string; framesDecoded?: number }
      decoded ||= row.type === 'inbound-rtp' && (row.framesDecoded ?? 0) > 0
    })
    if (this.closed || this.flows || (!decoded && performance.now() - this.connectedAt_ms < QUIET_MS)) return
    this.flows = true
    clearInterval(this.looking)
    this.tell('flows')
  }

  private changed(pc: RTCPeerConnection): void {
    const is = pc.connectionState
    clearTimeout(this.healing)
    // A short cut heals by itself; a longer one, once the hub is heard again, costs less by a new seat.
    if (is === 'disconnected')
      this.healing = setTimeout(() => {
        if (!this.stands) this.tell('failed')
      }, HEALS_MS)
    this.tell(is === 'failed' || is === 'closed' ? 'failed' : 'state')
  }
}
