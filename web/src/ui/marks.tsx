// Small marks in text: severity (shape + word + colour), tags, keys, abnormal numbers, the state dot.
import type { ComponentChildren } from 'preact'
import { chordWords } from '../app/keys'
import { t } from '../i18n/ui'

/** A worklist row's priority. Alarm colours appear through this and AlarmBanner only. */
export type Priority = 'critical' | 'urgent' | 'soon' | 'routine'

const WORDS = {
  critical: 'severity.critical',
  urgent: 'severity.urgent',
  soon: 'severity.soon',
  routine: 'severity.routine',
} as const satisfies Record<Priority, Parameters<typeof t>[0]>

/** `words` when the place says it longer ("危急值"); the shape stays. */
export const Severity = ({ is, solid = false, words }: { is: Priority; solid?: boolean; words?: string }) => (
  <span class={`sev sev-${is}${solid ? ' solid' : ''}`}>{words ?? t(WORDS[is])}</span>
)

export type TagTone = 'plain' | 'auto' | 'ok' | 'accent' | 'med' | 'high'
export const Tag = ({ tone = 'plain', children }: { tone?: TagTone; children: ComponentChildren }) => (
  <span class={`tag tag-${tone}`}>{children}</span>
)
/** The dashed mark that stands before every word of the machine. */
export const AutoTag = () => <Tag tone="auto">{t('tag.auto')}</Tag>

export const KeyHint = ({ chord, words }: { chord: string; words?: string }) => (
  <span class="keyhint">
    <kbd>{chordWords(chord)}</kbd>
    {words}
  </span>
)

/** A number with its side of normal: weight and arrow, never an alarm colour. Missing is a dash. */
export function Measured({ value, side = null }: { value: string | number | null; side?: 'high' | 'low' | null }) {
  if (value === null) return <span class="dim">–</span>
  if (side === null) return <span class="meas">{value}</span>
  return (
    <span class="meas abnormal">
      {value}
      <span class="arrow" aria-hidden="true">
        {side === 'high' ? '↑' : '↓'}
      </span>
      <span class="vh">{t(side === 'high' ? 'value.high' : 'value.low')}</span>
    </span>
  )
}

export type DotState = 'on' | 'off' | 'wait'
export const Dot = ({ is }: { is: DotState }) => <span class={`dot dot-${is}`} aria-hidden="true" />

export const Avatar = ({ name }: { name: string }) => (
  <span class="avatar" aria-hidden="true">
    {[...name][0] ?? '–'}
  </span>
)
