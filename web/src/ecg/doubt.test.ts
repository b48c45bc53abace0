import { describe, expect, it } from 'vitest'
import { hatchesOf, symbolsOf } from './doubt'
import { layOut, xOf } from './layout'

const sheet = layOut({
  layout: '3x4+1',
  speed: 25,
  gain: 10,
  fs: 500,
  samples: 5000,
  first: 0,
  sync: false,
  width: 1100,
  height: 700,
  pxPerMm: 4,
})
const NONE: ReadonlySet<string> = new Set()

describe('what could not be read', () => {
  it('is hatched over the whole of a lead without a vote, wherever it is shown', () => {
    const boxes = hatchesOf({ spans: [], leads: new Set(['II']) }, sheet)
    const cells = sheet.cells.filter(c => c.lead === 'II')
    expect(boxes).toHaveLength(cells.length)
    expect(boxes.map(b => Math.round(b.width))).toEqual(
      cells.map(c => Math.round((c.end - c.first) * sheet.pxPerSample)),
    )
  })

  it('is hatched for its stretch in every lead that shows that time, and in no other', () => {
    const boxes = hatchesOf({ spans: [{ first: 2600, end: 2700 }], leads: NONE }, sheet)
    const shows = sheet.cells.filter(c => c.first < 2700 && c.end > 2600)
    expect(boxes).toHaveLength(shows.length)
    expect(boxes[0]?.x).toBeCloseTo(shows[0] === undefined ? -1 : xOf(sheet, shows[0], 2600))
  })

  it('is nothing where all was read', () => {
    expect(hatchesOf({ spans: [], leads: NONE }, sheet)).toEqual([])
  })
})

describe('letters of beats', () => {
  it('stand over the strip for those that are not ordinary', () => {
    const beats = [
      { sample: 400, symbol: 'N' },
      { sample: 900, symbol: 'V' },
      { sample: 9000, symbol: 'A' },
    ]
    const placed = symbolsOf(beats, sheet)
    expect(placed.map(one => one.symbol)).toEqual(['V'])
    const strip = sheet.cells.find(c => c.strip)
    expect(placed[0]?.x).toBeCloseTo(strip === undefined ? -1 : xOf(sheet, strip, 900))
  })
})
