// Whose ECG this is. A claim is a lease: taken on opening, renewed while the page is looked at, given back when the
// reader leaves without having written. Pure rules here; casework.ts talks to the hub.
import type { Claim, WorklistRow } from '../api/types.gen'

export const RENEW_MS = 4 * 60_000

export type Holder =
  | { kind: 'free' }
  | { kind: 'mine'; until_ms: number }
  | { kind: 'other'; name: string; until_ms: number }

const isCurrent = (claim: Claim | null | undefined, at_ms: number): claim is Claim =>
  claim !== null && claim !== undefined && Date.parse(claim.until_at) > at_ms

/** A critical ECG may be read by two: the second is as much its reader as the first. */
export function holderOf(row: WorklistRow, mine: string, at_ms: number): Holder {
  const claims = [row.claim, row.second].filter(claim => isCurrent(claim, at_ms))
  const own = claims.find(claim => claim.by === mine)
  if (own !== undefined) return { kind: 'mine', until_ms: Date.parse(own.until_at) }
  const first = claims[0]
  if (first === undefined) return { kind: 'free' }
  return { kind: 'other', name: first.name, until_ms: Date.parse(first.until_at) }
}

/** Taken by itself when it waits and nobody has it; a critical one also beside another. */
export function takesOnOpening(row: WorklistRow, holder: Holder): boolean {
  if (row.state !== 'waiting' && row.state !== 'claimed') return false
  return holder.kind !== 'other' || row.priority === 'critical'
}
