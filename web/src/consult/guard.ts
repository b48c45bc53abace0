// What one member may cost another's page: how often he is answered, how many stays he may begin, what a description of
// his may weigh. The hub bounds what it passes on; this bounds what comes of it here. Pure: the clock is given.
export const SDP_CHARS_MAX = 20_000
const SDP_LINES_MAX = 1_000
const SDP_MEDIA_MAX = 8 // a page lays two
const CANDIDATE_CHARS_MAX = 500

/** Whether a description may be handed to the browser at all. */
export function isBearable(sdp: string): boolean {
  if (sdp.length > SDP_CHARS_MAX) return false
  const lines = sdp.split(/\r\n|\r|\n/)
  return lines.length <= SDP_LINES_MAX && lines.filter(line => line.startsWith('m=')).length <= SDP_MEDIA_MAX
}

type Fields = Readonly<Record<string, unknown>>

/** A candidate of the right shape, and nothing else of what came with it; null: not whole. */
export function readCandidate(c: Fields): RTCIceCandidateInit | null {
  const { candidate, sdpMid, sdpMLineIndex, usernameFragment } = c
  if (typeof candidate !== 'string' || candidate.length > CANDIDATE_CHARS_MAX) return null
  const mid = typeof sdpMid === 'string' && sdpMid.length <= 32 ? sdpMid : null
  const index = typeof sdpMLineIndex === 'number' && Number.isInteger(sdpMLineIndex) ? sdpMLineIndex : null
  if ((mid === null && index === null) || (index !== null && (index < 0 || index > SDP_MEDIA_MAX))) return null
  const name = typeof usernameFragment === 'string' && usernameFragment.length <= 256 ? usernameFragment : null
  return {
    candidate,
    ...(mid === null ? {} : { sdpMid: mid }),
    ...(index === null ? {} : { sdpMLineIndex: index }),
    ...(name === null ? {} : { usernameFragment: name }),
  }
}

/** What is paced, and how: so many at once, then so many a second. */
const PACES = {
  answer: { burst: 5, each_s: 1 },
  stay: { burst: 10, each_s: 0.5 },
  description: { burst: 20, each_s: 2 },
  candidate: { burst: 200, each_s: 20 },
} as const
export type Paced = keyof typeof PACES

/** A measure for each member and kind that fills with time. */
export class Guard {
  private readonly left = new Map<string, { tokens: number; at_ms: number }>()

  /** Whether one more of `account` is taken now. */
  takes(account: string, kind: Paced, now_ms: number): boolean {
    const { burst, each_s } = PACES[kind]
    const key = `${kind} ${account}`
    const before = this.left.get(key) ?? { tokens: burst, at_ms: now_ms }
    const tokens = Math.min(burst, before.tokens + (Math.max(0, now_ms - before.at_ms) / 1000) * each_s)
    const taken = tokens >= 1
    this.left.set(key, { tokens: taken ? tokens - 1 : tokens, at_ms: now_ms })
    return taken
  }
}
