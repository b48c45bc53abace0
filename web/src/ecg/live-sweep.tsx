// EcgSweep: live leads on a fixed page. Draws only the new piece of each lead; says the age of what is at the pen, and
// looks frozen when it is. Playing out is playout.ts, which pixels change sweep.ts.
import { signal, useSignal } from '@preact/signals'
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import { t } from '../i18n/ecg'
import type { SampleBlock } from '../live/samples'
import { NO_SIGNAL } from '../live/samples'
import { GridSheet, penOf, type Size, useSize } from './canvas'
import { type Colours, colours } from './colours'
import { LABEL_PX } from './draw'
import { onFrame } from './loop'
import { ageState, type PlayOut, type SignalAge } from './playout'
import { piecesFor, type SweepPage } from './sweep'
import { drawTrace, traceWidth } from './trace'

export type EcgSweepProps = Readonly<{
  playOut: PlayOut
  leads: readonly string[] // names of the play-out's leads, in its order
  columns?: number // 2 for twelve leads at acquisition, 1 on the wall
  pxPerMm?: number
  gain?: number
  speed?: number
  off?: ReadonlySet<string> // electrodes off: dashed, named
  onAge?: (state: SignalAge | 'waiting', age_s: number | null) => void
}>

/** A block of the live wire into the play-out of its stream. */
export function pushBlock(playOut: PlayOut, block: SampleBlock, at_ms: number): void {
  const uv = new Float32Array(block.values.length)
  for (let i = 0; i < uv.length; i++) {
    const step = block.values[i] as number
    uv[i] = step === NO_SIGNAL ? Number.NaN : step * block.gainUvPerLsb
  }
  playOut.push(block.firstSample, uv, at_ms)
}

type Lane = Readonly<{
  lead: number
  name: string
  x: number
  top: number
  height: number
  baseline: number
  page: SweepPage
}>

function lanesOf(p: EcgSweepProps, size: Size, pxPerMm: number): readonly Lane[] {
  const columns = p.columns ?? (p.leads.length > 3 ? 2 : 1)
  const rows = Math.ceil(p.leads.length / columns)
  const usable = size.height - (rows > 2 ? 20 : 0) // the foot belongs to scales and age
  const width = Math.floor(size.width / columns)
  const height = usable / rows
  return p.leads.map((name, lead) => {
    const top = (lead % rows) * height
    return {
      lead,
      name,
      x: Math.floor(lead / rows) * width,
      top,
      height,
      baseline: top + height * 0.6,
      page: { widthPx: width, pxPerSample: ((p.speed ?? 25) * pxPerMm) / p.playOut.fs },
    }
  })
}

const reducedMotion = signal(false)
if (typeof matchMedia === 'function') {
  const asked = matchMedia('(prefers-reduced-motion: reduce)')
  reducedMotion.value = asked.matches
  asked.addEventListener('change', () => {
    reducedMotion.value = asked.matches
  })
}
const PAGE_TURN_MS = 2000 // reduced motion: the page is turned every 2 s instead of swept

export function EcgSweep(p: EcgSweepProps) {
  const box = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const size = useSize(box)
  const grid = useMemo(() => new GridSheet(), [])
  const state = useSignal<SignalAge | 'waiting'>('waiting')
  const age = useSignal<number | null>(null)
  const mm = p.pxPerMm ?? 4
  const ink = colours.value
  const off = p.off

  useLayoutEffect(() => {
    if (size === null || canvas.current === null) return
    const pen = penOf(canvas.current, size, false)
    if (pen === null) return
    const paper = grid.for(size, mm, { x: 0, y: 0 }, ink)
    const brush: Brush = { pen, paper, dpr: size.dpr, ink, mm, gain: p.gain ?? 10, playOut: p.playOut }
    const lanes = lanesOf(p, size, mm)
    pen.drawImage(paper, 0, 0)
    // What is already on the page is drawn whole once (resize, theme), then only what is new.
    const end = p.playOut.penSample + 1
    for (const lane of lanes) {
      if (off?.has(lane.name) === true) paintOff(brush, lane)
      else paintNew(brush, lane, Math.max(0, end - Math.floor(lane.page.widthPx / lane.page.pxPerSample) + 1), end)
      paintName(brush, lane)
    }
    let last_ms = Number.NEGATIVE_INFINITY
    return onFrame(at_ms => {
      if (reducedMotion.value && at_ms - last_ms < PAGE_TURN_MS) return
      last_ms = at_ms
      const fresh = p.playOut.advance(at_ms)
      if (fresh.end > fresh.first) {
        for (const lane of lanes) if (off?.has(lane.name) !== true) paintNew(brush, lane, fresh.first, fresh.end)
      }
      const now = p.playOut.age_s(at_ms)
      const tenth = now === null ? null : Math.round(now * 10) / 10
      if (tenth !== age.peek() && (tenth === null || Math.round(tenth * 2) !== Math.round((age.peek() ?? -1) * 2)))
        age.value = tenth
      const is = now === null ? 'waiting' : ageState(now)
      if (is !== state.peek()) state.value = is
    })
  }, [size, mm, ink, p.playOut, p.leads.join(), p.columns, p.gain, p.speed, off])

  useEffect(() => p.onAge?.(state.value, age.value), [state.value])
  return (
    <div class={`sweep sweep-${state.value}`} ref={box}>
      <canvas ref={canvas} role="img" aria-label={t('sweep.plain', { n: p.leads.length })} />
      <p class="ecg-scales">
        <span>{t('speed.unit', { n: p.speed ?? 25 })}</span>
        <span>{t('gain.unit', { n: p.gain ?? 10 })}</span>
      </p>
      <SweepAge state={state.value} age_s={age.value} />
    </div>
  )
}

/** Says the age of everything: quiet when fresh, in words when late. */
function SweepAge({ state, age_s }: { state: SignalAge | 'waiting'; age_s: number | null }) {
  const s = age_s ?? 0
  return (
    <p class={`sweep-age sweep-age-${state}`} role="status">
      {state === 'waiting' && t('sweep.waiting')}
      {state === 'live' && t('sweep.age', { s: s.toFixed(1) })}
      {state === 'delayed' && t('sweep.delayed', { s: s.toFixed(0) })}
      {state === 'broken' && t('sweep.broken', { s: s.toFixed(0) })}
    </p>
  )
}

type Brush = Readonly<{
  pen: CanvasRenderingContext2D
  paper: HTMLCanvasElement
  dpr: number
  ink: Colours
  mm: number
  gain: number
  playOut: PlayOut
}>

const scratch = new Float32Array(16_384)

function paintNew(b: Brush, lane: Lane, first: number, end: number): void {
  for (const piece of piecesFor(lane.page, first, end, b.mm)) {
    const top = Math.round(lane.top * b.dpr)
    const height = Math.round((lane.top + lane.height) * b.dpr) - top
    const from = Math.round((lane.x + piece.clearFrom) * b.dpr)
    const width = Math.round((lane.x + piece.clearTo) * b.dpr) - from
    if (width > 0) b.pen.drawImage(b.paper, from, top, width, height, from, top, width, height)
    const count = Math.min(piece.end - piece.first, scratch.length)
    for (let i = 0; i < count; i++) scratch[i] = b.playOut.valueAt(lane.lead, piece.first + i)
    b.pen.strokeStyle = b.ink.trace
    b.pen.lineWidth = traceWidth(b.mm) * b.dpr
    b.pen.lineJoin = 'round'
    b.pen.lineCap = 'round'
    b.pen.beginPath()
    drawTrace(b.pen, scratch, {
      first: 0,
      end: count,
      x: (lane.x + piece.x) * b.dpr,
      pxPerSample: lane.page.pxPerSample * b.dpr,
      baseline: lane.baseline * b.dpr,
      pxPerUv: (b.gain * b.mm * b.dpr) / 1000,
    })
    b.pen.stroke()
    if (piece.clearFrom < NAME_ROOM_PX) paintName(b, lane)
  }
}

const NAME_ROOM_PX = 60

function paintName(b: Brush, lane: Lane): void {
  b.pen.font = `600 ${LABEL_PX * b.dpr}px ${b.ink.sans}`
  b.pen.textBaseline = 'alphabetic'
  b.pen.lineJoin = 'round'
  b.pen.lineWidth = LABEL_PX * 0.3 * b.dpr
  b.pen.strokeStyle = b.ink.paper
  const x = (lane.x + 8) * b.dpr
  const y = (lane.top + LABEL_PX + 4) * b.dpr
  b.pen.strokeText(lane.name, x, y)
  b.pen.fillStyle = b.ink.trace
  b.pen.fillText(lane.name, x, y)
}

function paintOff(b: Brush, lane: Lane): void {
  b.pen.save()
  b.pen.strokeStyle = b.ink.quiet
  b.pen.lineWidth = Math.max(1, b.dpr)
  b.pen.setLineDash([6 * b.dpr, 6 * b.dpr])
  b.pen.beginPath()
  b.pen.moveTo(lane.x * b.dpr, Math.round(lane.baseline * b.dpr) + 0.5)
  b.pen.lineTo((lane.x + lane.page.widthPx) * b.dpr, Math.round(lane.baseline * b.dpr) + 0.5)
  b.pen.stroke()
  b.pen.restore()
  paintName(b, { ...lane, name: t('off', { lead: lane.name }) })
}
