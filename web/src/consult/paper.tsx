// The shared ECG: my moves go out while I lead, theirs come in while I follow; calipers and drawings carry their names.
// Positions travel as samples and microvolts of a lead, so that a phone and a wall show the same beat.
import { effect, useSignal } from '@preact/signals'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { isPhone } from '../alerts/phone'
import { uuid } from '../api/client'
import type { SharedView } from '../api/types.gen'
import {
  type Caliper,
  createViewer,
  type EcgRecording,
  EcgSheet,
  EcgTools,
  placeUnder,
  type SheetMark,
  samplesOf,
  useViewerKeys,
  type Viewer,
} from '../ecg'
import { type Draft, DrawLayer, type Under } from './drawing'
import { throttled } from './link'
import type { Mark, Point } from './shared'
import type { StageProps } from './stage'
import { sameStretch } from './view'

type Props = StageProps &
  Readonly<{
    id: string // of the recording on the paper
    ecg: EcgRecording
    nameOf: (account: string) => string
    tools: boolean
    drawing: boolean
    onBox: (id: string) => void
  }>

export function Paper(p: Props) {
  const viewer = useMemo(() => createViewer(isPhone.value ? { layout: '12x1' } : {}), [])
  const samples = samplesOf(p.ecg)
  const facts = useMemo(() => ({ fs: p.ecg.fs, samples, findings: [], rPeaks: [] }), [p.ecg])
  const box = useRef<HTMLDivElement>(null)
  const draft = useSignal<Draft | null>(null)
  useViewerKeys(viewer, facts, { alt: true })
  useSharing(viewer, p)
  useSharedCaliper(viewer, p)

  const place = (x: number, y: number, lead: string | null): Under | null => {
    const sheet = viewer.sheet.peek()
    const paper = box.current?.querySelector('.ecg-box')
    if (sheet === null || paper === null || paper === undefined) return null
    const under = placeUnder(sheet, paper, { x, y }, lead)
    return under === null ? null : { lead: under.lead, point: [under.sample, under.uv] }
  }
  const done = (drawn: Draft): void => {
    const id = uuid()
    p.shared?.draw({ id, on: p.id, shape: drawn.shape, lead: drawn.lead, points: drawn.points })
    if (drawn.shape === 'box') p.onBox(id)
  }
  const marks = shownMarks(p, viewer.caliper.value, draft.value)
  const sheet = (
    <EcgSheet
      recording={p.ecg}
      viewer={viewer}
      pointers={p.link?.pointers.value ?? []}
      shared={marks}
      tall={isPhone.value}
      {...(isPhone.value ? { fitMm: 100 } : {})}
      onPointer={at => p.link?.sendPointer(at === null ? null : { lead: at.lead, sample: at.sample })}
    />
  )
  return (
    <>
      {p.tools && <EcgTools viewer={viewer} facts={facts} alt />}
      <div
        ref={box}
        class="stage-paper"
        data-testid="paper"
        data-recording={p.id}
        data-first={viewer.first.value}
        data-layout={viewer.layout.value}
        data-marks={marks.map(m => m.shape).join(' ')}
      >
        {sheet}
        {p.drawing && <DrawLayer tool={p.tool.value} place={place} draft={draft} onDone={done} />}
      </div>
    </>
  )
}

/** What stands on this recording. My own caliper is drawn by the viewer while it is out; the stroke I draw is not yet told. */
function shownMarks(p: Props, caliper: Caliper | null, draft: Draft | null): readonly SheetMark[] {
  const mine = (m: Mark): boolean => m.by === p.me && (m.shape === 'time' || m.shape === 'voltage') && caliper !== null
  const told = (p.shared?.marks.value ?? [])
    .filter(m => m.on === p.id && !mine(m))
    .map(m => ({ ...m, name: p.nameOf(m.by) }))
  const open =
    draft === null || draft.points.length < 2 ? [] : [{ ...draft, id: 'draft', name: p.nameOf(p.me), words: '' }]
  return [...told, ...open]
}

const CALIPER_EVERY_MS = 80

/** My caliper stands on the others' paper too, while I am with them. */
function useSharedCaliper(viewer: Viewer, p: Props): void {
  useEffect(() => {
    const { shared } = p
    if (shared === null) return
    const id = `caliper.${p.me}`
    let told = false
    const tell = throttled(CALIPER_EVERY_MS, (c: Caliper | null) => {
      if (c !== null) shared.draw({ id, on: p.id, shape: c.kind, lead: c.lead, points: legsOf(c) })
      else if (told) shared.rubOut(id)
      told = c !== null
    })
    const stop = effect(() => {
      const caliper = viewer.caliper.value
      const together = p.follow.value === 'follow' && shared.mayDraw.value
      if (together && (caliper !== null || told)) tell(caliper)
    })
    return () => {
      stop()
      tell(null)
    }
  }, [p.shared, p.id])
}

const legsOf = (c: Caliper): readonly Point[] =>
  c.kind === 'time'
    ? [
        [c.a, 0],
        [c.b, 0],
      ]
    : [
        [c.sample, c.aUv],
        [c.sample, c.bUv],
      ]

/**
 * My moves go out while I lead and follow; without control a move of mine is my own from then on. Freed, nothing goes
 * either way; following again takes the latest.
 */
function useSharing(viewer: Viewer, p: Props): void {
  const settled = useRef<SharedView | null>(null)
  useEffect(() => {
    const { link, shared } = p
    if (link === null || shared === null) return
    let freed = false
    const stopIn = effect(() => {
      const theirs = link.view.value
      if (p.follow.value !== 'follow') {
        freed = true
        return
      }
      const back = freed
      freed = false
      if (theirs === null || theirs.recording !== p.id) return
      if (theirs.presenter === p.me && settled.current !== null && !back) return
      settled.current = theirs
      show(viewer, theirs)
    })
    const stopOut = effect(() => {
      const mine = shownNow(viewer, p, link.view.peek())
      if (p.follow.value !== 'follow') return
      const before = settled.current
      if (before === null) {
        settled.current = mine // as the room opened; nobody has moved yet
        return
      }
      if (sameStretch(before, mine)) return
      if (!shared.mayShow.peek()) {
        p.follow.value = 'free'
        return
      }
      settled.current = mine
      link.sendView(mine)
    })
    return () => {
      stopIn()
      stopOut()
    }
  }, [p.link, p.shared])
}

const LAYOUTS: readonly string[] = ['3x4+1', '6x2', '12x1', 'cabrera', '3x4+3']
const isLayout = (name: string): name is Viewer['layout']['value'] => LAYOUTS.includes(name)

function show(viewer: Viewer, v: SharedView): void {
  // A phone keeps its column of leads: it follows to the beat, not to the sheet.
  if (isLayout(v.layout) && !isPhone.peek()) viewer.layout.value = v.layout
  if (v.speed === 12.5 || v.speed === 25 || v.speed === 50) viewer.speed.value = v.speed
  if (v.gain === 5 || v.gain === 10 || v.gain === 20) viewer.gain.value = v.gain
  viewer.first.value = v.first
}

function shownNow(viewer: Viewer, p: Props, shared: SharedView | null): SharedView {
  const first = Math.max(0, Math.round(viewer.first.value))
  const shown = viewer.sheet.peek()?.shown ?? samplesOf(p.ecg)
  return {
    recording: p.id,
    layout: isPhone.peek() ? (shared?.layout ?? '3x4+1') : viewer.layout.value,
    first,
    end: first + Math.max(1, Math.round(shown)),
    speed: viewer.speed.value,
    gain: viewer.gain.value,
    presenter: p.me,
  }
}
