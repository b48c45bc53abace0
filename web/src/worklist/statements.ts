// The catalogue of statements, fetched once: names of finding codes in both languages, and what the picker searches.
import { computed, signal } from '@preact/signals'
import { api } from '../api/client'
import type { Catalogue, CatalogueEntry } from '../api/types.gen'
import { language } from '../i18n/catalogue'

export const entries = signal<readonly CatalogueEntry[]>([])
const byCode = computed(() => new Map(entries.value.map(entry => [entry.code, entry])))

let asked: Promise<void> | null = null

/** A code stands for itself until its name is here; asked again when it could not be fetched. */
export function loadStatements(): Promise<void> {
  asked ??= api.get<Catalogue>('/api/catalogue').then(
    told => {
      entries.value = told.entries
    },
    () => {
      asked = null
    },
  )
  return asked
}

export const entryOf = (code: string): CatalogueEntry | null => byCode.value.get(code) ?? null

export function statementWords(code: string): string {
  const entry = byCode.value.get(code)
  if (entry === undefined) return code
  return language.value === 'zh' ? entry.zh : entry.en
}
