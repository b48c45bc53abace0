import { describe, expect, it } from 'vitest'
import type { Alert, Order, Recording } from '../api/types.gen'
import { leadRanges } from './leads'
import { withChip } from './order'
import { ageWrong, factsOf, idNoWrong } from './orderform'
import { progressOf } from './progress'
import { chosen, dayRows } from './today'

const recording = (over: Partial<Recording>): Recording =>
  ({
    id: 'r1',
    state: 'waiting',
    opened_at: '2026-11-22T03:10:00Z',
    started_at: null,
    machine: null,
    reader_name: null,
    impression: [],
    grade: 'unassessed',
    report: null,
    patient: { identity: 'known' },
    file: '',
    notes: [],
    return_reason: null,
    ...over,
  }) as Recording
const machine = (acceptable: boolean, bad_leads: readonly string[]) =>
  ({ acceptable, bad_leads, findings: [] }) as unknown as Recording['machine']

describe('where a recording stands', () => {
  it('walks the four steps', () => {
    const steps = (state: string) => progressOf(recording({ state })).steps.join(' ')
    expect(steps('receiving')).toBe('now todo todo todo')
    expect(steps('received')).toBe('done now todo todo')
    expect(steps('waiting')).toBe('done done now todo')
    expect(steps('reported')).toBe('done done done done')
  })

  it('tells the quality while the clinic can still record again', () => {
    expect(progressOf(recording({ machine: machine(false, []) })).say).toEqual({ kind: 'waiting_poor' })
    expect(progressOf(recording({ machine: machine(true, ['V3']) })).say).toEqual({
      kind: 'waiting_leads',
      leads: ['V3'],
    })
  })

  it('asks for one act: again when returned, the report when there is one, the name when it is missing', () => {
    expect(progressOf(recording({ state: 'returned' })).act).toBe('again')
    expect(progressOf(recording({ state: 'reported', report: 'p1' })).act).toBe('report')
    const pending = { identity: 'pending' } as Recording['patient']
    expect(progressOf(recording({ patient: pending })).act).toBe('name')
    expect(progressOf(recording({})).act).toBeNull()
  })

  it('says of a state it does not know only that it waits', () => {
    expect(progressOf(recording({ state: 'from_a_newer_hub' })).say).toEqual({ kind: 'waiting' })
  })
})

describe('the rows of the day', () => {
  it('put the critical first, the returned next, then the newest', () => {
    const rows = dayRows(
      [
        recording({ id: 'old', opened_at: '2026-11-22T01:00:00Z' }),
        recording({ id: 'new', opened_at: '2026-11-22T03:00:00Z' }),
        recording({ id: 'back', state: 'returned', opened_at: '2026-11-22T00:30:00Z' }),
        recording({ id: 'bad', opened_at: '2026-11-22T00:10:00Z' }),
      ],
      [],
      [{ recording: 'bad' } as Alert],
      [],
    )
    expect(rows.map(r => r.key)).toEqual(['bad', 'back', 'new', 'old'])
  })

  it('show a form until its recording is here, never both', () => {
    const order = { id: 'o1', recording: 'r1', ordered_at: '2026-11-22T03:00:00Z' } as Order
    expect(dayRows([], [order], [], []).map(r => r.key)).toEqual(['o1'])
    expect(dayRows([recording({})], [order], [], []).map(r => r.key)).toEqual(['r1'])
  })

  it('filter by done', () => {
    const rows = dayRows([recording({}), recording({ id: 'r2', state: 'reported' })], [], [], [])
    expect(chosen(rows, 'reported').map(r => r.key)).toEqual(['r2'])
    expect(chosen(rows, 'waiting').map(r => r.key)).toEqual(['r1'])
  })
})

describe('the request form', () => {
  it('checks age and the last character of the ID number', () => {
    expect(ageWrong('58')).toBe(false)
    expect(ageWrong('131')).toBe(true)
    expect(ageWrong('')).toBe(true)
    expect(idNoWrong('')).toBe(false)
    expect(idNoWrong('11010519491231002X')).toBe(false) // the standard's own example
    expect(idNoWrong('110105194912310021')).toBe(true)
  })

  it('sends an emergency without name, age or number', () => {
    expect(factsOf({ emergency: true, name: ' ', sex: '', age: '', idNo: '' })).toEqual({
      name: '',
      sex: '',
      age_years: null,
      id_no: '',
    })
  })

  it('lets "none" stand alone', () => {
    expect([...withChip(new Set(['chest_pain']), 'none')]).toEqual(['none'])
    expect([...withChip(new Set(['none']), 'syncope')]).toEqual(['syncope'])
  })
})

describe('words and messages', () => {
  it('join neighbouring chest leads', () => {
    expect(leadRanges(['V1', 'V2', 'V3', 'V4', 'V5'])).toBe('V1–V5')
    expect(leadRanges(['II', 'III', 'aVF'])).toBe('II、III、aVF')
    expect(leadRanges(['V1', 'V2'])).toBe('V1、V2')
    expect(leadRanges(['V1', 'V2', 'V3', 'V6'])).toBe('V1–V3、V6')
  })
})
