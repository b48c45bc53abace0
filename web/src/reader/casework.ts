// One ECG on the desk: what the hub knows of it, the draft, whose it is. Made when the reader opens, let go when it
// leaves. Rules are in draft.ts and lease.ts; signals of traces are kept in traces.ts.
import { computed, type Signal, signal } from '@preact/signals'
import { ApiError, api, uuid } from '../api/client'
import type { Recording, Report, WorklistRow } from '../api/types.gen'
import type { EcgRecording } from '../ecg'
import { subscribe } from '../live/live'
import { claim, nextOfQueue, recordingOf, tell } from '../worklist/state'
import { centresOf, may, me } from '../worklist/who'
import type { Analysis } from './analysis'
import {
  arrived,
  BLANK,
  began,
  bodyOf,
  type Draft,
  draftOf,
  edited,
  isBlank,
  lost,
  mustSave,
  type Saving,
  UNTOUCHED,
} from './draft'
import { type Holder, holderOf, RENEW_MS, takesOnOpening } from './lease'
import { isSettled } from './signing'
import { analyses, BrokenSignal, recordingOf as fetchRecording, prefetch, signals } from './traces'

export type Loaded<V> = { kind: 'waiting' } | { kind: 'here'; value: V } | { kind: 'failed'; error: unknown }

const SAVE_AFTER_MS = 800
const SAVE_AGAIN_MS = 5000
const PREFETCH = 3

export type Case = Readonly<{
  id: string
  recording: Signal<Loaded<Recording>>
  row: Signal<WorklistRow | null>
  trace: Signal<Loaded<EcgRecording>>
  analysis: Signal<Loaded<Analysis | null>>
  reports: Signal<readonly Report[]>
  priors: Signal<readonly Recording[] | null>
  holder: Signal<Holder>
  claimError: Signal<unknown>
  draft: Signal<Draft>
  saving: Signal<Saving>
  signKey: string // idempotency key of signing what is on this desk
  edit: (change: (draft: Draft) => Draft) => void
  reload: () => void
  take: () => void
  leave: () => void
}>

/** Drafts that did not reach the hub, kept for coming back on this page. */
const unsaved = new Map<string, Draft>()

export function openCase(id: string): Case {
  const path = `/api/recordings/${encodeURIComponent(id)}`
  const recording = signal<Loaded<Recording>>({ kind: 'waiting' })
  const row = signal<WorklistRow | null>(null)
  const trace = signal<Loaded<EcgRecording>>({ kind: 'waiting' })
  const analysis = signal<Loaded<Analysis | null>>({ kind: 'waiting' })
  const reports = signal<readonly Report[]>([])
  const priors = signal<readonly Recording[] | null>(null)
  const tick = signal(Date.now())
  const holder = computed<Holder>(() =>
    row.value === null ? { kind: 'free' } : holderOf(row.value, me()?.id ?? '', tick.value),
  )
  const claimError = signal<unknown>(null)
  const draft = signal<Draft>(unsaved.get(id) ?? BLANK)
  const saving = signal<Saving>(unsaved.has(id) ? edited(UNTOUCHED) : UNTOUCHED)
  let left = false
  let saveTimer: ReturnType<typeof setTimeout> | undefined

  async function into<V>(target: Signal<Loaded<V>>, asked: Promise<V>): Promise<V | null> {
    try {
      const value = await asked
      if (!left) target.value = { kind: 'here', value }
      return value
    } catch (error) {
      if (!left) target.value = { kind: 'failed', error }
      return null
    }
  }

  const load = async (): Promise<void> => {
    void loadTrace()
    void api.get<WorklistRow>(`/api/worklist/${encodeURIComponent(id)}`).then(
      async told => {
        if (left) return
        row.value = told
        if (may('report.write') && takesOnOpening(told, holder.peek())) await take()
      },
      () => {}, // not in the worklist any more: the recording says in which state it is
    )
    const known = await into(recording, fetchRecording(id))
    if (known === null || left) return
    void loadReports()
    api.get<readonly Recording[]>(`/api/patients/${encodeURIComponent(known.patient.id)}/recordings`).then(
      all => {
        if (!left) priors.value = priorsOf(all, known)
      },
      () => {
        if (!left) priors.value = []
      },
    )
  }

  const loadTrace = async (): Promise<void> => {
    void into(
      analysis,
      analyses.get(id).catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 404) return null
        throw error
      }),
    )
    const drawn = await into(trace, signals.get(id))
    if (drawn !== null && !left) prefetch(nextOfQueue(id, PREFETCH))
  }

  const loadReports = async (): Promise<void> => {
    try {
      const all = await api.get<readonly Report[]>(`${path}/reports`)
      if (left) return
      reports.value = all
      const written = all.find(report => report.state === 'draft')
      if (written !== undefined && saving.peek().rev === 0) draft.value = draftOf(written)
    } catch {
      // The draft on this page stays as it is; signing asks the hub again anyway.
    }
  }

  const save = async (): Promise<void> => {
    if (!mustSave(saving.value)) return
    saving.value = began(saving.value)
    const body = bodyOf(draft.value)
    try {
      await api.put<Report>(`${path}/draft`, body)
      saving.value = arrived(saving.value, Date.now())
      unsaved.delete(id)
    } catch (error) {
      saving.value = lost(saving.value, error)
    }
    if (mustSave(saving.value)) plan(saving.value.error === null ? SAVE_AFTER_MS : SAVE_AGAIN_MS)
  }
  const plan = (ms: number): void => {
    clearTimeout(saveTimer)
    saveTimer = setTimeout(() => void save(), ms)
  }

  const edit = (change: (draft: Draft) => Draft): void => {
    const next = change(draft.value)
    if (next === draft.value) return
    draft.value = next
    saving.value = edited(saving.value)
    unsaved.set(id, next)
    plan(SAVE_AFTER_MS)
  }

  const take = async (): Promise<void> => {
    try {
      const told = await claim(id)
      if (left) return
      row.value = told
      claimError.value = null
    } catch (error) {
      if (!left) claimError.value = error
    }
  }

  const renew = setInterval(() => {
    tick.value = Date.now()
    if (holder.peek().kind === 'mine' && document.visibilityState === 'visible') void take()
  }, RENEW_MS)

  const person = me()
  const stops = (person === null ? [] : centresOf(person)).map(centre =>
    subscribe(`org:${centre}`, null, {
      event: event => {
        if (recordingOf(event) !== id) return
        void refresh(event.kind.startsWith('report.'))
      },
    }),
  )
  const refresh = async (isReport: boolean): Promise<void> => {
    try {
      const [told, known] = await Promise.all([
        api.get<WorklistRow>(`/api/worklist/${encodeURIComponent(id)}`).catch(() => null),
        fetchRecording(id),
      ])
      if (left) return
      if (told !== null) {
        row.value = told
        tell(id, told)
      }
      const before = recording.peek()
      recording.value = { kind: 'here', value: known }
      const moved = before.kind === 'here' && before.value.state !== known.state
      if (moved || isReport) void loadReports()
      if (moved) {
        if (before.kind !== 'here' || before.value.state === 'receiving' || analysis.peek().kind !== 'here') {
          signals.drop(id)
          analyses.drop(id)
          void loadTrace()
        }
      }
    } catch {
      // The next event, or opening it again, asks anew.
    }
  }

  const leave = (): void => {
    left = true
    clearInterval(renew)
    clearTimeout(saveTimer)
    for (const stop of stops) stop()
    if (mustSave(saving.value) && !isSettled(id)) void save()
    // Looked at and not begun: others may have it. What is signed or half written stays with its reader.
    if (holder.peek().kind === 'mine' && isBlank(draft.peek()) && !isSettled(id) && row.peek()?.state === 'claimed') {
      api.post<WorklistRow>(`${path}/release`, {}).then(
        told => tell(id, told),
        () => {}, // the lease ends by itself
      )
    }
  }

  void load()
  return {
    id,
    recording,
    row,
    trace,
    analysis,
    reports,
    priors,
    holder,
    claimError,
    draft,
    saving,
    signKey: uuid(),
    edit,
    reload: () => void load(),
    take: () => void take(),
    leave,
  }
}

/** Earlier ECGs of the same person that have a trace, newest first. */
export function priorsOf(all: readonly Recording[], now: Recording): readonly Recording[] {
  const at = (r: Recording): string => r.started_at ?? r.opened_at
  return all
    .filter(r => r.id !== now.id && r.state !== 'receiving' && r.state !== 'rejected' && at(r) < at(now))
    .sort((a, b) => (at(a) < at(b) ? 1 : -1))
}

export const isBroken = (error: unknown): boolean => error instanceof BrokenSignal

export const readyOf = <V>(loaded: Loaded<V>): V | null => (loaded.kind === 'here' ? loaded.value : null)
