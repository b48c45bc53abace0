// One consultation, kept current: asked for once, again whenever its institution's topic or its own tells of it.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Consult } from '../api/types.gen'
import { grantOrgs, me } from '../clinic/me'
import { gathered } from '../live/gather'
import { subscribe } from '../live/live'

const BURST_MS = 50 // one event may come by several topics

export type ConsultState = { kind: 'waiting' } | { kind: 'here'; value: Consult } | { kind: 'failed'; error: unknown }

export function useConsult(id: string): { state: ConsultState; put: (c: Consult) => void; reload: () => void } {
  const [state, setState] = useState<ConsultState>({ kind: 'waiting' })
  const load = (): Promise<void> =>
    api.get<Consult>(`/api/consults/${encodeURIComponent(id)}`).then(
      value => setState({ kind: 'here', value }),
      (error: unknown) => setState(before => (before.kind === 'here' ? before : { kind: 'failed', error })),
    )
  useEffect(() => void load(), [id])
  useEffect(() => {
    const soon = gathered(load, BURST_MS)
    const event = (e: { topic: string; subject: string }): void => {
      if (e.subject === id) soon()
    }
    const stops = [...grantOrgs.value.map(o => `org:${o}`), `user:${me.value?.id ?? ''}`].map(topic =>
      subscribe(topic, null, { event, ready: soon }),
    )
    return () => {
      soon.stop()
      for (const stop of stops) stop()
    }
  }, [id, me.value?.id])
  return { state, put: value => setState({ kind: 'here', value }), reload: () => void load() }
}
