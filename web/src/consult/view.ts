// The shared view: whose stretch of the ECG stands on every screen. The hub stamps each view with a rising `rev`; the
// higher one wins. Pure.
//
// The hub does not send a view back to its sender, so two people who move at the same moment each see the other's as
// newer. Within CLASH_MS the smaller account id therefore says its view again, and the other one takes it.
import type { SharedView } from '../api/types.gen'

export const CLASH_MS = 1_000

export type ViewState = Readonly<{ rev: number; sentAt_ms: number | null }>
export type Verdict = 'apply' | 'old' | 'say_again'

export function judge(
  state: ViewState,
  incoming: Pick<SharedView, 'rev' | 'presenter'>,
  me: string,
  now_ms: number,
): { verdict: Verdict; state: ViewState } {
  const rev = incoming.rev ?? 0
  if (rev <= state.rev) return { verdict: 'old', state }
  const clash = state.sentAt_ms !== null && now_ms - state.sentAt_ms < CLASH_MS
  if (clash && me < incoming.presenter) return { verdict: 'say_again', state: { ...state, rev } }
  return { verdict: 'apply', state: { ...state, rev } }
}

/** What makes two views the same on the screen. */
export const sameStretch = (a: SharedView, b: SharedView): boolean =>
  a.recording === b.recording &&
  a.layout === b.layout &&
  a.first === b.first &&
  a.speed === b.speed &&
  a.gain === b.gain

/** A whisper is somebody else's bytes: taken only when it is whole. */
export function readView(body: unknown): SharedView | null {
  if (typeof body !== 'object' || body === null) return null
  const v = body as Partial<Record<keyof SharedView, unknown>>
  if (typeof v.recording !== 'string' || typeof v.layout !== 'string' || typeof v.presenter !== 'string') return null
  if (![v.first, v.end, v.speed, v.gain].every(n => typeof n === 'number' && Number.isFinite(n))) return null
  return { ...(body as SharedView), rev: typeof v.rev === 'number' ? v.rev : 0 }
}
