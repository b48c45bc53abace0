// A seat laid while one still looks at oneself in the lobby: both its connections come to stand, so that on a wide line the
// first picture follows the click; and by which way they stand is what the lobby says of the line. Nobody sees or hears a
// held seat, and nothing comes to it, until the hub sits its person on it. Words are lobby.tsx; the connections, place.ts.
import { api } from '../api/client'
import type { MediaHeld } from '../api/types.gen'
import { wait } from './peer'
import { type Ask, Place } from './place'
import { canSound } from './sound'
import { addressOf, type Way, wayOf } from './ways'

/** `udp`: where the hub takes sound and picture, for the words to whoever keeps the firewall; '' when it did not say. */
export type Found = Readonly<{ way: Way; udp: string; turn: boolean }>

const WITHIN_MS = 8_000
const LOOK_MS = 100
const LINGERS_MS = 800

export class Held {
  private place: Place | null = null
  /** Whether the line is wide; until that is known, no. */
  wide = false
  private readonly over = new AbortController()

  constructor(
    private readonly consult: string,
    wide: Promise<boolean>,
  ) {
    void wide.then(is => {
      this.wide = is
    })
  }

  /** Raises ApiError when the hub has no forwarder just now, or was asked too often. Rejects too once it is taken. */
  async found(): Promise<Found> {
    const ask = <T>(what: string, body: unknown): Promise<T> =>
      api.post(`/api/consults/${encodeURIComponent(this.consult)}/media/${what}`, body)
    const given = (await this.hold(ask, false)) ?? (await this.tryOnly(ask))
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

  /**
   * The seat as far as it is laid, which is the caller's from now on; null: there is none to go on with. On a narrow line
   * pictures that begin with the click itself fill it before it is known how many it bears (docs/decisions/0022).
   */
  take(): Place | null {
    const place = this.place
    this.place = null
    this.over.abort()
    if (this.wide && place?.isBroken !== true) return place
    place?.close()
    return null
  }

  close(): void {
    this.take()?.close()
  }

  /** Two go browser to browser: who goes straight in is not kept waiting by a connection that only tries. */
  private async tryOnly(ask: Ask): Promise<MediaHeld> {
    await wait(LINGERS_MS)
    this.over.signal.throwIfAborted()
    const given = await this.hold(ask, true)
    if (given === null) throw new Error('a seat is held always, and is not')
    return given
  }

  /** null: two would go browser to browser. */
  private async hold(ask: Ask, always: boolean): Promise<MediaHeld | null> {
    const given = await ask<MediaHeld>('hold', { always })
    this.over.signal.throwIfAborted()
    return given.seat === '' ? null : given
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
