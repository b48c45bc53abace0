// The stored analysis as the hub sends it, and what the viewer needs of it. Read with open eyes: it comes from a file.
import type { BeatSymbol, Doubt, EvidenceOf, Span } from '../ecg'
import { language } from '../i18n/catalogue'
import { t } from '../i18n/reader'
import { statementWords } from '../worklist/statements'
import { leadsWords } from '../worklist/words'

export type AnalysisFinding = Readonly<{
  code: string
  urgency: string
  grade: string | null
  first: number
  end: number
  leads: readonly string[]
  say: Readonly<Record<string, string>>
  value?: number | null
  limit?: number | null
  rule?: string | null
  profile?: string | null
  probability?: number | null
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
  quality: Readonly<{
    acceptable: boolean
    lead_off?: readonly string[]
    leads?: Readonly<Record<string, number>> // 0 to 1; below VOTE_MIN a lead has no vote
    unreadable?: readonly Span[]
    reasons?: Readonly<Record<string, string>> // what is wrong with a lead
    electrodes?: readonly string[] // those to mend: RA LA LL RL V1 to V6
  }>
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
  (a?.findings ?? []).map((finding, i) => {
    const beats = a === null ? [] : beatsOf(a, finding)
    return {
      id: idOf(i),
      words: statementWords(finding.code),
      first: finding.first,
      end: finding.end,
      leads: finding.leads,
      ...(beats.length === 0 ? {} : { spans: beats }),
    }
  })

/** Codes that rest on beats of one symbol: those are marked one by one, not the time between them. */
const BEATS_OF: readonly (readonly [RegExp, string])[] = [
  [/^PVC/, 'V'],
  [/^PAC/, 'A'],
  [/^FUSION_BEAT$/, 'F'],
]
const BEFORE_S = 0.15
const AFTER_S = 0.35
const BEATS_MAX = 60 // a long recording has thousands: then the stretch says enough

function beatsOf(a: Analysis, finding: AnalysisFinding): readonly Span[] {
  const symbol = BEATS_OF.find(([code]) => code.test(finding.code))?.[1]
  if (symbol === undefined) return []
  const at = a.beats.sample.filter(
    (sample, i) => a.beats.symbol[i] === symbol && sample >= finding.first && sample < finding.end,
  )
  if (at.length > BEATS_MAX) return []
  return at.map(s => ({ first: Math.round(s - BEFORE_S * a.fs), end: Math.round(s + AFTER_S * a.fs) }))
}

const VOTE_MIN = 0.5

/** Leads without a vote and stretches in which nothing can be read: said and drawn as such, never as normal. */
export function doubtOf(a: Analysis | null): Doubt {
  const leads = Object.entries(a?.quality.leads ?? {}).flatMap(([lead, q]) => (q < VOTE_MIN ? [lead] : []))
  return { spans: a?.quality.unreadable ?? [], leads: new Set([...leads, ...(a?.quality.lead_off ?? [])]) }
}

export const symbolsOfBeats = (a: Analysis | null): readonly BeatSymbol[] =>
  (a?.beats.sample ?? []).map((sample, i) => ({ sample, symbol: a?.beats.symbol[i] ?? 'N' }))

/** The whole recording is to be taken again. */
const REDO: ReadonlySet<string> = new Set(['UNREADABLE', 'NO_SIGNAL', 'POOR_QUALITY'])
export const asksAgain = (a: Analysis): boolean => !a.quality.acceptable || a.findings.some(f => REDO.has(f.code))

const minus = (n: number): string => String(n).replace('-', '−')
const seconds = (sample: number, fs: number): string => (sample / fs).toFixed(1)

/** What a finding rests on, one line each: number against limit, where, rule and version, how sure. */
export function evidenceLines(finding: AnalysisFinding, a: Analysis): readonly string[] {
  const lines: string[] = []
  const { value, limit } = finding
  if (value != null && limit != null) lines.push(t('why.limit', { value: minus(value), limit: minus(limit) }))
  const beats = beatsOf(a, finding)
  const isWhole = finding.first <= 0 && finding.end >= a.samples
  const where = isWhole
    ? t('why.whole')
    : t('why.range', { from: seconds(finding.first, a.fs), to: seconds(finding.end, a.fs) })
  const leads = finding.leads.length === 0 ? '' : t('why.leads', { leads: leadsWords(finding.leads) })
  const count = beats.length === 0 ? '' : t('why.beats', { n: beats.length })
  lines.push([where, leads, count].filter(Boolean).join(' · '))
  if (finding.rule != null) lines.push(t('why.rule', { rule: finding.rule, profile: finding.profile ?? '–' }))
  if (finding.probability != null) lines.push(t('why.probability', { p: Math.round(100 * finding.probability) }))
  return lines
}
