// The stored analysis as the hub sends it, and what the viewer needs of it. Read with open eyes: it comes from a file.
import type { EvidenceOf } from '../ecg'
import { language } from '../i18n/catalogue'
import { statementWords } from '../worklist/statements'

export type AnalysisFinding = Readonly<{
  code: string
  urgency: string
  grade: string | null
  first: number
  end: number
  leads: readonly string[]
  say: Readonly<Record<string, string>>
}>

export type MedianBeat = Readonly<{
  fs: number
  r_at: number
  used: number
  leads: Readonly<Record<string, readonly (number | null)[]>>
}>

export type Analysis = Readonly<{
  fs: number
  samples: number
  quality: Readonly<{ acceptable: boolean; lead_off?: readonly string[] }>
  beats: Readonly<{ sample: readonly number[]; symbol: readonly string[] }>
  measurements: Readonly<{
    vent_rate_bpm: number | null
    pr_ms: number | null
    qrs_ms: number | null
    qt_ms: number | null
    qtc_ms: Readonly<Record<string, number | null>>
    axis_deg: Readonly<Record<string, number | null>>
    st_j60_mv: Readonly<Record<string, number | null>>
  }>
  findings: readonly AnalysisFinding[]
  median: MedianBeat | null
}>

/** null when it is not an analysis, such as `{error}` where there is none: then a person reads without it. */
export function readAnalysis(told: unknown): Analysis | null {
  if (typeof told !== 'object' || told === null) return null
  const a = told as Partial<Analysis>
  if (!Array.isArray(a.findings) || typeof a.measurements !== 'object' || a.measurements === null) return null
  return {
    fs: a.fs ?? 500,
    samples: a.samples ?? 0,
    quality: a.quality ?? { acceptable: true },
    beats: a.beats ?? { sample: [], symbol: [] },
    measurements: a.measurements,
    findings: a.findings,
    median: a.median ?? null,
  }
}

/** QTc by the first formula that has a value, with its name: a number without its formula is half a number. */
export function qtcOf(a: Analysis): { value: number; formula: string } | null {
  for (const [formula, value] of Object.entries(a.measurements.qtc_ms ?? {})) {
    if (value !== null) return { value: Math.round(value), formula }
  }
  return null
}

/** The greatest ST deviation at J + 60 ms and its lead. */
export function stMaxOf(a: Analysis): { lead: string; mv: number } | null {
  let most: { lead: string; mv: number } | null = null
  for (const [lead, mv] of Object.entries(a.measurements.st_j60_mv ?? {})) {
    if (mv !== null && (most === null || Math.abs(mv) > Math.abs(most.mv))) most = { lead, mv }
  }
  return most
}

/** What stands under a finding's name: its numbers, when they say more than the name. */
export function detailOf(finding: AnalysisFinding): string {
  const said = finding.say?.[language.value] ?? finding.say?.zh ?? ''
  const name = statementWords(finding.code)
  if (said === name || said === '') return finding.leads.join(' ')
  return said.startsWith(name) ? said.slice(name.length).replace(/^[\s：:，,。.;；]+/, '') : said
}

export const idOf = (index: number): string => `f${index + 1}`

export const evidenceOf = (a: Analysis | null): readonly EvidenceOf[] =>
  (a?.findings ?? []).map((finding, i) => ({
    id: idOf(i),
    words: statementWords(finding.code),
    first: finding.first,
    end: finding.end,
    leads: finding.leads,
  }))
