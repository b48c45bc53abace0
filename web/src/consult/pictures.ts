// A picture on the stage (an image, a PDF's page, a report): how it is looked at, shared as plain data, and who points
// where in it. The hub stamps each with a rising `rev` and keeps the newest for who comes later. Drawing is picture.tsx.
import { signal } from '@preact/signals'
import type { ImageView, Point } from '../images/view'
import { throttled } from './link'
import { LIVE, type TalkLine } from './talkline'

export type Picture = ImageView & Readonly<{ image: string; presenter: string; rev: number }>
export type Spot = Readonly<{ by: string; image: string; frame: number; at: Point }>

const VIEW_EVERY_MS = 80
const SPOT_EVERY_MS = 50

const isNumber = (v: unknown): v is number => typeof v === 'number' && Number.isFinite(v)
const isPlace = (v: unknown): v is Point =>
  typeof v === 'object' && v !== null && 'x' in v && 'y' in v && isNumber(v.x) && isNumber(v.y)
const isLength = (v: unknown): boolean =>
  typeof v === 'object' && v !== null && 'from' in v && 'to' in v && isPlace(v.from) && isPlace(v.to)

/** The hub's word of what is looked at and how; null when it is not whole. */
export function readPicture(body: unknown): Picture | null {
  if (typeof body !== 'object' || body === null) return null
  const p = body as Partial<Record<keyof Picture | 'kind', unknown>>
  if (p.kind !== 'image' || typeof p.image !== 'string' || typeof p.presenter !== 'string') return null
  if (!isNumber(p.rev) || !isNumber(p.frame) || !isNumber(p.zoom) || !isPlace(p.centre)) return null
  if (![0, 1, 2, 3].includes(p.turn as number) || !Array.isArray(p.marks) || !p.marks.every(isLength)) return null
  const g = p.grey as Partial<Record<'centre' | 'width', unknown>> | null
  if (g !== null && !(isNumber(g?.centre) && isNumber(g.width))) return null
  const { kind: _told, ...view } = body as Picture & { kind: string }
  return view
}

/** What is shown after the hub's word: the newer. Of my own moves only the number: I am further already. */
export function newer(before: Picture | null, told: Picture, me: string): Picture {
  if (before === null) return told
  if (told.rev <= before.rev) return before
  return told.presenter === me && before.presenter === me ? { ...before, rev: told.rev } : told
}

export type Pictures = ReturnType<typeof openPictures>

export function openPictures(topic: string, me: string, line: TalkLine = LIVE) {
  const shown = signal<Picture | null>(null)
  const spots = signal<readonly Spot[]>([])

  const heard = (from: string, body: unknown): void => {
    if (typeof body !== 'object' || body === null || !('kind' in body)) return
    if (from === '') {
      const told = readPicture(body)
      if (told !== null) shown.value = newer(shown.peek(), told, me)
      return
    }
    if (body.kind !== 'spot' && body.kind !== 'bye') return
    const others = spots.peek().filter(s => s.by !== from)
    const spot: Readonly<{ kind: unknown; image?: unknown; frame?: unknown }> = body
    const points = typeof spot.image === 'string' && spot.image !== '' && isNumber(spot.frame) && isPlace(body)
    spots.value = points
      ? [...others, { by: from, image: String(spot.image), frame: Number(spot.frame), at: { x: body.x, y: body.y } }]
      : others
  }
  const close = line.subscribe(topic, null, { whisper: heard })

  const tell = throttled(VIEW_EVERY_MS, (view: Picture) => {
    const { rev: _stamped, presenter: _mine, ...body } = view
    line.whisper(topic, null, { kind: 'image', ...body })
  })
  /** Everybody looks at it so from now on; only who leads calls this. */
  const show = (image: string, view: ImageView): void => {
    const now: Picture = { ...view, image, presenter: me, rev: shown.peek()?.rev ?? 0 }
    shown.value = now
    tell(now)
  }
  const point = throttled(SPOT_EVERY_MS, (spot: Omit<Spot, 'by'> | null) => {
    line.whisper(topic, null, {
      kind: 'spot',
      ...(spot === null ? {} : { image: spot.image, frame: spot.frame, x: spot.at.x, y: spot.at.y }),
    })
  })
  return { shown, spots, show, point, close }
}
