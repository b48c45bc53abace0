import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { gathered } from './gather'

/** A hub that answers when it is let. */
function hub() {
  const answers: (() => void)[] = []
  let asked = 0
  const ask = (): Promise<void> => {
    asked += 1
    return new Promise(done => answers.push(done))
  }
  return { ask, answer: () => answers.shift()?.(), asked: () => asked }
}

describe('questions about one thing', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('are asked at once, one at a time, and once more for all that came meanwhile', async () => {
    const { ask, answer, asked } = hub()
    const want = gathered(ask)
    want()
    expect(asked()).toBe(1)
    want()
    want()
    expect(asked()).toBe(1)
    answer()
    await vi.runAllTimersAsync()
    expect(asked()).toBe(2)
    answer()
    await vi.runAllTimersAsync()
    expect(asked()).toBe(2)
    want()
    expect(asked()).toBe(3)
  })

  it('wait for the rest of a burst', async () => {
    const { ask, answer, asked } = hub()
    const want = gathered(ask, 300)
    want()
    want()
    await vi.advanceTimersByTimeAsync(299)
    expect(asked()).toBe(0)
    await vi.advanceTimersByTimeAsync(1)
    expect(asked()).toBe(1)
    want()
    answer()
    await vi.advanceTimersByTimeAsync(300)
    expect(asked()).toBe(2)
  })

  it('end with the screen', async () => {
    const { ask, answer, asked } = hub()
    const want = gathered(ask)
    const late = gathered(ask, 300)
    want()
    want()
    late()
    want.stop()
    late.stop()
    answer()
    await vi.runAllTimersAsync()
    want()
    expect(asked()).toBe(1)
  })
})
