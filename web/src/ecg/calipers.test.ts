import { describe, expect, it } from 'vitest'
import { arrowStep, type Caliper, firstCaliper, marchOut, moveLeg, read, readingWords, snap } from './calipers'

const time: Caliper = { kind: 'time', lead: 'II', strip: true, a: 1000, b: 1325 }

describe('calipers', () => {
  it('read 650 ms and 92 a minute between two R waves, whichever leg is first', () => {
    expect(read(time, 500)).toEqual({ kind: 'time', ms: 650, perMin: 92 })
    expect(read({ ...time, a: 1325, b: 1000 }, 500)).toEqual({ kind: 'time', ms: 650, perMin: 92 })
    expect(readingWords(read(time, 500), '次/分')).toBe('650 ms · 92 次/分')
  })
  it('say no rate where there is no interval', () => {
    expect(readingWords(read({ ...time, b: 1000 }, 500), '次/分')).toBe('0 ms')
  })
  it('read millivolts with a true minus', () => {
    const c: Caliper = { kind: 'voltage', lead: 'V3', strip: false, sample: 9, aUv: 0, bUv: -180 }
    expect(readingWords(read(c, 500), '')).toBe('−0.18 mV')
  })
  it('move a leg by one sample or 10 ms, and never off the recording', () => {
    expect(moveLeg(time, 'b', arrowStep('time', true, 500), 5000)).toMatchObject({ a: 1000, b: 1330 })
    expect(arrowStep('time', false, 500)).toBe(1)
    expect(moveLeg(time, 'a', -9999, 5000)).toMatchObject({ a: 0 })
    expect(moveLeg(time, 'b', 9999, 5000)).toMatchObject({ b: 4999 })
  })
  it('snap to the nearest fiducial within reach, else stay', () => {
    expect(snap(1003, [900, 1000, 1008], 6)).toBe(1000)
    expect(snap(1003, [900], 6)).toBe(1003)
  })
})

describe('march-out', () => {
  it('repeats the interval to both sides and leaves the legs themselves out', () => {
    expect(marchOut(1000, 1300, 0, 2000)).toEqual([100, 400, 700, 1600, 1900])
    expect(marchOut(1300, 1000, 0, 2000)).toEqual([100, 400, 700, 1600, 1900])
  })
  it('is bounded: legs on one place march nowhere', () => {
    expect(marchOut(1000, 1000, 0, 5000)).toEqual([])
  })
})

describe('the first caliper of the keyboard', () => {
  const cell = { lead: 'II', strip: true, first: 0, end: 5000 }
  it('stands on an R-R near the middle', () => {
    expect(firstCaliper('time', cell, [616, 1068, 2410, 2851], 500)).toMatchObject({ a: 2410, b: 2851 })
  })
  it('stands 0.8 s apart where no beat is known', () => {
    expect(firstCaliper('time', cell, [], 500)).toMatchObject({ a: 2300, b: 2700 })
  })
})
