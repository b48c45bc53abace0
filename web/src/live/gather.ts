// What the wire tells often is asked of the hub seldom: questions about one thing, one at a time; and so is told what
// changes often. Whom the answer concerns is each screen's own matter.

export type Gathered = (() => void) & Readonly<{ stop: () => void }>

const AHEAD_MS = 1_000
let ahead: Promise<unknown> | null = null

/**
 * What a person waits for on a line that has just come back: until it has ended, AHEAD_MS at most, no gathered question
 * begins but those that `waits` for nothing.
 */
export function goAhead(urgent: Promise<unknown>): void {
  const longest = new Promise(resolve => setTimeout(resolve, AHEAD_MS))
  const mine = Promise.race([urgent.catch(() => undefined), longest]).then(() => {
    if (ahead === mine) ahead = null
  })
  ahead = mine
}

/**
 * `ask`, however often it is wanted: one question is under way at a time, and all who want it meanwhile are told by the
 * one after it, so that no old answer overtakes a new one. `wait_ms` before each question, for the burst that follows;
 * `waits` false: it does not wait for what goes ahead.
 * `ask` itself says what went wrong; it does not raise, and asks `isWanted` whether somebody still waits for its answer.
 */
export function gathered(ask: (isWanted: () => boolean) => Promise<unknown>, wait_ms = 0, waits = true): Gathered {
  let state: 'idle' | 'waits' | 'asks' | 'again' | 'stopped' = 'idle'
  let timer: ReturnType<typeof setTimeout> | undefined
  const begin = (): void => {
    state = 'waits'
    if (wait_ms === 0) turn()
    else timer = setTimeout(turn, wait_ms)
  }
  const turn = (): void => {
    if (state !== 'waits') return
    if (waits && ahead !== null) void ahead.then(turn)
    else void run()
  }
  const run = async (): Promise<void> => {
    state = 'asks'
    try {
      await ask(() => (state as string) !== 'stopped')
    } finally {
      const more = (state as string) === 'again'
      if ((state as string) !== 'stopped') state = 'idle'
      if (more) begin()
    }
  }
  const want = (): void => {
    if (state === 'idle') begin()
    else if (state === 'asks') state = 'again'
  }
  const stop = (): void => {
    state = 'stopped'
    clearTimeout(timer)
  }
  return Object.assign(want, { stop })
}

/**
 * `send`, one after another and of those that wait the newest alone: two on their way at once may change places. The promise
 * ends when this value or a newer one has been sent, and raises what `send` of that one raised.
 */
export function newestInTurn<T>(send: (value: T) => Promise<unknown>): (value: T) => Promise<void> {
  let newest: T
  let sent: { value: T } | null = null
  let turn: Promise<void> = Promise.resolve()
  return value => {
    newest = value
    turn = turn
      .catch(() => undefined)
      .then(async () => {
        const now = newest
        if (sent?.value === now) return
        await send(now)
        sent = { value: now }
      })
    return turn
  }
}
