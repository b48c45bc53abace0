// One connection to one other member: sound and picture both ways, browser to browser. Rules in negotiation.ts.
// The impolite side lays the two lines (sound, picture); the polite one fills the lines it is offered. So there are two
// lines whoever comes first, and muting or a lost camera never renegotiates: the track is replaced.
import type { IceServer } from '../api/types.gen'
import type { Picture } from './budget'
import { type Flow, NO_FLOW } from './line'
import { type Described, ignores, isPolite, type PeerState, peerState, restarts } from './negotiation'
import { NO_VOICES } from './playout'
import { speakAs, type Voice, voiced } from './voice'

export type Tracks = Readonly<{ audio: MediaStreamTrack | null; video: MediaStreamTrack | null }>
export type Net = Readonly<{ rtt_ms: number; loss_pct: number }>
export type Counted = Readonly<{ received: number; lost: number }>
export const NOTHING_COUNTED: Counted = { received: 0, lost: 0 }

type PeerOptions = Readonly<{
  me: string
  other: string
  iceServers: readonly IceServer[]
  tracks: Tracks
  send: (what: { description: Described } | { candidate: RTCIceCandidateInit }) => void
  /** Whether signals reach the other now. */
  linked: () => boolean
  /** What the picture is to be from its first frame on: a line may be narrow. */
  picture: () => Picture
  voice: () => Voice
  onChange: () => void
  /** Nothing comes any more: the line may be cut. */
  onSilent: () => void
  /** No restart has helped: only a new connection will. */
  onBroken: () => void
}>

const RESTART_AFTER_MS = 2_000
const RESTARTS_MAX = 3
const RESTART_AGAIN_MS = 4_000
const FLOWS_WITHIN_MS = 1_200
const LOOK_MS = 200
const WATCH_MS = 500
const SILENT_MS = 1_500
const FRESH_AGAIN_MS = 700
const SET_TRIES = 10

export class Peer {
  readonly stream = new MediaStream()
  private readonly pc: RTCPeerConnection
  private readonly polite: boolean
  private tracks: Tracks
  private making = false
  /** While the voice is packed anew, which is an offer and an answer that stay in this computer. */
  private packing: Promise<void> | null = null
  private hearing: Promise<void> = Promise.resolve()
  private ignoring = false
  private lostAt_ms: number | null = null
  private restartTimer: ReturnType<typeof setTimeout> | undefined
  private restarted = 0
  private offers = 0
  private answering = 0
  private looking = false
  private bytes = 0
  private grewAt_ms = Number.POSITIVE_INFINITY
  private readonly watching: ReturnType<typeof setInterval>
  private counted: Counted = NOTHING_COUNTED
  private closed = false

  constructor(private readonly o: PeerOptions) {
    this.polite = isPolite(o.me, o.other)
    this.tracks = o.tracks
    this.pc = new RTCPeerConnection({ iceServers: serversOf(o.iceServers) })
    this.pc.onicecandidate = event => {
      if (event.candidate !== null) o.send({ candidate: event.candidate.toJSON() })
    }
    this.pc.onnegotiationneeded = () => void this.offer()
    this.pc.ontrack = event => {
      this.stream.addTrack(event.track)
      event.track.onunmute = o.onChange
      event.track.onmute = o.onChange
      o.onChange()
    }
    this.pc.onconnectionstatechange = () => this.changed()
    if (!this.polite) this.layLines()
    this.watching = setInterval(() => void this.watch(), WATCH_MS)
  }

  get state(): PeerState {
    // A page that reloads closes its end, which this end hears as `closed`: it is on its way back.
    const is = this.pc.connectionState === 'closed' && !this.closed ? 'failed' : this.pc.connectionState
    return peerState(is, this.lostAt_ms === null ? null : performance.now() - this.lostAt_ms)
  }

  private layLines(): void {
    this.pc.addTransceiver(this.tracks.audio ?? 'audio', { direction: 'sendrecv', sendEncodings: [VOICE] })
    // The cap must be in force before the first frame.
    this.pc.addTransceiver(this.tracks.video ?? 'video', {
      direction: 'sendrecv',
      sendEncodings: [encodingOf(this.o.picture())],
    })
  }

  private async offer(): Promise<void> {
    if (this.packing !== null) await this.packing
    if (this.closed) return
    try {
      this.making = true
      await this.pc.setLocalDescription()
      this.offers += 1
      this.tellLocal()
    } catch (error) {
      console.error('room.offer', error)
    } finally {
      this.making = false
    }
  }

  private tellLocal(): void {
    const local = this.pc.localDescription
    if (local === null) return
    const offer = local.type === 'offer' ? this.offers : this.answering
    this.o.send({ description: { type: local.type, sdp: local.sdp, offer } })
  }

  /** What the other says is heard one thing after another: an answer that came twice is not set twice. */
  private inTurn(hear: () => Promise<void>): Promise<void> {
    const heard = this.hearing.then(hear)
    this.hearing = heard.catch(() => undefined)
    return heard
  }

  description(description: Described): Promise<void> {
    return this.inTurn(() => this.described(description))
  }

  candidate(candidate: RTCIceCandidateInit): Promise<void> {
    return this.inTurn(() => this.reachable(candidate))
  }

  private async described(description: Described): Promise<void> {
    if (this.packing !== null) await this.packing
    const side = { polite: this.polite, making: this.making, stable: this.pc.signalingState === 'stable' }
    this.ignoring = ignores(side, description.type)
    if (this.ignoring || this.closed) return
    if (
      description.type === 'answer' &&
      (this.pc.signalingState !== 'have-local-offer' || description.offer !== this.offers)
    )
      return // answered already, or the answer to an offer that another has replaced
    await this.pc.setRemoteDescription({ type: description.type, sdp: voiced(description.sdp, this.o.voice()) })
    this.answering = description.offer
    if (description.type !== 'offer') return
    await this.fillLines()
    await this.pc.setLocalDescription()
    this.tellLocal()
    await this.show() // before now it would not hold; the first frame is a round trip away
  }

  private async reachable(candidate: RTCIceCandidateInit): Promise<void> {
    try {
      if (this.packing !== null) await this.packing
      await this.pc.addIceCandidate(candidate)
    } catch (error) {
      if (!this.ignoring && !this.closed) console.error('room.candidate', error)
    }
  }

  /** The polite side's answer sends both ways too. */
  private async fillLines(): Promise<void> {
    for (const line of this.pc.getTransceivers()) {
      if (line.direction === 'stopped') continue
      const track = line.receiver.track.kind === 'audio' ? this.tracks.audio : this.tracks.video
      if (line.direction !== 'sendrecv') line.direction = 'sendrecv'
      if (line.sender.track !== track) await line.sender.replaceTrack(track)
    }
  }

  /** Picture and voice as the lines bear them now. */
  async show(): Promise<void> {
    for (const line of this.pc.getTransceivers())
      await setEncoding(line.sender, line.receiver.track.kind === 'audio' ? VOICE : encodingOf(this.o.picture()))
  }

  /** The same for how the voice is packed. */
  async pack(): Promise<void> {
    if (this.closed || this.making || this.packing !== null || this.pc.connectionState !== 'connected') return
    this.packing = speakAs(this.pc, this.o.voice()).catch(error => console.info('room.voice', error))
    await this.packing
    this.packing = null
  }

  async flow(): Promise<Flow> {
    return this.closed ? NO_FLOW : flowOf(this.pc)
  }

  /** New microphone or camera, or none: no renegotiation, the other side sees black or hears nothing. */
  async replace(tracks: Tracks): Promise<void> {
    this.tracks = tracks
    for (const line of this.pc.getTransceivers()) {
      const track = line.receiver.track.kind === 'audio' ? tracks.audio : tracks.video
      if (line.sender.track !== track) await line.sender.replaceTrack(track).catch(() => undefined)
    }
  }

  /**
   * The link is back (`mine`: that of this page), or the network is another: see to it that the picture comes back too.
   * The impolite side begins; the polite one a little later, should that one not know of it.
   */
  async kick(mine: boolean): Promise<void> {
    if (this.packing !== null) await this.packing
    if (this.closed || this.looking) return
    if (this.pc.signalingState === 'have-local-offer') {
      if (mine) this.restart()
      else this.tellLocal()
      return
    }
    this.looking = true
    try {
      if (this.polite) await wait(RESTART_AFTER_MS / 2)
      if (this.pc.signalingState === 'stable' && !(await flows(this.pc)) && !this.closed) this.restart()
    } finally {
      this.looking = false
    }
  }

  private async watch(): Promise<void> {
    const bytes = await bytesIn(this.pc)
    if (this.closed) return
    const now_ms = performance.now()
    const silent_ms = now_ms - this.grewAt_ms
    if (bytes <= this.bytes) {
      if (silent_ms > SILENT_MS && silent_ms < SILENT_MS + 2 * WATCH_MS) this.o.onSilent()
      return
    }
    this.bytes = bytes
    this.grewAt_ms = now_ms
    if (silent_ms < SILENT_MS) return
    await this.freshen()
    // What was sent at once may have gone the way that is no more.
    await wait(FRESH_AGAIN_MS)
    await this.freshen()
  }

  /** After a cut the other side waits up to 3 s before it asks for a whole picture: it gets one unasked. */
  private async freshen(): Promise<void> {
    const line = this.pc.getTransceivers().find(l => l.receiver.track.kind === 'video')
    if (line !== undefined && !this.closed) await wholePicture(line.sender)
  }

  private restart(): void {
    this.restarted += 1
    if (this.restarted > RESTARTS_MAX) {
      this.o.onBroken()
      return
    }
    this.pc.restartIce()
    // What is offered and unanswered was lost, or speaks of a network that is no more: a newer offer takes its place.
    if (this.packing === null && this.pc.signalingState === 'have-local-offer') void this.offer()
    this.restartIn(RESTART_AGAIN_MS)
  }

  private restartIn(wait_ms: number): void {
    clearTimeout(this.restartTimer)
    this.restartTimer = setTimeout(() => {
      if (this.o.linked() && restarts(this.pc.connectionState, true)) this.restart()
    }, wait_ms)
  }

  private changed(): void {
    const is = this.pc.connectionState
    if (is === 'connected') {
      this.lostAt_ms = null
      this.restarted = 0
      clearTimeout(this.restartTimer)
    } else if (is === 'disconnected' || is === 'failed' || is === 'closed') {
      this.lostAt_ms ??= performance.now()
      // The impolite side asks first; the polite one a little later, should its word not have come through.
      this.restartIn((is === 'failed' ? 0 : RESTART_AFTER_MS) + (this.polite ? RESTART_AFTER_MS : 0))
    }
    this.o.onChange()
  }

  async net(): Promise<Net | null> {
    const { net, counted } = await netOf(this.pc, this.counted)
    this.counted = counted
    return net
  }

  close(): void {
    this.closed = true
    clearInterval(this.watching)
    clearTimeout(this.restartTimer)
    this.pc.onconnectionstatechange = null
    this.pc.close()
  }
}

export const serversOf = (told: readonly IceServer[]): RTCIceServer[] => told.map(s => ({ ...s, urls: [...s.urls] }))

export const wait = (ms: number): Promise<void> => new Promise(done => setTimeout(done, ms))

/** Whether anything still comes: a line that was cut or moved is known here seconds before the connection says so. */
export async function flows(pc: RTCPeerConnection): Promise<boolean> {
  if (pc.connectionState === 'new' || pc.connectionState === 'connecting') return true // it has just begun
  return pc.connectionState === 'connected' && (await grows(() => bytesIn(pc)))
}

/** Of what came in, within a moment. */
export async function grows(bytes: () => Promise<number>): Promise<boolean> {
  const first = await bytes()
  for (let waited_ms = 0; waited_ms < FLOWS_WITHIN_MS; waited_ms += LOOK_MS) {
    await wait(LOOK_MS)
    if ((await bytes()) > first) return true
  }
  return false
}

export async function bytesIn(...connections: readonly RTCPeerConnection[]): Promise<number> {
  let bytes = 0
  for (const stats of await Promise.all(connections.map(pc => pc.getStats())))
    stats.forEach((s: unknown) => {
      const row = s as { type?: string; bytesReceived?: number }
      if (row.type === 'transport') bytes += row.bytesReceived ?? 0
    })
  return bytes
}

export const VOICE: RTCRtpEncodingParameters = { maxBitrate: 24_000, priority: 'high', networkPriority: 'high' }

export const encodingOf = (p: Picture): RTCRtpEncodingParameters => ({
  active: p.level !== 'off',
  maxBitrate: p.maxBitrate,
  maxFramerate: p.maxFramerate,
  scaleResolutionDownBy: p.scale,
  priority: 'very-low',
  networkPriority: 'low',
})

export async function setEncoding(sender: RTCRtpSender, wanted: RTCRtpEncodingParameters | undefined): Promise<void> {
  const p = sender.getParameters()
  const first = p.encodings[0]
  if (first === undefined || wanted === undefined) return
  const now: Record<string, unknown> = { ...first }
  if (Object.entries(wanted).every(([name, value]) => now[name] === value)) return
  p.encodings[0] = { ...first, ...wanted }
  await sender.setParameters(p).catch(() => undefined) // two at once: the next look sets it right
}

/** What a connection has counted. */
export async function flowOf(pc: RTCPeerConnection): Promise<Flow> {
  const trips: Record<string, number> = {}
  const gotVideo: Record<string, number> = {}
  const sum = { sentVideo: 0, got: 0, lost: 0, lostUp: 0 }
  const voices = { ...NO_VOICES }
  const stats = await pc.getStats()
  stats.forEach((s: unknown) => {
    const row = s as {
      id: string
      type?: string
      kind?: string
      bytesSent?: number
      bytesReceived?: number
      packetsReceived?: number
      packetsLost?: number
      nackCount?: number
      totalSamplesReceived?: number
      concealedSamples?: number
      silentConcealedSamples?: number
      jitterBufferDelay?: number
      jitterBufferEmittedCount?: number
      fractionLost?: number
      roundTripTime?: number
      nominated?: boolean
      currentRoundTripTime?: number
    }
    // Without headers: to these the browser counts what it sends only to try the line.
    if (row.type === 'outbound-rtp' && row.kind === 'video') sum.sentVideo += row.bytesSent ?? 0
    if (row.type === 'inbound-rtp') {
      sum.got += row.packetsReceived ?? 0
      sum.lost += Math.max(0, row.packetsLost ?? 0)
      if (row.kind === 'video') gotVideo[row.id] = row.bytesReceived ?? 0
      else {
        const again = row.nackCount ?? 0
        sum.lost += again // on its way it was lost, though it came in the end
        voices.again += again
        voices.samples += row.totalSamplesReceived ?? 0
        voices.made += (row.concealedSamples ?? 0) - (row.silentConcealedSamples ?? 0)
        voices.held_s += row.jitterBufferDelay ?? 0
        voices.out += row.jitterBufferEmittedCount ?? 0
      }
    }
    if (row.type === 'remote-inbound-rtp') {
      sum.lostUp = Math.max(sum.lostUp, row.fractionLost ?? 0)
      if (row.roundTripTime !== undefined) trips[row.kind ?? ''] = row.roundTripTime * 1000
    }
    if (row.type === 'candidate-pair' && row.nominated === true && row.currentRoundTripTime !== undefined)
      trips.pair = row.currentRoundTripTime * 1000
  })
  return { ...sum, gotVideo, voices, trips }
}

/** Off and on again: what is encoded next stands for itself. Not every browser lets one ask for it in another way. */
async function wholePicture(sender: RTCRtpSender): Promise<void> {
  if (sender.getParameters().encodings[0]?.active !== true) return
  for (const active of [false, true]) {
    // Somebody else may set them just now; and it must not stay off.
    for (let tries = 0; tries < SET_TRIES; tries++) {
      const p = sender.getParameters()
      const first = p.encodings[0]
      if (first === undefined || first.active === active) break
      first.active = active
      await sender.setParameters(p).catch(() => wait(LOOK_MS))
    }
  }
}

/** Round trip, and loss since `was`; null before there is any. */
export async function netOf(pc: RTCPeerConnection, was: Counted): Promise<{ net: Net | null; counted: Counted }> {
  if (pc.connectionState !== 'connected') return { net: null, counted: was }
  let rtt_ms: number | null = null
  let received = 0
  let lost = 0
  const stats = await pc.getStats()
  stats.forEach((s: unknown) => {
    const row = s as {
      type?: string
      nominated?: boolean
      currentRoundTripTime?: number
      packetsReceived?: number
      packetsLost?: number
      kind?: string
      nackCount?: number
    }
    if (row.type === 'candidate-pair' && row.nominated === true && row.currentRoundTripTime !== undefined)
      rtt_ms = row.currentRoundTripTime * 1000
    if (row.type === 'inbound-rtp') {
      received += row.packetsReceived ?? 0
      lost += (row.packetsLost ?? 0) + (row.kind === 'audio' ? (row.nackCount ?? 0) : 0)
    }
  })
  const counted = { received, lost }
  if (rtt_ms === null) return { net: null, counted }
  const fresh = received - was.received + (lost - was.lost)
  return { net: { rtt_ms, loss_pct: fresh <= 0 ? 0 : Math.max(0, ((lost - was.lost) / fresh) * 100) }, counted }
}
