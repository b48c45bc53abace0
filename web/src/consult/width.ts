// What a page in the lobby learns of its line: how long the hub's answer takes, and whether the line is wide. Words are
// lobby.tsx; what a narrow line is given once in the room, budget.ts.
import { api } from '../api/client'

/** rtt_ms: the median of a few small questions. wide: a picture may begin with the click; known before the other. */
export type Width = Readonly<{ rtt_ms: Promise<number>; wide: Promise<boolean> }>

/** Random: nothing on the way makes it smaller. At 150 kbit/s up or down half a second of the line, once. */
const PIECE_BYTES = 8_192
/** Both ways one after the other: each is then known to carry about twice what ECG, voice and a small picture take. */
const WIDE_BITS = 600_000

export const isWide = (took_ms: number, rtt_ms: number): boolean =>
  (took_ms - rtt_ms) * WIDE_BITS <= 1_000 * 2 * 8 * PIECE_BYTES

/** `rtt_ms` raises ApiError where the hub is not reached. */
export function measureLine(): Width {
  const first = twice()
  const wide = first
    .then(async took => {
      const piece = new Blob([crypto.getRandomValues(new Uint8Array(PIECE_BYTES))])
      return isWide(await timed(() => api.echo(piece)), Math.min(...took))
    })
    .catch(() => false) // a hub that is too busy for it still answers the small questions
  const rtt_ms = wide.then(async () => {
    const took = [...(await first), ...(await twice())].sort((a, b) => a - b)
    return took[took.length / 2] ?? 0
  })
  return { rtt_ms, wide }
}

/** The first may have to make its connection. */
async function twice(): Promise<readonly number[]> {
  const ask = (): Promise<number> => timed(() => api.get('/api/me'))
  return [await ask(), await ask()]
}

async function timed(ask: () => Promise<unknown>): Promise<number> {
  const begun_ms = performance.now()
  await ask()
  return performance.now() - begun_ms
}
