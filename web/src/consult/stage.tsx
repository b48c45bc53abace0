// The stage: one ECG on every screen. Who moves it shows it to those who follow; pointers carry their names.
// Positions travel as sample indices, so that a phone and a wall show the same beat.
import { effect, type Signal } from '@preact/signals'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { useSignalOf } from '../alerts/evidence'
import { isPhone } from '../alerts/phone'
import type { Consult, SharedView } from '../api/types.gen'
import { findingName } from '../clinic/case'
import { createViewer, type EcgRecording, EcgSheet, EcgTools, samplesOf, useViewerKeys, type Viewer } from '../ecg'
import { t } from '../i18n/consult'
import { AutoTag, ErrorLine, Segmented, Skeleton } from '../ui'
import type { RoomLink } from './link'
import { sameStretch } from './view'

export type Follow = 'follow' | 'free'

type Props = Readonly<{
  consult: Consult
  link: RoomLink | null // null in the lobby: the record can be seen, nothing is shared yet
  me: string
  follow: Signal<Follow>
  findings: readonly string[]
}>

export function Stage(p: Props) {
  const { state, retry } = useSignalOf(p.consult.recording)
  return (
    <section class="stage" aria-label={t('room.stage')} data-testid="stage">
      {state.kind === 'waiting' && <Skeleton rows={12} />}
      {state.kind === 'failed' && <ErrorLine error={state.error} retry={retry} />}
      {state.kind === 'here' && <Shared {...p} recording={state.value} />}
    </section>
  )
}

function Shared(p: Props & { recording: EcgRecording }) {
  const viewer = useMemo(() => createViewer(isPhone.value ? { layout: '12x1' } : {}), [])
  const samples = samplesOf(p.recording)
  const facts = useMemo(() => ({ fs: p.recording.fs, samples, findings: [], rPeaks: [] }), [p.recording])
  useViewerKeys(viewer, facts, { alt: true })
  useSharing(viewer, p)
  const presenter = p.link?.view.value?.presenter ?? ''
  const by = p.consult.members.find(m => m.account === presenter)?.name ?? null
  return (
    <>
      <div class="stage-head">
        {!isPhone.value && <EcgTools viewer={viewer} facts={facts} alt />}
        <span class="grow" />
        {p.findings.length > 0 && !isPhone.value && (
          <span class="stage-auto ell">
            <AutoTag /> {p.findings.map(findingName).join('、')}
          </span>
        )}
        {by !== null && presenter !== p.me && p.follow.value === 'follow' && (
          <span class="muted f12 nw" role="status">
            {t('room.shown', { name: by })}
          </span>
        )}
        {p.link !== null && (
          <Segmented<Follow>
            label={t('room.follow.label')}
            value={p.follow.value}
            onChange={v => {
              p.follow.value = v
            }}
            choices={[
              { value: 'follow', words: t('room.follow'), title: t('room.follow.told') },
              { value: 'free', words: t('room.free'), title: t('room.free.told') },
            ]}
          />
        )}
      </div>
      <div class="stage-paper" data-first={viewer.first.value} data-layout={viewer.layout.value}>
        <EcgSheet
          recording={p.recording}
          viewer={viewer}
          pointers={p.link?.pointers.value ?? []}
          tall={isPhone.value}
          {...(isPhone.value ? { fitMm: 100 } : {})}
          onPointer={at => p.link?.sendPointer(at === null ? null : { lead: at.lead, sample: at.sample })}
        />
      </div>
    </>
  )
}

/** My moves go out while I follow; theirs come in. Freed, nothing goes either way; following again takes the latest. */
function useSharing(viewer: Viewer, p: Props & { recording: EcgRecording }): void {
  const settled = useRef<SharedView | null>(null)
  useEffect(() => {
    const link = p.link
    if (link === null) return
    let freed = false
    const stopIn = effect(() => {
      const theirs = link.view.value
      if (p.follow.value !== 'follow') {
        freed = true
        return
      }
      const back = freed
      freed = false
      if (theirs === null || theirs.recording !== p.consult.recording) return
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
      settled.current = mine
      link.sendView(mine)
    })
    return () => {
      stopIn()
      stopOut()
    }
  }, [p.link])
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

function shownNow(viewer: Viewer, p: Props & { recording: EcgRecording }, shared: SharedView | null): SharedView {
  const first = Math.max(0, Math.round(viewer.first.value))
  const shown = viewer.sheet.peek()?.shown ?? samplesOf(p.recording)
  return {
    recording: p.consult.recording,
    layout: isPhone.peek() ? (shared?.layout ?? '3x4+1') : viewer.layout.value,
    first,
    end: first + Math.max(1, Math.round(shown)),
    speed: viewer.speed.value,
    gain: viewer.gain.value,
    presenter: p.me,
  }
}
