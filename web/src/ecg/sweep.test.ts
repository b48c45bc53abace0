import { describe, expect, it } from 'vitest'
import { eraseSamples, piecesFor, samplesPerPage, wipesFor } from './sweep'

const page = { widthPx: 400, pxPerSample: 0.2 } // 2000 samples

describe('the sweep', () => {
  it('joins the line before it', () => {
    expect(piecesFor(page, 100, 110, 170)).toEqual([{ first: 99, end: 110, x: 19.8 }])
  })
  it('turns the page in two pieces and starts the new one at the left edge', () => {
    const pieces = piecesFor(page, 1990, 2010, 2070)
    expect(pieces.map(p => [p.first, p.end])).toEqual([
      [1989, 2000],
      [2000, 2010],
    ])
    expect(pieces[1]?.x).toBe(0)
  })
  it('draws at most one page, however much came, and nothing under the erase bar', () => {
    const pieces = piecesFor(page, 0, 99_999, 100_059)
    expect(pieces.reduce((n, p) => n + p.end - p.first, 0)).toBeLessThanOrEqual(samplesPerPage(page) - 58)
    expect(pieces[0]?.first).toBe(98_059)
  })
  it('wipes 3 mm ahead', () => {
    expect(eraseSamples(page, 4) * page.pxPerSample).toBeCloseTo(12)
  })
  it('wipes on over the edge of the page, to its very end and from its very start', () => {
    expect(wipesFor({ widthPx: 400.1, pxPerSample: 0.2 }, 1990, 2010)).toEqual([
      { from: 398, to: 400.1 },
      { from: 0, to: 2 },
    ])
  })
  it('wipes each column once a page, whatever the steps', () => {
    for (const dpr of [1, 1.5, 2]) {
      const wiped = new Int32Array(400 * dpr)
      let at = 0
      for (let turn = 0; at < 6000; turn++) {
        const to = Math.min(6000, at + ((turn * 37) % 131))
        for (const wipe of wipesFor(page, at, to)) {
          for (let x = Math.floor(wipe.from * dpr); x < Math.floor(wipe.to * dpr); x++)
            wiped[x] = (wiped[x] as number) + 1
        }
        at = to
      }
      expect(new Set(wiped)).toEqual(new Set([3]))
    }
  })
  it('wipes the whole page once when a whole page passed', () => {
    expect(wipesFor(page, 100, 9000)).toEqual([{ from: 0, to: 400 }])
  })
})
