import { describe, expect, it } from 'vitest'
import { displayed, UNFILTERED } from './filters'

const FS = 500
const sine = (hz: number, amplitude = 100, n = 5000): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => amplitude * Math.sin((2 * Math.PI * hz * i) / FS))
const rms = (x: Float32Array, from = 1000, to = 4000): number =>
  Math.sqrt(x.slice(from, to).reduce((s, v) => s + v * v, 0) / (to - from))

describe('display filters', () => {
  it('leave the stored signal untouched, and hand it through when nothing is on', () => {
    const uv = sine(60)
    const before = uv.slice()
    expect(displayed(uv, FS, UNFILTERED)).toBe(uv)
    displayed(uv, FS, { lowPass40: true, notch50: true, baseline: true })
    expect(uv).toEqual(before)
  })
  it('40 Hz takes 100 Hz away and keeps 5 Hz', () => {
    const filter = { ...UNFILTERED, lowPass40: true }
    expect(rms(displayed(sine(100), FS, filter))).toBeLessThan(0.05 * rms(sine(100)))
    expect(rms(displayed(sine(5), FS, filter))).toBeGreaterThan(0.99 * rms(sine(5)))
  })
  it('the notch takes 50 Hz away and keeps 40 and 60', () => {
    const filter = { ...UNFILTERED, notch50: true }
    expect(rms(displayed(sine(50), FS, filter))).toBeLessThan(0.02 * rms(sine(50)))
    for (const hz of [10, 40, 60]) expect(rms(displayed(sine(hz), FS, filter))).toBeGreaterThan(0.9 * rms(sine(hz)))
  })
  it('moves no peak: forwards and backwards has no delay', () => {
    const uv = Float32Array.from({ length: 2000 }, (_, i) => 1000 * Math.exp(-0.5 * ((i - 997) / 12) ** 2))
    const shown = displayed(uv, FS, { lowPass40: true, notch50: true, baseline: false })
    expect(shown.indexOf(Math.max(...shown))).toBe(997)
  })
  it('baseline takes an offset and a slow drift away', () => {
    const uv = Float32Array.from({ length: 5000 }, (_, i) => 800 + i * 0.1)
    expect(rms(displayed(uv, FS, { ...UNFILTERED, baseline: true }))).toBeLessThan(0.35 * 500)
  })
  it('keeps gaps and never lets them spread', () => {
    const uv = sine(7)
    uv.fill(Number.NaN, 2000, 2100)
    const shown = displayed(uv, FS, { lowPass40: true, notch50: true, baseline: true })
    expect(shown.findIndex(Number.isNaN)).toBe(2000)
    expect([...shown].filter(Number.isNaN)).toHaveLength(100)
  })
})
