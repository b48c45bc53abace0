import { describe, expect, it } from 'vitest'
import { drawTrace, type Pen } from './trace'

class Recorder implements Pen {
  readonly strokes: [number, number][][] = []
  moveTo(x: number, y: number): void {
    this.strokes.push([[x, y]])
  }
  lineTo(x: number, y: number): void {
    this.strokes.at(-1)?.push([x, y])
  }
  get points(): [number, number][] {
    return this.strokes.flat()
  }
}
const drawn = (uv: Float32Array, pxPerSample: number): Recorder => {
  const pen = new Recorder()
  drawTrace(pen, uv, { first: 0, end: uv.length, x: 10, pxPerSample, baseline: 100, pxPerUv: 0.04 })
  return pen
}

describe('a trace', () => {
  it('never loses a spike of one sample, however small the paper', () => {
    for (const at of [0, 1, 617, 1234, 4999]) {
      const uv = new Float32Array(5000)
      uv[at] = 1000
      const pen = drawn(uv, 0.07)
      expect(Math.min(...pen.points.map(([, y]) => y))).toBeCloseTo(60)
    }
  })

  it('draws a few points a column when samples are many, one a sample when few', () => {
    const uv = Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i))
    expect(drawn(uv, 0.1).points.length).toBeLessThanOrEqual(5000 * 0.1 * 4 + 8)
    expect(drawn(uv, 0.6).points.length).toBe(5000)
  })

  it('goes from left to right and stays within the column of its samples', () => {
    const uv = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i * 0.7) * 500)
    const xs = drawn(uv, 0.2).points.map(([x]) => x)
    for (let i = 1; i < xs.length; i++) expect(xs[i]).toBeGreaterThanOrEqual(xs[i - 1] ?? 0)
    expect(Math.max(...xs)).toBeLessThanOrEqual(10 + 1000 * 0.2)
  })

  it.each([0.1, 0.8])('lifts the pen over a gap at %f px a sample: a gap is a gap', pxPerSample => {
    const uv = new Float32Array(3000).fill(50)
    uv.fill(Number.NaN, 1000, 2000)
    const pen = drawn(uv, pxPerSample)
    expect(pen.strokes).toHaveLength(2)
    for (const [x] of pen.points) expect(x < 10 + 1001 * pxPerSample || x >= 10 + 1999 * pxPerSample).toBe(true)
    expect(drawn(new Float32Array(100).fill(Number.NaN), pxPerSample).points).toEqual([])
  })
})
