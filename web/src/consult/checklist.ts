// What a disease needs beforehand, what of it is there, and how much that is. The lists are the hub's. Pure.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Checklist, Checklists, Completeness, NewDocument } from '../api/types.gen'

export type Disease = Checklist['disease']
export type DocumentKind = NewDocument['kind']
export type Documents = Readonly<Partial<Record<DocumentKind, string>>>

/** As the hub counts it: the ECG is there, summary and consent count beside the documents. */
export function completeness(
  needs: readonly DocumentKind[],
  documents: Documents,
  has: Readonly<{ summary: boolean; consent: boolean }>,
): Completeness {
  const missing: string[] = needs.filter(kind => (documents[kind] ?? '').trim() === '')
  if (!has.consent) missing.push('consent')
  const whole = needs.length + 3
  const there = whole - missing.length - (has.summary ? 0 : 1)
  return { percent: Math.floor((100 * there) / whole), missing }
}

/** What is written, as the hub takes it. */
export const written = (documents: Documents): readonly NewDocument[] =>
  (Object.entries(documents) as [DocumentKind, string][])
    .filter(([, text]) => text.trim() !== '')
    .map(([kind, text]) => ({ kind, text: text.trim() }))

/** Asked for once a page; until it is there, and when it fails, no list is shown and nothing is held back. */
export function useChecklists(): readonly Checklist[] {
  const [lists, setLists] = useState<readonly Checklist[]>([])
  useEffect(() => {
    api.get<Checklists>('/api/consult/checklists').then(
      answer => setLists(answer.checklists),
      () => undefined,
    )
  }, [])
  return lists
}

export const needsOf = (lists: readonly Checklist[], disease: Disease): readonly DocumentKind[] =>
  lists.find(l => l.disease === disease)?.needs ?? []
