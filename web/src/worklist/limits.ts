// When a number in a list is marked by weight and an arrow. A mark helps to find it, it is no finding and no alarm.
import type { MachineSummary } from '../api/types.gen'

export type Side = 'high' | 'low' | null
export type MeasureName = 'vent_rate_bpm' | 'pr_ms' | 'qrs_ms' | 'qt_ms' | 'qtc_ms'

type Limits = Readonly<{ low: number | null; high: number | null }>

// Rate: 2018 ACC/AHA/HRS bradycardia guideline (below 50) and the usual upper 100. PR, QRS, QTc: AHA/ACCF/HRS 2009
// standardisation statements III and IV (QTc above 450 ms in men, 460 ms in women. Short QTc: below 350 ms, the same).
const LIMITS: Readonly<Record<MeasureName, Limits>> = {
  vent_rate_bpm: { low: 50, high: 100 },
  pr_ms: { low: 120, high: 200 },
  qrs_ms: { low: null, high: 119 },
  qt_ms: { low: null, high: null },
  qtc_ms: { low: 350, high: 460 },
}
const QTC_HIGH_MEN = 450

export function sideOf(name: MeasureName, value: number | null, sex: string): Side {
  if (value === null) return null
  const { low, high } = LIMITS[name]
  const above = name === 'qtc_ms' && sex === 'M' ? QTC_HIGH_MEN : high
  if (above !== null && value > above) return 'high'
  return low !== null && value < low ? 'low' : null
}

export const measured = (machine: MachineSummary | null, name: MeasureName): number | null => {
  const value = machine?.[name] ?? null
  return value === null ? null : Math.round(value)
}
