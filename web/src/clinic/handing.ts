// The files that this page hands over, one after the other: on a village's line two at once would both be late. They go
// on while the person looks at another page; a file that was not sent is kept here and can be sent again.
import { signal } from '@preact/signals'
import { api, uuid } from '../api/client'
import type { HandedOver, Recording } from '../api/types.gen'
import { t } from '../i18n/files'
import { type Chosen, type Parcel, parcelsOf } from './parcels'
import { recordings } from './store'

export type Handing =
  | { kind: 'waiting' }
  | { kind: 'sending'; part: number }
  | { kind: 'here'; recording: Recording; known: boolean }
  | { kind: 'unfit'; why: () => string } // never sent
  | { kind: 'failed'; error: unknown }

export type Handed = Readonly<{ key: string; name: string; state: Handing }>

export const handed = signal<readonly Handed[]>([])

type Job = Readonly<{ key: string; org: string; order: string; name: string; blob: Blob }>
const jobs = new Map<string, Job>()
let working = false

/** `order`: the request form they answer; a second file cannot answer it too. */
export async function handOver(org: string, files: readonly Chosen[], order = ''): Promise<void> {
  const parcels = await parcelsOf(files)
  let form = order
  const fresh = parcels.map((parcel): Handed => {
    const key = uuid()
    if (parcel.kind !== 'ready') return { key, name: parcel.name, state: { kind: 'unfit', why: () => unfit(parcel) } }
    jobs.set(key, { key, org, order: form, name: parcel.name, blob: parcel.blob })
    form = ''
    return { key, name: parcel.name, state: { kind: 'waiting' } }
  })
  handed.value = [...fresh, ...handed.value]
  await work()
}

const MB = 1024 * 1024

function unfit(parcel: Exclude<Parcel, { kind: 'ready' }>): string {
  return parcel.kind === 'large'
    ? t('hand.large', { mb: (parcel.bytes / MB).toFixed(1) })
    : t('hand.parts', { missing: parcel.missing.join(', '), name: parcel.name })
}

export function sendAgain(key: string): void {
  put(key, { kind: 'waiting' })
  void work()
}

export const clearHanded = (): void => {
  handed.value = handed.value.filter(h => jobs.has(h.key))
}

function put(key: string, state: Handing): void {
  handed.value = handed.value.map(h => (h.key === key ? { ...h, state } : h))
}

async function work(): Promise<void> {
  if (working) return
  working = true
  try {
    for (let next = firstWaiting(); next !== undefined; next = firstWaiting()) await send(next)
  } finally {
    working = false
  }
}

function firstWaiting(): Job | undefined {
  // The newest stand on top of the list; the oldest goes first.
  const waiting = new Set(handed.peek().flatMap(h => (h.state.kind === 'waiting' ? [h.key] : [])))
  return [...jobs.values()].find(job => waiting.has(job.key))
}

async function send(job: Job): Promise<void> {
  put(job.key, { kind: 'sending', part: 0 })
  const query = new URLSearchParams({ name: job.name, ...(job.order === '' ? {} : { order: job.order }) })
  try {
    const told = await api.file<HandedOver>(`/api/orgs/${encodeURIComponent(job.org)}/files?${query}`, job.blob, {
      idempotencyKey: job.key,
      onSent: part => put(job.key, { kind: 'sending', part }),
    })
    jobs.delete(job.key)
    const live = recordings.peek().get(told.recording.id)
    if (!told.known) recordings.value = new Map(recordings.peek()).set(told.recording.id, live ?? told.recording)
    put(job.key, { kind: 'here', ...told })
  } catch (error) {
    put(job.key, { kind: 'failed', error })
  }
}
