// Paints a laid-out sheet: grid, evidence, pulses, traces, labels; and on the layer above it calipers and pointers.
// Where things stand is layout.ts, evidence.ts and calipers.ts; here only strokes, in device px.
import { type Caliper, marchOut } from './calipers'
import type { Colours } from './colours'
import type { Box, PlacedSymbol } from './doubt'
import type { Mark } from './evidence'
import { drawGrid } from './grid'
import { type Cell, type Sheet, xOf, yOf } from './layout'
import { paintMarks, placeMarks, type SheetMark } from './shared-marks'
import { drawPulse, drawTrace, traceWidth } from './trace'

type Pen = CanvasRenderingContext2D

export type LeadSource = (lead: string) => Float32Array | null

export type SheetWords = Readonly<Record<'off' | 'absent' | 'unread' | 'derived', (lead: string) => string>>

export type Painting = Readonly<{
  sheet: Sheet
  dpr: number
  grid: HTMLCanvasElement
  colours: Colours
  lead: LeadSource
  marks: readonly Mark[]
  hatches: readonly Box[] // what could not be read
  unread: ReadonlySet<string> // leads without a vote
  derived: readonly string[] // leads computed from others
  symbols: readonly PlacedSymbol[]
  pulseLeft: number // CSS px
  pulseWidth: number
  pulseHeight: number
  words: SheetWords
  inkWidth?: number // thinner under the lens, where everything is three times as large
}>

export function paintSheet(pen: Pen, p: Painting): void {
  pen.setTransform(1, 0, 0, 1, 0, 0)
  pen.drawImage(p.grid, 0, 0)
  paintInk(pen, p)
}

export const LENS = { factor: 3, width: 320, height: 200 } as const

/** The paper three times as large beside the pointer: grid and traces are drawn anew, so nothing is blurred. */
export function paintLens(
  pen: Pen,
  p: Painting,
  at: { x: number; y: number },
  size: { width: number; height: number },
): void {
  const { dpr } = p
  const width = LENS.width * dpr
  const height = LENS.height * dpr
  const x = at.x * dpr + 24 * dpr + width <= size.width ? at.x * dpr + 24 * dpr : at.x * dpr - 24 * dpr - width
  const y = Math.max(0, Math.min(size.height - height, at.y * dpr - height / 2))
  pen.setTransform(1, 0, 0, 1, 0, 0)
  pen.save()
  pen.beginPath()
  pen.rect(x, y, width, height)
  pen.clip()
  const left = x + width / 2 - at.x * dpr * LENS.factor
  const top = y + height / 2 - at.y * dpr * LENS.factor
  const mm = p.sheet.pxPerMm * dpr * LENS.factor
  const paper = {
    pxPerMm: mm,
    originX: left + p.sheet.gridX * dpr * LENS.factor,
    originY: top + p.sheet.gridY * dpr * LENS.factor,
  }
  drawGrid(pen, size, paper, p.colours)
  pen.translate(left, top)
  pen.scale(LENS.factor, LENS.factor)
  paintInk(pen, { ...p, inkWidth: 0.5 })
  pen.restore()
  pen.strokeStyle = p.colours.quiet
  pen.lineWidth = Math.max(1, Math.round(dpr))
  pen.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1)
}

function paintInk(pen: Pen, p: Painting): void {
  const { sheet, dpr } = p
  for (const box of p.hatches) paintHatch(pen, box, p)
  for (const mark of p.marks) paintMark(pen, mark, p)
  pen.lineJoin = 'round'
  pen.lineCap = 'round'
  pen.strokeStyle = p.colours.trace
  pen.lineWidth = traceWidth(sheet.pxPerMm) * dpr * (p.inkWidth ?? 1)
  for (const row of sheet.rows) {
    pen.beginPath()
    drawPulse(pen, {
      x: sheet.pxPerMm * 0.5 * dpr,
      left: p.pulseLeft * dpr,
      width: p.pulseWidth * dpr,
      end: sheet.pulsePx * dpr,
      baseline: row.baseline * dpr,
      height: p.pulseHeight * dpr,
    })
    pen.stroke()
  }
  for (const cell of sheet.cells) paintCell(pen, cell, p)
  for (const cell of sheet.cells) paintLabel(pen, cell, p)
  for (const mark of p.marks) paintTag(pen, mark, p)
  for (const one of p.symbols)
    haloed(pen, one.symbol, (one.x - 4) * p.dpr, (one.top + 14) * p.dpr, 12, p, p.colours.evidence)
}

const HATCH_PX = 8

/** Slanted lines under the trace: what was recorded stays to be seen, and nobody takes it for judged. */
function paintHatch(pen: Pen, box: Box, { dpr, colours }: Painting): void {
  pen.save()
  pen.beginPath()
  pen.rect(box.x * dpr, box.top * dpr, box.width * dpr, box.height * dpr)
  pen.clip()
  pen.strokeStyle = colours.quiet
  pen.globalAlpha = 0.45
  pen.lineWidth = Math.max(1, dpr)
  pen.beginPath()
  for (let x = box.x - box.height; x < box.x + box.width; x += HATCH_PX) {
    pen.moveTo(x * dpr, (box.top + box.height) * dpr)
    pen.lineTo((x + box.height) * dpr, box.top * dpr)
  }
  pen.stroke()
  pen.restore()
}

function paintCell(pen: Pen, cell: Cell, p: Painting): void {
  const { sheet, dpr } = p
  const uv = p.lead(cell.lead)
  pen.strokeStyle = p.colours.trace
  pen.lineWidth = traceWidth(sheet.pxPerMm) * dpr * (p.inkWidth ?? 1)
  if (uv === null || isSilent(uv, cell)) {
    dashed(pen, cell, p)
    return
  }
  pen.beginPath()
  drawTrace(pen, uv, {
    first: cell.first,
    end: cell.end,
    x: cell.x * dpr,
    pxPerSample: sheet.pxPerSample * dpr,
    baseline: cell.baseline * dpr,
    pxPerUv: (cell.inverted ? -1 : 1) * sheet.pxPerUv * dpr,
  })
  pen.stroke()
  if (cell.column > 0) separator(pen, cell, p)
}

/** Never a solid flat line where nothing was measured: it could be read as asystole. */
function dashed(pen: Pen, cell: Cell, p: Painting): void {
  pen.save()
  pen.strokeStyle = p.colours.quiet
  pen.lineWidth = Math.max(1, p.dpr)
  pen.setLineDash([6 * p.dpr, 6 * p.dpr])
  pen.beginPath()
  pen.moveTo(cell.x * p.dpr, Math.round(cell.baseline * p.dpr) + 0.5)
  pen.lineTo((cell.x + cell.width) * p.dpr, Math.round(cell.baseline * p.dpr) + 0.5)
  pen.stroke()
  pen.restore()
}

/** Two ticks where the next lead begins, clear of the trace. */
function separator(pen: Pen, cell: Cell, { sheet, dpr, colours }: Painting): void {
  const x = Math.round(cell.x * dpr)
  const mm = sheet.pxPerMm * dpr
  const width = Math.max(1, Math.round(dpr))
  const up = Math.min(10 * mm, (cell.baseline - cell.top) * dpr - 1.5 * mm)
  const down = Math.min(5 * mm, (cell.top + cell.height - cell.baseline) * dpr - 3 * mm)
  pen.fillStyle = colours.trace
  if (up > 0) pen.fillRect(x, cell.baseline * dpr - up, width, 2 * mm)
  if (down > 0) pen.fillRect(x, cell.baseline * dpr + down, width, 2 * mm)
}

function isSilent(uv: Float32Array, cell: Cell): boolean {
  for (let i = cell.first; i < cell.end; i++) if (!Number.isNaN(uv[i])) return false
  return cell.end > cell.first
}

export const LABEL_PX = 13

function paintLabel(pen: Pen, cell: Cell, p: Painting): void {
  const uv = p.lead(cell.lead)
  const words =
    uv === null
      ? p.words.absent(cell.label)
      : isSilent(uv, cell)
        ? p.words.off(cell.label)
        : p.unread.has(cell.lead)
          ? p.words.unread(cell.label)
          : p.derived.includes(cell.lead)
            ? p.words.derived(cell.label)
            : cell.label
  const over = cell.baseline - 13 * p.sheet.pxPerMm // 13 mm over the baseline, if the row is that high
  const y = Math.max(cell.top + LABEL_PX + 1, over)
  haloed(pen, words, (cell.x + 1.2 * p.sheet.pxPerMm) * p.dpr, y * p.dpr, LABEL_PX, p, p.colours.trace)
}

function haloed(
  pen: Pen,
  words: string,
  x: number,
  y: number,
  px: number,
  p: Pick<Painting, 'dpr' | 'colours'>,
  colour: string,
): void {
  pen.font = `600 ${px * p.dpr}px ${p.colours.sans}`
  pen.textBaseline = 'alphabetic'
  pen.lineJoin = 'round'
  pen.lineWidth = px * 0.3 * p.dpr
  pen.strokeStyle = p.colours.paper
  pen.strokeText(words, x, y)
  pen.fillStyle = colour
  pen.fillText(words, x, y)
}

const FOOT_PX = 2

function paintMark(pen: Pen, mark: Mark, { dpr, colours }: Painting): void {
  pen.globalAlpha = mark.dimmed ? 0.35 : 1
  const x = Math.round(mark.x * dpr)
  const width = Math.max(2, Math.round(mark.width * dpr))
  const top = Math.round((mark.top + 3) * dpr)
  const bottom = Math.round((mark.top + mark.height - 3) * dpr)
  if (mark.wash) {
    pen.fillStyle = colours.wash
    pen.fillRect(x, top, width, bottom - top)
    if (mark.active) pen.fillRect(x, top, width, bottom - top)
  }
  pen.fillStyle = colours.evidence
  pen.fillRect(x, bottom - FOOT_PX * dpr, width, FOOT_PX * dpr)
  pen.globalAlpha = 1
}

function paintTag(pen: Pen, mark: Mark, p: Painting): void {
  if (mark.tag === null) return
  pen.globalAlpha = mark.dimmed ? 0.5 : 1
  haloed(pen, mark.tag, mark.tagX * p.dpr, (mark.top + mark.height - 8) * p.dpr, 12, p, p.colours.evidence)
  pen.globalAlpha = 1
}

export type PeerPointer = Readonly<{ id: string; name: string; lead: string; strip: boolean; sample: number }>

export type Overlay = Readonly<{
  sheet: Sheet
  dpr: number
  colours: Colours
  caliper: Caliper | null
  reading: string
  marching: boolean
  fs: number
  pointers: readonly PeerPointer[]
  shared: readonly SheetMark[]
  perMinute: string // the unit of rates
  beatAt: number | null // sample of the spoken cursor
  lead: LeadSource
}>

export function paintOverlay(pen: Pen, o: Overlay, size: { width: number; height: number }): void {
  pen.setTransform(1, 0, 0, 1, 0, 0)
  pen.clearRect(0, 0, size.width, size.height)
  if (o.shared.length > 0) paintMarks(pen, placeMarks(o.shared, o.sheet), { ...o, width: size.width })
  if (o.caliper?.kind === 'time') paintTimeCaliper(pen, o.caliper, o, size.width)
  if (o.caliper?.kind === 'voltage') paintVoltageCaliper(pen, o.caliper, o, size.width)
  if (o.beatAt !== null) paintBeat(pen, o.beatAt, o)
  for (const pointer of o.pointers) paintPointer(pen, pointer, o, size.width)
}

/** The cell a place belongs to: the strip or the column the legs were set on, else any that shows that sample. */
export function cellFor(sheet: Sheet, lead: string, strip: boolean, sample: number): Cell | null {
  const shows = (c: Cell): boolean => c.lead === lead && sample >= c.first && sample < c.end
  return sheet.cells.find(c => shows(c) && c.strip === strip) ?? sheet.cells.find(shows) ?? null
}

function paintTimeCaliper(pen: Pen, c: Extract<Caliper, { kind: 'time' }>, o: Overlay, width: number): void {
  const { sheet, dpr } = o
  if (o.marching) {
    for (const cell of sheet.cells)
      for (const at of marchOut(c.a, c.b, cell.first, cell.end)) dots(pen, xOf(sheet, cell, at) * dpr, cell, o)
  }
  const cell = cellFor(sheet, c.lead, c.strip, c.a) ?? cellFor(sheet, c.lead, c.strip, c.b)
  if (cell === null) return
  const xs = [c.a, c.b].map(s => Math.round(xOf(sheet, cell, s) * dpr)).sort((a, b) => a - b)
  const [x1 = 0, x2 = 0] = xs
  const line = Math.max(1, Math.round(1.25 * dpr))
  const top = (cell.top + 4) * dpr
  const height = (cell.height - 8) * dpr
  const bracket = Math.round((cell.top + 13) * dpr)
  pen.fillStyle = o.colours.caliper
  pen.fillRect(x1, top, line, height)
  pen.fillRect(x2, top, line, height)
  pen.fillRect(x1, bracket, x2 - x1, Math.max(1, Math.round(dpr)))
  readOut(pen, o, x2 + 6 * dpr, x1 - 6 * dpr, bracket, width)
}

function paintVoltageCaliper(pen: Pen, c: Extract<Caliper, { kind: 'voltage' }>, o: Overlay, width: number): void {
  const { sheet, dpr } = o
  const cell = cellFor(sheet, c.lead, c.strip, c.sample)
  if (cell === null) return
  const x = Math.round(xOf(sheet, cell, c.sample) * dpr)
  const reach = Math.round(12 * sheet.pxPerMm * dpr)
  const line = Math.max(1, Math.round(1.25 * dpr))
  const ya = Math.round(yOf(sheet, cell, c.aUv) * dpr)
  const yb = Math.round(yOf(sheet, cell, c.bUv) * dpr)
  pen.fillStyle = o.colours.caliper
  for (const y of [ya, yb]) pen.fillRect(x - reach, y, 2 * reach, line)
  pen.fillRect(x + reach - line, Math.min(ya, yb), line, Math.abs(yb - ya))
  readOut(pen, o, x + reach + 6 * dpr, x - reach - 6 * dpr, (ya + yb) / 2, width)
}

/** The number beside the legs, to the right; to the left where the paper ends. */
function readOut(pen: Pen, o: Overlay, right: number, left: number, y: number, width: number): void {
  chip(pen, o, o.reading, o.colours.caliper, right, left, y, width)
}

function chip(
  pen: Pen,
  o: Overlay,
  words: string,
  fill: string,
  right: number,
  left: number,
  y: number,
  width: number,
): void {
  pen.font = `600 ${12 * o.dpr}px ${o.colours.sans}`
  pen.textBaseline = 'middle'
  const w = pen.measureText(words).width + 10 * o.dpr
  const x = right + w <= width ? right : Math.max(0, left - w)
  pen.fillStyle = fill
  pen.beginPath()
  pen.roundRect(x, y - 10 * o.dpr, w, 20 * o.dpr, 3 * o.dpr)
  pen.fill()
  pen.fillStyle = o.colours.paper
  pen.fillText(words, x + 5 * o.dpr, y + o.dpr * 0.5)
}

function dots(pen: Pen, x: number, cell: Cell, o: Overlay): void {
  pen.fillStyle = o.colours.caliper
  const size = Math.max(1, Math.round(1.25 * o.dpr))
  const bottom = (cell.top + cell.height - 4) * o.dpr
  for (let y = bottom - 24 * o.dpr; y < bottom; y += 4 * o.dpr)
    pen.fillRect(Math.round(x), Math.round(y), size, 2 * o.dpr)
}

/** A small mark under the beat on the strip, or on the first cell that shows it. */
function paintBeat(pen: Pen, sample: number, o: Overlay): void {
  const shows = o.sheet.cells.filter(c => sample >= c.first && sample < c.end)
  const cell = shows.find(c => c.strip) ?? shows[0]
  if (cell === undefined) return
  const d = o.dpr
  const x = xOf(o.sheet, cell, sample) * d
  const y = (cell.top + cell.height - 6) * d
  pen.fillStyle = o.colours.caliper
  pen.beginPath()
  pen.moveTo(x, y - 10 * d)
  pen.lineTo(x + 6 * d, y)
  pen.lineTo(x - 6 * d, y)
  pen.closePath()
  pen.fill()
}

function paintPointer(pen: Pen, pointer: PeerPointer, o: Overlay, width: number): void {
  const cell = cellFor(o.sheet, pointer.lead, pointer.strip, pointer.sample)
  if (cell === null) return
  const uv = o.lead(cell.lead)?.[pointer.sample] ?? 0
  const d = o.dpr
  const x = xOf(o.sheet, cell, pointer.sample) * d
  const y = yOf(o.sheet, cell, Number.isNaN(uv) ? 0 : uv) * d
  pen.fillStyle = o.colours.peer
  pen.beginPath()
  pen.moveTo(x, y)
  pen.lineTo(x + 12 * d, y + 4.5 * d)
  pen.lineTo(x + 6.5 * d, y + 6.5 * d)
  pen.lineTo(x + 4.5 * d, y + 12 * d)
  pen.closePath()
  pen.fill()
  chip(pen, o, pointer.name, o.colours.peer, x + 14 * d, x - 4 * d, y + 18 * d, width)
}
