// How many messages of the threads that are his this person has not read: the number on the tab. Runs from sign-in on,
// and tells the hub that his page has heard of them (delivered) and which he has read.
import { effect, signal, untracked } from '@preact/signals'
import { api } from '../api/client'
import type { Inbox } from '../api/types.gen'
import { grantOrgs, may, me } from '../clinic/me'
import { gathered } from '../live/gather'
import { isLinked, subscribe } from '../live/live'

export const unread = signal<number | null>(null)
/** Counts what has happened to messages: the inbox asks again when it moves. */
export const moved = signal(0)

let told = 0
const BURST_MS = 200

const count = gathered(async () => {
  const inbox = await api.get<Inbox>('/api/inbox?limit=100').catch(() => null)
  if (inbox !== null) {
    unread.value = inbox.unread === 0 ? null : inbox.unread
    if (inbox.seq > told) {
      told = inbox.seq
      await api.post('/api/inbox/received', { seq: inbox.seq }).catch(() => {
        told = 0 // with the next message
      })
    }
  }
  moved.value += 1
}, BURST_MS)

export async function readNow(thread: string, message: string): Promise<void> {
  await api.post(`/api/threads/${encodeURIComponent(thread)}/read`, { message })
  count()
}

let stops: (() => void)[] = []

export function startCount(): void {
  effect(() => {
    const person = me.value?.id ?? null
    const orgs = grantOrgs.value
    const isLive = isLinked.value
    untracked(() => {
      for (const stop of stops) stop()
      stops = []
      if (person === null || !may('message.write')) {
        unread.value = null
        told = 0
        return
      }
      const event = (e: { kind: string }): void => {
        if (e.kind.startsWith('message.') && e.kind !== 'message.read') count()
      }
      stops = [`user:${person}`, ...orgs.map(o => `org:${o}`)].map(topic => subscribe(topic, null, { event }))
      if (isLive) count() // also after a break: who was away finds what came
    })
  })
}
