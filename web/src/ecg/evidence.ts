// Automatic findings on the paper: which stretch of which cell gets a wash, a foot and a tag, and which comes next.
import { type Cell, type Sheet, xOf } from './layout'

export type EvidenceOf = Readonly<{
  id: string
  words: string
  first: number // half-open sample range
  end: number
  leads: readonly string[] // empty: not of single leads, shown on the rhythm strip
  spans?: readonly Span[] // the beats it rests on, within first..end; without them the whole stretch
}>

export type Span = Readonly<{ first: number; end: number }>

export type Mark = Readonly<{
  id: string
  tag: string | null // only at the first mark of a finding
  tagX: number // beside the tags that start at the same place
  x: number
  width: number
  top: number
  height: number
  wash: boolean // false where it would cover the whole cell: then the foot alone says where
  active: boolean
  dimmed: boolean // another one is active
}>

const TAGS_MAX = 6
const WHOLE_CELL = 0.8

export const tagOf = (index: number): string => `E${index + 1}`

/** The stretches to draw. At most six findings at once; with one active, the others dim. */
export function marksOf(findings: readonly EvidenceOf[], active: string | null, sheet: Sheet): readonly Mark[] {
  return spread(stretches(findings, active, sheet))
}

const TAG_PX = 22

/** Tags in one row never lie on one another. */
function spread(marks: readonly Mark[]): readonly Mark[] {
  const taken = new Map<number, number[]>()
  return marks.map(mark => {
    if (mark.tag === null) return mark
    const row = taken.get(mark.top) ?? []
    let at = mark.x
    while (row.some(x => Math.abs(x - at) < TAG_PX)) at += TAG_PX
    taken.set(mark.top, [...row, at])
    return { ...mark, tagX: at }
  })
}

function stretches(findings: readonly EvidenceOf[], active: string | null, sheet: Sheet): readonly Mark[] {
  return tagged(findings, active).flatMap(({ finding, tag }) => {
    let first = true
    return sheet.cells
      .filter(cell => carries(cell, finding, sheet))
      .flatMap(cell => (finding.spans ?? [finding]).map(span => ({ cell, span })))
      .flatMap(({ cell, span }) => {
        const from = Math.max(span.first, cell.first)
        const to = Math.min(span.end, cell.end)
        if (to <= from) return []
        const x = xOf(sheet, cell, from)
        const width = Math.max(3, (to - from) * sheet.pxPerSample)
        const mark: Mark = {
          id: finding.id,
          tag: first ? tag : null,
          tagX: x,
          x,
          width,
          top: cell.top,
          height: cell.height,
          wash: width < cell.width * WHOLE_CELL,
          active: finding.id === active,
          dimmed: active !== null && finding.id !== active,
        }
        first = false
        return [mark]
      })
  })
}

/** The first six, or the five first and the active one. Tags keep their number whatever is shown. */
function tagged(
  findings: readonly EvidenceOf[],
  active: string | null,
): readonly { finding: EvidenceOf; tag: string }[] {
  const all = findings.map((finding, i) => ({ finding, tag: tagOf(i) }))
  const activeAt = findings.findIndex(f => f.id === active)
  if (activeAt < TAGS_MAX) return all.slice(0, TAGS_MAX)
  return [...all.slice(0, TAGS_MAX - 1), ...all.slice(activeAt, activeAt + 1)]
}

function carries(cell: Cell, finding: EvidenceOf, sheet: Sheet): boolean {
  if (finding.leads.length === 0)
    return cell === (sheet.cells.find(c => c.strip) ?? sheet.cells.find(c => c.lead === 'II'))
  if (!finding.leads.includes(cell.lead)) return false
  if (!cell.strip) return true
  // The strip repeats a lead; it carries the mark only when the column of that lead shows another time.
  return !sheet.cells.some(c => !c.strip && c.lead === cell.lead && overlaps(c, finding))
}

const overlaps = (c: Cell, f: EvidenceOf): boolean => Math.max(c.first, f.first) < Math.min(c.end, f.end)

/** E and Shift+E: the next or previous finding, round the end. */
export function stepFinding(findings: readonly EvidenceOf[], active: string | null, by: 1 | -1): string | null {
  if (findings.length === 0) return null
  const at = findings.findIndex(f => f.id === active)
  if (at < 0) return (by === 1 ? findings[0] : findings.at(-1))?.id ?? null
  return findings[(at + by + findings.length) % findings.length]?.id ?? null
}

/** Where to scroll so that the finding is on the sheet; null when its start is already there. */
export function firstSampleFor(finding: EvidenceOf, sheet: Sheet): number | null {
  if (finding.first >= sheet.first && finding.first < sheet.first + sheet.shown) return null
  return Math.max(0, Math.round(finding.first - sheet.shown * 0.2))
}
