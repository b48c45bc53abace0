// How many consultations wait for this person's answer: the number on the tab. Runs from sign-in on.
import { effect, signal, untracked } from '@preact/signals'
import { api } from '../api/client'
import type { Consult, Consults } from '../api/types.gen'
import { grantOrgs, may, me } from '../clinic/me'
import { subscribe } from '../live/live'

export const toAnswer = signal<number | null>(null)

const WAITS: ReadonlySet<string> = new Set(['accept', 'countersign'])

const SOON_MS = 15 * 60_000

/** Those of the case are reminded when it begins within a quarter of an hour; the hub's reminder makes us count anew. */
export const soon = (c: Pick<Consult, 'state' | 'scheduled_at' | 'events'>, now_ms: number): boolean =>
  c.state === 'scheduled' &&
  c.scheduled_at !== null &&
  c.events.includes('enter') &&
  Date.parse(c.scheduled_at) - now_ms <= SOON_MS

async function count(): Promise<void> {
  const list = await api.get<Consults>('/api/consults?open=true').catch(() => null)
  if (list === null) return // the number stays as it was
  const mine = list.consults.filter(
    c => c.events.some(e => WAITS.has(e)) || c.state === 'in_progress' || soon(c, Date.now()),
  ).length
  toAnswer.value = mine === 0 ? null : mine
}

let stops: (() => void)[] = []

export function startCount(): void {
  effect(() => {
    const person = me.value?.id ?? null
    const orgs = grantOrgs.value
    untracked(() => {
      for (const stop of stops) stop()
      stops = []
      toAnswer.value = null
      if (person === null || !may('consult.read')) return
      const event = (e: { kind: string }): void => {
        if (e.kind.startsWith('consult.')) void count()
      }
      stops = [`user:${person}`, ...orgs.map(o => `org:${o}`)].map(topic => subscribe(topic, null, { event }))
      void count()
    })
  })
}
