// Words of the pages: one file an area in this folder, Chinese first, English beside it.
// Here: the language signal and `catalogue`, which makes the typed `t` of an area. No words live here.
import { effect, signal } from '@preact/signals'

export type Language = 'zh' | 'en'
export type Entry = Readonly<{ zh: string; en: string }>

/** The names in braces in a sentence: 'still {n} tries' needs facts {n}. */
type FactNames<S extends string> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | FactNames<Rest> : never
type FactsOf<E extends Entry> = [FactNames<E['zh']>] extends [never]
  ? []
  : [facts: Readonly<Record<FactNames<E['zh']>, string | number>>]

export type Translate<Words extends Record<string, Entry>> = {
  <K extends keyof Words & string>(key: K, ...facts: FactsOf<Words[K]>): string
  readonly entries: Words
}

const STORED_AT = 'xinlian.language'

function storedLanguage(): Language {
  const stored = globalThis.localStorage?.getItem(STORED_AT)
  return stored === 'en' ? 'en' : 'zh'
}

export const language = signal<Language>(storedLanguage())

/** Keeps the choice and tells the document its language: Han glyph variants hang on it. */
export function keepLanguage(): () => void {
  return effect(() => {
    document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en'
    localStorage.setItem(STORED_AT, language.value)
  })
}

/**
 * A fact nobody gave stays visible as {name}: a hole in a sentence must not look like a sentence. A fact that the hub words
 * itself (a reason) comes in English, and beside it as `name_zh`.
 */
export function fill(sentence: string, facts: Readonly<Record<string, unknown>>): string {
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const worded = language.value === 'zh' ? facts[`${name}_zh`] : undefined
    return name in facts ? String(worded ?? facts[name]) : whole
  })
}

/** The `t` of one area. It reads the language signal, so what renders with it follows the switch. */
export function catalogue<const Words extends Record<string, Entry>>(words: Words): Translate<Words> {
  const t = <K extends keyof Words & string>(key: K, ...facts: FactsOf<Words[K]>): string => {
    const entry = words[key]
    if (entry === undefined) return key
    return fill(entry[language.value], facts[0] ?? {})
  }
  return Object.assign(t, { entries: words })
}

/** Names one after the other, as the language writes them. */
export const listed = (names: readonly string[]): string => names.join(language.value === 'zh' ? '、' : ', ')
