// Peer: what the other side says is heard in order. Real connections: tests/journey/test_room_media.py.
import { afterEach, expect, it, vi } from 'vitest'
import { Peer } from './peer'
import { FIRST_VOICE } from './voice'

class Connection {
  signalingState = 'stable'
  connectionState = 'new'
  localDescription: RTCSessionDescriptionInit | null = null
  answers = 0
  addTransceiver = vi.fn()
  getTransceivers = () => []
  getStats = async () => new Map()
  close = vi.fn()

  async setLocalDescription(): Promise<void> {
    this.signalingState = 'have-local-offer'
    this.localDescription = { type: 'offer', sdp: 'v=0' }
  }

  async setRemoteDescription(): Promise<void> {
    await new Promise(done => setTimeout(done, 5))
    if (this.signalingState !== 'have-local-offer') throw new DOMException('Called in wrong state: stable')
    this.signalingState = 'stable'
    this.answers += 1
  }
}

afterEach(() => vi.unstubAllGlobals())

it('sets an answer once that came twice at the same moment', async () => {
  let made: (Connection & { onnegotiationneeded?: () => void }) | undefined
  const Made = class extends Connection {
    constructor() {
      super()
      made = this
    }
  }
  vi.stubGlobal('RTCPeerConnection', Made)
  vi.stubGlobal('MediaStream', class {})
  const peer = new Peer({
    me: 'usr_a',
    other: 'usr_b',
    iceServers: [],
    tracks: { audio: null, video: null },
    send: () => undefined,
    linked: () => true,
    picture: () => ({ level: 'full', maxBitrate: 300_000, maxFramerate: 24, scale: 1 }),
    voice: () => FIRST_VOICE,
    onChange: () => undefined,
    onSilent: () => undefined,
    onBroken: () => undefined,
  })
  made?.onnegotiationneeded?.()
  await vi.waitFor(() => expect(made?.signalingState).toBe('have-local-offer'))
  const answer = { type: 'answer', sdp: 'v=0', offer: 1 } as const
  await Promise.all([peer.description(answer), peer.description(answer)])
  expect(made?.answers).toBe(1)
  peer.close()
})
