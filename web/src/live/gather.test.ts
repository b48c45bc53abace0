import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { gathered, goAhead, newestInTurn } from './gather'

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

describe('what a person waits for', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(async () => {
    await vi.runAllTimersAsync()
    vi.useRealTimers()
  })

  it('goes ahead of gathered questions, each asked once after it, and not of those that wait for nothing', async () => {
    const [others, alarms] = [hub(), hub()]
    const want = gathered(others.ask)
    const alarm = gathered(alarms.ask, 0, false)
    let seated = (): void => undefined
    goAhead(
      new Promise<void>(done => {
        seated = done
      }),
    )
    want()
    want()
    alarm()
    await vi.advanceTimersByTimeAsync(500)
    expect([others.asked(), alarms.asked()]).toEqual([0, 1])
    seated()
    await vi.advanceTimersByTimeAsync(0)
    expect(others.asked()).toBe(1)
  })

  it('keeps the others a second and no longer, and what comes next in its place keeps them on', async () => {
    const { ask, asked } = hub()
    const want = gathered(ask)
    goAhead(Promise.reject(new Error('no seat')).catch(() => goAhead(new Promise(() => undefined))))
    want()
    await vi.advanceTimersByTimeAsync(900)
    expect(asked()).toBe(0)
    await vi.advanceTimersByTimeAsync(200)
    expect(asked()).toBe(1)
  })

  it('keeps nobody who has gone', async () => {
    const { ask, asked } = hub()
    const want = gathered(ask)
    goAhead(new Promise(() => undefined))
    want()
    want.stop()
    await vi.runAllTimersAsync()
    expect(asked()).toBe(0)
  })
})

describe('what changes often', () => {
  it('is told in turn, the newest alone, and each once', async () => {
    const answers: (() => void)[] = []
    const sent: string[] = []
    const tell = newestInTurn((value: string) => {
      sent.push(value)
      return new Promise<void>(done => answers.push(done))
    })
    const flush = async (): Promise<void> => {
      for (let i = 0; i < 8; i++) await Promise.resolve()
    }
    const all = [tell('a'), tell('b'), tell('c')]
    await flush()
    expect(sent).toEqual(['c']) // nothing was on its way yet
    const late = tell('d')
    await flush()
    expect(sent).toEqual(['c'])
    answers.shift()?.()
    await flush()
    expect(sent).toEqual(['c', 'd'])
    answers.shift()?.()
    await Promise.all([...all, late])
    void tell('d')
    await flush()
    expect(sent).toEqual(['c', 'd'])
  })

  it('is told again after a question that failed', async () => {
    const sent: string[] = []
    const tell = newestInTurn(async (value: string) => {
      sent.push(value)
      if (sent.length === 1) throw new Error('no line')
    })
    await expect(tell('a')).rejects.toThrow('no line')
    await tell('a')
    expect(sent).toEqual(['a', 'a'])
  })
})
