import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { wayBack } from './wayback'

type Socket = { close: () => void }

/** A browser on a cut line: what is begun hangs until the test lets it through. */
function browser() {
  const began = Date.now()
  const knocks: { at: number; over: AbortSignal; answer: (s: Socket | null) => void }[] = []
  const asks: { at: number; over: AbortSignal; answer: () => void; fail: () => void }[] = []
  const knock = (over: AbortSignal): Promise<Socket | null> =>
    new Promise(answer => {
      knocks.push({ at: Date.now() - began, over, answer })
      over.addEventListener('abort', () => answer(null))
    })
  const ask = (over: AbortSignal): Promise<unknown> =>
    new Promise((answer, fail) => {
      asks.push({ at: Date.now() - began, over, answer: () => answer(null), fail: () => fail(new Error('no line')) })
    })
  return { knock, ask, knocks, asks }
}
const last = <T>(all: readonly T[]): T => {
  const one = all.at(-1)
  if (one === undefined) throw new Error('there is none')
  return one
}
const socket = (): Socket => ({ close: vi.fn() })

describe('the way back', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('begins one socket at a time and questions between them, spread over the cut', async () => {
    const { knock, ask, knocks, asks } = browser()
    void wayBack(knock, ask, new AbortController().signal)
    await vi.advanceTimersByTimeAsync(18_000)
    expect(knocks.map(k => k.at)).toEqual([0, 3_000, 6_000, 9_000, 12_000, 15_000, 18_000])
    expect(knocks.filter(k => !k.over.aborted).map(k => k.at)).toEqual([18_000])
    expect(asks.map(a => a.at)).toEqual([1_500, 4_500, 7_500, 10_500, 13_500, 16_500])
    expect(asks.every(a => !a.over.aborted)).toBe(true)
  })

  it('takes the socket that opens, and begins no more', async () => {
    const { knock, ask, knocks, asks } = browser()
    const found = wayBack(knock, ask, new AbortController().signal)
    await vi.advanceTimersByTimeAsync(3_100)
    const opened = socket()
    last(knocks).answer(opened)
    expect(await found).toBe(opened)
    expect(last(knocks).over.aborted).toBe(false)
    expect(asks.every(a => a.over.aborted)).toBe(true)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(knocks.length).toBe(2)
  })

  it('tries anew the moment anything comes back, and then waits as long as it takes', async () => {
    const { knock, ask, knocks, asks } = browser()
    const found = wayBack(knock, ask, new AbortController().signal)
    await vi.advanceTimersByTimeAsync(7_600)
    asks[1]?.answer()
    await vi.advanceTimersByTimeAsync(0)
    expect(last(knocks).at).toBe(7_600)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(last(knocks).over.aborted).toBe(false)
    const opened = socket()
    last(knocks).answer(opened)
    expect(await found).toBe(opened)
  })

  it('ends when the ticket is refused, when it is called off, and when the cut is long', async () => {
    const one = browser()
    const refused = wayBack(one.knock, one.ask, new AbortController().signal)
    last(one.knocks).answer(null)
    expect(await refused).toBeNull()
    const two = browser()
    const over = new AbortController()
    const off = wayBack(two.knock, two.ask, over.signal)
    over.abort()
    expect(await off).toBeNull()
    expect(two.knocks.every(k => k.over.aborted)).toBe(true)
    const three = browser()
    const long = wayBack(three.knock, three.ask, new AbortController().signal)
    await vi.advanceTimersByTimeAsync(24_000)
    expect(await long).toBeNull()
    expect([three.knocks.length, three.asks.length]).toEqual([8, 6])
  })

  it('asks on where questions fail at once', async () => {
    const { knock, ask, asks } = browser()
    void wayBack(knock, ask, new AbortController().signal)
    for (let i = 0; i < 7; i++) {
      await vi.advanceTimersByTimeAsync(3_000)
      last(asks).fail()
    }
    expect(asks.length).toBe(7)
  })
})
