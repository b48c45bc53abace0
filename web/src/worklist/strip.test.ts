import { describe, expect, it } from 'vitest'
import { sideOf } from './limits'
import { fitted, unpackStrip } from './strip'

describe('the miniature', () => {
  it('unpacks signed steps of 20 µV', () => {
    expect([...(unpackStrip(btoa(String.fromCharCode(0, 5, 251, 128))) ?? [])]).toEqual([0, 100, -100, -2560])
  })

  it('is nothing, not a flat line, when there is none or it cannot be read', () => {
    expect(unpackStrip('')).toBeNull()
    expect(unpackStrip('***')).toBeNull()
  })

  it('moves a deep complex up and shrinks a tall one, so that nothing is cut', () => {
    const px = (uv: number, gain: number) => (uv * gain * 136) / 100 / 1000
    for (const uv of [Float32Array.of(0, 800), Float32Array.of(0, -1800), Float32Array.of(2500, -2500)]) {
      const it = fitted(uv)
      for (const v of it.uv) {
        const y = 0.68 * 28 - px(v, it.gain)
        expect(y).toBeGreaterThanOrEqual(1.49)
        expect(y).toBeLessThanOrEqual(26.51)
      }
    }
    expect(fitted(Float32Array.of(0, 800)).gain).toBe(7)
  })
})

describe('a number is marked', () => {
  it('by the limits of sex and measurement, and an unknown one never', () => {
    expect(sideOf('qtc_ms', 455, 'M')).toBe('high')
    expect(sideOf('qtc_ms', 455, 'F')).toBeNull()
    expect(sideOf('vent_rate_bpm', 38, 'F')).toBe('low')
    expect(sideOf('qrs_ms', null, 'M')).toBeNull()
  })
})
