import { describe, expect, it } from 'vitest'
import type { CatalogueEntry, Statement } from '../api/types.gen'
import {
  added,
  arrived,
  BLANK,
  began,
  type Draft,
  edited,
  gradeOf,
  lost,
  mustSave,
  savingWords,
  UNTOUCHED,
  withMeasurement,
  withStatements,
} from './draft'

const URGENCY: Readonly<Record<string, string>> = { VT: 'critical', AFIB: 'urgent', SINUS_RHYTHM: 'info' }
const entry = (code: string): CatalogueEntry | null =>
  URGENCY[code] === undefined
    ? null
    : { code, zh: code, en: code, initials: '', group: 'rhythm', urgency: URGENCY[code] ?? '' }
const says = (code: string | null, text = code ?? ''): Statement => ({ code, text })

describe('the grade', () => {
  it('follows the gravest of the reader’s own statements', () => {
    expect(gradeOf([says('SINUS_RHYTHM')], entry)).toBe('normal')
    expect(gradeOf([says('SINUS_RHYTHM'), says('AFIB')], entry)).toBe('warning')
    expect(gradeOf([says('VT'), says('AFIB')], entry)).toBe('critical')
  })

  it('is not known from free text alone', () => {
    expect(gradeOf([says(null, '请结合临床')], entry)).toBe('unassessed')
    expect(gradeOf([], entry)).toBe('unassessed')
  })

  it('stays once the reader chose it', () => {
    const chosen = { ...BLANK, grade: 'critical' as const, gradeByHand: true }
    expect(withStatements(chosen, [says('SINUS_RHYTHM')], entry).grade).toBe('critical')
    expect(withStatements(BLANK, [says('AFIB')], entry).grade).toBe('warning')
  })
})

describe('accepting', () => {
  it('repeats nothing that is written already', () => {
    const once = added([says('AFIB', '房颤')], [says('AFIB', '心房颤动'), says('VT')])
    expect(once.map(s => s.text)).toEqual(['房颤', 'VT'])
    expect(added(once, once)).toEqual(once)
  })
})

describe('a reader’s value', () => {
  it('stands beside the machine’s and goes when it is taken away', () => {
    const none = { qt_ms: null, vent_rate_bpm: null }
    const one = withMeasurement(withMeasurement(BLANK, 'pr_ms', 170, none), 'pr_ms', 180, none)
    expect(one.measurements).toEqual([{ name: 'pr_ms', value: 180 }])
    expect(withMeasurement(one, 'pr_ms', null, none).measurements).toEqual([])
  })

  const machine = { qt_ms: 400, vent_rate_bpm: 60 }
  const reads = (draft: Draft, name: string) => draft.measurements.find(m => m.name === name)?.value ?? null

  it('of QT or rate makes QTc anew, and takes it away with itself', () => {
    const qt = withMeasurement(BLANK, 'qt_ms', 440, machine)
    expect(reads(qt, 'qtc_ms')).toBe(440)
    const both = withMeasurement(qt, 'vent_rate_bpm', 90, machine)
    expect(reads(both, 'qtc_ms')).toBe(539) // 440 times the root of 1.5
    const rate = withMeasurement(both, 'qt_ms', null, machine)
    expect(reads(rate, 'qtc_ms')).toBe(490)
    expect(withMeasurement(rate, 'vent_rate_bpm', null, machine).measurements).toEqual([])
  })

  it('of QTc stands until QT or rate is corrected again', () => {
    const typed = withMeasurement(withMeasurement(BLANK, 'qt_ms', 440, machine), 'qtc_ms', 450, machine)
    expect(reads(typed, 'qtc_ms')).toBe(450)
    expect(reads(withMeasurement(typed, 'qt_ms', 460, machine), 'qtc_ms')).toBe(460)
  })

  it('of QT alone makes no QTc where no rate was measured', () => {
    const alone = withMeasurement(BLANK, 'qt_ms', 440, { qt_ms: null, vent_rate_bpm: null })
    expect(reads(alone, 'qtc_ms')).toBeNull()
  })
})

describe('saving the draft', () => {
  it('sends one at a time, and once more for what was typed meanwhile', () => {
    const typing = edited(began(edited(UNTOUCHED)))
    expect(mustSave(typing)).toBe(false)
    const back = arrived(typing, 1000)
    expect(savingWords(back)).toBe('dirty')
    expect(mustSave(back)).toBe(true)
    const again = arrived(began(back), 2000)
    expect(savingWords(again)).toBe('saved')
    expect(mustSave(again)).toBe(false)
  })

  it('never calls saved what is not', () => {
    const failed = lost(began(edited(UNTOUCHED)), new Error('down'))
    expect(savingWords(failed)).toBe('failed')
    expect(mustSave(failed)).toBe(true)
    expect(savingWords(arrived(began(failed), 5))).toBe('saved')
    expect(savingWords(UNTOUCHED)).toBe('none')
  })
})
