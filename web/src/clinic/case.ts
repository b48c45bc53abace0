// How a case is said in words: person, complaint, leads, findings. Shared by clinic, alerts and consultations.
import { computed, signal } from '@preact/signals'
import { api } from '../api/client'
import type { Catalogue, Patient, Recording } from '../api/types.gen'
import { language, listed } from '../i18n/catalogue'
import { t } from '../i18n/clinic'
import { leadRanges } from './leads'

export function sexAge(p: Patient): string {
  const sex = p.sex === 'M' ? t('sex.M') : p.sex === 'F' ? t('sex.F') : ''
  if (p.age_years === null) return sex
  return sex === '' ? t('age.only', { age: p.age_years }) : t('sex.age', { sex, age: p.age_years })
}

/** In lists: "男 58". */
export function sexAgeShort(p: Patient): string {
  const sex = p.sex === 'M' ? t('sex.M') : p.sex === 'F' ? t('sex.F') : ''
  return p.age_years === null ? sex : t('sex.age.short', { sex, age: p.age_years }).trim()
}

export const personName = (p: Patient): string => (p.name === '' ? t('name.pending') : p.name)

const SYMPTOM_WORDS = {
  chest_pain: 'symptom.chest_pain',
  syncope: 'symptom.syncope',
  presyncope: 'symptom.presyncope',
  dyspnoea: 'symptom.dyspnoea',
  palpitation: 'symptom.palpitation',
  hypotension: 'symptom.hypotension',
  none: 'symptom.none',
  unknown: 'symptom.unknown',
} as const

export type Symptom = keyof typeof SYMPTOM_WORDS
export const SYMPTOMS = Object.keys(SYMPTOM_WORDS) as readonly Symptom[]

const isSymptom = (code: string): code is Symptom => code in SYMPTOM_WORDS
export const symptom = (code: string): string => (isSymptom(code) ? t(SYMPTOM_WORDS[code]) : code)

/** Chips given by the clinic; a free word of an older request passes as it is. */
export function complaint(codes: readonly string[]): string {
  return listed(codes.map(symptom))
}

const REASON_WORDS = {
  electrode_off: 'reason.electrode_off',
  artefact: 'reason.artefact',
  lead_swap: 'reason.lead_swap',
  too_short: 'reason.too_short',
  wrong_patient: 'reason.wrong_patient',
  other: 'reason.other',
} as const

const isReason = (code: string): code is keyof typeof REASON_WORDS => code in REASON_WORDS
export const reasonWords = (code: string): string => (isReason(code) ? t(REASON_WORDS[code]) : code)

/** "V3 电极脱落": reason and leads of a returned recording; the reader's own note where he wrote one. */
export function returnedWhy(r: Recording): string {
  const why = reasonWords(r.return_reason ?? 'other')
  if (r.returned_note !== null && r.returned_note !== '') return `${why}，${r.returned_note}`
  const off = r.machine?.bad_leads ?? []
  if (r.return_reason === 'electrode_off' && off.length > 0)
    return t('say.returned.leads', { leads: leadRanges(off), why })
  return why
}

const catalogue = signal<ReadonlyMap<string, { zh: string; en: string }>>(new Map())
let asked = false

/** The findings' names, once a sitting; until they are here the code is shown. */
export function loadFindingNames(): void {
  if (asked) return
  asked = true
  api.get<Catalogue>('/api/catalogue').then(
    found => {
      catalogue.value = new Map(found.entries.map(e => [e.code, { zh: e.zh, en: e.en }]))
    },
    () => {
      asked = false // said as codes for now; the next screen asks again
    },
  )
}

const names = computed(() => {
  const lang = language.value
  return new Map([...catalogue.value].map(([code, words]) => [code, words[lang]]))
})
export const findingName = (code: string): string => names.value.get(code) ?? code
