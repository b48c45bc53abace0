// The skeleton of a conclusion while it is written. In the room it is one draft on the hub that both sides fill and see
// grow; a correction of a signed one is written by the expert alone and kept on this computer.
import { useEffect, useRef, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Conclude, Conclusion, Draft, DraftChange, Question } from '../api/types.gen'
import { me } from '../clinic/me'
import { subscribe } from '../live/live'
import { dropDraft, keepDraft, keptDraft } from './draft'

/** `advice`: one a line. */
export type Skeleton = Readonly<{
  text: string
  advice: string
  follow_up: string
  warning_signs: string
  reason: string
}>
export type Field = keyof Skeleton

export const EMPTY: Skeleton = { text: '', advice: '', follow_up: '', warning_signs: '', reason: '' }

export const ofConclusion = (c: Conclusion | null): Skeleton =>
  c === null
    ? EMPTY
    : {
        text: c.text,
        advice: c.advice.join('\n'),
        follow_up: c.follow_up,
        warning_signs: c.warning_signs,
        reason: c.countersigned_at === null ? c.reason : '',
      }

export const adviceOf = (lines: string): readonly string[] =>
  lines
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')

export const toSign = (s: Skeleton): Conclude => ({
  text: s.text.trim(),
  advice: adviceOf(s.advice),
  follow_up: s.follow_up.trim(),
  warning_signs: s.warning_signs.trim(),
  reason: s.reason.trim(),
})

const isField = (name: string): name is Field => name in EMPTY

/** What was kept on this computer; of a draft of before, which was one text, that text. */
export function readKept(raw: string | null): Partial<Skeleton> {
  if (raw === null) return {}
  try {
    const kept: unknown = JSON.parse(raw)
    if (typeof kept !== 'object' || kept === null) return { text: raw }
    return Object.fromEntries(Object.entries(kept).filter(([k, v]) => isField(k) && typeof v === 'string'))
  } catch {
    return { text: raw }
  }
}

/** A correction, or a draft without its room: kept here alone. */
export function useSkeleton(consult: string, begin: Skeleton) {
  const key = `opinion.${consult}`
  const [said, setSaid] = useState<Skeleton>(() => ({ ...begin, ...readKept(keptDraft(key)) }))
  useEffect(() => keepDraft(key, JSON.stringify(said)), [said])
  return {
    said,
    set: (field: Field, value: string): void => setSaid(before => ({ ...before, [field]: value })),
    drop: (): void => dropDraft(key),
  }
}

export type DraftFields = Omit<Skeleton, 'reason'>

const SAVE_MS = 700
const AGAIN_MS = 5000

/** What the page shows: the hub's draft with what was typed here and is not saved yet upon it. */
export const shown = (draft: Draft, typed: DraftChange): Draft => ({
  ...draft,
  ...(Object.fromEntries(Object.entries(typed).filter(([, v]) => v !== null && v !== undefined)) as Partial<Draft>),
})

/** What of `typed` is still unsaved after `saved` went out: a field typed again meanwhile stays. */
export const left = (typed: DraftChange, saved: DraftChange): DraftChange =>
  Object.fromEntries(Object.entries(typed).filter(([k, v]) => saved[k as keyof DraftChange] !== v))

export type SharedDraft = Readonly<{
  draft: Draft
  saved: boolean
  change: (typed: DraftChange) => void
}>

/**
 * The draft of a consultation, saved as it is typed and fetched again when another member's page saved. null until it has
 * come, and for who is no member of the room. `begin`: what was signed before, where a new version of it is written.
 */
export function useDraft(consult: string, member: boolean, begin: Partial<DraftFields> = {}): SharedDraft | null {
  const [draft, setDraft] = useState<Draft | null>(null)
  const [typed, setTyped] = useState<DraftChange>({})
  const open = useRef<DraftChange>({})
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const sending = useRef(false)
  const path = `/api/consults/${encodeURIComponent(consult)}/draft`
  const put = (next: DraftChange): void => {
    open.current = next
    setTyped(next)
  }
  const fresh = useRef(false)
  const newer = (came: Draft): void => {
    fresh.current = came.rev === 0
    setDraft(before => (before !== null && before.rev > came.rev ? before : came))
  }
  const load = (): void => void api.get<Draft>(path).then(newer, () => undefined) // asked again with the next news
  const save = async (): Promise<void> => {
    clearTimeout(timer.current)
    if (sending.current || Object.keys(open.current).length === 0) return
    const going = fresh.current ? { ...begin, ...open.current } : open.current
    sending.current = true
    try {
      newer(await api.put<Draft>(path, going))
      put(left(open.current, going))
      if (Object.keys(open.current).length > 0) later(SAVE_MS)
    } catch {
      later(AGAIN_MS) // the words are still on the screen
    } finally {
      sending.current = false
    }
  }
  const later = (ms: number): void => {
    clearTimeout(timer.current)
    timer.current = setTimeout(() => void save(), ms)
  }
  useEffect(() => {
    if (!member) return
    load()
    const stop = subscribe(`user:${me.value?.id ?? ''}`, null, {
      ready: load,
      whisper: (from, body) => {
        const news = body as Readonly<{ kind?: unknown; consult?: unknown }> | null
        if (from === '' && news?.kind === 'drafted' && news.consult === consult) load()
      },
    })
    return () => {
      stop()
      void save() // going elsewhere is no reason to lose the last words
    }
  }, [consult, member])
  if (draft === null) return null
  return {
    draft: shown(draft.rev === 0 ? { ...draft, ...begin } : draft, typed),
    saved: Object.keys(typed).length === 0,
    change: next => {
      put({ ...open.current, ...next })
      later(SAVE_MS)
    },
  }
}

export const skeletonOf = (d: Draft): Skeleton => ({
  text: d.text,
  advice: d.advice,
  follow_up: d.follow_up,
  warning_signs: d.warning_signs,
  reason: '',
})

export const unanswered = (questions: readonly Question[]): number => questions.filter(q => q.answered !== true).length
