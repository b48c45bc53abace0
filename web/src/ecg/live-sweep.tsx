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
import { eraseSamples, piecesFor, type SweepPage, wipesFor } from './sweep'
import { drawTrace, traceWidth } from './trace'

export type EcgSweepProps = Readonly<{
  playOut: PlayOut
  leads: readonly string[] // names of the play-out's leads, in its order
  show?: readonly number[] // which of them; all when absent
  columns?: number // 2 for twelve leads at acquisition, 1 on the wall
  pxPerMm?: number
  gain?: number
  speed?: number
  off?: ReadonlySet<string> // electrodes off: dashed, named
  plain?: boolean // one of many: no scales, and its age is not read out by itself
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
}>

/** Where everything stands. All leads share one page: they are swept together. */
type Sheet = Readonly<{ page: SweepPage; lanes: readonly Lane[]; off: readonly Lane[]; bands: readonly Band[] }>

/** Leads below one another are cleared in one go. */
type Band = { x: number; top: number; bottom: number }

function sheetOf(p: EcgSweepProps, size: Size, pxPerMm: number): Sheet {
  const shown = p.show ?? p.leads.map((_, lead) => lead)
  const columns = p.columns ?? (shown.length > 3 ? 2 : 1)
  const rows = Math.ceil(shown.length / columns)
  const usable = size.height - (rows > 2 ? 20 : 0) // the foot belongs to scales and age
  const width = Math.floor(size.width / columns)
  const height = usable / rows
  const all = shown.map((lead, place) => {
    const top = (place % rows) * height
    const x = Math.floor(place / rows) * width
    return { lead, name: p.leads[lead] ?? '', x, top, height, baseline: top + height * 0.6 }
  })
  const isOff = (lane: Lane): boolean => p.off?.has(lane.name) === true
  const lanes = all.filter(lane => !isOff(lane))
  const bands: Band[] = []
  for (const lane of lanes) {
    const above = bands.at(-1)
    if (above?.x === lane.x && Math.abs(above.bottom - lane.top) < 0.5) above.bottom = lane.top + height
    else bands.push({ x: lane.x, top: lane.top, bottom: lane.top + height })
  }
  const page = { widthPx: width, pxPerSample: ((p.speed ?? 25) * pxPerMm) / p.playOut.fs }
  return { page, lanes, off: all.filter(isOff), bands }
}

const reducedMotion = signal(false)
if (typeof matchMedia === 'function') {
  const asked = matchMedia('(prefers-reduced-motion: reduce)')
  reducedMotion.value = asked.matches
  asked.addEventListener('change', () => {
    reducedMotion.value = asked.matches
  })
}
const STEP_PX = 6
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
    const sheet = sheetOf(p, size, mm)
    const brush: Brush = { pen, paper, dpr: size.dpr, ink, mm, gain: p.gain ?? 10, playOut: p.playOut, sheet }
    pen.drawImage(paper, 0, 0)
    for (const lane of sheet.off) paintOff(brush, lane)
    // What is already on the page is drawn whole once (resize, theme), then only what is new.
    const erase = eraseSamples(sheet.page, mm)
    let clearBelow = p.playOut.bar + erase
    paintNew(brush, 0, p.playOut.penSample + 1, clearBelow)
    for (const lane of sheet.lanes) paintName(brush, lane)
    // Of many, each sweep moves a few pixels at a time: a canvas that did not change costs the frame nothing.
    const step = p.plain === true ? STEP_PX / sheet.page.pxPerSample : 1
    let last_ms = Number.NEGATIVE_INFINITY
    let worst = { age_s: 0, since_ms: 0 }
    let said_ms = 0
    return onFrame(at_ms => {
      if (reducedMotion.value && at_ms - last_ms < PAGE_TURN_MS) return
      last_ms = at_ms
      const fresh = p.playOut.advance(at_ms)
      if (fresh.end > fresh.first || fresh.bar + erase - clearBelow >= step) {
        const cleared = wipe(brush, clearBelow, fresh.bar + erase)
        clearBelow = Math.max(clearBelow, fresh.bar + erase)
        const drawn = paintNew(brush, fresh.first, fresh.end, clearBelow)
        if (Math.min(cleared, drawn) < NAME_ROOM_PX) for (const lane of sheet.lanes) paintName(brush, lane)
      }
      const now = p.playOut.age_s(at_ms)
      // Between two packets the age goes up and down: said is the most of the last second, at most once a second.
      if (now !== null && (now >= worst.age_s || at_ms - worst.since_ms > 1000)) worst = { age_s: now, since_ms: at_ms }
      const is = now === null ? 'waiting' : ageState(now)
      if (is === state.peek() && at_ms - said_ms < 1000) return
      said_ms = at_ms
      age.value = now === null ? null : Math.round(worst.age_s * 10) / 10
      state.value = is
    })
  }, [size, mm, ink, p.playOut, p.leads.join(), p.show?.join(), p.columns, p.gain, p.speed, off])

  useEffect(() => p.onAge?.(state.value, age.value), [state.value])
  return (
    <div class={`sweep sweep-${state.value}`} ref={box}>
      <canvas ref={canvas} role="img" aria-label={t('sweep.plain', { n: p.show?.length ?? p.leads.length })} />
      {p.plain !== true && (
        <p class="ecg-scales">
          <span>{t('speed.unit', { n: p.speed ?? 25 })}</span>
          <span>{t('gain.unit', { n: p.gain ?? 10 })}</span>
        </p>
      )}
      <SweepAge state={state.value} age_s={age.value} plain={p.plain === true} />
    </div>
  )
}

/** Says the age of everything: quiet when fresh, in words when late. */
function SweepAge({ state, age_s, plain }: { state: SignalAge | 'waiting'; age_s: number | null; plain: boolean }) {
  const s = age_s ?? 0
  return (
    <p
      class={`sweep-age sweep-age-${state}`}
      role={plain ? undefined : 'status'}
      aria-live={state === 'live' ? 'off' : undefined}
    >
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
  sheet: Sheet
}>

/** Clears the page under the erase bar. Returns the leftmost column that it touched, in CSS px. */
function wipe(b: Brush, from: number, to: number): number {
  let leftmost = Number.POSITIVE_INFINITY
  for (const strip of wipesFor(b.sheet.page, from, to)) {
    for (const band of b.sheet.bands) {
      const top = Math.round(band.top * b.dpr)
      const height = Math.round(band.bottom * b.dpr) - top
      const x = Math.floor((band.x + strip.from) * b.dpr)
      const width = Math.floor((band.x + strip.to) * b.dpr) - x
      if (width > 0 && height > 0) b.pen.drawImage(b.paper, x, top, width, height, x, top, width, height)
    }
    leftmost = Math.min(leftmost, strip.from)
  }
  return leftmost
}

let scratch = new Float32Array(4096)

/** Draws samples [first, end) of every lead in one stroke. Returns the leftmost column that it touched, in CSS px. */
function paintNew(b: Brush, first: number, end: number, clear: number): number {
  const pieces = piecesFor(b.sheet.page, first, end, clear)
  if (pieces.length === 0) return Number.POSITIVE_INFINITY
  b.pen.strokeStyle = b.ink.trace
  b.pen.lineWidth = traceWidth(b.mm) * b.dpr
  b.pen.lineJoin = 'round'
  b.pen.lineCap = 'round'
  b.pen.beginPath()
  for (const lane of b.sheet.lanes) {
    for (const piece of pieces) {
      const count = piece.end - piece.first
      if (count > scratch.length) scratch = new Float32Array(2 * count)
      for (let i = 0; i < count; i++) scratch[i] = b.playOut.valueAt(lane.lead, piece.first + i)
      drawTrace(b.pen, scratch, {
        first: 0,
        end: count,
        x: (lane.x + piece.x) * b.dpr,
        pxPerSample: b.sheet.page.pxPerSample * b.dpr,
        baseline: lane.baseline * b.dpr,
        pxPerUv: (b.gain * b.mm * b.dpr) / 1000,
      })
    }
  }
  b.pen.stroke()
  return Math.min(...pieces.map(piece => piece.x))
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
  b.pen.lineTo((lane.x + b.sheet.page.widthPx) * b.dpr, Math.round(lane.baseline * b.dpr) + 0.5)
  b.pen.stroke()
  b.pen.restore()
  paintName(b, { ...lane, name: t('off', { lead: lane.name }) })
}
