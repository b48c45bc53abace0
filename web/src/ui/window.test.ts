import { describe, expect, it } from 'vitest'
import { scrollFor, windowOf } from './window'

describe('the window of a long table', () => {
  it('holds what is seen and little more, wherever it stands', () => {
    for (let top = 0; top <= 10_000 * 32 - 900; top += 777) {
      const { first, end } = windowOf(top, 900, 32, 10_000)
      expect(first * 32).toBeLessThanOrEqual(top)
      expect(end * 32).toBeGreaterThanOrEqual(top + 900)
      expect(end - first).toBeLessThanOrEqual(900 / 32 + 11)
    }
  })
  it('stands on an empty and on a short list', () => {
    expect(windowOf(0, 900, 32, 0)).toEqual({ first: 0, end: 0 })
    expect(windowOf(0, 900, 32, 3)).toEqual({ first: 0, end: 3 })
    expect(windowOf(5000, 900, 32, 3)).toMatchObject({ end: 3 })
  })
  it('scrolls only as far as needed', () => {
    expect(scrollFor(5, 0, 330, 32, 30)).toBeNull()
    expect(scrollFor(20, 0, 330, 32, 30)).toBe(21 * 32 - 300)
    expect(scrollFor(2, 320, 330, 32, 30)).toBe(64)
  })
})
