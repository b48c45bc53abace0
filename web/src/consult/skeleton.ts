// The skeleton of a conclusion while it is written. In the room it is one draft on the hub that both sides fill and see
// grow; a correction of a signed one is written by the expert alone and kept on this computer.
import { type Signal, signal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Conclude, Conclusion, Draft, DraftChange, Question } from '../api/types.gen'
import { me } from '../clinic/me'
import { gathered } from '../live/gather'
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
export type Marks = Conclude['marks']

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

export const toSign = (s: Skeleton, marks: NonNullable<Marks> = []): Conclude => ({
  text: s.text.trim(),
  advice: adviceOf(s.advice),
  follow_up: s.follow_up.trim(),
  warning_signs: s.warning_signs.trim(),
  marks,
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

export type DraftFields = Omit<Skeleton, 'reason'> & Readonly<{ marks: NonNullable<Marks> }>

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

/** One draft a page, whichever of its parts show it: what one has typed is there for the other before it is saved. */
type Open = {
  readonly draft: Signal<Draft | null>
  readonly typed: Signal<DraftChange>
  readonly load: () => void
  users: number
  sending: boolean
  timer: ReturnType<typeof setTimeout> | undefined
}
const opened = new Map<string, Open>()

function openOf(consult: string): Open {
  const known = opened.get(consult)
  if (known !== undefined) return known
  const draft = signal<Draft | null>(null)
  const load = gathered(() =>
    api.get<Draft>(pathOf(consult)).then(
      came => newer(draft, came),
      () => undefined, // asked again with the next news
    ),
  )
  const made: Open = { draft, typed: signal({}), load, users: 0, sending: false, timer: undefined }
  opened.set(consult, made)
  return made
}

const pathOf = (consult: string): string => `/api/consults/${encodeURIComponent(consult)}/draft`

function newer(draft: Signal<Draft | null>, came: Draft): void {
  const before = draft.peek()
  if (before === null || before.rev <= came.rev || came.rev === 0) draft.value = came
}

/**
 * The draft of a consultation, saved as it is typed and fetched again when another member's page saved. null until it has
 * come, and for who is no member of the room. `begin`: what was signed before, where a new version of it is written.
 */
export function useDraft(consult: string, member: boolean, begin: Partial<DraftFields> = {}): SharedDraft | null {
  const open = openOf(consult)
  const save = async (): Promise<void> => {
    clearTimeout(open.timer)
    if (open.sending || Object.keys(open.typed.peek()).length === 0) return
    const going = open.draft.peek()?.rev === 0 ? { ...begin, ...open.typed.peek() } : open.typed.peek()
    open.sending = true
    try {
      newer(open.draft, await api.put<Draft>(pathOf(consult), going))
      open.typed.value = left(open.typed.peek(), going)
      if (Object.keys(open.typed.peek()).length > 0) later(SAVE_MS)
    } catch {
      later(AGAIN_MS) // the words are still on the screen
    } finally {
      open.sending = false
    }
  }
  const later = (ms: number): void => {
    clearTimeout(open.timer)
    open.timer = setTimeout(() => void save(), ms)
  }
  useEffect(() => {
    if (!member) return
    open.users += 1
    open.load()
    const stop = subscribe(`user:${me.value?.id ?? ''}`, null, {
      ready: open.load,
      whisper: (from, body) => {
        const news = body as Readonly<{ kind?: unknown; consult?: unknown }> | null
        if (from === '' && news?.kind === 'drafted' && news.consult === consult) open.load()
      },
    })
    return () => {
      stop()
      open.users -= 1
      // Going elsewhere is no reason to lose the last words.
      void save().then(() => open.users === 0 && opened.get(consult) === open && opened.delete(consult))
    }
  }, [consult, member])
  const draft = open.draft.value
  const typed = open.typed.value
  if (draft === null || !member) return null
  return {
    draft: shown(draft.rev === 0 ? { ...draft, ...begin } : draft, typed),
    saved: Object.keys(typed).length === 0,
    change: next => {
      open.typed.value = { ...open.typed.peek(), ...next }
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
