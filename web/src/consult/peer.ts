// One connection to one other member: sound and picture both ways, browser to browser. Rules in negotiation.ts.
// The impolite side lays the two lines (sound, picture); the polite one fills the lines it is offered. So there are two
// lines whoever comes first, and muting or a lost camera never renegotiates: the track is replaced.
import type { IceServer } from '../api/types.gen'
import type { Picture } from './budget'
import { type Flow, NO_FLOW } from './line'
import { ignores, isPolite, type PeerState, peerState, restarts } from './negotiation'
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
  /** What the picture is to be from its first frame on: a line may be narrow. */
  picture: () => Picture
  voice: () => Voice
  send: (what: { description: RTCSessionDescriptionInit } | { candidate: RTCIceCandidateInit }) => void
  onChange: () => void
}>

const RESTART_AFTER_MS = 2_000

export class Peer {
  readonly stream = new MediaStream()
  private readonly pc: RTCPeerConnection
  private readonly polite: boolean
  private tracks: Tracks
  private making = false
  private packing: Promise<void> | null = null
  private ignoring = false
  private lostAt_ms: number | null = null
  private restartTimer: ReturnType<typeof setTimeout> | undefined
  private counted: Counted = NOTHING_COUNTED
  private closed = false

  constructor(private readonly o: PeerOptions) {
    this.polite = isPolite(o.me, o.other)
    this.tracks = o.tracks
    this.pc = new RTCPeerConnection({ iceServers: o.iceServers.map(s => ({ ...s, urls: [...s.urls] })) })
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
  }

  get state(): PeerState {
    return peerState(this.pc.connectionState, this.lostAt_ms === null ? null : Date.now() - this.lostAt_ms)
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
    if (this.closed) return
    try {
      this.making = true
      await this.pc.setLocalDescription()
      this.tellLocal()
    } catch (error) {
      console.error('room.offer', error)
    } finally {
      this.making = false
    }
  }

  private tellLocal(): void {
    const local = this.pc.localDescription
    if (local !== null) this.o.send({ description: { type: local.type, sdp: local.sdp } })
  }

  async description(description: RTCSessionDescriptionInit): Promise<void> {
    const side = { polite: this.polite, making: this.making, stable: this.pc.signalingState === 'stable' }
    this.ignoring = ignores(side, description.type ?? '')
    if (this.ignoring || this.closed) return
    if (description.type === 'answer' && this.pc.signalingState !== 'have-local-offer') return // answered already
    if (this.packing !== null) await this.packing // else at once, before the candidates that follow
    await this.pc.setRemoteDescription({ ...description, sdp: voiced(description.sdp ?? '', this.o.voice()) })
    if (description.type !== 'offer') return
    await this.fillLines()
    await this.pc.setLocalDescription()
    this.tellLocal()
    await this.show() // before now it would not hold; the first frame is a round trip away
  }

  async candidate(candidate: RTCIceCandidateInit): Promise<void> {
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

  /** The link is back, or the other side said hello again: see to it that the picture comes back too. */
  kick(): void {
    if (this.closed || this.pc.connectionState === 'connected') return
    if (this.pc.signalingState === 'have-local-offer') this.tellLocal()
    else if (restarts(this.pc.connectionState, true)) this.pc.restartIce()
  }

  private changed(): void {
    const is = this.pc.connectionState
    if (is === 'connected') {
      this.lostAt_ms = null
      clearTimeout(this.restartTimer)
    } else if (is === 'disconnected' || is === 'failed') {
      this.lostAt_ms ??= Date.now()
      clearTimeout(this.restartTimer)
      // The impolite side asks first; the polite one a little later, should its word not have come through.
      const wait_ms = (is === 'failed' ? 0 : RESTART_AFTER_MS) + (this.polite ? RESTART_AFTER_MS : 0)
      this.restartTimer = setTimeout(() => {
        if (restarts(this.pc.connectionState, true)) this.pc.restartIce()
      }, wait_ms)
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
    clearTimeout(this.restartTimer)
    this.pc.onconnectionstatechange = null
    this.pc.close()
  }
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
  const sum = { sentVideo: 0, gotVideo: 0, got: 0, lost: 0, lostUp: 0 }
  const stats = await pc.getStats()
  stats.forEach((s: unknown) => {
    const row = s as {
      type?: string
      kind?: string
      bytesSent?: number
      bytesReceived?: number
      packetsReceived?: number
      packetsLost?: number
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
      if (row.kind === 'video') sum.gotVideo += row.bytesReceived ?? 0
    }
    if (row.type === 'remote-inbound-rtp') {
      sum.lostUp = Math.max(sum.lostUp, row.fractionLost ?? 0)
      if (row.roundTripTime !== undefined) trips[row.kind ?? ''] = row.roundTripTime * 1000
    }
    if (row.type === 'candidate-pair' && row.nominated === true && row.currentRoundTripTime !== undefined)
      trips.pair = row.currentRoundTripTime * 1000
  })
  return { ...sum, trips }
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
    }
    if (row.type === 'candidate-pair' && row.nominated === true && row.currentRoundTripTime !== undefined)
      rtt_ms = row.currentRoundTripTime * 1000
    if (row.type === 'inbound-rtp') {
      received += row.packetsReceived ?? 0
      lost += row.packetsLost ?? 0
    }
  })
  const counted = { received, lost }
  if (rtt_ms === null) return { net: null, counted }
  const fresh = received - was.received + (lost - was.lost)
  return { net: { rtt_ms, loss_pct: fresh <= 0 ? 0 : Math.max(0, ((lost - was.lost) / fresh) * 100) }, counted }
}
