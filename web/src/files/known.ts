// What the hub knows of a recording's file, as sentences: why it was refused, what was odd, by how much a time was
// corrected. Pure; codes become words here and nowhere else.
import type { FileNote, Recording } from '../api/types.gen'
import { clockError } from '../clinic/deviceclock'
import { fill, language } from '../i18n/catalogue'
import { ERRORS } from '../i18n/errors.gen'
import { t } from '../i18n/files'

type Refused = Pick<Recording, 'state' | 'return_reason' | 'notes' | 'file'>

/** Why the hub did not take it, null where a person rejected it or nobody did. */
export function refusal(r: Refused): string | null {
  const code = r.return_reason
  if (r.state !== 'rejected' || code === null || !(code in ERRORS)) return null
  const said = sentenceOf({ code, facts: r.notes[0]?.facts ?? {} }, r.file)
  // A device's refusal leaves no facts behind: a sentence with holes tells nobody anything.
  return /\{\w+\}/.test(said) ? t('refused.code', { code }) : said
}

/** What was odd about a file that was read all the same; the order is the reader's. */
export const warnings = (r: Pick<Recording, 'state' | 'notes' | 'file'>): readonly string[] =>
  r.state === 'rejected' ? [] : r.notes.map(note => sentenceOf(note, r.file))

function sentenceOf(note: FileNote, file: string): string {
  const entry = ERRORS[note.code]
  if (entry === undefined) return note.code
  const said = fill(entry[language.value], { path: file === '' ? t('file.this') : file, ...note.facts })
  return file === '' ? begun(said) : said
}

/** A sentence that begins with "the file" begins like one: no gap behind Chinese words, a capital in English. */
const begun = (said: string): string =>
  said.replace(/^([\u4e00-\u9fff]+) (?=[\u4e00-\u9fff])/, '$1').replace(/^[a-z]/, first => first.toUpperCase())

type Timed = Pick<Recording, 'file' | 'time_from' | 'clock_offset_ms' | 'clock_uncertainty_ms'>

/**
 * What there is to know of the time of a recording, null while nobody need care: by how much it was corrected, or that it
 * is the word of the machine that wrote the file, whose clock nobody compared.
 */
export function timeMark(r: Timed): Readonly<{ mark: string; words: string }> | null {
  if (r.time_from === 'file') return { mark: t('clock.file'), words: t('clock.file.how') }
  const isDevices = r.time_from === 'device' || (r.time_from === '' && r.file === '') // not noted before
  const wrong = isDevices ? clockError(r) : null
  if (wrong === null) return null
  const by = lasting(Number(wrong.off_s))
  return { mark: t('clock.mark'), words: t(wrong.side === 'slow' ? 'clock.slow' : 'clock.fast', { by }) }
}

/** The two largest units: 1 小时 2 分. */
export function lasting(seconds: number): string {
  const s = Math.round(seconds)
  if (s >= 86_400) return t('time.dh', { a: Math.floor(s / 86_400), b: Math.floor((s % 86_400) / 3600) })
  if (s >= 3600) return t('time.hm', { a: Math.floor(s / 3600), b: Math.floor((s % 3600) / 60) })
  if (s >= 60) return t('time.ms', { a: Math.floor(s / 60), b: s % 60 })
  return t('time.s', { a: s })
}
