// One consultation, kept current: asked for once, again whenever its institution's topic or its own tells of it.
import { useEffect, useRef, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Consult } from '../api/types.gen'
import { grantOrgs, me } from '../clinic/me'
import { gathered } from '../live/gather'
import { subscribe } from '../live/live'

const BURST_MS = 50 // one event may come by several topics

export type ConsultState = { kind: 'waiting' } | { kind: 'here'; value: Consult } | { kind: 'failed'; error: unknown }

export function useConsult(id: string): { state: ConsultState; put: (c: Consult) => void; reload: () => void } {
  const [state, setState] = useState<ConsultState>({ kind: 'waiting' })
  const puts = useRef(0)
  const asked = useRef(0)
  const shown = useRef(0)
  const again = useRef<() => void>(() => undefined)
  const load = async (isWanted: () => boolean): Promise<void> => {
    const before = puts.current
    asked.current += 1
    const mine = asked.current
    try {
      const value = await api.get<Consult>(`/api/consults/${encodeURIComponent(id)}`)
      if (!isWanted() || mine < shown.current) return // one that was asked later has been answered
      shown.current = mine
      // What this person did meanwhile has been put; asked before it, this answer may not know of it.
      if (puts.current === before) setState({ kind: 'here', value })
      else again.current()
    } catch (error) {
      if (isWanted()) setState(was => (was.kind === 'here' ? was : { kind: 'failed', error }))
    }
  }
  useEffect(() => {
    const soon = gathered(load, BURST_MS)
    const first = gathered(load, 0, false)
    again.current = soon
    first()
    const event = (e: { topic: string; subject: string }): void => {
      if (e.subject === id) soon()
    }
    const stops = [...grantOrgs.value.map(o => `org:${o}`), `user:${me.value?.id ?? ''}`].map(topic =>
      subscribe(topic, null, { event, ready: soon }),
    )
    return () => {
      first.stop()
      soon.stop()
      for (const stop of stops) stop()
    }
  }, [id, me.value?.id])
  const put = (value: Consult): void => {
    puts.current += 1
    setState({ kind: 'here', value })
  }
  return { state, put, reload: () => again.current() }
}
