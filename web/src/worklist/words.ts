// Codes of a row as words: symptoms, person, what the machine says of it.
import type { MachineSummary, Patient, WorklistRow } from '../api/types.gen'
import { language } from '../i18n/catalogue'
import { t } from '../i18n/worklist'
import { entryOf, statementWords } from './statements'

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

/** Said in words of their own below: which lead to mend, and that the ECG is to be taken again. */
const SAID_OTHERWISE: ReadonlySet<string> = new Set(['LEAD_OFF', 'POOR_QUALITY', 'UNREADABLE', 'NO_SIGNAL'])

const GRAVE: ReadonlySet<string> = new Set(['critical', 'urgent'])
const isGrave = (code: string): boolean => GRAVE.has(entryOf(code)?.urgency ?? '')

/**
 * The findings in one line, the first with its numbers. Of a poor signal: what is grave (it never hides a ventricular
 * tachycardia), then that it is to be taken again, then the rest. Nothing found is never "normal".
 */
export function machineWords(machine: MachineSummary | null, state: string): string {
  if (machine === null) return state === 'receiving' || state === 'received' ? t('machine.waiting') : t('machine.none')
  if (machine.error) return t('machine.none')
  const first = machine.said?.[language.value] ?? ''
  const said = machine.findings.flatMap((code, i) => {
    if (SAID_OTHERWISE.has(code)) return []
    return [{ grave: isGrave(code), words: i === 0 && first !== '' ? first : statementWords(code) }]
  })
  const off = machine.bad_leads
  const parts = machine.acceptable
    ? [...said.map(s => s.words), ...(off.length === 0 ? [] : [t('machine.off', { leads: leadsWords(off) })])]
    : [
        ...said.filter(s => s.grave).map(s => s.words),
        t('machine.poor'),
        ...[machine.mend?.[language.value] ?? (off.length === 0 ? '' : mendWords(off))].filter(Boolean),
        ...said.filter(s => !s.grave).map(s => s.words),
      ]
  return parts.length === 0 ? t('machine.nothing') : parts.join(t('list.sep'))
}

const CHEST = ['V1', 'V2', 'V3', 'V4', 'V5', 'V6'] as const

const ALL = 12

/** Which electrodes to look after. */
export const mendWords = (leads: readonly string[]): string =>
  leads.length >= ALL ? t('machine.mend.all') : t('machine.mend', { leads: leadsWords(leads) })

/** Neighbours on the chest as a range: V1–V6. */
export function leadsWords(leads: readonly string[]): string {
  const limb = leads.filter(lead => !CHEST.some(chest => chest === lead))
  const runs: string[][] = []
  for (const [i, lead] of CHEST.entries()) {
    if (!leads.includes(lead)) continue
    const last = runs.at(-1)
    if (last !== undefined && last.at(-1) === CHEST[i - 1]) last.push(lead)
    else runs.push([lead])
  }
  return [...limb, ...runs.map(run => (run.length > 2 ? `${run[0]}–${run.at(-1)}` : run.join(' ')))].join(' ')
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
