// Which recording stands in which place of the live page. Pure: a place keeps its recording, so that nothing jumps
// under the eye; one that ended stays where it was until a newcomer takes its place, or until it is the last.
import type { Recording } from '../api/types.gen'

export type Place = Readonly<{ recording: Recording; ended: boolean }>

export function placed(before: readonly Place[], arriving: readonly Recording[]): readonly Place[] {
  const now = new Map(arriving.map(r => [r.id, r]))
  const places: Place[] = before.map(({ recording }) => {
    const still = now.get(recording.id)
    now.delete(recording.id)
    return still === undefined ? { recording, ended: true } : { recording: still, ended: false }
  })
  const newcomers = [...now.values()]
  for (const [at, place] of places.entries()) {
    const next = place.ended ? newcomers.shift() : undefined
    if (next !== undefined) places[at] = { recording: next, ended: false }
  }
  places.push(...newcomers.map(recording => ({ recording, ended: false })))
  while (places.at(-1)?.ended === true) places.pop()
  return places
}

/** The lead that shows the rhythm: II, or the first there is. */
export const rhythmOf = (leads: readonly string[]): number => Math.max(0, leads.indexOf('II'))
