// Sends a command of an alert and keeps at it: an answer that did not reach the hub is repeated with the same key until
// it does, because the doctor has already given it.
import { signal } from '@preact/signals'
import { ApiError, api, uuid } from '../api/client'
import type { Alert } from '../api/types.gen'
import { linkState } from '../live/live'
import { put } from './store'

type Command = Readonly<{ alert: string; act: string; body: object; key: string }>

/** What was given here and has not reached the hub yet; null: nothing. */
export const undelivered = signal<Command | null>(null)

const RETRY_MS = 4_000
let timer: ReturnType<typeof setTimeout> | undefined

/** Resolves with the new alert; throws what the hub refused. Not reached: stays `undelivered` and is sent again. */
export async function command(alert: string, act: string, body: object): Promise<Alert | null> {
  return send({ alert, act, body, key: uuid() })
}

async function send(c: Command): Promise<Alert | null> {
  clearTimeout(timer)
  try {
    const path = `/api/alerts/${encodeURIComponent(c.alert)}/${c.act}`
    const told = await api.post<Alert>(path, c.body, { idempotencyKey: c.key, timeout_ms: 8_000 })
    undelivered.value = null
    put(told)
    return told
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 0) {
      undelivered.value = null
      throw error
    }
    undelivered.value = c
    timer = setTimeout(() => void again(), RETRY_MS)
    return null
  }
}

async function again(): Promise<void> {
  const c = undelivered.peek()
  if (c !== null) await send(c).catch(() => undefined)
}

linkState.subscribe(link => {
  if (link.kind === 'live' && undelivered.peek() !== null) void again()
})
