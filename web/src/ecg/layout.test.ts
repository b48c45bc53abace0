import { describe, expect, it } from 'vitest'
import { cellAt, type LayoutName, layOut, type SheetWish, sampleUnder, uvUnder, xOf, yOf } from './layout'

const wish = (over: Partial<SheetWish> = {}): SheetWish => ({
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
  ...over,
})
const layouts: readonly LayoutName[] = ['3x4+1', '6x2', '12x1', 'cabrera', '3x4+3']

describe('the sheet', () => {
  it.each(layouts)('%s shows every one of the 12 leads, ten seconds long', layout => {
    const { cells, shown } = layOut(wish({ layout }))
    expect(new Set(cells.map(c => c.lead)).size).toBe(12)
    expect(shown).toBe(5000)
  })

  it('3x4+1 lets columns follow one another over the strip: what stands above is the same moment', () => {
    const sheet = layOut(wish())
    const strip = sheet.cells.find(c => c.strip)
    expect(strip).toMatchObject({ lead: 'II', first: 0, end: 5000 })
    for (const cell of sheet.cells) {
      expect(strip && xOf(sheet, strip, cell.first)).toBeCloseTo(cell.x)
      expect(cell.end - cell.first).toBe(cell.strip ? 5000 : 1250)
    }
  })

  it('shows the same 2.5 s in all columns when asked', () => {
    const { cells } = layOut(wish({ sync: true }))
    expect(new Set(cells.filter(c => !c.strip).map(c => c.first))).toEqual(new Set([0]))
  })

  it('draws 25 mm a second and 10 mm a millivolt, times the scale', () => {
    const sheet = layOut(wish())
    const cell = sheet.cells[0]
    if (cell === undefined) throw new Error('no cell')
    expect(xOf(sheet, cell, cell.first + 500) - xOf(sheet, cell, cell.first)).toBeCloseTo(100)
    expect(yOf(sheet, cell, 0) - yOf(sheet, cell, 1000)).toBeCloseTo(40)
  })

  it('turns −aVR over in the Cabrera order', () => {
    const sheet = layOut(wish({ layout: 'cabrera' }))
    const cell = sheet.cells.find(c => c.lead === 'aVR')
    expect(cell).toMatchObject({ label: '−aVR', inverted: true })
    if (cell !== undefined) expect(yOf(sheet, cell, -500)).toBeLessThan(cell.baseline)
    expect(sheet.cells.filter(c => c.column === 0).map(c => c.label)).toEqual(['aVL', 'I', '−aVR', 'II', 'aVF', 'III'])
  })

  it.each([50, 12.5])('at %f mm/s shows what the paper holds and never runs past the end', speed => {
    for (const first of [0, 2000, 99_999]) {
      const sheet = layOut(wish({ speed, first, samples: 15_000 }))
      expect(sheet.first + sheet.shown).toBeLessThanOrEqual(15_000)
      for (const c of sheet.cells) expect(c.x + c.width).toBeLessThanOrEqual(1100.01)
    }
  })

  it.each(layouts)('%s keeps every pulse on the paper, its foot on a grid line', layout => {
    for (const gain of [5, 10, 20]) {
      const { rows } = layOut(wish({ layout, gain, height: 640 }))
      for (const row of rows) {
        expect(row.baseline - gain * 4).toBeGreaterThanOrEqual(0)
        expect(row.baseline % 4).toBeCloseTo(0)
        expect(row.top + row.height).toBeLessThanOrEqual(640.01)
      }
    }
  })

  it('finds its way back from a point to lead, sample and voltage', () => {
    const sheet = layOut(wish())
    for (const cell of sheet.cells) {
      const sample = cell.first + 321
      const x = xOf(sheet, cell, sample)
      expect(cellAt(sheet, x, cell.top + 5)).toBe(cell)
      expect(sampleUnder(sheet, cell, x)).toBe(sample)
      expect(uvUnder(sheet, cell, yOf(sheet, cell, -420))).toBeCloseTo(-420)
    }
    expect(cellAt(sheet, 10, -5)).toBeNull()
  })

  it('stands on a recording shorter than the page and on none', () => {
    expect(layOut(wish({ samples: 700 })).shown).toBeLessThanOrEqual(700)
    for (const c of layOut(wish({ samples: 0 })).cells) expect(c.end).toBeLessThanOrEqual(Math.max(0, c.end))
  })
})
