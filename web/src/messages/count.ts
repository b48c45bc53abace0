// How many messages of the threads that are his this person has not read: the number on the tab. Runs from sign-in on,
// and tells the hub that his page has heard of them (delivered) and which he has read.
import { effect, signal, untracked } from '@preact/signals'
import { api } from '../api/client'
import type { Inbox } from '../api/types.gen'
import { grantOrgs, may, me } from '../clinic/me'
import { linkState, subscribe } from '../live/live'

export const unread = signal<number | null>(null)
/** Counts what has happened to messages: the inbox asks again when it moves. */
export const moved = signal(0)

let told = 0
let asking: 'no' | 'asking' | 'again' = 'no'

async function count(): Promise<void> {
  if (asking !== 'no') {
    asking = 'again'
    return
  }
  do {
    asking = 'asking'
    const inbox = await api.get<Inbox>('/api/inbox?limit=100').catch(() => null)
    if (inbox === null) continue // the number stays as it was
    unread.value = inbox.unread === 0 ? null : inbox.unread
    if (inbox.seq > told) {
      told = inbox.seq
      await api.post('/api/inbox/received', { seq: inbox.seq }).catch(() => {
        told = 0 // with the next message
      })
    }
  } while ((asking as string) === 'again')
  asking = 'no'
  moved.value += 1
}

export async function readNow(thread: string, message: string): Promise<void> {
  await api.post(`/api/threads/${encodeURIComponent(thread)}/read`, { message })
  void count()
}

let stops: (() => void)[] = []

export function startCount(): void {
  effect(() => {
    const person = me.value?.id ?? null
    const orgs = grantOrgs.value
    const isLive = linkState.value.kind === 'live'
    untracked(() => {
      for (const stop of stops) stop()
      stops = []
      if (person === null || !may('message.write')) {
        unread.value = null
        told = 0
        return
      }
      const event = (e: { kind: string }): void => {
        if (e.kind.startsWith('message.') && e.kind !== 'message.read') void count()
      }
      stops = [`user:${person}`, ...orgs.map(o => `org:${o}`)].map(topic => subscribe(topic, null, { event }))
      if (isLive) void count() // also after a break: who was away finds what came
    })
  })
}
