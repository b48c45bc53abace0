import { expect, it } from 'vitest'
import { clampFirst, pxAt, sampleAt, zoomAt } from './viewport'

it('zooming keeps the sample under the pointer where it is', () => {
  const v = { firstSample: 100, samplesPerPx: 2, uvPerPx: 25, widthPx: 1000 }
  for (const x of [0, 333, 1000])
    for (const factor of [0.5, 3]) expect(sampleAt(zoomAt(v, x, factor), x)).toBeCloseTo(sampleAt(v, x))
  expect(pxAt(v, sampleAt(v, 77))).toBeCloseTo(77)
})

it('the page stays on the recording', () => {
  expect(clampFirst(-5, 1000, 5000)).toBe(0)
  expect(clampFirst(4900, 1000, 5000)).toBe(4000)
  expect(clampFirst(7, 9000, 5000)).toBe(0)
})
