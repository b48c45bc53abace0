import { describe, expect, it } from 'vitest'
import { isWide } from './width'

/** Of 8 kB up and down again over lines of so many kbit/s. */
const took_ms = (up_kbits: number, down_kbits: number, rtt_ms: number): number =>
  rtt_ms + (8 * 8.192 * 1000) / up_kbits + (8 * 8.192 * 1000) / down_kbits

describe('a line', () => {
  it('is wide by what it carries, however far the hub is', () => {
    for (const rtt_ms of [2, 60, 400]) {
      expect(isWide(took_ms(2_000, 8_000, rtt_ms), rtt_ms)).toBe(true)
      expect(isWide(took_ms(700, 700, rtt_ms), rtt_ms)).toBe(true)
      expect(isWide(took_ms(512, 512, rtt_ms), rtt_ms)).toBe(false)
    }
  })

  it('is narrow when one way is', () => {
    expect(isWide(took_ms(150, 8_000, 60), 60)).toBe(false)
    expect(isWide(took_ms(256, 20_000, 60), 60)).toBe(false)
    expect(isWide(took_ms(8_000, 150, 60), 60)).toBe(false)
  })
})
