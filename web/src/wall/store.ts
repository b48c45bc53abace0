// The recordings that are arriving now at the institutions of the person, kept current by their topics.
import { batch, signal } from '@preact/signals'
import { api } from '../api/client'
import type { Recording } from '../api/types.gen'
import { grantOrgs } from '../clinic/me'
import { gathered } from '../live/gather'
import { subscribe } from '../live/live'
import type { LiveEvent } from '../live/protocol'
import { type Place, placed } from './places'

export const PLACES_MAX = 48
const DAY_MS = 86_400_000
const GATHER_MS = 500 // a burst of events is one question

export type Loaded = { kind: 'waiting' } | { kind: 'here' } | { kind: 'failed'; error: unknown }

export const loaded = signal<Loaded>({ kind: 'waiting' })
export const places = signal<readonly Place[]>([])
export const tooMany = signal(false)

export async function load(): Promise<void> {
  const since = encodeURIComponent(new Date(Date.now() - DAY_MS).toISOString())
  const asked = `recordings?state=receiving&since=${since}&limit=${PLACES_MAX + 1}`
  try {
    const lists = await Promise.all(
      grantOrgs.peek().map(org => api.get<readonly Recording[]>(`/api/orgs/${encodeURIComponent(org)}/${asked}`)),
    )
    const live = lists.flat().filter(r => r.leads.length > 0) // not the bytes of a file
    const arriving = [...new Map(live.map(r => [r.id, r])).values()]
    batch(() => {
      places.value = placed(places.value, arriving.slice(0, PLACES_MAX))
      tooMany.value = arriving.length > PLACES_MAX
      loaded.value = { kind: 'here' }
    })
  } catch (error) {
    loaded.value = { kind: 'failed', error }
  }
}

/** While the page stands. */
export function follow(): () => void {
  const soon = gathered(load, GATHER_MS)
  const event = (told: LiveEvent): void => {
    if (told.topic === 'recording') soon()
  }
  places.value = []
  loaded.value = { kind: 'waiting' }
  void load()
  const stops = grantOrgs.peek().map(org => subscribe(`org:${org}`, null, { ready: soon, event }))
  return () => {
    soon.stop()
    for (const stop of stops) stop()
  }
}
