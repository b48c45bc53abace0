// Who is read: severity, name, age, from where, why; the clock against its promise; whose it is; the place in the queue.
import type { Recording, WorklistRow } from '../api/types.gen'
import { clockTime, now, wait } from '../app/clock'
import { t } from '../i18n/reader'
import { Button, type Priority, Severity, Tag } from '../ui'
import { isOpen } from '../worklist/rows'
import { personName, sexAgeLong, symptomWords } from '../worklist/words'
import type { Holder } from './lease'

export type HeadProps = Readonly<{
  recording: Recording | null
  row: WorklistRow | null
  holder: Holder
  place: { at: number; of: number } | null
  onBack: () => void
  onStep: (by: 1 | -1) => void
}>

export function Head(p: HeadProps) {
  const facts = p.recording ?? p.row
  return (
    <header class="rd-head">
      <Button kind="quiet" icon="left" label={t('back')} onClick={p.onBack} />
      {facts !== null && <Severity is={priorityOf(p.row, p.recording)} solid />}
      {facts !== null && (
        <>
          <h1 class="name rd-name ell" title={personName(facts.patient)}>
            {personName(facts.patient)}
          </h1>
          <span class="nw">{sexAgeLong(facts.patient)}</span>
          <span class="muted ell rd-wide">{facts.org_name}</span>
          <span class="muted ell">{symptomWords(facts.symptoms)}</span>
          {p.recording !== null && p.recording.note !== '' && (
            <span class="muted ell" title={p.recording.note}>
              {p.recording.note}
            </span>
          )}
        </>
      )}
      <span class="grow" />
      {p.recording !== null && <span class="f13 muted nw rd-wide">{timesOf(p.recording)}</span>}
      <HolderTag holder={p.holder} />
      {p.row !== null && isOpen(p.row) && <Clock row={p.row} />}
      <nav class="rd-place" aria-label={t('head.place', p.place ?? { at: '–', of: '–' })}>
        <Button kind="quiet" chord="BracketLeft" label={t('prev')} onClick={() => p.onStep(-1)} />
        <span class="f13 muted nw">{p.place === null ? '–' : t('head.place', p.place)}</span>
        <Button kind="quiet" chord="BracketRight" label={t('next')} onClick={() => p.onStep(1)} />
      </nav>
    </header>
  )
}

/** Without a row (signed, returned) the grade and the machine's proposal say it, in the words of the same scale. */
export function priorityOf(row: WorklistRow | null, recording: Recording | null): Priority {
  if (row !== null) return row.priority
  const graded = recording?.grade === 'unassessed' ? recording.machine_grade : recording?.grade
  return graded === 'critical' ? 'critical' : graded === 'warning' ? 'urgent' : 'routine'
}

function timesOf(recording: Recording): string {
  const taken = recording.started_at ?? recording.opened_at
  if (recording.received_at === null) return t('head.taken', { taken: clockTime(taken) })
  const length_s = recording.fs > 0 ? recording.samples / recording.fs : 0
  const seconds = Math.max(0, Math.round((Date.parse(recording.received_at) - Date.parse(taken)) / 1000 - length_s))
  return t('head.times', { taken: clockTime(taken), seconds })
}

function HolderTag({ holder }: { holder: Holder }) {
  if (holder.kind === 'other') {
    return <Tag>{t('claim.other', { name: holder.name, until: clockTime(holder.until_ms).slice(0, 5) })}</Tag>
  }
  return holder.kind === 'mine' ? <Tag tone="accent">{t('claim.mine')}</Tag> : null
}

/** 02:18 / 10 分钟. Past the promise it takes the words and weight of a late row. */
function Clock({ row }: { row: WorklistRow }) {
  const since_ms = Date.parse(row.waiting_at)
  const late = now.value > Date.parse(row.due_at)
  const minutes = Math.round((Date.parse(row.due_at) - since_ms) / 60_000)
  return (
    <span class="rd-clock nw">
      <span class="vh">{t('head.waited')}</span>
      <b class={late ? 'rd-late' : ''}>{wait((now.value - since_ms) / 1000)}</b>
      {minutes > 0 && <span class="dim f12"> {t('head.limit', { m: minutes })}</span>}
    </span>
  )
}
