import { expect, it } from 'vitest'
import { gridLines } from './grid'

it.each([3, 3.5, 4, 5.5, 9, 12.5])('at %f device px a millimetre every line is whole pixels at a whole pixel', mm => {
  const lines = gridLines(1000, mm, 12 * mm)
  for (const line of lines) {
    expect(Number.isInteger(line.at)).toBe(true)
    expect(line.width).toBe(line.bold && mm >= 9 ? 2 : 1)
  }
  expect(lines.filter(l => l.bold)).toHaveLength(Math.floor((1000 - 12 * mm) / mm / 5) + 1 + 2)
})

it('leaves the fine lines out where they would be a grey wash', () => {
  expect(gridLines(500, 2.5, 0).every(l => l.bold)).toBe(true)
})

it('puts the foot of the pulse, 2 mm and 7 mm, on bold lines', () => {
  const bold = gridLines(400, 4, 48).filter(l => l.bold)
  expect(bold.slice(0, 3).map(l => l.at)).toEqual([8, 28, 48])
})
