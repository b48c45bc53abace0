import { describe, expect, it } from 'vitest'
import type { Recording } from '../api/types.gen'
import { type Place, placed, rhythmOf } from './places'

const recordings = (...ids: string[]): Recording[] => ids.map(id => ({ id }) as Recording)
const shown = (places: readonly Place[]): string =>
  places.map(p => (p.ended ? `(${p.recording.id})` : p.recording.id)).join(' ')

describe('the places of the live page', () => {
  it('keep their recording whatever the order of the list, and newcomers go behind', () => {
    const first = placed([], recordings('a', 'b', 'c'))
    expect(shown(placed(first, recordings('d', 'c', 'a', 'b')))).toBe('a b c d')
  })
  it('one that ended stays until a newcomer takes its place', () => {
    const ended = placed(placed([], recordings('a', 'b', 'c')), recordings('a', 'c'))
    expect(shown(ended)).toBe('a (b) c')
    expect(shown(placed(ended, recordings('a', 'c', 'd', 'e')))).toBe('a d c e')
  })
  it('ended ones at the end go: nothing moves for that', () => {
    expect(shown(placed(placed([], recordings('a', 'b', 'c')), recordings('a')))).toBe('a')
    expect(placed(placed([], recordings('a')), [])).toEqual([])
  })
})

it('the rhythm is read in II, or in what there is', () => {
  expect(rhythmOf(['I', 'II', 'V1'])).toBe(1)
  expect(rhythmOf(['V1', 'V5'])).toBe(0)
})
