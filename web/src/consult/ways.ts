// By which way a connection came to stand, and to where: read from what browser and hub say of it. The connection that is
// asked, before the room: held.ts.
import type { DeviceCheck } from '../api/types.gen'

export type Way = NonNullable<DeviceCheck['way']>
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
