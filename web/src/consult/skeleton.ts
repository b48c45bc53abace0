// The skeleton of a conclusion while it is written: its fields as typed, kept as a draft on this computer until signed.
import { useEffect, useState } from 'preact/hooks'
import type { Conclude, Conclusion } from '../api/types.gen'
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

/** What was kept; of a draft of before, which was one text, that text. */
export function readKept(raw: string | null): Skeleton | null {
  if (raw === null) return null
  try {
    const kept: unknown = JSON.parse(raw)
    if (typeof kept !== 'object' || kept === null) return { ...EMPTY, text: raw }
    const fields = kept as Readonly<Record<string, unknown>>
    const word = (name: Field): string => {
      const value = fields[name]
      return typeof value === 'string' ? value : ''
    }
    return {
      text: word('text'),
      advice: word('advice'),
      follow_up: word('follow_up'),
      warning_signs: word('warning_signs'),
      reason: word('reason'),
    }
  } catch {
    return { ...EMPTY, text: raw }
  }
}

export function useSkeleton(consult: string, begin: Skeleton) {
  const key = `opinion.${consult}`
  const [said, setSaid] = useState<Skeleton>(() => readKept(keptDraft(key)) ?? begin)
  const empty = Object.values(said).every(word => word === '')
  useEffect(() => keepDraft(key, empty ? '' : JSON.stringify(said)), [said])
  return {
    said,
    empty,
    set: (field: Field, value: string): void => setSaid(before => ({ ...before, [field]: value })),
    drop: (): void => dropDraft(key),
  }
}
