// What the login screen asks of the hub before anybody is known: its name, whether it is the demonstration, and whether
// it can be reached. Asked again every few seconds while it does not answer.
import { signal } from '@preact/signals'
import { api } from '../api/client'

export type DemoLogin = Readonly<{ login: string; password: string; name: string; what_zh: string; what_en: string }>
export type Hub = Readonly<{ name: string; version: string; demo: boolean; logins: readonly DemoLogin[] }>
export type HubState = { kind: 'asking' } | { kind: 'there'; hub: Hub } | { kind: 'away' }

export const hub = signal<HubState>({ kind: 'asking' })

const AGAIN_MS = 4000

const text = (told: Readonly<Record<string, unknown>>, name: string): string => {
  const value = told[name]
  return typeof value === 'string' ? value : ''
}

const isRow = (told: unknown): told is Readonly<Record<string, unknown>> => typeof told === 'object' && told !== null

/** Reads the answer with open eyes: a hub of another version must still let people in. */
export function readHub(told: unknown): Hub | null {
  if (!isRow(told)) return null
  const list = Array.isArray(told.logins) ? told.logins : []
  const logins = list.filter(isRow).map(row => ({
    login: text(row, 'login'),
    password: text(row, 'password'),
    name: text(row, 'name'),
    what_zh: text(row, 'what_zh'),
    what_en: text(row, 'what_en'),
  }))
  const demo = told.demo === true
  return {
    name: text(told, 'name'),
    version: text(told, 'version'),
    demo,
    logins: demo ? logins.filter(row => row.login !== '') : [],
  }
}

/** Asks until it is answered. Returns how to stop. */
export function askHub(): () => void {
  let stopped = false
  let timer: ReturnType<typeof setTimeout> | undefined
  const ask = async (): Promise<void> => {
    try {
      const answer = readHub(await api.get<unknown>('/api/hub', { timeout_ms: 5000 }))
      if (stopped) return
      if (answer !== null) {
        hub.value = { kind: 'there', hub: answer }
        return
      }
      hub.value = { kind: 'away' }
    } catch {
      if (stopped) return
      hub.value = { kind: 'away' } // whatever the reason, the screen says it and asks again
    }
    timer = setTimeout(() => void ask(), AGAIN_MS)
  }
  void ask()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
