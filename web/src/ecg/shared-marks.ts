// What people draw on the paper together: strokes, boxes, calipers, each with its author's name. Marks stand in samples
// and microvolts of one lead, so that they keep their beat in every layout and on every screen. Where a mark stands in
// no cell of the present sheet, nothing is drawn. Geometry here is pure; `paintMarks` only strokes it.
import { read, readingWords } from './calipers'
import type { Colours } from './colours'
import { type Cell, type Sheet, xOf, yOf } from './layout'

export type SheetMark = Readonly<{
  id: string
  name: string // of who drew it
  shape: 'time' | 'voltage' | 'pen' | 'box'
  lead: string
  points: readonly (readonly [sample: number, uv: number])[]
  words: string
}>

export type Placed = Readonly<{ mark: SheetMark; cell: Cell; at: readonly (readonly [x: number, y: number])[] }>

/** Marks with their points in CSS px of this sheet; each in the cell that shows most of it. */
export function placeMarks(marks: readonly SheetMark[], sheet: Sheet): readonly Placed[] {
  return marks.flatMap(mark => {
    const cell = cellOf(mark, sheet)
    if (cell === null) return []
    const left = cell.x
    const right = cell.x + cell.width
    const at = mark.points.map(([sample, uv]): readonly [number, number] => [
      Math.max(left, Math.min(right, xOf(sheet, cell, sample))),
      yOf(sheet, cell, uv),
    ])
    return [{ mark, cell, at }]
  })
}

function cellOf(mark: SheetMark, sheet: Sheet): Cell | null {
  const samples = mark.points.map(([sample]) => sample)
  const low = Math.min(...samples)
  const high = Math.max(...samples)
  let best: Cell | null = null
  let most = -1
  for (const cell of sheet.cells) {
    const seen = Math.min(high, cell.end - 1) - Math.max(low, cell.first)
    if (cell.lead !== mark.lead || seen < 0) continue
    // A lead may stand in a column and again as the strip below: the column is where people look at its form.
    if (seen > most) {
      best = cell
      most = seen
    }
  }
  return best
}

/** "沈亦舟：看 V3 的 J 点", "沈亦舟 650 ms". */
export function markWords(mark: SheetMark, fs: number, perMinute: string): string {
  const [a, b] = mark.points
  if (a === undefined || b === undefined) return mark.name
  const where = { lead: mark.lead, strip: false }
  if (mark.shape === 'time')
    return `${mark.name} ${readingWords(read({ kind: 'time', ...where, a: a[0], b: b[0] }, fs), perMinute)}`
  if (mark.shape === 'voltage')
    return `${mark.name} ${readingWords(read({ kind: 'voltage', ...where, sample: a[0], aUv: a[1], bUv: b[1] }, fs), perMinute)}`
  return mark.words === '' ? mark.name : `${mark.name} · ${mark.words}`
}

type Ground = Readonly<{ dpr: number; colours: Colours; fs: number; perMinute: string; width: number }>

export function paintMarks(pen: CanvasRenderingContext2D, placed: readonly Placed[], g: Ground): void {
  const d = g.dpr
  pen.save()
  pen.lineJoin = 'round'
  pen.lineCap = 'round'
  for (const { mark, cell, at } of placed) {
    const [a, b] = at
    if (a === undefined || b === undefined) continue
    const caliper = mark.shape === 'time' || mark.shape === 'voltage'
    const colour = caliper ? g.colours.peer : g.colours.caliper
    pen.strokeStyle = colour
    pen.lineWidth = (caliper ? 1.25 : 2) * d
    pen.beginPath()
    let foot: readonly [number, number] = b
    if (mark.shape === 'pen') {
      at.forEach(([x, y], i) => {
        if (i === 0) pen.moveTo(x * d, y * d)
        else pen.lineTo(x * d, y * d)
      })
      foot = at.reduce((low, p) => (p[1] > low[1] ? p : low), a)
    } else if (mark.shape === 'box') {
      pen.roundRect(
        Math.min(a[0], b[0]) * d,
        Math.min(a[1], b[1]) * d,
        Math.abs(b[0] - a[0]) * d,
        Math.abs(b[1] - a[1]) * d,
        4 * d,
      )
      foot = [Math.min(a[0], b[0]), Math.max(a[1], b[1])]
    } else if (mark.shape === 'time') {
      const top = (cell.top + 4) * d
      const bottom = (cell.top + cell.height - 4) * d
      const bracket = (cell.top + cell.height - 16) * d
      for (const [x] of [a, b]) {
        pen.moveTo(x * d, top)
        pen.lineTo(x * d, bottom)
      }
      pen.moveTo(a[0] * d, bracket)
      pen.lineTo(b[0] * d, bracket)
      foot = [Math.max(a[0], b[0]) + 4, cell.top + cell.height - 28]
    } else {
      const reach = 40 * d
      for (const [x, y] of [a, b]) {
        pen.moveTo(x * d - reach, y * d)
        pen.lineTo(x * d + reach, y * d)
      }
      foot = [b[0] + 44, b[1]]
    }
    pen.stroke()
    nameTag(pen, markWords(mark, g.fs, g.perMinute), foot, colour, g)
  }
  pen.restore()
}

function nameTag(
  pen: CanvasRenderingContext2D,
  words: string,
  at: readonly [number, number],
  fill: string,
  g: Ground,
): void {
  const d = g.dpr
  pen.font = `600 ${12 * d}px ${g.colours.sans}`
  pen.textBaseline = 'middle'
  const width = pen.measureText(words).width + 10 * d
  const x = Math.max(0, Math.min(at[0] * d, g.width - width))
  const y = at[1] * d + 2 * d
  pen.fillStyle = fill
  pen.beginPath()
  pen.roundRect(x, y, width, 20 * d, 3 * d)
  pen.fill()
  pen.fillStyle = g.colours.paper
  pen.fillText(words, x + 5 * d, y + 10.5 * d)
}
