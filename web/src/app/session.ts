// Who is signed in. The cookie is the server's business; here is only what the pages need to know of the person.
import { signal } from '@preact/signals'
import { ApiError, api } from '../api/client'
import type { Me } from '../api/types.gen'
import { stopLive } from '../live/live'
import { go } from './router'

export type Session =
  | { kind: 'unknown' }
  | { kind: 'out' }
  | { kind: 'in'; me: Me }
  | { kind: 'failed'; error: ApiError }

export const session = signal<Session>({ kind: 'unknown' })

const RETRY_MS = 3000

/** Asks at the start, and again while the hub does not answer. Not knowing is not being signed out: a dead link keeps what is on the screen. */
export async function loadSession(): Promise<void> {
  try {
    session.value = { kind: 'in', me: await api.get<Me>('/api/me') }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (error.status === 401) session.value = { kind: 'out' }
    else {
      session.value = { kind: 'failed', error }
      setTimeout(() => void loadSession(), RETRY_MS)
    }
  }
}

export async function signOut(): Promise<void> {
  stopLive()
  try {
    await api.delete('/api/session')
  } finally {
    session.value = { kind: 'out' }
    go('/login')
  }
}
