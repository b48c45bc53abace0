// A row's place in words: four dots and the plain sentence beside them.

import { finding } from '../alerts/words'
import { stateWords as consultState } from '../consult/words'
import { refusal } from '../files/known'
import { t as alertWords } from '../i18n/alerts'
import { t } from '../i18n/clinic'
import { t as consultWords } from '../i18n/consult'
import { t as ui } from '../i18n/ui'
import { Severity, Tag } from '../ui'
import { complaint, returnedWhy } from './case'
import { leadRanges } from './leads'
import { type Progress, progressOf, type StepState } from './progress'
import type { DayRow } from './today'

const STEP_WORDS = ['step.record', 'step.upload', 'step.read', 'step.report'] as const

export function Dots({ steps }: { steps: readonly StepState[] }) {
  const now = steps.indexOf('now')
  const at = STEP_WORDS[now >= 0 ? now : steps.lastIndexOf('done')] ?? 'step.record'
  const words = `${t(at)} ${ui(now >= 0 ? 'step.now' : 'step.done')}`
  return (
    <span class="dots" role="img" aria-label={words} title={words}>
      {steps.map((s, i) => (
        <span key={STEP_WORDS[i] ?? i} class={`dots-step dots-${s}`}>
          <i />
        </span>
      ))}
    </span>
  )
}

const ORDERED: readonly StepState[] = ['now', 'todo', 'todo', 'todo']

/** Dots and sentence of a row; `plain` inside a card that is itself a button. What is critical is said first, by shape and word. */
export function Where({ row, plain = false }: { row: DayRow; plain?: boolean }) {
  if (row.recording === null)
    return (
      <span class="where">
        <Dots steps={ORDERED} />
        <span class="where-say">{t('say.ordered')}</span>
      </span>
    )
  const progress = progressOf(row.recording)
  const returned = progress.say.kind === 'returned'
  const refused = progress.say.kind === 'refused'
  return (
    <span class="where">
      {returned || refused ? (
        <Tag tone="med">{t(returned ? 'tag.returned' : 'tag.refused')}</Tag>
      ) : (
        <Dots steps={progress.steps} />
      )}
      {row.alert === null ? (
        <span
          class={`where-say${refused ? ' where-why' : ''}`}
          {...(refused ? { title: sentence(progress, row) } : {})}
        >
          {sentence(progress, row)}
        </span>
      ) : (
        <span class="where-say">
          <Severity
            is="critical"
            words={alertWords('banner.line', { who: alertWords('alert.priority'), what: finding(row.alert) })}
          />
        </span>
      )}
      {row.consult !== null &&
        (plain ? (
          <span class="where-consult dim">{consultLine(row.consult.state)}</span>
        ) : (
          <a class="where-consult" href={`/consult/${row.consult.id}`}>
            {consultLine(row.consult.state)}
          </a>
        ))}
    </span>
  )
}

const consultLine = (state: string): string => `${consultWords('list.short')} ${consultState(state)}`

export function sentence(progress: Progress, row: DayRow): string {
  const say = progress.say
  switch (say.kind) {
    case 'receiving':
      return t('say.receiving')
    case 'reading':
      return t('say.reading')
    case 'received':
      return t('say.received')
    case 'waiting':
      return t('say.waiting')
    case 'waiting_leads':
      return t('say.waiting.leads', { leads: leadRanges(say.leads) })
    case 'waiting_poor':
      return t('say.waiting.poor')
    case 'waiting_part':
      return t('say.waiting.part')
    case 'replaced':
      return t('say.replaced')
    case 'claimed':
      return say.by === null ? t('say.claimed.nobody') : t('say.claimed', { name: say.by })
    case 'returned':
      return t('say.returned', { why: row.recording === null ? '' : returnedWhy(row.recording) })
    case 'reported':
      return say.impression.length === 0 ? t('say.reported') : say.impression.join('，')
    case 'rejected':
      return t('say.rejected')
    case 'refused':
      return row.recording === null ? '' : (refusal(row.recording) ?? t('say.rejected'))
    case 'archived':
      return t('say.archived')
  }
}

export const Complaint = ({ row }: { row: DayRow }) => (
  <>{complaint((row.recording ?? row.order)?.symptoms ?? []) || '–'}</>
)
