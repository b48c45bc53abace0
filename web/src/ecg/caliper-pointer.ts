// The mouse and the finger on a sheet: two clicks set the legs, a drag moves one, Alt is free of snapping; without a
// tool a drag pans. Tells others where we point, at most once a frame.
import { useRef } from 'preact/hooks'
import { type Leg, snap } from './calipers'
import { type Cell, cellAt, type Sheet, sampleUnder, uvUnder, xOf, yOf } from './layout'
import type { Viewer } from './viewer'
import { clampFirst } from './viewport'

const SNAP_PX = 6
const GRAB_PX = 9

type Pointing = Readonly<{
  viewer: Viewer
  sheet: Sheet | null
  samples: number
  fs: number
  fiducials: readonly number[]
  onPointer: ((at: { lead: string; strip: boolean; sample: number } | null) => void) | undefined
  onPlace: (at: { x: number; y: number } | null) => void // for the lens
}>

type Held =
  | { kind: 'nothing' }
  | { kind: 'leg'; cell: Cell }
  | { kind: 'second'; cell: Cell; moved: boolean } // the first leg is set, the second follows
  | { kind: 'paper'; x: number; first: number }

export function useCaliperPointer(p: Pointing) {
  const held = useRef<Held>({ kind: 'nothing' })
  const asked = useRef(0)
  const v = p.viewer

  const at = (event: PointerEvent | WheelEvent): { x: number; y: number } => {
    const el = event.currentTarget as HTMLElement
    const box = el.getBoundingClientRect()
    return { x: event.clientX - box.left + el.scrollLeft, y: event.clientY - box.top + el.scrollTop }
  }
  const place = (cell: Cell, x: number, free: boolean): number => {
    if (p.sheet === null) return 0
    const sample = sampleUnder(p.sheet, cell, x)
    return free ? sample : snap(sample, p.fiducials, SNAP_PX / p.sheet.pxPerSample)
  }

  const onPointerDown = (event: PointerEvent): void => {
    if (p.sheet === null || event.button !== 0) return
    const { x, y } = at(event)
    const cell = cellAt(p.sheet, x, y)
    const tool = v.tool.value
    if (tool === 'none' || cell === null) {
      if (p.sheet.shown < p.samples) held.current = { kind: 'paper', x, first: p.sheet.first }
    } else {
      const second = held.current.kind === 'second' ? held.current : null
      const leg = legUnder(p.sheet, v, cell, x, y)
      if (second !== null && second.cell.lead === cell.lead) {
        setLeg(second.cell, x, y, event.altKey)
        held.current = { kind: 'nothing' }
        return
      }
      if (leg !== null) {
        v.leg.value = leg
        held.current = { kind: 'leg', cell }
      } else {
        const sample = place(cell, x, event.altKey)
        const uv = uvUnder(p.sheet, cell, y)
        v.caliper.value =
          tool === 'time'
            ? { kind: 'time', lead: cell.lead, strip: cell.strip, a: sample, b: sample }
            : { kind: 'voltage', lead: cell.lead, strip: cell.strip, sample, aUv: uv, bUv: uv }
        v.leg.value = 'b'
        held.current = { kind: 'second', cell, moved: false }
      }
    }
    ;(event.currentTarget as HTMLElement).setPointerCapture(event.pointerId)
  }

  const setLeg = (cell: Cell, x: number, y: number, free: boolean): void => {
    const c = v.caliper.value
    if (c === null || p.sheet === null) return
    const leg = v.leg.value
    if (c.kind === 'time') v.caliper.value = { ...c, [leg]: place(cell, x, free) }
    else v.caliper.value = { ...c, [leg === 'a' ? 'aUv' : 'bUv']: uvUnder(p.sheet, cell, y) }
  }

  const onPointerMove = (event: PointerEvent): void => {
    const { x, y } = at(event)
    const now = held.current
    const free = event.altKey
    // At once: who looks elsewhere waits for a frame of his own already.
    const cell = p.onPointer === undefined || p.sheet === null ? null : cellAt(p.sheet, x, y)
    if (cell !== null && p.sheet !== null)
      p.onPointer?.({ lead: cell.lead, strip: cell.strip, sample: sampleUnder(p.sheet, cell, x) })
    if (asked.current !== 0) return
    asked.current = requestAnimationFrame(() => {
      asked.current = 0
      if (p.sheet === null) return
      p.onPlace({ x, y })
      if (now.kind === 'paper') {
        v.first.value = clampFirst(now.first - (x - now.x) / p.sheet.pxPerSample, p.sheet.shown, p.samples)
      } else if (now.kind !== 'nothing') {
        if (now.kind === 'second') now.moved = now.moved || event.buttons === 1
        setLeg(now.cell, x, y, free)
      }
    })
  }

  const onPointerUp = (event: PointerEvent): void => {
    const now = held.current
    // A click sets the first leg and leaves the second to the next click; a drag sets both.
    if (now.kind === 'second' && (!now.moved || isShort(v, p.sheet))) return
    if (now.kind === 'second' || now.kind === 'leg') setLeg(now.cell, at(event).x, at(event).y, event.altKey)
    held.current = { kind: 'nothing' }
  }

  const onWheel = (event: WheelEvent): void => {
    if (p.sheet === null || event.ctrlKey || p.sheet.shown >= p.samples) return
    const by = event.shiftKey ? event.deltaY : event.deltaX
    if (by !== 0) v.first.value = clampFirst(v.first.value + by / p.sheet.pxPerSample, p.sheet.shown, p.samples)
  }

  return {
    onPointerDown,
    onPointerMove,
    onPointerUp,
    onPointerLeave: () => {
      p.onPointer?.(null)
      p.onPlace(null)
    },
    onWheel,
  }
}

function isShort(v: Viewer, sheet: Sheet | null): boolean {
  const c = v.caliper.value
  if (c === null || sheet === null) return true
  return c.kind === 'time'
    ? Math.abs(c.b - c.a) * sheet.pxPerSample < GRAB_PX
    : Math.abs(c.bUv - c.aUv) * sheet.pxPerUv < GRAB_PX
}

function legUnder(sheet: Sheet, v: Viewer, cell: Cell, x: number, y: number): Leg | null {
  const c = v.caliper.value
  if (c === null || c.lead !== cell.lead || c.kind !== v.tool.value) return null
  const [awayA, awayB] =
    c.kind === 'time'
      ? [Math.abs(xOf(sheet, cell, c.a) - x), Math.abs(xOf(sheet, cell, c.b) - x)]
      : [Math.abs(yOf(sheet, cell, c.aUv) - y), Math.abs(yOf(sheet, cell, c.bUv) - y)]
  if (Math.min(awayA, awayB) > GRAB_PX) return null
  return awayA <= awayB ? 'a' : 'b'
}
