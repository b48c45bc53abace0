// The clinic's day, kept current by its own institution's topic: recordings, forms, devices, consultations.
import { computed, signal } from '@preact/signals'
import { openAlerts } from '../alerts/store'
import { api } from '../api/client'
import type { Consult, Consults, DeviceView, Order, Recording } from '../api/types.gen'
import { subscribe } from '../live/live'
import type { LiveEvent } from '../live/protocol'
import { dayRows } from './today'

export type Loaded = { kind: 'waiting' } | { kind: 'here'; at: number } | { kind: 'failed'; error: unknown }

export const loaded = signal<Loaded>({ kind: 'waiting' })
export const recordings = signal<ReadonlyMap<string, Recording>>(new Map())
export const orders = signal<readonly Order[]>([])
export const devices = signal<readonly DeviceView[]>([])
export const consults = signal<readonly Consult[]>([])

export const rows = computed(() =>
  dayRows([...recordings.value.values()], orders.value, openAlerts.value, consults.value),
)

const DAY_LIMIT = 300

/** Local midnight: the clinic's day, not the clock's. */
function dayStart(): string {
  const d = new Date()
  d.setHours(0, 0, 0, 0)
  return d.toISOString()
}

export async function load(org: string): Promise<void> {
  const since = encodeURIComponent(dayStart())
  const o = encodeURIComponent(org)
  try {
    const [found, forms, boxes] = await Promise.all([
      api.get<readonly Recording[]>(`/api/orgs/${o}/recordings?since=${since}&limit=${DAY_LIMIT}`),
      api.get<readonly Order[]>(`/api/orgs/${o}/orders?since=${since}`),
      api.get<readonly DeviceView[]>(`/api/orgs/${o}/devices`),
    ])
    recordings.value = new Map(found.map(r => [r.id, r]))
    orders.value = forms
    devices.value = boxes.filter(d => d.org === org)
    void loadConsults()
    loaded.value = { kind: 'here', at: Date.now() }
  } catch (error) {
    loaded.value = { kind: 'failed', error }
  }
}

/** Tomorrow's rows, a lost event, a new account: what the topic tells is asked for again, one thing at a time. */
export function follow(org: string): () => void {
  void load(org)
  return subscribe(`org:${org}`, null, { ready: () => void load(org), event: event => void heard(org, event) })
}

async function heard(org: string, event: LiveEvent): Promise<void> {
  const topic = event.topic
  if (topic === 'recording' || topic === 'report') await again(event.subject)
  if (topic === 'order' || event.kind === 'recording.opened')
    orders.value = await api.get<readonly Order[]>(
      `/api/orgs/${encodeURIComponent(org)}/orders?since=${encodeURIComponent(dayStart())}`,
    )
  if (topic === 'device')
    devices.value = (await api.get<readonly DeviceView[]>(`/api/orgs/${encodeURIComponent(org)}/devices`)).filter(
      d => d.org === org,
    )
  if (topic === 'consult') await loadConsults()
}

/** The day stands without them: a failure leaves the rows as they are. */
async function loadConsults(): Promise<void> {
  const list = await api.get<Consults>('/api/consults?open=false').catch(() => null)
  if (list !== null) consults.value = list.consults
}

const ASK_TRIES = 4
const ASK_AGAIN_MS = 2000
const asking = new Set<string>()
const askAgain = new Set<string>()

/** One recording anew. Events come in bursts (received, analysed, queued): asked at most once at a time. */
export async function again(id: string, tries = ASK_TRIES): Promise<void> {
  if (asking.has(id)) {
    askAgain.add(id)
    return
  }
  asking.add(id)
  try {
    const fresh = await api.get<Recording>(`/api/recordings/${encodeURIComponent(id)}`)
    recordings.value = new Map(recordings.value).set(id, fresh)
    loaded.value = { kind: 'here', at: Date.now() }
  } catch {
    // The row keeps what it said for the moment; no further event may come, so it is asked once more.
    if (tries > 1) setTimeout(() => void again(id, tries - 1), ASK_AGAIN_MS)
  } finally {
    asking.delete(id)
    if (askAgain.delete(id)) void again(id)
  }
}
