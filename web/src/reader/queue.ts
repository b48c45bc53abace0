// The reader's place in the worklist it came from, and where the next ECG lies.
import type { WorklistRow } from '../api/types.gen'

export function placeOf(queue: readonly WorklistRow[], recording: string): { at: number; of: number } | null {
  const at = queue.findIndex(row => row.recording === recording)
  return at < 0 ? null : { at: at + 1, of: queue.length }
}

/** The neighbour in the queue, or null at its ends. */
export function neighbour(queue: readonly WorklistRow[], recording: string, by: 1 | -1): string | null {
  const at = queue.findIndex(row => row.recording === recording)
  return at < 0 ? (queue[0]?.recording ?? null) : (queue[at + by]?.recording ?? null)
}
