// Forwarder: which of two seats is kept. Real connections: tests/journey/test_room_media.py, tests/line.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Forwarder } from './forwarder'
import type { Line } from './line'
import { FIRST_VOICE } from './voice'

class Connection {
  static made: Connection[] = []
  connectionState: RTCPeerConnectionState = 'connected'
  localDescription = { type: 'offer', sdp: 'v=0' }
  bytes = 0
  flows = true
  decoded = 1
  closed = false
  onconnectionstatechange: (() => void) | null = null
  ontrack = null
  getSenders = () => []
  addTransceiver = vi.fn()
  setLocalDescription = async (): Promise<void> => undefined
  setRemoteDescription = async (): Promise<void> => undefined

  constructor() {
    Connection.made.push(this)
  }

  async getStats(): Promise<Map<string, object>> {
    if (this.flows) this.bytes += 100
    return new Map<string, object>([
      ['t', { type: 'transport', bytesReceived: this.bytes }],
      ['v', { type: 'inbound-rtp', framesDecoded: this.decoded }],
    ])
  }

  close(): void {
    this.closed = true
  }

  becomes(state: RTCPeerConnectionState): void {
    this.connectionState = state
    this.onconnectionstatechange?.()
  }
}

const line = { voice: () => FIRST_VOICE, up_bits: 30_000, down_bits: 30_000, least_bits: 30_000 } as unknown as Line
const asked: string[] = []
let seat = 0

beforeEach(() => {
  vi.useFakeTimers()
  Connection.made = []
  asked.length = 0
  vi.stubGlobal('RTCPeerConnection', Connection)
  vi.stubGlobal('addEventListener', () => undefined)
  vi.stubGlobal('removeEventListener', () => undefined)
  vi.stubGlobal('fetch', async (path: string) => {
    const what = path.split('/').at(-1) ?? ''
    asked.push(what)
    if (what === 'seat') seat += 1
    return new Response(JSON.stringify(what === 'seat' ? { seat: `s${seat}`, offer: 'v=0' } : { sdp: 'v=0' }))
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const openForwarder = (): Forwarder =>
  new Forwarder({
    consult: 'con_1',
    iceServers: [],
    tracks: () => ({ audio: null, video: null }),
    linked: () => true,
    line,
    others: () => 2,
    onChange: () => undefined,
    onSilent: () => undefined,
    onFlow: () => undefined,
  })
const seatsAsked = (): number => asked.filter(what => what === 'seat').length
const open = (): number => Connection.made.filter(c => !c.closed).length

it('keeps the seat over which something comes after all, and takes no second one beside it', async () => {
  const forwarder = openForwarder()
  void forwarder.take({ seat: 's0', offer: 'v=0' })
  await vi.advanceTimersByTimeAsync(1_000) // it flows
  const [receiving] = Connection.made
  receiving?.becomes('disconnected')
  receiving?.becomes('failed')
  receiving?.becomes('connected') // a full line, not a cut one
  await vi.advanceTimersByTimeAsync(15_000)
  expect(seatsAsked()).toBe(0)
  expect(open()).toBe(2)
  expect(forwarder.stands).toBe(true)
  forwarder.close()
})

it('takes a new seat when nothing comes any more, and gives the old one up when that flows', async () => {
  const forwarder = openForwarder()
  void forwarder.take({ seat: 's0', offer: 'v=0' })
  await vi.advanceTimersByTimeAsync(1_000)
  const [receiving, sending] = Connection.made
  for (const c of [receiving, sending]) {
    if (c !== undefined) c.flows = false
    c?.becomes('failed')
  }
  await vi.advanceTimersByTimeAsync(15_000)
  expect(seatsAsked()).toBe(1)
  expect([receiving?.closed, sending?.closed, open()]).toEqual([true, true, 2])
  forwarder.close()
})
