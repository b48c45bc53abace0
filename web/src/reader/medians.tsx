// Twelve median beats in a row, now over prior, on the paper of the sheet above: same scale, aligned at R. The prior is
// thinner and below.
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import { GridSheet, penOf, type Size, useSize } from '../ecg/canvas'
import { type Colours, colours } from '../ecg/colours'
import { drawTrace, traceWidth } from '../ecg/trace'
import { t } from '../i18n/reader'
import type { MedianBeat } from './analysis'

const LEADS = ['I', 'II', 'III', 'aVR', 'aVL', 'aVF', 'V1', 'V2', 'V3', 'V4', 'V5', 'V6'] as const
const BEAT_MM = 21 // 0.8 s at 25 mm/s and a little air
const BEFORE_R_MM = 8
const LABEL_PX = 12
const BASELINE_AT = 0.58

export type MediansProps = Readonly<{
  now: MedianBeat
  prior: MedianBeat | null
  pxPerMm: number
  gain: number
  off: readonly string[]
}>

/** Twelve in one row where there is room for a beat each, else two rows of six. */
export const columnsFor = (width: number, pxPerMm: number): 12 | 6 => (width / 12 >= BEAT_MM * pxPerMm * 0.9 ? 12 : 6)

export function Medians(p: MediansProps) {
  const box = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const size = useSize(box)
  const grid = useMemo(() => new GridSheet(), [])
  const ink = colours.value
  useLayoutEffect(() => {
    if (size === null || canvas.current === null) return
    const pen = penOf(canvas.current, size, false)
    if (pen === null) return
    pen.drawImage(grid.for(size, p.pxPerMm, { x: 0, y: 0 }, ink), 0, 0)
    const columns = columnsFor(size.width, p.pxPerMm)
    const width = size.width / columns
    const height = size.height / (LEADS.length / columns)
    for (const [i, lead] of LEADS.entries()) {
      const cell = { x: (i % columns) * width, top: Math.floor(i / columns) * height, width, height }
      paintCell(pen, lead, cell, p, size, ink)
    }
  }, [size, p.now, p.prior, p.pxPerMm, p.gain, p.off, ink])
  return (
    <div class="rd-medians" ref={box}>
      <canvas ref={canvas} role="img" aria-label={t('medians.label')} />
    </div>
  )
}

type Cell = Readonly<{ x: number; top: number; width: number; height: number }>

function paintCell(
  pen: CanvasRenderingContext2D,
  lead: string,
  cell: Cell,
  p: MediansProps,
  size: Size,
  ink: Colours,
): void {
  const { dpr } = size
  pen.save()
  pen.beginPath()
  pen.rect(cell.x * dpr, cell.top * dpr, cell.width * dpr, cell.height * dpr)
  pen.clip()
  if (p.prior !== null) paintBeat(pen, lead, p.prior, cell, p, dpr, ink.prior, 0.7)
  if (!p.off.includes(lead)) paintBeat(pen, lead, p.now, cell, p, dpr, ink.trace, 1)
  pen.restore()
  pen.font = `600 ${LABEL_PX * dpr}px ${ink.sans}`
  pen.textBaseline = 'alphabetic'
  pen.lineJoin = 'round'
  pen.lineWidth = LABEL_PX * 0.3 * dpr
  pen.strokeStyle = ink.paper
  const x = (cell.x + 6) * dpr
  const y = (cell.top + LABEL_PX + 5) * dpr
  const words = p.off.includes(lead) ? t('medians.off', { lead }) : lead
  pen.strokeText(words, x, y)
  pen.fillStyle = ink.trace
  pen.fillText(words, x, y)
}

function paintBeat(
  pen: CanvasRenderingContext2D,
  lead: string,
  beat: MedianBeat,
  cell: Cell,
  p: MediansProps,
  dpr: number,
  colour: string,
  weight: number,
): void {
  const told = beat.leads[lead]
  if (told === undefined) return
  const uv = Float32Array.from(told, v => v ?? Number.NaN)
  const pxPerSample = (25 * p.pxPerMm * dpr) / beat.fs
  const span = Math.round((BEAT_MM * beat.fs) / 25)
  const first = Math.max(0, beat.r_at - Math.round((BEFORE_R_MM * beat.fs) / 25))
  pen.strokeStyle = colour
  pen.lineWidth = traceWidth(p.pxPerMm) * dpr * weight
  pen.lineJoin = 'round'
  pen.beginPath()
  drawTrace(pen, uv, {
    first,
    end: Math.min(uv.length, first + span),
    x: cell.x * dpr + BEFORE_R_MM * p.pxPerMm * dpr - (beat.r_at - first) * pxPerSample + 2 * dpr,
    pxPerSample,
    baseline: Math.round((cell.top + cell.height * BASELINE_AT) * dpr),
    pxPerUv: (p.gain * p.pxPerMm * dpr) / 1000,
  })
  pen.stroke()
}
