// Perfect negotiation as rules: who gives way, what is taken, when ICE starts anew, whether a signal is for this page.
// Pure: no RTCPeerConnection here, peer.ts holds it. Source: W3C WebRTC 1.0, section 10.7 (perfect negotiation).
//
// The hub passes `description` and `candidate` on unread, so the page's own marks travel inside them: `session` names one
// stay of one page in the room, `to` the stay it is meant for. A reload is a new session, and what was sent to the old
// one must not reach the new connection.

import { isBearable, readCandidate } from './guard'

/** Both sides compute the same: the larger account id gives way. */
export const isPolite = (me: string, other: string): boolean => me > other

export type Offering = Readonly<{ polite: boolean; making: boolean; stable: boolean }>

/** An offer that meets ours: the polite side takes it back and takes theirs, the other one ignores it. */
export const ignores = (side: Offering, type: string): boolean =>
  type === 'offer' && !side.polite && (side.making || !side.stable)

export type Here = Readonly<{ type: 'here'; session: string; mic: boolean; cam: boolean; ask: boolean }>
/** `offer` counts the offers of one connection; an answer says to which it is, so that one to a lost offer is known. */
export type Described = Readonly<{ type: RTCSdpType; sdp: string; offer: number }>
export type Signal =
  | { kind: 'here'; here: Here }
  | { kind: 'description'; session: string; to: string; description: Described }
  | { kind: 'candidate'; session: string; to: string; candidate: RTCIceCandidateInit }

const isObject = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null
const SESSION_CHARS_MAX = 64
const SDP_TYPES: ReadonlySet<unknown> = new Set(['offer', 'answer', 'pranswer', 'rollback'])

/** null for what is not whole: somebody else's bytes never reach the connection unread. */
export function readSignal(body: unknown): Signal | null {
  if (!isObject(body)) return null
  const d = body.description
  if (isObject(d) && typeof d.session === 'string') {
    if (d.session.length > SESSION_CHARS_MAX) return null
    const { session } = d
    if (d.type === 'here')
      return {
        kind: 'here',
        here: { type: 'here', session, mic: d.mic === true, cam: d.cam === true, ask: d.ask === true },
      }
    if (!SDP_TYPES.has(d.type) || typeof d.sdp !== 'string' || typeof d.to !== 'string') return null
    if (!isBearable(d.sdp)) return null
    const offer = typeof d.offer === 'number' ? d.offer : 0
    return { kind: 'description', session, to: d.to, description: { type: d.type as RTCSdpType, sdp: d.sdp, offer } }
  }
  const c = body.candidate
  if (!isObject(c) || typeof c.session !== 'string' || typeof c.to !== 'string') return null
  const candidate = readCandidate(c)
  return candidate === null ? null : { kind: 'candidate', session: c.session, to: c.to, candidate }
}

export type PeerState = 'connecting' | 'connected' | 'reconnecting' | 'failed' | 'left'

/** A member that fell silent is "reconnecting" for this long, then has left. */
export const GONE_AFTER_MS = 30_000

export function peerState(connection: RTCPeerConnectionState, lost_ms: number | null): PeerState {
  switch (connection) {
    case 'connected':
      return 'connected'
    case 'new':
    case 'connecting':
      return lost_ms === null ? 'connecting' : 'reconnecting'
    case 'disconnected':
    case 'failed':
      return lost_ms !== null && lost_ms > GONE_AFTER_MS ? 'left' : 'reconnecting'
    case 'closed':
      return 'left'
  }
}

/** `disconnected` often heals by itself; `failed` never does, and a link that is back is the moment to ask again. */
export const restarts = (connection: RTCPeerConnectionState, linkIsBack: boolean): boolean =>
  connection === 'failed' || (linkIsBack && connection === 'disconnected')
