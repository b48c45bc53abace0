import { describe, expect, it } from 'vitest'
import { layOut, type SheetWish } from './layout'
import { markWords, placeMarks, type SheetMark } from './shared-marks'

const wish: SheetWish = {
  layout: '3x4+1',
  speed: 25,
  gain: 10,
  fs: 500,
  samples: 5000,
  first: 0,
  sync: false,
  width: 1100,
  height: 600,
  pxPerMm: 4,
}
const box: SheetMark = {
  id: 'm',
  name: '沈亦舟',
  shape: 'box',
  lead: 'V3',
  points: [
    [3000, -200],
    [3200, 900],
  ],
  words: '',
}

describe('a shared mark', () => {
  it('stands on its samples and microvolts in whatever layout shows its lead', () => {
    for (const layout of ['3x4+1', '12x1', '6x2'] as const) {
      const sheet = layOut({ ...wish, layout })
      const [placed] = placeMarks([box], sheet)
      expect(placed?.cell.lead, layout).toBe('V3')
      const [a, b] = placed?.at ?? []
      expect((b?.[0] ?? 0) - (a?.[0] ?? 0), layout).toBeCloseTo(200 * sheet.pxPerSample)
      expect((a?.[1] ?? 0) - (b?.[1] ?? 0), layout).toBeCloseTo(1100 * sheet.pxPerUv)
    }
  })

  it('is not drawn where its samples or its lead are not shown', () => {
    expect(
      placeMarks(
        [
          {
            ...box,
            points: [
              [100, 0],
              [200, 0],
            ],
          },
        ],
        layOut(wish),
      ),
    ).toEqual([])
    expect(placeMarks([{ ...box, lead: 'V9' }], layOut(wish))).toEqual([])
  })

  it('stays inside its cell where it reaches beyond it', () => {
    const sheet = layOut(wish)
    const [placed] = placeMarks(
      [
        {
          ...box,
          points: [
            [3000, 0],
            [9000, 0],
          ],
        },
      ],
      sheet,
    )
    expect(placed?.at[1]?.[0]).toBe((placed?.cell.x ?? 0) + (placed?.cell.width ?? 0))
  })

  it('says who and what', () => {
    const legs: SheetMark = {
      ...box,
      shape: 'time',
      points: [
        [100, 0],
        [425, 0],
      ],
    }
    expect(markWords(legs, 500, '次/分')).toBe('沈亦舟 650 ms · 92 次/分')
    expect(
      markWords(
        {
          ...box,
          shape: 'voltage',
          points: [
            [5, 0],
            [5, -440],
          ],
        },
        500,
        '',
      ),
    ).toBe('沈亦舟 −0.44 mV')
    expect(markWords({ ...box, words: '看 J 点' }, 500, '')).toBe('沈亦舟 · 看 J 点')
    expect(markWords(box, 500, '')).toBe('沈亦舟')
  })
})
