// The open alerts this person must know of, kept current by the live topics; what rings, what is muted.
import { computed, effect, signal, untracked } from '@preact/signals'
import { ApiError, api } from '../api/client'
import type { Alert, Alerts } from '../api/types.gen'
import { now } from '../app/clock'
import { grantOrgs, may, me } from '../clinic/me'
import { gathered } from '../live/gather'
import { subscribe } from '../live/live'
import type { LiveEvent } from '../live/protocol'
import { inOrder, isEnded, isRinging, ringFor } from './ladder'
import { hush, playOnce, ring, sound } from './player'

/** Every alert this page has heard of; ended ones stay until the page is left, so that their screen can say so. */
export const known = signal<ReadonlyMap<string, Alert>>(new Map())
export const onDuty = signal(false)
export const mutedUntil = signal<number | null>(null)
export const failed = signal<ApiError | null>(null)

export const openAlerts = computed(() => inOrder([...known.value.values()].filter(a => !isEnded(a))))
export const ringingAlerts = computed(() => openAlerts.value.filter(isRinging))
export const muteLeft_s = computed(() => {
  const until = mutedUntil.value
  return until === null ? 0 : Math.max(0, Math.ceil((until - now.value) / 1000))
})

/** The count on the tab: what nobody has answered; null while there is none. */
export const waitingCount = computed(() => (ringingAlerts.value.length === 0 ? null : ringingAlerts.value.length))

/** This person was paged a moment ago, and what for is still on its way: it sounds before that is here. */
const called = signal(false)
/** A page older than this was caught up with: whether it still rings, the list says. */
const CALL_MS = 10_000

const MUTE_MS = 120_000
export function mute(): void {
  mutedUntil.value = Date.now() + MUTE_MS
}

export function put(alert: Alert): void {
  known.value = new Map(known.value).set(alert.id, alert)
}

/** Several topics say in one breath that they are ready. */
const BREATH_MS = 20
/** Fetches the open list. An alarm waits for nothing that goes ahead. */
export const refresh = gathered(
  async () => {
    try {
      const list = await api.get<Alerts>('/api/alerts?open=true&limit=500')
      const ids = new Set(list.alerts.map(a => a.id))
      const ended = [...known.peek().values()].filter(a => !ids.has(a.id) && isEnded(a))
      const vanished = [...known.peek().values()].filter(a => !ids.has(a.id) && !isEnded(a))
      known.value = new Map([...ended, ...list.alerts].map(a => [a.id, a]))
      onDuty.value = list.on_duty
      failed.value = null
      // No longer open: its end is said on its own page, so ask once how it ended.
      for (const a of vanished) void refreshOne(a.id)
    } catch (error) {
      failed.value = error instanceof ApiError ? error : null
    } finally {
      called.value = false // after the list: what rings by then rings on without a break
    }
  },
  BREATH_MS,
  false,
)

export async function refreshOne(id: string): Promise<Alert> {
  const alert = await api.get<Alert>(`/api/alerts/${encodeURIComponent(id)}`)
  put(alert)
  return alert
}

function heard(event: LiveEvent): void {
  if (event.kind === 'page.sent' && !known.peek().has(event.subject)) {
    called.value = Math.abs(Date.now() - Date.parse(event.at)) < CALL_MS
  }
  if (event.kind.startsWith('alert.') || event.kind === 'page.sent' || event.kind === 'report.signed') refresh()
  if (event.kind === 'page.sent') void delivered(event)
}

/** The page reached a screen: the hub may wait for this person before it goes on to the next channel. */
async function delivered(event: LiveEvent): Promise<void> {
  await api
    .post(`/api/alerts/${encodeURIComponent(event.subject)}/delivered`, {}, { idempotencyKey: `page-${event.id}` })
    .catch(() => undefined) // the ladder treats silence as "not delivered", which is then the truth
}

let stop: (() => void)[] = []

/** Runs once after sign-in: subscriptions of this person, the sound, the title. */
export function startAlerts(): void {
  effect(() => {
    const person = me.value?.id ?? null
    const orgs = grantOrgs.value
    untracked(() => {
      for (const end of stop) end()
      stop = []
      known.value = new Map()
      if (person === null || !may('alert.read')) return
      // A link that comes back may have missed an alarm; the cursors bring it, asking as it is ready makes sure.
      const listener = { event: heard, ready: refresh }
      stop = [`user:${person}`, ...orgs.map(o => `org:${o}`)].map(topic => subscribe(topic, null, listener))
      refresh()
    })
  })
  effect(soundTheAlarm)
}

const oncePlayed = new Set<string>()

function soundTheAlarm(): void {
  const person = me.value?.id ?? ''
  const ready = sound.value === 'ready'
  const muted = mutedUntil.value !== null && mutedUntil.value > now.value
  const rings = ringingAlerts.value.map(a => ({ id: a.id, how: ringFor(a, person, onDuty.value) }))
  if (!ready) return
  if ((called.value || rings.some(r => r.how === 'repeat')) && !muted) ring('high')
  else hush()
  const fresh = rings.filter(r => r.how === 'once' && !oncePlayed.has(r.id))
  if (fresh.length > 0 && !muted && !rings.some(r => r.how === 'repeat')) playOnce('high')
  for (const r of fresh) oncePlayed.add(r.id)
}
