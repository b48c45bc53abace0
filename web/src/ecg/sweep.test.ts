import { describe, expect, it } from 'vitest'
import { ageState, PlayOut } from './playout'
import { piecesFor, samplesPerPage } from './sweep'

const page = { widthPx: 400, pxPerSample: 0.2 } // 2000 samples

describe('the sweep', () => {
  it('joins the line before it and wipes 3 mm ahead', () => {
    expect(piecesFor(page, 100, 110, 4)).toEqual([
      { first: 99, end: 110, x: 19.8, clearFrom: 20.8, clearTo: 109 * 0.2 + 12 },
    ])
  })
  it('turns the page in two pieces and starts the new one at the left edge', () => {
    const pieces = piecesFor(page, 1990, 2010, 4)
    expect(pieces.map(p => [p.first, p.end])).toEqual([
      [1989, 2000],
      [2000, 2010],
    ])
    expect(pieces[1]).toMatchObject({ x: 0, clearFrom: 0 })
    for (const p of pieces) expect(p.clearTo).toBeLessThanOrEqual(400)
  })
  it('draws at most one page, however much came', () => {
    const drawn = piecesFor(page, 0, 99_999, 4).reduce((n, p) => n + p.end - p.first, 0)
    expect(drawn).toBeLessThanOrEqual(samplesPerPage(page) + 2)
  })
})

describe('playing out', () => {
  const fs = 500
  const block = (n: number, v = 1): Float32Array => new Float32Array(n).fill(v)

  it('starts when 0.3 s are buffered, then goes at the pace of the clock', () => {
    const p = new PlayOut(fs, 1, 10)
    p.push(0, block(100), 0)
    expect(p.advance(0)).toEqual({ first: 0, end: 0 })
    p.push(100, block(100), 10)
    p.advance(10)
    const { end } = p.advance(110)
    expect(end).toBe(50)
  })
  it('never plays faster than 1.2 x', () => {
    const p = new PlayOut(fs, 1, 10)
    p.push(0, block(1000), 0)
    p.advance(0)
    const { first, end } = p.advance(1000)
    expect(end - first).toBeLessThanOrEqual(600)
    expect(end - first).toBeGreaterThan(500)
  })
  it('keeps a hole as a hole and leaves what comes late to the review strip', () => {
    const p = new PlayOut(fs, 1, 10)
    p.push(0, block(300, 7), 0)
    p.advance(0)
    p.push(400, block(300, 7), 100)
    for (let t = 0; t <= 1400; t += 20) p.advance(t)
    expect(p.valueAt(0, 350)).toBeNaN()
    p.push(300, block(100, 9), 1400)
    expect(p.valueAt(0, 350)).toBeNaN()
    expect(p.valueAt(0, 450)).toBe(7)
  })
  it('says how old the signal at the pen is, and when it is late or broken', () => {
    const p = new PlayOut(fs, 1, 10)
    expect(p.age_s(0)).toBeNull()
    p.push(0, block(200), 0)
    for (let t = 0; t <= 8000; t += 50) p.advance(t)
    expect(p.age_s(8000)).toBeCloseTo(8)
    expect([0.4, 2.1, 5.1].map(ageState)).toEqual(['live', 'delayed', 'broken'])
  })
  it('jumps when it is seconds behind instead of crawling after', () => {
    const p = new PlayOut(fs, 1, 20)
    p.push(0, block(5000), 0)
    p.advance(0)
    expect(p.penSample).toBe(5000 - 1 - 150)
  })
  it('holds leads apart', () => {
    const p = new PlayOut(fs, 2, 10)
    p.push(0, Float32Array.from([1, -1, 2, -2]), 0)
    expect([p.valueAt(0, 1), p.valueAt(1, 1), p.valueAt(0, 2)]).toEqual([2, -2, Number.NaN])
  })
})
