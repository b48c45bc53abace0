// A seat held while one still looks at oneself in the lobby: both its connections come to stand, and by which way they do is
// what the lobby says of the line. Nobody sees or hears a held seat, and nothing comes to it. Words are lobby.tsx; the
// connections, place.ts.
import { api } from '../api/client'
import type { MediaHeld } from '../api/types.gen'
import { wait } from './peer'
import { Place } from './place'
import { canSound } from './sound'
import { addressOf, type Way, wayOf } from './ways'

/** `udp`: where the hub takes sound and picture, for the words to whoever keeps the firewall; '' when it did not say. */
export type Found = Readonly<{ way: Way; udp: string; turn: boolean }>

const WITHIN_MS = 8_000
const LOOK_MS = 100
/** Who goes straight in is not kept waiting by a connection that only tries. */
const LINGERS_MS = 800

export class Held {
  private place: Place | null = null
  private readonly over = new AbortController()

  constructor(private readonly consult: string) {}

  /** Raises ApiError when the hub has no forwarder just now, or was asked too often. Rejects too once it is closed. */
  async found(): Promise<Found> {
    const ask = <T>(what: string, body: unknown): Promise<T> =>
      api.post(`/api/consults/${encodeURIComponent(this.consult)}/media/${what}`, body)
    await wait(LINGERS_MS)
    this.over.signal.throwIfAborted()
    const given = await ask<MediaHeld>('hold', { always: true })
    this.over.signal.throwIfAborted()
    const place = new Place(given, given.ice_servers, null)
    this.place = place
    try {
      await place.lay(ask)
      const way = await this.wayOf(place)
      const turn = given.ice_servers.some(s => s.urls.some(url => url.startsWith('turn')))
      return { way: way ?? (canSound() ? 'sound' : 'none'), udp: addressOf(given.offer), turn }
    } catch (error) {
      if (this.place === place) this.close()
      throw error
    }
  }

  close(): void {
    this.over.abort()
    this.place?.close()
    this.place = null
  }

  /** null: it did not come to stand. */
  private async wayOf(place: Place): Promise<Way | null> {
    const until_ms = performance.now() + WITHIN_MS
    while (performance.now() < until_ms && !this.over.signal.aborted && !place.isBroken) {
      const way = place.stands ? wayOf(rowsOf(await place.stats())) : null
      if (way !== null) return way
      await wait(LOOK_MS)
    }
    return null
  }
}

type Row = Parameters<typeof wayOf>[0][number]

function rowsOf(stats: RTCStatsReport): Row[] {
  const rows: Row[] = []
  stats.forEach((row: unknown) => {
    rows.push(row as Row)
  })
  return rows
}
