// Questions on the paper: where they stand, choosing the place of a new one by a click, and going to one.
import type { RefObject } from 'preact'
import { useEffect } from 'preact/hooks'
import { useKeys } from '../app/keys'
import { type EcgRecording, placeUnder, type SheetMark, samplesOf, type Viewer } from '../ecg'
import { t } from '../i18n/reader'
import { type Pins, pinnedOf, quoteAround } from '../messages/pins'

/** Half the height of a pinned frame, in microvolts: a beat of usual size stands within. */
const HIGH_UV = 1_200

export const pinMarks = (pins: Pins): readonly SheetMark[] =>
  pinnedOf(pins.messages.value, pins.recording).map(p => ({
    id: p.id,
    name: p.by,
    shape: 'box',
    lead: p.quote.lead,
    points: [
      [p.quote.first, HIGH_UV],
      [p.quote.end, -HIGH_UV],
    ],
    words: p.answers === 0 ? p.words : t('pin.answers', { words: p.words, n: p.answers }),
  }))

/** A place without a mouse: the caliper that is out, or the beat that the arrow keys have reached. Else by a click. */
export function askAt(pins: Pins, viewer: Viewer, ecg: EcgRecording, rPeaks: readonly number[]): boolean {
  const caliper = viewer.caliper.peek()
  const beat = viewer.beat.peek()
  if (caliper?.kind === 'time') {
    const [first, end] = [Math.min(caliper.a, caliper.b), Math.max(caliper.a, caliper.b)].map(Math.round)
    if (first === undefined || end === undefined || end <= first) return false
    pins.asked.value = { recording: pins.recording, lead: caliper.lead, first, end }
    return true
  }
  const peak = beat === null ? undefined : rPeaks[beat]
  if (peak !== undefined) {
    const lead = ecg.leads.includes('II') ? 'II' : (ecg.leads[0] ?? 'II')
    pins.asked.value = quoteAround(pins.recording, lead, peak, ecg.fs, samplesOf(ecg))
    return true
  }
  pins.placing.value = !pins.placing.peek()
  return false
}

type Props = Readonly<{
  pins: Pins
  viewer: Viewer
  ecg: EcgRecording
  paper: RefObject<HTMLDivElement | null>
  onAsked: () => void
}>

export function PinLayer(p: Props) {
  const { pins, viewer, ecg } = p
  const sought = pins.sought.value
  useEffect(() => {
    const sheet = viewer.sheet.peek()
    if (sought === null || sheet === null) return
    const isShown = sought.first >= sheet.first && sought.end <= sheet.first + sheet.shown
    if (!isShown) viewer.first.value = Math.max(0, sought.first - ecg.fs)
  }, [sought])
  return pins.placing.value ? <Placing {...p} /> : null
}

/** Over the paper until a place is chosen. */
function Placing({ pins, viewer, ecg, paper, onAsked }: Props) {
  useKeys('pin', [
    {
      id: 'pin.none',
      chord: 'Escape',
      words: () => t('pin.none'),
      act: () => {
        pins.placing.value = false
      },
    },
  ])
  const choose = (event: PointerEvent): void => {
    const sheet = viewer.sheet.peek()
    const box = paper.current?.querySelector('.ecg-box') ?? null
    if (sheet === null || box === null) return
    const under = placeUnder(sheet, box, { x: event.clientX, y: event.clientY }, null)
    if (under === null) return
    pins.asked.value = quoteAround(pins.recording, under.lead, under.sample, ecg.fs, samplesOf(ecg))
    pins.placing.value = false
    onAsked()
  }
  return <div class="rd-placing" data-testid="pin-layer" onPointerDown={choose} title={t('pin.told')} />
}
