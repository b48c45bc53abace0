import { describe, expect, it } from 'vitest'
import { isFlat, isOff, leadOf, readRecording, samplesOf } from './signal'

function bytesOf(header: object, leads: readonly (readonly number[])[]): ArrayBuffer {
  const json = new TextEncoder().encode(JSON.stringify(header))
  const start = Math.ceil((8 + json.length) / 4) * 4
  const samples = leads.flat()
  const bytes = new ArrayBuffer(start + samples.length * 2)
  const view = new DataView(bytes)
  new Uint8Array(bytes).set([0x58, 0x4c, 0x52, 0x31])
  view.setUint32(4, json.length, true)
  new Uint8Array(bytes).set(json, 8)
  samples.forEach((v, i) => {
    view.setInt16(start + i * 2, v, true)
  })
  return bytes
}
const header = { fs: 500, leads: ['I', 'II'], n: 3, gain_uv_per_lsb: 2.5 }
const whole = bytesOf(header, [
  [1, 2, -3],
  [-32768, -32768, -32768],
])

describe('a stored recording', () => {
  it.each(['', 'x', 'xx', 'xxx'])('reads back whatever padding its header needs (%s)', filler => {
    const read = readRecording(bytesOf({ ...header, filler }, [[1, 2, -3], [4, -32768, 6]])) // biome-ignore format: a table
    expect(read?.leads).toEqual(['I', 'II'])
    expect([...(read?.signal[0] ?? [])]).toEqual([2.5, 5, -7.5])
    expect([...(read?.signal[1] ?? [])]).toEqual([10, Number.NaN, 15])
  })
  it('knows a lead that was off and one that is not there', () => {
    const read = readRecording(whole)
    if (read === null) throw new Error('unread')
    expect(samplesOf(read)).toBe(3)
    expect(isOff(leadOf(read, 'II') ?? new Float32Array(1))).toBe(true)
    expect(isOff(leadOf(read, 'I') ?? new Float32Array(1))).toBe(false)
    expect(leadOf(read, 'V9')).toBeNull()
  })
  it('refuses what is torn, foreign or without a header: half a file is no recording', () => {
    for (let cut = 0; cut < whole.byteLength; cut++) expect(readRecording(whole.slice(0, cut))).toBeNull()
    expect(readRecording(bytesOf({ fs: 500 }, [[1]]))).toBeNull()
    expect(readRecording(new ArrayBuffer(64))).toBeNull()
  })
  it('takes a lead of one single value for an electrode that was off, and the least movement for signal', () => {
    expect(isFlat(new Float32Array(5000))).toBe(true)
    expect(isFlat(new Float32Array(5000).fill(-12.5))).toBe(true)
    const still = new Float32Array(5000)
    still[4321] = 2.5
    expect(isFlat(still)).toBe(false)
  })
})
