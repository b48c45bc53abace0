import { describe, expect, it } from 'vitest'
import { AT_ONCE, NO_VOICES, type Playout, playoutAfter, type Voices } from './playout'

/** A second of one voice, held for 0.1 s; made: of 48,000. */
const second = (was: Voices, made: number, again: number): Voices => ({
  samples: was.samples + 48_000,
  made: was.made + made,
  again: was.again + again,
  held_s: was.held_s + 0.1 * 48_000,
  out: was.out + 48_000,
})

const listen = (was: Playout, seconds: number, made: number, again: number, from_ms: number): Playout => {
  let now = was
  for (let s = 1; s <= seconds; s++) now = playoutAfter(now, second(now.voices, made, again), from_ms + 1_000 * s)
  return now
}

describe('how long a voice is kept back', () => {
  it('not at all where nothing is asked for again, however much is made up', () => {
    expect(listen(AT_ONCE, 20, 4_800, 0, 0).least_ms).toBe(0)
  })

  it('longer than it stands, step by step, while what comes again is too late; never too long to talk', () => {
    expect(listen(AT_ONCE, 1, 1_000, 3, 0).least_ms).toBe(140)
    expect(listen(AT_ONCE, 2, 1_000, 3, 0).least_ms).toBe(180)
    expect(listen(AT_ONCE, 60, 1_000, 3, 0).least_ms).toBe(280)
  })

  it('so while the line loses packets, and at once again some time after', () => {
    const kept = listen(AT_ONCE, 2, 1_000, 3, 0)
    expect(listen(kept, 60, 10, 1, 2_000).least_ms).toBe(kept.least_ms)
    expect(listen(kept, 10, 0, 0, 2_000).least_ms).toBe(kept.least_ms)
    expect(listen(kept, 17, 0, 0, 2_000).least_ms).toBe(0)
  })

  it('as it was when a connection counts from nothing', () => {
    const kept = listen(AT_ONCE, 2, 1_000, 3, 0)
    expect(playoutAfter(kept, second(NO_VOICES, 1_000, 3), 3_000).least_ms).toBe(kept.least_ms)
  })
})
