// The worklist as it stands on this page: view, rows, selection, marks; fetching, paging, live changes. What a change
// does to the list is rows.ts's business. Lives beside the screen, so that coming back from a reading keeps the place.
import { batch, computed, signal } from '@preact/signals'
import { ApiError, api } from '../api/client'
import type { Recording, ReturnRecording, Worklist, WorklistRow } from '../api/types.gen'
import { subscribe } from '../live/live'
import type { LiveEvent } from '../live/protocol'
import {
  byOrg,
  byWait,
  EMPTY,
  firstPage,
  heard,
  holeIn,
  type List,
  nextOf,
  rowOf,
  rowsOf,
  settled,
  type View,
  withPage,
} from './rows'
import { centresOf, countyOf, me } from './who'
import { searchText } from './words'

const PAGE = 200
const COALESCE_MS = 150
const ROWS_AT_ONCE_MAX = 20
const COUNTS_EVERY_MS = 4000

export type Fetched =
  | { kind: 'waiting' }
  | { kind: 'here'; at: number }
  | { kind: 'stale'; at: number | null; error: unknown }
export type Sort = 'priority' | 'wait' | 'org'

export const view = signal<View>('all')
export const list = signal<List>(EMPTY)
export const fetched = signal<Fetched>({ kind: 'waiting' })
export const counts = signal<Readonly<Record<string, number>>>({})
export const medianTat_s = signal<number | null>(null)
export const selected = signal<string | null>(null)
export const marked = signal<ReadonlySet<string>>(new Set())
export const sort = signal<Sort>('priority')
export const filterWords = signal('')
export const county = signal<string | null>(null)

export const waitingCount = computed(() => counts.value.all ?? null)
const isNarrowed = computed(() => sort.value !== 'priority' || filterWords.value.trim() !== '' || county.value !== null)

/** What the table shows: the list itself, or its rows under another order or a filter. */
export const shown = computed(() => {
  const lines = list.value.lines
  if (!isNarrowed.value) return lines
  const words = filterWords.value.trim().toLowerCase().split(/\s+/).filter(Boolean)
  const orgs = me()?.orgs ?? []
  const rows = lines.filter(line => {
    if (line.kind === 'hole') return false
    if (county.value !== null && (countyOf(orgs, line.row.org)?.id ?? '') !== county.value) return false
    const text = words.length === 0 ? '' : searchText(line.row)
    return words.every(word => text.includes(word))
  })
  if (sort.value === 'priority') return rows
  const by = sort.value === 'wait' ? byWait : byOrg
  return [...rows].sort((a, b) => (a.kind === 'row' && b.kind === 'row' ? by(a.row, b.row) : 0))
})

/** The order in which the reader goes through them. */
export const queue = computed<readonly WorklistRow[]>(() =>
  shown.value.flatMap(line => (line.kind === 'row' && !line.gone ? [line.row] : [])),
)
export const selectedRow = computed(() => rowOf(list.value, selected.value))

/** The next few after `recording`, as the reader will meet them. */
export function nextOfQueue(recording: string, count: number): readonly string[] {
  const ids: string[] = []
  let rows = queue.peek()
  for (let from: string | null = recording; ids.length < count; ) {
    const next: WorklistRow | null = nextOf(rows, from, mine())
    if (next === null) break
    ids.push(next.recording)
    rows = rows.filter(row => row.recording !== from)
    from = next.recording
  }
  return ids
}

const mine = (): string => me()?.id ?? ''

let asking = 0
let stopHearing: (() => void) | null = null
const changed = new Set<string>()
let flushTimer: ReturnType<typeof setTimeout> | null = null
let countsAt_ms = 0
let countsTimer: ReturnType<typeof setTimeout> | undefined

/** Fetches the view anew. Events that come meanwhile are remembered, so that none falls between answer and hearing. */
export async function loadView(wanted: View = view.value): Promise<void> {
  const turn = ++asking
  if (wanted !== view.value) {
    batch(() => {
      view.value = wanted
      list.value = EMPTY
      fetched.value = { kind: 'waiting' }
      selected.value = null
      marked.value = new Set()
    })
  }
  const stopEarly = hear(null)
  try {
    const page = await api.get<Worklist>(`/api/worklist?view=${wanted}&offset=0&limit=${PAGE}`)
    if (turn !== asking) return
    take(page)
    stopHearing?.()
    stopEarly() // first, so that a topic nobody else hears starts again from the cursor of this answer
    stopHearing = hear(page.cursor)
  } catch (error) {
    if (turn !== asking) return
    const before = fetched.peek()
    fetched.value = { kind: 'stale', at: before.kind === 'waiting' ? null : before.at, error }
  } finally {
    stopEarly()
  }
}

function take(page: Worklist): void {
  batch(() => {
    list.value = firstPage(page.rows, page.total)
    counts.value = page.counts
    medianTat_s.value = page.median_tat_s
    fetched.value = { kind: 'here', at: Date.now() }
    const stays = rowOf(list.value, selected.value) !== null
    if (!stays) selected.value = page.rows[0]?.recording ?? null
  })
}

function hear(cursor: number | null): () => void {
  const person = me()
  if (person === null) return () => {}
  const stops = centresOf(person).map(centre => subscribe(`org:${centre}`, cursor, { event: onEvent }))
  return () => {
    for (const stop of stops) stop()
  }
}

const ABOUT: ReadonlySet<string> = new Set(['recording', 'report', 'alert'])
/** A recording has a row from `recording.queued` on; a draft changes no row. */
const BEFORE_THE_ROW = new Set(['recording.opened', 'recording.received', 'recording.analysed', 'report.drafted'])

/** Which recording an event is about: alerts name it in their body. */
export function recordingOf(event: Pick<LiveEvent, 'kind' | 'subject' | 'body'>): string | null {
  const kind = event.kind.split('.')[0] ?? ''
  if (!ABOUT.has(kind) || BEFORE_THE_ROW.has(event.kind)) return null
  if (kind === 'recording') return event.subject
  const body = event.body
  if (typeof body === 'object' && body !== null && 'recording' in body && typeof body.recording === 'string') {
    return body.recording
  }
  return kind === 'report' ? event.subject : null
}

function onEvent(event: LiveEvent): void {
  const recording = recordingOf(event)
  if (recording !== null) refetch(recording)
}

/** Asks for a row again, together with the others that changed in the same moment. */
export function refetch(recording: string): void {
  changed.add(recording)
  if (flushTimer === null) flushAndGather()
}

/** The first change goes at once, so that an alarm does not wait; what follows it closely goes together. */
function flushAndGather(): void {
  void flush()
  flushTimer = setTimeout(() => {
    flushTimer = null
    if (changed.size > 0) flushAndGather()
  }, COALESCE_MS)
}

async function flush(): Promise<void> {
  const ids = [...changed]
  changed.clear()
  if (ids.length > ROWS_AT_ONCE_MAX) {
    await loadView()
    return
  }
  await Promise.all(ids.map(refetchNow))
  refreshCounts()
}

async function refetchNow(recording: string): Promise<void> {
  try {
    tell(recording, await api.get<WorklistRow>(`/api/worklist/${encodeURIComponent(recording)}`))
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) tell(recording, null)
    else fetched.value = { kind: 'stale', at: Date.now(), error }
  }
}

/** A row as it is now, into the list. */
export function tell(recording: string, row: WorklistRow | null): void {
  batch(() => {
    list.value = heard(list.value, recording, row, view.value, mine())
    fetched.value = { kind: 'here', at: Date.now() }
    selected.value ??= list.value.lines[0]?.kind === 'row' ? list.value.lines[0].row.recording : null
  })
}

/** At most once in a few seconds: the counts of all views. */
export function refreshCounts(): void {
  if (countsTimer !== undefined) return
  const wait = Math.max(0, countsAt_ms + COUNTS_EVERY_MS - Date.now())
  countsTimer = setTimeout(() => {
    countsTimer = undefined
    countsAt_ms = Date.now()
    api.get<Worklist>(`/api/worklist?view=${view.value}&offset=0&limit=1`).then(
      page => {
        counts.value = page.counts
        medianTat_s.value = page.median_tat_s
      },
      () => {}, // the list itself says when it is stale
    )
  }, wait)
}

const fetching = new Set<number>()

/** Fetches the page in which the first hole of [first, end) of the plain list lies. */
export function fillHoles(first: number, end: number): void {
  if (isNarrowed.peek()) return
  const at = holeIn(list.peek(), first, end)
  if (at !== null) void fetchPage(Math.floor(at / PAGE) * PAGE)
}

async function fetchPage(offset: number): Promise<void> {
  if (fetching.has(offset)) return
  fetching.add(offset)
  const turn = asking
  try {
    const page = await api.get<Worklist>(`/api/worklist?view=${view.value}&offset=${offset}&limit=${PAGE}`)
    if (turn === asking) list.value = withPage(list.value, offset, page.rows, PAGE)
  } catch {
    // The holes stay and are asked for again when they are looked at.
  } finally {
    fetching.delete(offset)
  }
}

const NARROWED_PAGES_MAX = 50

/** A filter over half a list would hide rows: the rest is fetched, page after page. */
export async function fetchRest(): Promise<void> {
  for (let page = 0; page < NARROWED_PAGES_MAX; page++) {
    const at = holeIn(list.peek(), 0, list.peek().lines.length)
    if (at === null || !isNarrowed.peek()) return
    const before = list.peek()
    await fetchPage(Math.floor(at / PAGE) * PAGE)
    if (list.peek() === before) return
  }
}

export function settle(): void {
  list.value = settled(list.value)
  if (rowOf(list.value, selected.value) === null) selected.value = rowsOf(list.value)[0]?.recording ?? null
}

export function mark(recording: string): void {
  const next = new Set(marked.value)
  if (!next.delete(recording)) next.add(recording)
  marked.value = next
}

/** Claiming again renews the lease. */
export async function claim(recording: string): Promise<WorklistRow> {
  const row = await api.post<WorklistRow>(`/api/recordings/${encodeURIComponent(recording)}/claim`, {})
  tell(recording, row)
  return row
}

export async function release(recording: string): Promise<void> {
  tell(recording, await api.post<WorklistRow>(`/api/recordings/${encodeURIComponent(recording)}/release`, {}))
}

export async function sendBack(recording: string, why: ReturnRecording, key: string): Promise<void> {
  await api.post<Recording>(`/api/recordings/${encodeURIComponent(recording)}/return`, why, { idempotencyKey: key })
  refetch(recording)
}

/** Once after sign-in: the count on the tab, and the list kept ready while other screens stand. */
export function startWorklist(): void {
  if (me()?.rules?.includes('worklist.read') === true) void loadView('all')
}
