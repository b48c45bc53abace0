// Before the room: by which way sound and picture could come to this page. Not guessed from settings: a connection to the
// hub's forwarder really comes to stand, in a room of this page's own, and says which way it took. Words are lobby.tsx.
import { api } from '../api/client'
import type { DeviceCheck, MediaTrial } from '../api/types.gen'
import { serversOf, wait } from './peer'
import { canSound } from './sound'

export type Way = NonNullable<DeviceCheck['way']>
/** `udp`: where the hub takes sound and picture, for the words to whoever keeps the firewall; '' when it did not say. */
export type Found = Readonly<{ way: Way; udp: string; turn: boolean }>

const WITHIN_MS = 8_000
const LOOK_MS = 100
/** Who goes straight in is not kept waiting by a connection that only tries. */
const LINGERS_MS = 800

type Candidate = Readonly<{ candidateType?: string; relayProtocol?: string }>
type Row = Candidate &
  Readonly<{ id: string; type: string; state?: string; nominated?: boolean; localCandidateId?: string }>

/** By what the connection says of itself; null while it does not say. */
export function wayOf(rows: readonly Row[]): Way | null {
  const pair = rows.find(r => r.type === 'candidate-pair' && r.nominated === true && r.state === 'succeeded')
  const local = rows.find(r => r.id === pair?.localCandidateId)
  if (local === undefined) return null
  if (local.candidateType !== 'relay') return 'direct'
  const by = local.relayProtocol
  return by === 'tls' ? 'turn_tls' : by === 'tcp' ? 'turn_tcp' : 'turn_udp'
}

/** Address and port of the first candidate offered, as `10.0.0.5:8444`. */
export function addressOf(sdp: string): string {
  const [, address, port] = /^a=candidate:\S+ \d+ \S+ \d+ (\S+) (\d+)/m.exec(sdp) ?? []
  if (address === undefined || port === undefined) return ''
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** Raises ApiError when the hub has no forwarder just now, or was asked too often. */
export async function tryWays(consult: string, over: AbortSignal): Promise<Found> {
  await wait(LINGERS_MS)
  over.throwIfAborted()
  const path = `/api/consults/${encodeURIComponent(consult)}/media/try`
  const given = await api.post<MediaTrial>(path, {}, { signal: over })
  const turn = given.ice_servers.some(s => s.urls.some(url => url.startsWith('turn')))
  const pc = new RTCPeerConnection({ iceServers: serversOf(given.ice_servers) })
  over.addEventListener('abort', () => pc.close())
  try {
    await pc.setRemoteDescription({ type: 'offer', sdp: given.offer })
    await pc.setLocalDescription()
    await api.post(`${path}/answer`, { seat: given.seat, sdp: pc.localDescription?.sdp ?? '' }, { signal: over })
    const until_ms = performance.now() + WITHIN_MS
    while (performance.now() < until_ms && !over.aborted) {
      if (pc.connectionState === 'failed') break
      const way = pc.connectionState === 'connected' ? wayOf(await rowsOf(pc)) : null
      if (way !== null) return { way, udp: addressOf(given.offer), turn }
      await wait(LOOK_MS)
    }
    return { way: canSound() ? 'sound' : 'none', udp: addressOf(given.offer), turn }
  } finally {
    pc.close()
  }
}

async function rowsOf(pc: RTCPeerConnection): Promise<Row[]> {
  const rows: Row[] = []
  const stats = await pc.getStats()
  stats.forEach((row: unknown) => {
    rows.push(row as Row)
  })
  return rows
}
