// How an image is looked at, as plain data, and the arithmetic of it. Pure: no DOM, no signals, no clock.
//
// Three spaces: the image (columns and rows as stored, a pixel's middle at .5), the screen (CSS px from the stage's top
// left) and between them one matrix. `zoom` 1 shows the whole image whatever the screen, and marks stand in image
// coordinates: so a phone and a wall show the same place. A room shares a view as it is (consult/pictures.ts).
import type { Image, ImageFacts } from '../api/types.gen'

export type Point = Readonly<{ x: number; y: number }>
export type Grey = Readonly<{ centre: number; width: number }>
/** A length between two places of one frame. */
export type Mark = Readonly<{ frame: number; from: Point; to: Point }>

export type ImageView = Readonly<{
  frame: number
  centre: Point // the image's place in the middle of the stage
  zoom: number // 1: the whole image
  grey: Grey | null // null: as the file says
  inverted: boolean // on top of what the file says
  turn: 0 | 1 | 2 | 3 // quarters, clockwise
  flip: boolean // left and right exchanged, before the turn
  marks: readonly Mark[]
}>

export type Box = Readonly<{ width: number; height: number }>
/** Screen = (a x + c y + e, b x + d y + f), as CanvasRenderingContext2D.transform takes it. */
export type Matrix = Readonly<{ a: number; b: number; c: number; d: number; e: number; f: number }>

export const MARKS_MAX = 16
export const ZOOM_MIN = 0.5
export const ZOOM_MAX = 40
const WIDTH_MIN = 1

export const firstView = (facts: ImageFacts): ImageView => ({
  frame: 0,
  centre: { x: (facts.columns ?? 0) / 2, y: (facts.rows ?? 0) / 2 },
  zoom: 1,
  grey: null,
  inverted: false,
  turn: 0,
  flip: false,
  marks: [],
})

/** The whole image again, upright and in the file's greys; frame and marks stay. */
export const fitted = (view: ImageView, facts: ImageFacts): ImageView => ({
  ...firstView(facts),
  frame: view.frame,
  marks: view.marks,
})

/** How much higher than wide one pixel is on the body. */
function tall(facts: ImageFacts): number {
  const { row_mm, column_mm } = facts
  return row_mm != null && column_mm != null ? row_mm / column_mm : 1
}

/** Screen px of one column when the whole image is shown. */
function fitScale(view: ImageView, facts: ImageFacts, box: Box): number {
  const wide = facts.columns ?? 1
  const high = (facts.rows ?? 1) * tall(facts)
  const [w, h] = view.turn % 2 === 0 ? [wide, high] : [high, wide]
  return Math.min(box.width / w, box.height / h)
}

export function matrixOf(view: ImageView, facts: ImageFacts, box: Box): Matrix {
  const scale = fitScale(view, facts, box) * view.zoom
  const sx = view.flip ? -scale : scale
  const sy = scale * tall(facts)
  const cos = [1, 0, -1, 0][view.turn] ?? 1
  const sin = [0, 1, 0, -1][view.turn] ?? 0
  const m = { a: cos * sx, b: sin * sx, c: -sin * sy, d: cos * sy }
  const { x, y } = view.centre
  return { ...m, e: box.width / 2 - m.a * x - m.c * y, f: box.height / 2 - m.b * x - m.d * y }
}

export const onScreen = (m: Matrix, p: Point): Point => ({
  x: m.a * p.x + m.c * p.y + m.e,
  y: m.b * p.x + m.d * p.y + m.f,
})

export function inImage(m: Matrix, p: Point): Point {
  const det = m.a * m.d - m.b * m.c
  const [dx, dy] = [p.x - m.e, p.y - m.f]
  return { x: (m.d * dx - m.c * dy) / det, y: (m.a * dy - m.b * dx) / det }
}

const clamp = (n: number, low: number, high: number): number => Math.min(high, Math.max(low, n))

/** Zoom about a place of the screen: what is under it stays there. */
export function zoomAt(view: ImageView, facts: ImageFacts, box: Box, at: Point, factor: number): ImageView {
  const zoom = clamp(view.zoom * factor, ZOOM_MIN, ZOOM_MAX)
  const under = inImage(matrixOf(view, facts, box), at)
  const now = onScreen(matrixOf({ ...view, zoom }, facts, box), under)
  return panBy({ ...view, zoom }, facts, box, { x: at.x - now.x, y: at.y - now.y })
}

/** Move the image by so many screen px; its middle stays in reach. */
export function panBy(view: ImageView, facts: ImageFacts, box: Box, by: Point): ImageView {
  const m = matrixOf(view, facts, box)
  const centre = inImage(m, { x: box.width / 2 - by.x, y: box.height / 2 - by.y })
  return {
    ...view,
    centre: { x: clamp(centre.x, 0, facts.columns ?? 0), y: clamp(centre.y, 0, facts.rows ?? 0) },
  }
}

export const toFrame = (view: ImageView, facts: ImageFacts, frame: number): ImageView => ({
  ...view,
  frame: clamp(Math.round(frame), 0, Math.max(0, (facts.frames ?? 1) - 1)),
})

/** The greys a view shows: its own, or the file's first window. */
export const greyOf = (view: ImageView, facts: ImageFacts): Grey =>
  view.grey ?? facts.windows?.[0] ?? { centre: 128, width: 256 }

/** Drag: to the right wider (less contrast), down darker. A stage's width is twice the window there was, at least 256. */
export function dragGrey(start: Grey, box: Box, by: Point): Grey {
  const span = Math.max(256, start.width * 2)
  return {
    centre: start.centre + (by.y / box.height) * span,
    width: Math.max(WIDTH_MIN, start.width + (by.x / box.width) * span),
  }
}

/** Millimetres between two places, or null where the file knows no lengths. */
export function lengthMm(mark: Pick<Mark, 'from' | 'to'>, facts: ImageFacts): number | null {
  const { row_mm, column_mm } = facts
  if (row_mm == null || column_mm == null) return null
  return Math.hypot((mark.to.x - mark.from.x) * column_mm, (mark.to.y - mark.from.y) * row_mm)
}

/** With one mark more; the oldest goes where there are too many. */
export const withMark = (view: ImageView, mark: Mark): ImageView => ({
  ...view,
  marks: [...view.marks, mark].slice(-MARKS_MAX),
})

/** Whether there is anything to look at: a PDF that could not be read is only downloaded. */
export const isShown = (image: Image): boolean => image.facts.frames !== 0

/** Images of one series together, in the order they came; every other one by itself. Newest first, as the list is. */
export function seriesOf(images: readonly Image[]): readonly (readonly [Image, ...Image[]])[] {
  const groups = new Map<string, [Image, ...Image[]]>()
  for (const image of images) {
    const key = image.facts.series || image.id
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [image])
    else group.unshift(image)
  }
  return [...groups.values()]
}

export type Preset = Readonly<{
  key: 'file' | 'auto' | 'soft' | 'lung' | 'bone' | 'brain'
  name: string
  grey: Grey | null
}>

const HOUNSFIELD: readonly Preset[] = [
  { key: 'soft', name: '', grey: { centre: 40, width: 400 } },
  { key: 'lung', name: '', grey: { centre: -600, width: 1500 } },
  { key: 'bone', name: '', grey: { centre: 400, width: 1800 } },
  { key: 'brain', name: '', grey: { centre: 40, width: 80 } },
]

/** What the file says first, then the usual ones of a CT. */
export function presetsOf(facts: ImageFacts): readonly Preset[] {
  if (facts.colour === true) return []
  const own = (facts.windows ?? []).map(
    (w, n): Preset => ({ key: 'file', name: w.name, grey: n === 0 ? null : { centre: w.centre, width: w.width } }),
  )
  return [...own, ...(facts.unit === 'HU' ? HOUNSFIELD : [])]
}
