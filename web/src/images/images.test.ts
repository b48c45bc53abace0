import { describe, expect, it } from 'vitest'
import type { ImageFacts } from '../api/types.gen'
import { unpackFrame } from './frames'
import { greyTable } from './paint'
import {
  dragGrey,
  firstView,
  fitted,
  type ImageView,
  inImage,
  lengthMm,
  MARKS_MAX,
  matrixOf,
  onScreen,
  panBy,
  presetsOf,
  toFrame,
  withMark,
  zoomAt,
} from './view'

const facts: ImageFacts = { rows: 100, columns: 200, frames: 5, row_mm: 0.5, column_mm: 0.25, unit: 'HU' }
const box = { width: 800, height: 600 }
const views: readonly ImageView[] = [0, 1, 2, 3].flatMap(turn =>
  [false, true].map(flip => ({
    ...firstView(facts),
    turn: turn as 0 | 1 | 2 | 3,
    flip,
    zoom: 1.7,
    centre: { x: 60, y: 40 },
  })),
)

describe('where a place of the image stands', () => {
  it('is found back from the screen, however the image is turned, flipped and moved', () => {
    for (const view of views) {
      const m = matrixOf(view, facts, box)
      const back = inImage(m, onScreen(m, { x: 12.5, y: 77 }))
      expect(back.x).toBeCloseTo(12.5)
      expect(back.y).toBeCloseTo(77)
    }
  })
  it('is inside the stage when the whole image is shown, and pixels are as tall as on the body', () => {
    for (const view of views) {
      const m = matrixOf({ ...fitted(view, facts), turn: view.turn }, facts, box)
      for (const corner of [
        { x: 0, y: 0 },
        { x: 200, y: 100 },
      ]) {
        const p = onScreen(m, corner)
        expect(Math.min(p.x, p.y)).toBeGreaterThan(-0.001)
        expect(p.x).toBeLessThan(800.001)
        expect(p.y).toBeLessThan(600.001)
      }
      expect(Math.hypot(m.c, m.d) / Math.hypot(m.a, m.b)).toBeCloseTo(2)
    }
  })
  it('stays under the pointer while zooming, and follows the hand while panning', () => {
    for (const view of views) {
      const at = { x: 300, y: 250 }
      const under = inImage(matrixOf(view, facts, box), at)
      const after = onScreen(matrixOf(zoomAt(view, facts, box, at, 1.5), facts, box), under)
      expect(after.x).toBeCloseTo(at.x)
      expect(after.y).toBeCloseTo(at.y)
      const moved = onScreen(matrixOf(panBy(view, facts, box, { x: 10, y: -5 }), facts, box), under)
      expect(moved.x).toBeCloseTo(at.x + 10)
      expect(moved.y).toBeCloseTo(at.y - 5)
    }
  })
})

describe('a length', () => {
  it('is in millimetres of both directions, and nothing where the file knows none', () => {
    const mark = { from: { x: 0, y: 0 }, to: { x: 12, y: 8 } }
    expect(lengthMm(mark, facts)).toBeCloseTo(5) // 12 x 0.25, 8 x 0.5
    expect(lengthMm(mark, { ...facts, row_mm: null })).toBeNull()
  })
  it('pushes the oldest out when there are too many', () => {
    let view = firstView(facts)
    for (let n = 0; n < MARKS_MAX + 3; n++)
      view = withMark(view, { frame: n, from: { x: 0, y: 0 }, to: { x: 1, y: 1 } })
    expect(view.marks.map(m => m.frame)).toEqual(Array.from({ length: MARKS_MAX }, (_, n) => n + 3))
  })
})

describe('greys', () => {
  const windowed: ImageFacts = { ...facts, slope: 2, intercept: -1000, windows: [{ name: '', centre: 0, width: 200 }] }
  it('follow the window in the values of the file, signed or not', () => {
    const table = greyTable(new Int16Array(1), firstView(windowed), windowed)
    expect([table[500], table[450], table[550], table[0xffff]]).toEqual([128, 0, 255, 0])
    expect(greyTable(new Int16Array(1), { ...firstView(windowed), inverted: true }, windowed)[450]).toBe(255)
    expect(greyTable(new Int16Array(1), firstView(windowed), { ...windowed, inverted: true })[450]).toBe(255)
  })
  it("follow the file's own curve until a window is chosen", () => {
    const curved: ImageFacts = { ...facts, windows: [], curve: { name: '', first: 0, step: 10, grey: [0, 10, 200] } }
    const table = greyTable(new Uint16Array(1), firstView(curved), curved)
    expect([table[0], table[10], table[20], table[999]]).toEqual([0, 10, 200, 200])
    const own = { ...firstView(curved), grey: { centre: 10, width: 20 } }
    expect(greyTable(new Uint16Array(1), own, curved)[10]).toBe(128)
  })
  it('are dragged, never to nothing', () => {
    expect(dragGrey({ centre: 40, width: 400 }, box, { x: 80, y: 60 })).toEqual({ centre: 120, width: 480 })
    expect(dragGrey({ centre: 40, width: 400 }, box, { x: -800, y: 0 }).width).toBe(1)
  })
  it('have presets: the file first, then those of a CT', () => {
    expect(presetsOf(windowed).map(p => p.key)).toEqual(['file', 'soft', 'lung', 'bone', 'brain'])
    expect(presetsOf({ ...windowed, unit: '' }).map(p => p.key)).toEqual(['file'])
    expect(presetsOf({ ...windowed, colour: true })).toEqual([])
  })
})

it('a frame beyond the ends is the last one there is', () => {
  expect([-1, 2.4, 9].map(n => toFrame(firstView(facts), facts, n).frame)).toEqual([0, 2, 4])
})

describe('a frame of the hub', () => {
  const packed = async (
    columns: number,
    rows: number,
    channels: number,
    size: number,
    signed: number,
    body: number[],
  ): Promise<ArrayBuffer> => {
    const zip = new Blob([new Uint8Array(body)]).stream().pipeThrough(new CompressionStream('deflate'))
    const head = new Uint8Array([0x58, 0x4c, 0x46, 0x31, columns, 0, rows, 0, channels, size, signed, 0])
    return new Blob([head, await new Response(zip).arrayBuffer()]).arrayBuffer()
  }
  it('is the values again: 16 bits signed, 8 bits', async () => {
    // -2, -1 | 300, 299
    const grey = await unpackFrame(await packed(2, 2, 1, 2, 1, [0xfe, 1, 0x2c, 0xff, 0xff, 0, 1, 0xff]))
    expect(grey).toMatchObject({ kind: 'grey', columns: 2, rows: 2, samples: new Int16Array([-2, -1, 300, 299]) })
    const small = await unpackFrame(await packed(3, 1, 1, 1, 0, [250, 5, 10]))
    expect(small).toMatchObject({ samples: new Uint8Array([250, 255, 9]) })
  })
  it('is refused when it is none, cut short, or of another length than it says', async () => {
    for (const bytes of [new ArrayBuffer(4), new ArrayBuffer(40), await packed(9, 9, 1, 1, 0, [1, 2])])
      await expect(unpackFrame(bytes)).rejects.toMatchObject({ code: 'image.broken' })
    await expect(unpackFrame((await packed(3, 1, 1, 1, 0, [1, 2, 3])).slice(0, 16))).rejects.toMatchObject({
      code: 'image.broken',
    })
  })
})
