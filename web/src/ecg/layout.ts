// Where each lead stands on the sheet: cells with their lead, sample range, left edge, baseline. Pure arithmetic in CSS
// px; drawing and colours live elsewhere. Columns follow one another in time over the rhythm strip, unless `sync`.
import { PULSE_MM } from './paper'
import { clampFirst } from './viewport'

export type LayoutName = '3x4+1' | '6x2' | '12x1' | 'cabrera' | '3x4+3' | 'rows'

export type Cell = Readonly<{
  label: string // '-aVR' where it is drawn inverted
  lead: string
  inverted: boolean
  strip: boolean // a rhythm strip under columns: runs over their whole time
  row: number
  column: number
  x: number // CSS px of sample `first`
  width: number
  top: number
  height: number
  baseline: number
  first: number // half-open sample range [first, end)
  end: number
}>

export type Sheet = Readonly<{
  cells: readonly Cell[]
  rows: readonly { top: number; height: number; baseline: number }[]
  pxPerMm: number
  pxPerSample: number
  pxPerUv: number
  pulsePx: number
  gridX: number // where the grid's 5-mm lines start, so that the pulse stands on them
  gridY: number
  first: number
  shown: number // samples from the first to the last shown
}>

export type SheetWish = Readonly<{
  layout: LayoutName
  leads?: readonly string[] // for 'rows': which; evidence leads first on a phone
  rhythmLead?: string
  speed: number // mm/s
  gain: number // mm/mV
  fs: number
  samples: number
  first: number
  sync: boolean
  width: number
  height: number
  pxPerMm: number
}>

const LIMB = ['I', 'II', 'III', 'aVR', 'aVL', 'aVF'] as const
const CHEST = ['V1', 'V2', 'V3', 'V4', 'V5', 'V6'] as const
export const TWELVE: readonly string[] = [...LIMB, ...CHEST]

const THREE_BY_FOUR = [
  ['I', 'aVR', 'V1', 'V4'],
  ['II', 'aVL', 'V2', 'V5'],
  ['III', 'aVF', 'V3', 'V6'],
] as const

const SIX_BY_TWO = LIMB.map((limb, i) => [limb, CHEST[i] ?? 'V6'])

type Plan = Readonly<{ rows: readonly (readonly string[])[]; strips: readonly string[] }>

export function planOf(layout: LayoutName, leads: readonly string[], rhythmLead: string): Plan {
  switch (layout) {
    case '3x4+1':
      return { rows: THREE_BY_FOUR, strips: [rhythmLead] }
    case '3x4+3':
      return { rows: THREE_BY_FOUR, strips: ['II', 'V1', 'V5'] }
    case '6x2':
      return { rows: SIX_BY_TWO, strips: [] }
    case 'cabrera':
      return { rows: ['aVL', 'I', '-aVR', 'II', 'aVF', 'III'].map((l, i) => [l, CHEST[i] ?? 'V6']), strips: [] }
    case '12x1':
      return { rows: TWELVE.map(l => [l]), strips: [] }
    case 'rows':
      return { rows: leads.map(l => [l]), strips: [] }
  }
}

export const ROW_MM_MAX = 48
const BASELINE_AT = 0.58 // of the row: R waves go up more than S waves go down

export function layOut(w: SheetWish): Sheet {
  const plan = planOf(w.layout, w.leads ?? TWELVE, w.rhythmLead ?? 'II')
  const columns = plan.rows[0]?.length ?? 1
  const lines = [...plan.rows.map(row => ({ row, strip: false })), ...plan.strips.map(l => ({ row: [l], strip: true }))]
  const mm = w.pxPerMm
  const pxPerSample = (w.speed * mm) / w.fs
  const page = Math.max(1, Math.floor((w.width - PULSE_MM * mm) / pxPerSample / columns) * columns)
  // A column never runs past the standard page of 250 mm nor past what was recorded.
  const standard = Math.round((250 / w.speed) * w.fs)
  const wide = w.layout === 'rows' || w.layout === '12x1' ? page : Math.min(page, Math.max(standard, 1))
  const shown = Math.min(wide, Math.max(columns, w.sync ? w.samples * columns : w.samples))
  const perColumn = Math.floor(shown / columns)
  const span = w.sync ? perColumn : perColumn * columns
  const first = clampFirst(w.first, span, w.samples)

  const rows = rowsOf(lines.length, w)

  const cells = lines.flatMap(({ row, strip }, r) =>
    row.map((label, c): Cell => {
      const at = rows[r] ?? { top: 0, height: 0, baseline: 0 }
      const cellFirst = strip || w.sync ? first : first + c * perColumn
      const count = strip ? perColumn * columns : perColumn
      const inverted = label.startsWith('-')
      return {
        label: inverted ? `−${label.slice(1)}` : label,
        lead: inverted ? label.slice(1) : label,
        inverted,
        strip,
        row: r,
        column: c,
        x: PULSE_MM * mm + c * perColumn * pxPerSample,
        width: count * pxPerSample,
        ...at,
        first: cellFirst,
        end: Math.min(w.samples, cellFirst + count),
      }
    }),
  )
  return {
    cells,
    rows,
    pxPerMm: mm,
    pxPerSample,
    pxPerUv: (w.gain * mm) / 1000,
    pulsePx: PULSE_MM * mm,
    gridX: PULSE_MM * mm,
    gridY: 0,
    first,
    shown: span,
  }
}

/** Rows share the height; the first stands low enough that its pulse is not cut off. Baselines lie on the grid. */
function rowsOf(count: number, w: Pick<SheetWish, 'height' | 'gain' | 'pxPerMm'>): Sheet['rows'] {
  const mm = w.pxPerMm
  const pulse = (w.gain + 1) * mm
  const even = w.height / count
  const missing = pulse - even * BASELINE_AT
  const head = missing > 0 ? Math.min(w.height / 4, missing / (1 - BASELINE_AT / count)) : 0
  const height = Math.min((w.height - head) / count, ROW_MM_MAX * mm)
  const spare = Math.max(0, (w.height - head - height * count) / 2)
  return Array.from({ length: count }, (_, i) => {
    const top = head + spare + i * height
    return { top, height, baseline: Math.round((top + height * BASELINE_AT) / mm) * mm }
  })
}

/** The cell under a point, or the nearest in its row; null outside all rows. */
export function cellAt(sheet: Sheet, x: number, y: number): Cell | null {
  const inRow = sheet.cells.filter(c => y >= c.top && y < c.top + c.height)
  return inRow.find(c => x >= c.x && x < c.x + c.width) ?? inRow.at(x < sheet.pulsePx ? 0 : -1) ?? null
}

export const xOf = (sheet: Sheet, cell: Cell, sample: number): number =>
  cell.x + (sample - cell.first) * sheet.pxPerSample
export const yOf = (sheet: Sheet, cell: Cell, uv: number): number =>
  cell.baseline - (cell.inverted ? -uv : uv) * sheet.pxPerUv
export const sampleUnder = (sheet: Sheet, cell: Cell, x: number): number =>
  Math.max(cell.first, Math.min(cell.end - 1, Math.round(cell.first + (x - cell.x) / sheet.pxPerSample)))
export const uvUnder = (sheet: Sheet, cell: Cell, y: number): number =>
  ((cell.baseline - y) / sheet.pxPerUv) * (cell.inverted ? -1 : 1)

export type PlaceUnder = Readonly<{ lead: string; sample: number; uv: number }>

/** What stands under a point of the screen; `lead`: in this one, wherever the point is. `paper` holds the sheet. */
export function placeUnder(
  sheet: Sheet,
  paper: Element,
  point: Readonly<{ x: number; y: number }>,
  lead: string | null,
): PlaceUnder | null {
  const edge = paper.getBoundingClientRect()
  const at = { x: point.x - edge.left + paper.scrollLeft, y: point.y - edge.top + paper.scrollTop }
  const under = cellAt(sheet, at.x, at.y)
  const cell = lead === null || under?.lead === lead ? under : (sheet.cells.find(c => c.lead === lead) ?? null)
  if (cell === null) return null
  return { lead: cell.lead, sample: sampleUnder(sheet, cell, at.x), uv: Math.round(uvUnder(sheet, cell, at.y)) }
}
