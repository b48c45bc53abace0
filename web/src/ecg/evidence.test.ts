import { describe, expect, it } from 'vitest'
import { type EvidenceOf, firstSampleFor, marksOf, stepFinding } from './evidence'
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
const finding = (id: string, over: Partial<EvidenceOf> = {}): EvidenceOf => ({
  id,
  words: id,
  first: 3000,
  end: 3100,
  leads: ['V1', 'V2'],
  ...over,
})

describe('marks of evidence', () => {
  it('stand on their leads where that time is shown, tagged once', () => {
    const marks = marksOf([finding('a')], null, sheet)
    expect(marks).toHaveLength(2)
    expect(marks.map(m => m.tag)).toEqual(['E1', null])
    const v1 = sheet.cells.find(c => c.lead === 'V1')
    expect(v1 && xOf(sheet, v1, 3000)).toBeCloseTo(marks[0]?.x ?? 0)
  })
  it('show a finding without leads on the strip, by its foot alone when it is everywhere', () => {
    const marks = marksOf([finding('af', { leads: [], first: 0, end: 5000 })], null, sheet)
    expect(marks).toHaveLength(1)
    expect(marks[0]).toMatchObject({ wash: false })
  })
  it('set tags that start at one place side by side', () => {
    const whole = { leads: [], first: 0, end: 5000 }
    const marks = marksOf([finding('a', whole), finding('b', whole), finding('c', whole)], null, sheet)
    const [a = 0, b = 0, c = 0] = marks.map(m => m.tagX)
    expect([b - a, c - b]).toEqual([22, 22])
  })
  it('use the strip where the column of the lead shows another time', () => {
    expect(marksOf([finding('p', { leads: ['II'] })], null, sheet)).toHaveLength(1)
  })
  it('are at most six, keep their number, and dim for the active one', () => {
    const many = Array.from({ length: 9 }, (_, i) => finding(`f${i}`))
    const marks = marksOf(many, 'f8', sheet)
    expect([...new Set(marks.map(m => m.id))]).toEqual(['f0', 'f1', 'f2', 'f3', 'f4', 'f8'])
    expect(marks.find(m => m.active)?.tag).toBe('E9')
    expect(marks.filter(m => m.dimmed)).toHaveLength(10)
  })
})

describe('going through findings', () => {
  it('goes round both ways and starts at either end', () => {
    const all = ['a', 'b', 'c'].map(id => finding(id))
    expect(stepFinding(all, null, 1)).toBe('a')
    expect(stepFinding(all, null, -1)).toBe('c')
    expect(stepFinding(all, 'c', 1)).toBe('a')
    expect(stepFinding(all, 'a', -1)).toBe('c')
    expect(stepFinding([], 'a', 1)).toBeNull()
  })
  it('scrolls only to what is not on the sheet', () => {
    expect(firstSampleFor(finding('a'), sheet)).toBeNull()
    expect(firstSampleFor(finding('a', { first: 9000, end: 9100 }), sheet)).toBe(8000)
  })
})
