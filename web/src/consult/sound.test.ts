import { describe, expect, it } from 'vitest'
import { levelOf, readPacket, writePacket } from './sound'

describe('a voice over the web connection', () => {
  it('has a level of 0 for silence and 127 for the loudest', () => {
    expect(levelOf(new Float32Array(960))).toBe(0)
    expect(levelOf(new Float32Array(960).fill(1))).toBe(127)
    expect(levelOf(new Float32Array(960).fill(0.1))).toBe(107)
  })

  it('is read as the hub passes it on: the speaker before what he wrote', () => {
    const written = writePacket(90, 70_000, new Uint8Array([1, 2, 3]))
    const passed = new Uint8Array([7, ...written])
    const read = readPacket(passed.buffer)
    expect(read).toMatchObject({ speaker: 7, level: 90, sequence: 70_000 & 0xffff })
    expect([...(read?.opus ?? [])]).toEqual([1, 2, 3])
    expect(readPacket(new ArrayBuffer(4))).toBeNull()
  })
})
