// What a reader has written so far, and where its saving stands. Pure: the timer and the client are in casework.ts.
import type { CatalogueEntry, DraftReport, EditedMeasurement, Report, Statement } from '../api/types.gen'

export type Grade = DraftReport['grade']
export type MeasureName = EditedMeasurement['name']

export type Draft = Readonly<{
  statements: readonly Statement[]
  grade: Grade
  gradeByHand: boolean // chosen by the reader: statements do not move it any more
  measurements: readonly EditedMeasurement[]
  note: string
}>

export const BLANK: Draft = { statements: [], grade: 'unassessed', gradeByHand: false, measurements: [], note: '' }

export const draftOf = (report: Report): Draft => ({
  statements: report.statements,
  grade: report.grade,
  gradeByHand: report.grade !== 'unassessed',
  measurements: report.measurements,
  note: report.note,
})

export const bodyOf = (draft: Draft): DraftReport => ({
  statements: draft.statements,
  grade: draft.grade,
  measurements: draft.measurements,
  note: draft.note,
})

export const isBlank = (draft: Draft): boolean =>
  draft.statements.length === 0 && draft.measurements.length === 0 && draft.note === ''

/**
 * The grade that the reader's own statements carry: the gravest default of their codes. Free text alone has none, then
 * the reader chooses. It never looks at what the machine said.
 */
export function gradeOf(statements: readonly Statement[], entry: (code: string) => CatalogueEntry | null): Grade {
  const urgencies = statements.map(s => (s.code === null ? null : (entry(s.code)?.urgency ?? null)))
  if (urgencies.includes('critical')) return 'critical'
  if (urgencies.includes('urgent')) return 'warning'
  return urgencies.some(u => u !== null) ? 'normal' : 'unassessed'
}

export function withStatements(
  draft: Draft,
  statements: readonly Statement[],
  entry: (code: string) => CatalogueEntry | null,
): Draft {
  return { ...draft, statements, grade: draft.gradeByHand ? draft.grade : gradeOf(statements, entry) }
}

/** Adds what is not there yet: accepting twice, or accepting what was written by hand, repeats nothing. */
export function added(statements: readonly Statement[], more: readonly Statement[]): readonly Statement[] {
  const known = new Set(statements.map(s => s.code ?? s.text))
  return [...statements, ...more.filter(s => !known.has(s.code ?? s.text))]
}

/** The machine's QT and rate, as far as it measured them. */
export type Timing = Readonly<{ qt_ms: number | null; vent_rate_bpm: number | null }>

/**
 * null takes the reader's value away; the machine's stands again. Who corrects QT or rate has corrected QTc with it:
 * that is made anew from the two, until a QTc is typed.
 */
export function withMeasurement(draft: Draft, name: MeasureName, value: number | null, machine: Timing): Draft {
  const put = (all: readonly EditedMeasurement[], of: MeasureName, to: number | null): readonly EditedMeasurement[] => {
    const others = all.filter(m => m.name !== of)
    return to === null ? others : [...others, { name: of, value: to }]
  }
  const measurements = put(draft.measurements, name, value)
  if (name !== 'qt_ms' && name !== 'vent_rate_bpm') return { ...draft, measurements }
  const mine = (of: keyof Timing): number | null => measurements.find(m => m.name === of)?.value ?? null
  const isCorrected = mine('qt_ms') !== null || mine('vent_rate_bpm') !== null
  const qt = mine('qt_ms') ?? machine.qt_ms
  const rate = mine('vent_rate_bpm') ?? machine.vent_rate_bpm
  const qtc = isCorrected && qt !== null && rate !== null ? qtcBazett(qt, rate) : null
  return { ...draft, measurements: put(measurements, 'qtc_ms', qtc) }
}

/** Bazett (1920): QT over the root of RR in seconds; the report's formula. */
export const qtcBazett = (qt_ms: number, rate_bpm: number): number => Math.round(qt_ms * Math.sqrt(rate_bpm / 60))

/** Which drafts reached the hub. `rev` counts edits; one save at a time is on its way. */
export type Saving = Readonly<{
  rev: number
  savedRev: number
  onTheWay: number | null
  savedAt_ms: number | null
  error: unknown
}>

export const UNTOUCHED: Saving = { rev: 0, savedRev: 0, onTheWay: null, savedAt_ms: null, error: null }

export const edited = (s: Saving): Saving => ({ ...s, rev: s.rev + 1 })
export const mustSave = (s: Saving): boolean => s.rev > s.savedRev && s.onTheWay === null
export const began = (s: Saving): Saving => ({ ...s, onTheWay: s.rev })
export const arrived = (s: Saving, at_ms: number): Saving => ({
  ...s,
  savedRev: s.onTheWay ?? s.savedRev,
  onTheWay: null,
  savedAt_ms: at_ms,
  error: null,
})
export const lost = (s: Saving, error: unknown): Saving => ({ ...s, onTheWay: null, error })

export type SavingWords = 'none' | 'dirty' | 'saving' | 'saved' | 'failed'

/** What the footer says. Something unsaved is never called saved, whatever was saved before. */
export function savingWords(s: Saving): SavingWords {
  if (s.onTheWay !== null) return 'saving'
  if (s.error !== null && s.rev > s.savedRev) return 'failed'
  if (s.rev > s.savedRev) return 'dirty'
  return s.savedAt_ms === null ? 'none' : 'saved'
}
