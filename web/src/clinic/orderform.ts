// What the request form checks before it is sent. Pure.
import type { PatientFacts } from '../api/types.gen'

export type OrderFields = Readonly<{ emergency: boolean; name: string; sex: '' | 'M' | 'F'; age: string; idNo: string }>

export const AGE_MAX = 130

export function ageWrong(text: string): boolean {
  const trimmed = text.trim()
  return !/^\d{1,3}$/.test(trimmed) || Number(trimmed) > AGE_MAX
}

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2] as const
const CHECKS = '10X98765432'

/** Empty is right: it is optional. Else 18 characters whose last one checks the others (GB 11643). */
export function idNoWrong(text: string): boolean {
  const no = text.trim().toUpperCase()
  if (no === '') return false
  if (!/^\d{17}[\dX]$/.test(no)) return true
  const sum = WEIGHTS.reduce((all, weight, i) => all + weight * Number(no[i]), 0)
  return CHECKS[sum % 11] !== no[17]
}

export function factsOf(f: OrderFields): PatientFacts {
  return {
    name: f.name.trim(),
    sex: f.sex,
    age_years: ageWrong(f.age) ? null : Number(f.age.trim()),
    id_no: f.idNo.trim().toUpperCase(),
  }
}
