// One image on a canvas. `<ImageStage image view onView>`: what is seen is `view`, plain data; a move of the hand gives a new
// one to `onView` and changes nothing here. So a page keeps it in its state, and a room shares it (view.ts says how).
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Image } from '../api/types.gen'
import { penOf, type Size, useSize } from '../ecg/canvas'
import { t } from '../i18n/images'
import { ErrorLine } from '../ui'
import { type Fetch, type Frame, FrameStore } from './frames'
import { paint } from './paint'
import {
  dragGrey,
  greyOf,
  type ImageView,
  inImage,
  lengthMm,
  type Mark,
  matrixOf,
  onScreen,
  type Point,
  panBy,
  toFrame,
  withMark,
  zoomAt,
} from './view'
import './images.css'

export type Tool = 'grey' | 'pan' | 'ruler'

export type StageProps = Readonly<{
  image: Image
  view: ImageView
  onView: (view: ImageView) => void
  tool?: Tool
  onPointer?: (at: Point | null) => void // in image coordinates; for a room's pointers
  playing?: boolean
  fetch?: Fetch // where the frames are not the hub's image of this id
  pointers?: readonly Pointed[]
}>

/** Where somebody else points. */
export type Pointed = Readonly<{ name: string; frame: number; at: Point }>

type Loaded = { kind: 'waiting' } | { kind: 'here' } | { kind: 'failed'; error: unknown }
const AHEAD = 3
const FRAME_MS = 100 // where the file says no pace

export function ImageStage(p: StageProps) {
  const box = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const size = useSize(box)
  const [drawing, setDrawing] = useState<Mark | null>(null)
  const { frame, shown, state, retry } = useFrame(p)
  usePlay(p, shown)
  const picture = useMemo(() => document.createElement('canvas'), [p.image.id])
  const facts = p.image.facts

  useLayoutEffect(() => {
    if (frame !== null) paint(picture, frame, p.view, facts)
  }, [frame, p.view.grey?.centre, p.view.grey?.width, p.view.inverted])
  useLayoutEffect(() => {
    if (canvas.current !== null && size !== null)
      draw(canvas.current, size, frame === null ? null : picture, p, drawing)
  })
  const hand = useHand(p, size, setDrawing)
  return (
    <div
      ref={box}
      class="imgstage"
      data-testid="image-stage"
      data-frame={shown}
      data-wanted={p.view.frame}
      data-pointers={p.pointers?.length ?? 0}
      data-state={state.kind}
    >
      <canvas
        ref={canvas}
        aria-label={t('stage.label', { name: p.image.name })}
        onPointerDown={hand.down}
        onPointerMove={hand.move}
        onPointerUp={hand.up}
        onPointerCancel={hand.up}
        onPointerLeave={() => p.onPointer?.(null)}
        onWheel={hand.wheel}
        onContextMenu={e => e.preventDefault()}
      />
      {state.kind === 'failed' && (
        <div class="imgstage-failed">
          <ErrorLine error={state.error} retry={retry} />
        </div>
      )}
      <Legend {...p} />
    </div>
  )
}

/** What stands beside a picture wherever it is shown: greys, frame, and what its lengths are worth, the last of them. */
function Legend({ image, view }: StageProps) {
  const f = image.facts
  const { centre, width } = greyOf(view, f)
  const last = view.marks.findLast(mark => mark.frame === view.frame)
  const mm = last === undefined ? null : lengthMm(last, f)
  return (
    <p class="imgstage-legend" data-testid="image-legend">
      {f.colour !== true && image.kind === 'dicom' && (
        <span>
          {t('legend.grey', { c: Math.round(centre), w: Math.round(width) })} {f.unit}
        </span>
      )}
      {(f.frames ?? 1) > 1 && (
        <span>
          {t(image.kind === 'pdf' ? 'legend.page' : 'legend.frame', { n: view.frame + 1, all: f.frames ?? 1 })}
        </span>
      )}
      <span>
        {image.kind === 'pdf'
          ? ''
          : f.row_mm == null
            ? t('legend.no.mm')
            : f.at_detector === true
              ? t('legend.detector')
              : ''}
      </span>
      {mm !== null && <span>{t('legend.mm', { mm: mm.toFixed(1) })}</span>}
      {f.lossy === true && <span>{t('legend.lossy')}</span>}
    </p>
  )
}

/** The frame that is wanted; until it is here the one before stays, and `shown` says which. */
function useFrame({ image, view, playing, fetch }: StageProps): {
  frame: Frame | null
  shown: number
  state: Loaded
  retry: () => void
} {
  const store = useMemo(() => new FrameStore(image, fetch), [image.id])
  const [at, setAt] = useState<{ frame: Frame | null; shown: number }>({ frame: null, shown: -1 })
  const [state, setState] = useState<Loaded>({ kind: 'waiting' })
  const [tries, setTries] = useState(0)
  useEffect(() => () => store.close(), [store])
  useEffect(() => {
    let left = false
    store.get(view.frame).then(
      frame => {
        if (left) return
        setAt({ frame, shown: view.frame })
        setState({ kind: 'here' })
        const all = image.facts.frames ?? 1
        for (let n = 1; n <= AHEAD && all > 1; n++)
          if (playing === true || view.frame + n < all) store.get((view.frame + n) % all).catch(() => undefined)
      },
      (error: unknown) => !left && setState({ kind: 'failed', error }),
    )
    return () => {
      left = true
    }
  }, [store, view.frame, tries])
  return { frame: at.frame, shown: at.shown, state, retry: () => setTries(n => n + 1) }
}

/** The next frame when its time has come and the one before is on the screen: on a slow line it plays slower. */
function usePlay({ image, view, onView, playing }: StageProps, shown: number): void {
  useEffect(() => {
    const all = image.facts.frames ?? 1
    if (playing !== true || all < 2 || shown !== view.frame) return
    const timer = setTimeout(
      () => onView(toFrame(view, image.facts, (view.frame + 1) % all)),
      image.facts.frame_ms ?? FRAME_MS,
    )
    return () => clearTimeout(timer)
  }, [playing, shown, view])
}

type Drag = { tool: Tool; from: Point; view: ImageView; pinch: number | null }

/** Pointers, two fingers, the wheel. */
function useHand(p: StageProps, size: Size | null, setDrawing: (mark: Mark | null) => void) {
  const drag = useRef<Drag | null>(null)
  const fingers = useRef(new Map<number, Point>())
  const facts = p.image.facts
  const at = (e: PointerEvent | WheelEvent): Point => {
    const r = (e.currentTarget as Element).getBoundingClientRect()
    return { x: e.clientX - r.left, y: e.clientY - r.top }
  }
  const begin = (tool: Tool): void => {
    const all = [...fingers.current.values()]
    drag.current = { tool, from: middle(all), view: p.view, pinch: all.length > 1 ? spread(all) : null }
  }
  const markTo = (d: Drag, to: Point): Mark | null => {
    if (size === null || facts.row_mm == null) return null
    const m = matrixOf(d.view, facts, size)
    return { frame: d.view.frame, from: inImage(m, d.from), to: inImage(m, to) }
  }
  return {
    down: (e: PointerEvent): void => {
      ;(e.currentTarget as Element).setPointerCapture(e.pointerId)
      fingers.current.set(e.pointerId, at(e))
      const tool = e.button === 0 ? (p.tool ?? 'grey') : 'pan'
      setDrawing(null)
      // A grey drag on colour would do nothing: it moves the picture instead.
      begin(fingers.current.size > 1 || (tool === 'grey' && facts.colour === true) ? 'pan' : tool)
    },
    move: (e: PointerEvent): void => {
      const here = at(e)
      if (size !== null) p.onPointer?.(inImage(matrixOf(p.view, facts, size), here))
      if (!fingers.current.has(e.pointerId) || size === null) return
      fingers.current.set(e.pointerId, here)
      const d = drag.current
      if (d === null) return
      const all = [...fingers.current.values()]
      const now = middle(all)
      const by = { x: now.x - d.from.x, y: now.y - d.from.y }
      if (d.pinch !== null && all.length > 1)
        p.onView(panBy(zoomAt(d.view, facts, size, d.from, spread(all) / d.pinch), facts, size, by))
      else if (d.tool === 'pan') p.onView(panBy(d.view, facts, size, by))
      else if (d.tool === 'grey') p.onView({ ...p.view, grey: dragGrey(greyOf(d.view, facts), size, by) })
      else setDrawing(markTo(d, now))
    },
    up: (e: PointerEvent): void => {
      const d = drag.current
      const was = fingers.current.get(e.pointerId)
      fingers.current.delete(e.pointerId)
      if (fingers.current.size > 0) {
        begin('pan')
        return
      }
      drag.current = null
      setDrawing(null)
      if (d?.tool !== 'ruler' || was === undefined || e.type === 'pointercancel') return
      const mark = markTo(d, was)
      if (mark !== null && Math.hypot(was.x - d.from.x, was.y - d.from.y) > 3) p.onView(withMark(p.view, mark))
    },
    wheel: (e: WheelEvent): void => {
      if (size === null) return
      e.preventDefault()
      if ((facts.frames ?? 1) > 1 && !e.ctrlKey) p.onView(toFrame(p.view, facts, p.view.frame + Math.sign(e.deltaY)))
      else p.onView(zoomAt(p.view, facts, size, at(e), 1.2 ** -Math.sign(e.deltaY)))
    },
  }
}

const middle = (all: readonly Point[]): Point => ({
  x: all.reduce((sum, p) => sum + p.x, 0) / all.length,
  y: all.reduce((sum, p) => sum + p.y, 0) / all.length,
})
const spread = ([a, b]: readonly Point[]): number =>
  a === undefined || b === undefined ? 1 : Math.max(1, Math.hypot(a.x - b.x, a.y - b.y))

const RULER = '#ffd54a'

function draw(
  canvas: HTMLCanvasElement,
  size: Size,
  picture: HTMLCanvasElement | null,
  { image, view, pointers = [] }: StageProps,
  drawing: Mark | null,
): void {
  const pen = penOf(canvas, size, false)
  if (pen === null) return
  pen.setTransform(size.dpr, 0, 0, size.dpr, 0, 0)
  pen.fillStyle = '#000'
  pen.fillRect(0, 0, size.width, size.height)
  const m = matrixOf(view, image.facts, size)
  if (picture !== null) {
    pen.save()
    pen.transform(m.a, m.b, m.c, m.d, m.e, m.f)
    // Beyond three times its size pixels are shown as they are: smoothing would invent what is not in the image.
    pen.imageSmoothingEnabled = Math.hypot(m.a, m.b) < 3
    pen.drawImage(picture, 0, 0)
    pen.restore()
  }
  pen.strokeStyle = pen.fillStyle = RULER
  pen.lineWidth = 1.5
  pen.font = '13px sans-serif'
  for (const mark of drawing === null ? view.marks : [...view.marks, drawing]) {
    if (mark.frame !== view.frame) continue
    const a = onScreen(m, mark.from)
    const b = onScreen(m, mark.to)
    pen.beginPath()
    pen.moveTo(a.x, a.y)
    pen.lineTo(b.x, b.y)
    pen.stroke()
    for (const end of [a, b]) pen.fillRect(end.x - 2.5, end.y - 2.5, 5, 5)
    const mm = lengthMm(mark, image.facts)
    if (mm !== null) pen.fillText(`${mm.toFixed(1)} mm`, b.x + 8, b.y - 6)
  }
  for (const { name, frame, at } of pointers) if (frame === view.frame) pointer(pen, onScreen(m, at), name)
}

const PEER = '#ff9ecb'

/** An arrow with its owner's name, as over the ECG; on black its rose is seen in every theme. */
function pointer(pen: CanvasRenderingContext2D, { x, y }: Point, name: string): void {
  pen.fillStyle = PEER
  pen.beginPath()
  pen.moveTo(x, y)
  pen.lineTo(x + 12, y + 4.5)
  pen.lineTo(x + 6.5, y + 6.5)
  pen.lineTo(x + 4.5, y + 12)
  pen.fill()
  const wide = pen.measureText(name).width
  pen.fillRect(x + 12, y + 10, wide + 10, 18)
  pen.fillStyle = '#000'
  pen.fillText(name, x + 17, y + 23)
}
