// Where the analysis abstains: leads without a vote, stretches that cannot be read, a recording to be taken again. Stands
// before the findings, so that what is missing below is never taken for normal.
import { listed } from '../i18n/catalogue'
import { t } from '../i18n/reader'
import { leadsWords, mendWords } from '../worklist/words'
import { type Analysis, asksAgain, doubtOf } from './analysis'

const SPANS_MAX = 3

export function Doubts({ analysis }: { analysis: Analysis }) {
  const lines = doubtLines(analysis)
  if (lines.length === 0) return null
  return (
    <div class="rd-doubts" role="note" aria-label={t('doubt.title')}>
      <b>{t('doubt.title')}</b>
      <ul>
        {lines.map(line => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </div>
  )
}

const SITES = { RA: 'site.RA', LA: 'site.LA', LL: 'site.LL', RL: 'site.RL' } as const
const isSite = (electrode: string): electrode is keyof typeof SITES => electrode in SITES

const mendElectrodes = (electrodes: readonly string[]): string =>
  t('doubt.electrodes', { list: listed(electrodes.map(e => (isSite(e) ? t(SITES[e]) : e))) })

/** The bad leads with what is wrong, those of one reason together: V3 V4 脱落；II 交流干扰. */
function reasonLine(reasons: Readonly<Record<string, string>>): string {
  const together = new Map<string, string[]>()
  for (const [lead, reason] of Object.entries(reasons)) together.set(reason, [...(together.get(reason) ?? []), lead])
  const words = (reason: string): string => {
    const key = `reason.${reason}`
    return key in t.entries ? t(key as 'reason.off') : reason
  }
  return [...together].map(([reason, leads]) => `${leadsWords(leads)} ${words(reason)}`).join(t('reason.sep'))
}

const WORST = 0.05
const GOOD_MIN = 0.9

/** Where every lead has its vote and the whole is still too poor: the leads that are worst. */
function worstLeads(analysis: Analysis): readonly string[] {
  const quality = Object.entries(analysis.quality.leads ?? {})
  const least = Math.min(...quality.map(([, q]) => q))
  return least >= GOOD_MIN ? [] : quality.flatMap(([lead, q]) => (q <= least + WORST ? [lead] : []))
}

export function doubtLines(analysis: Analysis): readonly string[] {
  const doubt = doubtOf(analysis)
  const leads = [...doubt.leads]
  const electrodes = analysis.quality.electrodes ?? []
  const worst = leads.length > 0 ? leads : worstLeads(analysis)
  const again = asksAgain(analysis)
  const mend = electrodes.length > 0 ? mendElectrodes(electrodes) : worst.length > 0 ? mendWords(worst) : ''
  const reasons = reasonLine(analysis.quality.reasons ?? {})
  const seconds = (sample: number): string => (sample / analysis.fs).toFixed(1)
  const spans = doubt.spans.slice(0, SPANS_MAX)
  const more = doubt.spans.length - spans.length
  return [
    ...(again ? [[t('doubt.redo'), mend].filter(Boolean).join(' · ')] : []),
    ...(reasons !== ''
      ? [reasons]
      : !again && leads.length > 0
        ? [t('doubt.leads', { leads: leadsWords(leads) })]
        : []),
    ...spans.map(span => t('doubt.span', { from: seconds(span.first), to: seconds(span.end) })),
    ...(more > 0 ? [t('doubt.more', { n: more })] : []),
  ]
}
