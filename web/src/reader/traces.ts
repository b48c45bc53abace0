// Signals and analyses of recordings, fetched once and kept for a while: the preview, the reader and its prefetch share
// them, so that the next ECG opens without waiting.
import { ApiError, api } from '../api/client'
import type { Recording } from '../api/types.gen'
import { type EcgRecording, readRecording } from '../ecg'
import { type Analysis, readAnalysis } from './analysis'

export class BrokenSignal extends Error {}

/** Keeps the last `max` answers; a failed one is forgotten and asked for again. */
export class Kept<V> {
  private readonly held = new Map<string, Promise<V>>()

  constructor(
    private readonly max: number,
    private readonly fetch: (id: string) => Promise<V>,
  ) {}

  get(id: string): Promise<V> {
    const before = this.held.get(id)
    if (before !== undefined) {
      this.held.delete(id)
      this.held.set(id, before)
      return before
    }
    const asked = this.fetch(id)
    this.held.set(id, asked)
    asked.catch(() => this.drop(id, asked))
    for (const oldest of this.held.keys()) {
      if (this.held.size <= this.max) break
      this.held.delete(oldest)
    }
    return asked
  }

  drop(id: string, only?: Promise<V>): void {
    if (only === undefined || this.held.get(id) === only) this.held.delete(id)
  }
}

const KEPT_MAX = 24

export const signals = new Kept<EcgRecording>(KEPT_MAX, async id => {
  const recording = readRecording(await api.bytes(`/api/recordings/${encodeURIComponent(id)}/signal`))
  if (recording === null) throw new BrokenSignal(id)
  return recording
})

export const analyses = new Kept<Analysis | null>(KEPT_MAX, async id =>
  readAnalysis(await api.get<unknown>(`/api/recordings/${encodeURIComponent(id)}/analysis`)),
)

const lastKnown = new Map<string, Recording>()

/** Asked anew each time; without a link the last answer serves, so that a cached ECG can be read offline. */
export async function recordingOf(id: string): Promise<Recording> {
  try {
    const told = await api.get<Recording>(`/api/recordings/${encodeURIComponent(id)}`)
    lastKnown.delete(id)
    lastKnown.set(id, told)
    for (const oldest of lastKnown.keys()) {
      if (lastKnown.size <= KEPT_MAX) break
      lastKnown.delete(oldest)
    }
    return told
  } catch (error) {
    const known = lastKnown.get(id)
    if (known !== undefined && error instanceof ApiError && error.status === 0) return known
    throw error
  }
}

/** The next few, quietly: what fails here is asked for again when it is opened. */
export function prefetch(ids: readonly string[]): void {
  for (const id of ids) {
    signals.get(id).catch(() => {})
    analyses.get(id).catch(() => {})
    if (!lastKnown.has(id)) recordingOf(id).catch(() => {})
  }
}
