import { describe, expect, it } from 'vitest'
import { leadAfter, NO_LEAD, readNews, wishes } from './forwarder'
import { PICTURE_SLOTS, SmallTrack } from './place'

describe('what a page asks the forwarder for', () => {
  it('asks for few large', () => {
    expect(wishes(['a', 'b', 'c'], null).map(w => w.layer)).toEqual(['large', 'large', 'large'])
  })
  it('asks of many for the one who leads large and first, the others small', () => {
    expect(wishes(['a', 'b', 'c', 'd'], 'c')).toEqual([
      { account: 'c', layer: 'large' },
      { account: 'a', layer: 'small' },
      { account: 'b', layer: 'small' },
      { account: 'd', layer: 'small' },
    ])
  })
  it('never asks for more than there are slots', () => {
    const many = Array.from({ length: 40 }, (_, i) => `u${i}`)
    const asked = wishes(many, 'u39')
    expect(asked.length).toBe(PICTURE_SLOTS)
    expect(asked[0]).toEqual({ account: 'u39', layer: 'large' })
  })
})

describe('who is shown large', () => {
  it('keeps it through a short word of another, and gives it up to who goes on speaking', () => {
    const a = leadAfter(NO_LEAD, ['a'], 0)
    const still = leadAfter(a, ['b', 'a'], 1_000)
    expect(still.account).toBe('a')
    expect(leadAfter(still, ['b'], 2_500).account).toBe('b')
    expect(leadAfter(still, [], 9_000).account).toBe('a')
  })
})

describe('news of media', () => {
  it('are taken from the hub alone', () => {
    expect(readNews('', { kind: 'media', say: 'engine' })).toEqual({ kind: 'media', say: 'engine' })
    expect(readNews('usr_x', { kind: 'media', say: 'engine' })).toBe(null)
    expect(readNews('', { kind: 'view' })).toBe(null)
    expect(readNews('', null)).toBe(null)
  })
})

describe('the small picture', () => {
  it('has a copy of its own, and an earlier one lets go of the camera', () => {
    const made: { stopped: boolean }[] = []
    const camera = () =>
      ({
        clone: () => {
          const copy = { stopped: false, stop: () => Object.assign(copy, { stopped: true }) }
          made.push(copy)
          return copy
        },
      }) as unknown as MediaStreamTrack
    const small = new SmallTrack()
    const [first, second] = [camera(), camera()]
    expect(small.of(first)).toBe(made[0])
    expect(small.of(first)).toBe(made[0])
    expect(small.of(second)).toBe(made[1])
    expect(small.of(null)).toBe(null)
    expect(made.map(copy => copy.stopped)).toEqual([true, true])
  })
})
