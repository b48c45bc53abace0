// Codes of a row as words: symptoms, person, what the machine says of it.
import type { MachineSummary, Patient, WorklistRow } from '../api/types.gen'
import { t } from '../i18n/worklist'
import { statementWords } from './statements'

const known = (key: string): key is keyof typeof t.entries & string => key in t.entries

export const symptomWords = (symptoms: readonly string[]): string =>
  symptoms.map(code => (known(`symptom.${code}`) ? t(`symptom.${code}` as 'symptom.none') : code)).join(t('list.sep'))

export const personName = (p: Patient): string => (p.identity === 'pending' && p.name === '' ? t('unnamed') : p.name)

/** 男 58: short, as in rows. */
export function sexAge(p: Patient): string {
  const sex = p.sex === '' ? '' : t(`sex.${p.sex}`)
  return [sex, p.age_years === null ? '' : String(p.age_years)].filter(part => part !== '').join(' ')
}

/** 男 58 岁: where there is room. */
export function sexAgeLong(p: Patient): string {
  const sex = p.sex === '' ? '' : t(`sex.${p.sex}`)
  return [sex, p.age_years === null ? '' : t('age.years', { n: p.age_years })].filter(part => part !== '').join(' ')
}

/** The findings in one line. Bad signal comes first: nothing after it may be trusted as much. */
export function machineWords(machine: MachineSummary | null, state: string): string {
  if (machine === null) return state === 'receiving' || state === 'received' ? t('machine.waiting') : t('machine.none')
  if (machine.error) return t('machine.none')
  const parts = [
    ...(machine.acceptable ? [] : [t('machine.poor')]),
    ...(machine.bad_leads.length > 0 ? [t('machine.off', { leads: machine.bad_leads.join(' ') })] : []),
    ...machine.findings.map(statementWords),
  ]
  return parts.length === 0 ? t('machine.nothing') : parts.join(t('list.sep'))
}

/** What the filter looks through. */
export const searchText = (row: WorklistRow): string =>
  [
    personName(row.patient),
    row.org_name,
    symptomWords(row.symptoms),
    machineWords(row.machine, row.state),
    ...(row.machine?.findings ?? []),
    row.recording,
    row.patient.id_no_masked,
  ]
    .join(' ')
    .toLowerCase()
