import { describe, expect, it } from 'vitest'
import { backoff_ms, Cursors, type LiveEvent, type Pulse, readMessage, verdictOn } from './protocol'
import { NO_SIGNAL, readSamples } from './samples'

const event = (id: number): LiveEvent => ({
  id,
  at: '',
  topic: 'report',
  kind: 'report.signed',
  subject: '',
  org: null,
  actor: null,
  body: null,
})
const ids = (events: readonly LiveEvent[]): number[] => events.map(e => e.id)

describe('cursors', () => {
  it('tell an event once, however often it is sent', () => {
    const cursors = new Cursors()
    cursors.hold('org:1', null)
    expect(cursors.ready('org:1', 40)).toEqual([])
    expect([41, 41, 40, 42].map(id => cursors.event('org:1', event(id)).length)).toEqual([1, 0, 0, 1])
    expect(cursors.again()).toEqual([{ topic: 'org:1', cursor: 42 }])
  })

  it('put what was missed before what is new, though the wire mixes them', () => {
    const cursors = new Cursors()
    cursors.hold('org:1', 7)
    for (const id of [101, 8, 9, 102, 100]) expect(cursors.event('org:1', event(id))).toEqual([])
    expect(ids(cursors.ready('org:1', 100))).toEqual([8, 9, 100, 101, 102])
    expect(cursors.cursor('org:1')).toBe(102)
  })

  it('lose nothing when the link breaks half-way through catching up', () => {
    const cursors = new Cursors()
    cursors.hold('org:1', 7)
    cursors.event('org:1', event(101))
    cursors.event('org:1', event(8))
    expect(cursors.again()).toEqual([{ topic: 'org:1', cursor: 7 }])
    cursors.event('org:1', event(8))
    cursors.event('org:1', event(9))
    expect(ids(cursors.ready('org:1', 9))).toEqual([8, 9])
  })

  it('drop what nobody hears', () => {
    expect(new Cursors().event('org:2', event(1))).toEqual([])
  })
})

describe('messages', () => {
  it('ignore what is broken or unknown', () => {
    expect(readMessage('{')).toBeNull()
    expect(readMessage('{"type":"tomorrow"}')).toBeNull()
    expect(readMessage('{"type":"pong"}')).toEqual({ type: 'pong' })
  })
})

describe('a link', () => {
  const pulse = (over: Partial<Pulse>): Pulse => ({
    now_ms: 100_000,
    slept_ms: 1000,
    heardAt_ms: 0,
    pingedAt_ms: 0,
    ...over,
  })

  it('is in doubt when an answer is late, and dead when nothing was heard for long', () => {
    expect(verdictOn(pulse({ heardAt_ms: 97_000, pingedAt_ms: 96_000 }))).toBe('fine')
    expect(verdictOn(pulse({ heardAt_ms: 92_000, pingedAt_ms: 98_000 }))).toBe('fine')
    expect(verdictOn(pulse({ heardAt_ms: 92_000, pingedAt_ms: 97_000 }))).toBe('doubt')
    expect(verdictOn(pulse({ heardAt_ms: 89_000, pingedAt_ms: 97_000 }))).toBe('dead')
  })

  it('of a page that slept is asked before it is given up', () => {
    expect(verdictOn(pulse({ slept_ms: 60_000, heardAt_ms: 40_000, pingedAt_ms: 41_000 }))).toBe('ask')
    expect(verdictOn(pulse({ heardAt_ms: 40_000, pingedAt_ms: 99_000 }))).toBe('fine')
  })
})

describe('backing off', () => {
  it('grows, is spread and bounded', () => {
    expect(backoff_ms(0, 0.5)).toBe(500)
    expect(backoff_ms(2, 0.5)).toBe(2000)
    expect(backoff_ms(99, 1)).toBe(18750)
  })
})

function block(leads: number, rows: number[][]): ArrayBuffer {
  const bytes = new ArrayBuffer(32 + rows.length * leads * 2)
  const view = new DataView(bytes)
  new Uint8Array(bytes).set([0x58, 0x4c, 0x53, 0x31])
  view.setUint16(4, leads, true)
  view.setUint16(6, 500, true)
  view.setBigUint64(8, 123456789012n, true)
  view.setUint32(16, rows.length, true)
  view.setFloat32(20, 2.5, true)
  view.setBigUint64(24, 7n, true)
  rows.flat().forEach((v, i) => {
    view.setInt16(32 + i * 2, v, true)
  })
  return bytes
}

describe('live samples', () => {
  it('read as they were written', () => {
    const read = readSamples(block(2, [[1, -2], [3, NO_SIGNAL]])) // biome-ignore format: a table
    expect(read).toMatchObject({
      stream: 7,
      fs: 500,
      leads: 2,
      firstSample: 123456789012,
      samples: 2,
      gainUvPerLsb: 2.5,
    })
    expect([...(read?.values ?? [])]).toEqual([1, -2, 3, NO_SIGNAL])
  })

  it('refuse torn and foreign bytes', () => {
    expect(readSamples(block(2, [[1, 2]]).slice(0, 34))).toBeNull()
    expect(readSamples(new ArrayBuffer(8))).toBeNull()
    expect(readSamples(new ArrayBuffer(40))).toBeNull()
  })
})
