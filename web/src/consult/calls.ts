// Calls for help that ring for this person now, wherever he is: asked for at sign-in and whenever the hub tells of one.
// The banner is fetched when the first one rings.
import { effect, signal, untracked } from '@preact/signals'
import { api } from '../api/client'
import type { HelpCall, HelpCalls } from '../api/types.gen'
import { path } from '../app/router'
import { callSlot } from '../app/slots'
import { may, me } from '../clinic/me'
import { subscribe } from '../live/live'

export const ringing = signal<readonly HelpCall[]>([])
const RING_MS = 600_000 // as long as the hub lets it ring

export async function askCalls(): Promise<void> {
  const told = await api.get<HelpCalls>('/api/consult/calls').catch(() => null)
  if (told !== null) put(told)
}

export function put(told: HelpCalls): void {
  ringing.value = told.calls
  if (told.calls.length === 0) return
  void import('./ringing').then(module => {
    callSlot.value = module.CallBanner
  })
  const first = Math.min(...told.calls.map(c => Date.parse(c.at)))
  setTimeout(() => void askCalls(), Math.max(1_000, first + RING_MS - Date.now() + 1_000))
}

let stop: (() => void) | null = null

export function startCalls(): void {
  effect(() => {
    void path.value // whoever has entered the room, or comes out of it, has answered
    if (ringing.peek().length > 0) void askCalls()
  })
  effect(() => {
    const person = me.value?.id ?? null
    untracked(() => {
      stop?.()
      stop = null
      ringing.value = []
      if (person === null || !may('consult.read')) return
      const event = (e: { kind: string }): void => {
        if (e.kind === 'consult.help_rings') void askCalls()
      }
      stop = subscribe(`user:${person}`, null, { event })
      void askCalls()
    })
  })
}
