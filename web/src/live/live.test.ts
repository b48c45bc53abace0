import { describe, expect, it } from 'vitest'
import { backoff_ms, Cursors, readMessage } from './protocol'
import { NO_SIGNAL, readSamples } from './samples'

describe('cursors', () => {
  it('tell an event once, however often it is sent', () => {
    const cursors = new Cursors()
    cursors.hold('org:1', null)
    cursors.ready('org:1', 40)
    expect([41, 41, 40, 42].map(id => cursors.take('org:1', id))).toEqual([true, false, false, true])
    expect(cursors.topics()).toEqual([{ topic: 'org:1', cursor: 42 }])
  })

  it('keep our cursor when the server says ready after a break: the gap is ours to be told', () => {
    const cursors = new Cursors()
    cursors.hold('org:1', 7)
    cursors.ready('org:1', 40)
    expect(cursors.cursor('org:1')).toBe(7)
    expect(cursors.take('org:1', 8)).toBe(true)
  })

  it('drop what nobody hears', () => {
    expect(new Cursors().take('org:2', 1)).toBe(false)
  })
})

describe('messages', () => {
  it('ignore what is broken or unknown', () => {
    expect(readMessage('{')).toBeNull()
    expect(readMessage('{"type":"tomorrow"}')).toBeNull()
    expect(readMessage('{"type":"pong"}')).toEqual({ type: 'pong' })
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
