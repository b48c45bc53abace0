// Drawings on the ECG that belong to a conclusion: drawn on the page of a case that is answered in writing, shown wherever
// a conclusion has some. They are part of the draft and are signed with it.
import { useSignal } from '@preact/signals'
import { useMemo, useRef, useState } from 'preact/hooks'
import { useSignalOf } from '../alerts/evidence'
import { isPhone } from '../alerts/phone'
import { uuid } from '../api/client'
import type { Consult, Drawn } from '../api/types.gen'
import { clockTime, day, now } from '../app/clock'
import { createViewer, type EcgRecording, EcgSheet, EcgTools, placeUnder, type SheetMark, samplesOf } from '../ecg'
import { t } from '../i18n/consult'
import { Button, ErrorLine, Pane, Skeleton } from '../ui'
import { DrawLayer, DrawTools, type Draft as Stroke, type Tool, type Under } from './drawing'
import { thinned } from './shared'
import { useDraft } from './skeleton'
import { hasEnded } from './words'
import './room.css'
import './after.css'

/** Until when it is answered in writing, and whether that has passed. */
export function WrittenBy({ consult: c }: { consult: Consult }) {
  if (c.answer_by === null) return null
  const open = c.conclusion === null && !hasEnded(c.state)
  const late = open && Date.parse(c.answer_by) < now.value
  const time = `${day(c.answer_by)} ${clockTime(c.answer_by).slice(0, 5)}`
  return (
    <p class={late ? 'consult-reason' : 'f13'} data-testid="answer-by" data-late={late}>
      {late ? t('mode.late', { time }) : t('mode.due', { time })}
    </p>
  )
}

export function Marked({ consult: c }: { consult: Consult }) {
  const fills = c.mode === 'async' && c.conclusion === null && c.events.includes('draft')
  const [open, setOpen] = useState(false)
  const signed = c.conclusion?.marks ?? []
  if (!fills && signed.length === 0) return null
  if (fills && !open)
    return (
      <Button icon="pen" onClick={() => setOpen(true)}>
        {t('marks.draw')}
      </Button>
    )
  return (
    <Pane title={t('marks.title')}>
      {fills ? <Drawing consult={c} /> : <Trace recording={c.recording} marks={signed} />}
    </Pane>
  )
}

function Drawing({ consult: c }: { consult: Consult }) {
  const shared = useDraft(c.id, true)
  if (shared === null) return <Skeleton rows={6} />
  const { draft, change } = shared
  return <Trace recording={c.recording} marks={draft.marks} put={marks => change({ marks })} />
}

type TraceProps = Readonly<{ recording: string; marks: readonly Drawn[]; put?: (marks: readonly Drawn[]) => void }>

function Trace(p: TraceProps) {
  const { state, retry } = useSignalOf(p.recording)
  if (state.kind === 'waiting') return <Skeleton rows={8} />
  if (state.kind === 'failed') return <ErrorLine error={state.error} retry={retry} />
  return <Sheet {...p} ecg={state.value} />
}

function Sheet({ recording, marks, put, ecg }: TraceProps & { ecg: EcgRecording }) {
  const viewer = useMemo(() => createViewer(isPhone.value ? { layout: '12x1' } : {}), [])
  const facts = useMemo(() => ({ fs: ecg.fs, samples: samplesOf(ecg), findings: [], rPeaks: [] }), [ecg])
  const box = useRef<HTMLDivElement>(null)
  const tool = useSignal<Tool>('box')
  const stroke = useSignal<Stroke | null>(null)
  const [words, setWords] = useState('')
  const place = (x: number, y: number, lead: string | null): Under | null => {
    const sheet = viewer.sheet.peek()
    const paper = box.current?.querySelector('.ecg-box')
    if (sheet === null || paper === null || paper === undefined) return null
    const under = placeUnder(sheet, paper, { x, y }, lead)
    return under === null ? null : { lead: under.lead, point: [under.sample, under.uv] }
  }
  const last = marks.at(-1)
  const done = (drawn: Stroke): void => {
    const points = thinned(drawn.points).map(([s, uv]) => [Math.round(s), Math.round(uv)] as const)
    const { shape, lead } = drawn
    put?.([...marks, { id: uuid(), on: recording, shape, lead, points, words: '' }])
    setWords('')
  }
  const shown: readonly SheetMark[] = [
    ...marks.map(m => ({ ...m, name: '', words: m.words ?? '' })),
    ...(stroke.value === null || stroke.value.points.length < 2
      ? []
      : [{ ...stroke.value, id: 'stroke', name: '', words: '' }]),
  ]
  return (
    <div class="marked" data-testid="marked" data-marks={marks.length}>
      <div class="row">
        <EcgTools viewer={viewer} facts={facts} />
        {put !== undefined && (
          <DrawTools
            tool={tool}
            mayClear={false}
            label={{
              open: last !== undefined && last.shape === 'box',
              value: words,
              put: setWords,
              done: () => last !== undefined && put([...marks.slice(0, -1), { ...last, words: words.trim() }]),
            }}
            undo={() => put(marks.slice(0, -1))}
            clear={() => undefined}
          />
        )}
      </div>
      <div ref={box} class="stage-paper">
        <EcgSheet recording={ecg} viewer={viewer} shared={shown} />
        {put !== undefined && <DrawLayer tool={tool.value} place={place} draft={stroke} onDone={done} />}
      </div>
    </div>
  )
}
