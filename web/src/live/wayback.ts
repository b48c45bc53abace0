// The way to a new socket over a line that is cut, for a page that has its ticket already. live.ts says when one is sought.
//
// A browser repeats the first packet of a connection after 1, 3, 7 and 15 s, and gives every new request to a connection
// that is still being made: once some have been begun in a cut, whatever a page asks waits for their next repetition, up
// to seconds after the line is back. So a few are begun spread over time, by two kinds that it keeps apart from each other
// and from what the page asks elsewhere: sockets, of which one is tried at a time, and questions without a cookie.

const STEP_MS = 1_500
/** Of a socket that did not come about a browser makes the next ones wait, soon for seconds. */
const KNOCKS_MAX = 8
/** It keeps six connections of a kind. */
const ASKS_MAX = 6
const STEPS = 2 * KNOCKS_MAX

/**
 * `knock` tries a socket and gives null when it is refused; `ask` resolves when anything came back from the hub. null: the
 * ticket is not good any more, `over` was aborted, or the line has been cut for so long that other ways are as good.
 */
export function wayBack<S extends Readonly<{ close: () => void }>>(
  knock: (over: AbortSignal) => Promise<S | null>,
  ask: (over: AbortSignal) => Promise<unknown>,
  over: AbortSignal,
): Promise<S | null> {
  return new Promise(resolve => {
    let step = 0
    let asked = 0
    let knocking = new AbortController()
    const asking = new AbortController()
    const end = (found: S | null): void => {
      clearInterval(timer)
      over.removeEventListener('abort', stop)
      asking.abort()
      if (found === null) knocking.abort()
      resolve(found)
    }
    const stop = (): void => end(null)
    const knockAnew = (): void => {
      knocking.abort()
      const mine = new AbortController()
      knocking = mine
      void knock(mine.signal).then(found => {
        if (!mine.signal.aborted) end(found)
        else found?.close()
      })
    }
    const askOnce = async (): Promise<void> => {
      if (asked >= ASKS_MAX) return
      asked += 1
      try {
        await ask(asking.signal)
      } catch {
        asked -= 1 // there is no network at all: a later one may find it
        return
      }
      if (asking.signal.aborted) return
      clearInterval(timer)
      asking.abort()
      knockAnew() // the line is back: this one is left alone
    }
    const go = (): void => {
      if (step >= STEPS) end(null)
      else if (step % 2 === 0) knockAnew()
      else void askOnce()
      step += 1
    }
    const timer = setInterval(go, STEP_MS)
    over.addEventListener('abort', stop)
    if (over.aborted) stop()
    else go()
  })
}
