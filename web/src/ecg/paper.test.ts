import { describe, expect, it } from 'vitest'
import { calibrationFor, fitScale, msToMm, mvToMm, PAGE_MM, readCalibration, scaleFromCard } from './paper'

describe('the scale that fits', () => {
  it.each([
    [1920, 1],
    [1366, 1],
    [1052, 1.25],
    [390, 3],
    [701, 2],
  ])('lets the page into %i px at %f x, in half device pixels, and no larger would fit', (width, dpr) => {
    const s = fitScale(width, dpr)
    expect(s * PAGE_MM).toBeLessThanOrEqual(width)
    expect((s * dpr * 2) % 1).toBeCloseTo(0)
    expect((s + 0.5 / dpr) * PAGE_MM).toBeGreaterThan(width)
  })
})

describe('true scale', () => {
  it('comes from the long side of the card, with the short side as its witness', () => {
    expect(scaleFromCard(85.6 * 4, 53.98 * 4)).toEqual({ kind: 'matched', pxPerMm: 4 })
    expect(scaleFromCard(85.6 * 4, 53.98 * 4 * 1.009).kind).toBe('matched')
    expect(scaleFromCard(85.6 * 4, 53.98 * 4 * 1.03)).toEqual({ kind: 'disagree', byPercent: 3 })
  })
  it('ends when the screen, its size or the zoom is another', () => {
    const kept = { width: 1920, height: 1080, dpr: 1, pxPerMm: 3.6, at: '2026-11-12T03:10:00Z' }
    expect(calibrationFor(kept, { width: 1920, height: 1080, dpr: 1 })).toBe(kept)
    expect(calibrationFor(kept, { width: 1920, height: 1080, dpr: 1.1 })).toBeNull()
    expect(calibrationFor(kept, { width: 2560, height: 1440, dpr: 1 })).toBeNull()
    expect(calibrationFor(null, { width: 1920, height: 1080, dpr: 1 })).toBeNull()
  })
  it('is not read from what is no calibration', () => {
    expect(readCalibration({ width: 1, height: 1, dpr: 1, pxPerMm: 0, at: '' })).toBeNull()
    expect(readCalibration('4')).toBeNull()
    expect(readCalibration(null)).toBeNull()
  })
})

it('paper units', () => {
  expect(msToMm(200, 25)).toBe(5)
  expect(mvToMm(1, 10)).toBe(10)
})
