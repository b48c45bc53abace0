// Finding a statement by what the hands type: pinyin initials, code, Chinese or English name. Pure.
import type { CatalogueEntry } from '../api/types.gen'

const FOUND_MAX = 8

/** What a reader says many times a day comes first among equals. */
const OFTEN: readonly string[] = [
  'NORMAL_ECG',
  'SINUS_RHYTHM',
  'AFIB',
  'SINUS_BRADYCARDIA',
  'SINUS_TACHYCARDIA',
  'BORDERLINE_ECG',
  'PVC',
  'PAC',
  'AVB1',
  'CRBBB',
  'RBBB',
  'LBBB',
  'LVH',
]
const often = new Map(OFTEN.map((code, i) => [code, i]))

const plain = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[\s_\-–]+/g, ' ')
    .trim()

/** How well an entry fits, smaller is better; null when it does not. */
export function closeness(entry: CatalogueEntry, typed: string): number | null {
  const words = plain(typed)
  if (words === '') return null
  const tight = words.replaceAll(' ', '')
  const initials = entry.initials.toLowerCase().split(' ') // of the full name, then of what people call it
  const code = plain(entry.code)
  const en = plain(entry.en)
  const zh = entry.zh.toLowerCase()
  if (initials.includes(tight) || code === words || en === words || zh === words) return 0
  if (initials.some(name => name.startsWith(tight))) return 1
  if (code.startsWith(words) || code.replaceAll(' ', '').startsWith(tight)) return 2
  if (zh.startsWith(words)) return 2
  if (en.startsWith(words)) return 2
  if (en.split(' ').some(word => word.startsWith(words))) return 3
  if (abbreviation(en).startsWith(tight)) return 3
  if (zh.includes(words) || en.includes(words)) return 4
  if (initials.some(name => name.includes(tight))) return 5
  if (tight.length > 1 && initials.some(name => inOrder(name, tight))) return 6
  if (tight.length > 1 && [...words].every(letter => /[\u4e00-\u9fff]/.test(letter)) && inOrder(zh, words)) return 6
  return null
}

const abbreviation = (name: string): string =>
  name
    .split(' ')
    .map(word => word[0] ?? '')
    .join('')

function inOrder(text: string, letters: string): boolean {
  let at = -1
  for (const letter of letters) {
    at = text.indexOf(letter, at + 1)
    if (at < 0) return false
  }
  return true
}

/** The entries that fit, best first. `recent`: codes this reader used lately, newest first. */
export function search(
  entries: readonly CatalogueEntry[],
  typed: string,
  recent: readonly string[] = [],
): readonly CatalogueEntry[] {
  const found = entries.flatMap(entry => {
    const how = closeness(entry, typed)
    return how === null ? [] : [{ entry, how }]
  })
  const used = (code: string): number => {
    const at = recent.indexOf(code)
    return at < 0 ? recent.length : at
  }
  const habit = (code: string): number => often.get(code) ?? OFTEN.length
  return found
    .sort(
      (a, b) =>
        a.how - b.how ||
        used(a.entry.code) - used(b.entry.code) ||
        habit(a.entry.code) - habit(b.entry.code) ||
        a.entry.zh.length - b.entry.zh.length ||
        (a.entry.code < b.entry.code ? -1 : 1),
    )
    .slice(0, FOUND_MAX)
    .map(({ entry }) => entry)
}
