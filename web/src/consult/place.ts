// A seat at the hub's forwarder: two connections, one that sends and one that receives in slots laid once
// (docs/decisions/0022). It may be laid before its person enters: it then sends nothing, and gets nothing, until it is
// sat on. Which seat is used when is forwarder.ts; one laid in the lobby, held.ts.
import type { IceServer, MediaAnswer, MediaNews, MediaSeat, Wish } from '../api/types.gen'
import { newestInTurn } from '../live/gather'
import { layersFor, pictureFor } from './budget'
import { type Flow, type Line, NO_FLOW } from './line'
import {
  bytesIn,
  type Counted,
  encodingOf,
  flowOf,
  grows,
  type Net,
  NOTHING_COUNTED,
  netOf,
  serversOf,
  setEncoding,
  type Tracks,
  VOICE,
} from './peer'
import { AT_ONCE, playoutAfter, type Voices } from './playout'
import { FIRST_VOICE, speakAs, voiced } from './voice'

export const PICTURE_SLOTS = 9
/** Of how many the one or two others' lines are asked how large a picture may be. */
export const FEW = 3
/** With fewer, one late picture is a pause that is seen. */
const SMALL_HZ = 15
/** A seat over which nothing is to be seen is as good as one that flows, after this long. */
const QUIET_MS = 3_000
const LOOK_MS = 200
const HEALS_MS = 2_000
const QUIET_LOOKS = 3

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

/** A question of one seat to the hub; raises ApiError. */
export type Ask = <T>(what: string, body: unknown) => Promise<T>

/** What a room gives to the seat one sits on. */
export type Sitter = Readonly<{
  ask: Ask
  tracks: () => Tracks
  line: Line
  /** How many others are in the room. */
  others: () => number
  tell: (change: 'state' | 'flows' | 'failed') => void
}>

/** One seat: its two connections. `sitter` null: laid, and not sat on yet. */
export class Place {
  readonly seat: string
  private laying: Promise<unknown> | null = null
  private readonly receiving: RTCPeerConnection
  private readonly sending: RTCPeerConnection
  private readonly pictures: (MediaStream | null)[] = Array(PICTURE_SLOTS).fill(null)
  private readonly sounds: HTMLAudioElement[] = []
  private readonly voices: RTCRtpReceiver[] = []
  private playout = AT_ONCE
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
  /** Round trips of the lobby, when nothing flowed: they say nothing of now. */
  private stale: Readonly<Record<string, number>> = {}
  private readonly looking: ReturnType<typeof setInterval>

  constructor(
    private readonly given: MediaSeat,
    iceServers: readonly IceServer[],
    private sitter: Sitter | null,
  ) {
    this.seat = given.seat
    const config = { iceServers: serversOf(iceServers) }
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

  /** One of its connections has ended, or is about to. */
  get isBroken(): boolean {
    const ended: readonly RTCPeerConnectionState[] = ['disconnected', 'failed', 'closed']
    return this.closed || [this.receiving, this.sending].some(pc => ended.includes(pc.connectionState))
  }

  /** Of the receiving connection: by which way it came. */
  stats(): Promise<RTCStatsReport> {
    return this.receiving.getStats()
  }

  /** Both connections described to the hub and back; asked again, the same. Raises ApiError. */
  lay(ask: Ask): Promise<unknown> {
    this.laying ??= Promise.all([this.receive(ask), this.send(ask)])
    return this.laying
  }

  /** What this page wants to see. One after another and the newest alone: two on their way at once may change places. */
  readonly wish = newestInTurn(async (wishes: readonly Wish[]) => {
    await this.sitter?.ask('watch', { seat: this.seat, wishes })
  })

  /** Its person has entered. The picture's caps are in force before the first frame. */
  async sit(sitter: Sitter): Promise<void> {
    const before = this.flow()
    this.sitter = sitter
    this.connectedAt_ms = null
    await this.show()
    await this.replace(sitter.tracks())
    await this.pack()
    this.stale = (await before).trips
  }

  /**
   * True once, when the forwarder is heard no more. On the sending connection it speaks each second, of which a full line
   * loses some; a voice or a picture on the other one is heard too.
   */
  async isSilent(): Promise<boolean> {
    const bytes = await bytesIn(this.sending, this.receiving)
    this.quiet = bytes > this.heardBytes ? 0 : this.quiet + 1
    this.heardBytes = bytes
    return this.quiet === QUIET_LOOKS
  }

  /** Whether anything still comes from the forwarder. */
  async lives(): Promise<boolean> {
    return this.stands && (await grows(() => bytesIn(this.sending, this.receiving)))
  }

  private async receive(ask: Ask): Promise<void> {
    await this.receiving.setRemoteDescription({ type: 'offer', sdp: this.given.offer })
    // No waiting for candidates: the forwarder hears of them by their checks.
    await this.receiving.setLocalDescription()
    await ask('answer', { seat: this.seat, sdp: this.receiving.localDescription?.sdp ?? '' })
  }

  private async send(ask: Ask): Promise<void> {
    const { audio, video } = this.sitter?.tracks() ?? { audio: null, video: null }
    this.sending.addTransceiver(audio ?? 'audio', { direction: 'sendonly', sendEncodings: [VOICE] })
    // Two plain lines in place of simulcast. The caps must be in force before the first frame.
    const [own, copy] = [video ?? 'video', this.small.of(video) ?? 'video']
    for (const [i, encoding] of this.encodings().entries())
      this.sending.addTransceiver(i === 0 ? own : copy, { direction: 'sendonly', sendEncodings: [encoding] })
    await this.sending.setLocalDescription()
    const sdp = this.sending.localDescription?.sdp ?? ''
    const answer = await ask<MediaAnswer>('publish', { seat: this.seat, sdp })
    if (this.closed) return
    await this.sending.setRemoteDescription({
      type: 'answer',
      sdp: voiced(answer.sdp, this.sitter?.line.voice() ?? FIRST_VOICE),
    })
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
      event.track.onunmute = () => this.sitter?.tell('state')
      return
    }
    const sound = new Audio()
    sound.srcObject = stream
    this.sounds.push(sound)
    this.voices.push(event.receiver)
    this.play()
  }

  /** Without a gesture on this page the browser keeps it silent: the next click or key lets it sound. */
  private readonly play = (): void => {
    for (const sound of this.sounds) if (sound.paused) sound.play().catch(() => undefined)
  }

  /** Only what somebody looks at leaves this computer, and of that as much as the lines bear. */
  private encodings(): readonly RTCRtpEncodingParameters[] {
    const bits = this.sitter === null ? { large: 0, small: 0 } : this.bitsFor(this.sitter)
    const large = encodingOf(pictureFor(bits.large, 'reduced'))
    const small = encodingOf(pictureFor(bits.small, 'reduced'))
    return [
      large,
      { ...small, maxFramerate: Math.min(SMALL_HZ, small.maxFramerate ?? SMALL_HZ), scaleResolutionDownBy: 3 },
    ]
  }

  private bitsFor({ line, others }: Sitter): { large: number; small: number } {
    const bits = others() <= FEW ? Math.min(line.up_bits, line.least_bits) : line.up_bits
    return layersFor(bits, this.wanted)
  }

  async show(): Promise<void> {
    const [, ...senders] = this.sending.getSenders()
    const encodings = this.encodings()
    await Promise.all(senders.map((sender, i) => setEncoding(sender, encodings[i])))
  }

  async pack(): Promise<void> {
    if (!this.closed && this.sitter !== null && this.sending.connectionState === 'connected')
      await speakAs(this.sending, this.sitter.line.voice()).catch(error => console.info('room.voice', error))
  }

  async flow(): Promise<Flow> {
    if (this.closed) return NO_FLOW
    const [sent, got] = await Promise.all([flowOf(this.sending), flowOf(this.receiving)])
    const { gotVideo, voices, got: came, lost } = got
    this.keepBack(voices)
    const trips: Record<string, number> = { ...sent.trips }
    if (got.trips.pair !== undefined) trips.down = got.trips.pair
    for (const [kind, ms] of Object.entries(this.stale)) if (trips[kind] === ms) delete trips[kind]
    return { ...sent, gotVideo, voices, got: came, lost, trips }
  }

  private keepBack(voices: Voices): void {
    const was = this.playout.least_ms
    this.playout = playoutAfter(this.playout, voices, performance.now())
    const { least_ms } = this.playout
    if (least_ms !== was) for (const voice of this.voices) voice.jitterBufferTarget = least_ms === 0 ? null : least_ms
  }

  /** Until the first picture has been decoded. */
  private async look(): Promise<void> {
    if (this.sitter === null || !this.stands || this.flows) return
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
    this.sitter?.tell('flows')
  }

  private changed(pc: RTCPeerConnection): void {
    const is = pc.connectionState
    clearTimeout(this.healing)
    // A short cut heals by itself; a longer one, once the hub is heard again, costs less by a new seat.
    if (is === 'disconnected')
      this.healing = setTimeout(() => {
        if (!this.stands) this.sitter?.tell('failed')
      }, HEALS_MS)
    this.sitter?.tell(is === 'failed' || is === 'closed' ? 'failed' : 'state')
  }
}
