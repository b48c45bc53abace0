// EcgSheet: a stored recording on paper. Two canvases: grid and traces below (redrawn when they change), calipers and
// pointers above (redrawn as they move). Where things stand is arithmetic in layout.ts; painting is draw.ts.
import { useComputed, useSignal } from '@preact/signals'
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import { language } from '../i18n/catalogue'
import { t } from '../i18n/ecg'
import { useCaliperPointer } from './caliper-pointer'
import { read, readingWords } from './calipers'
import { GridSheet, penOf, type Size, useSize } from './canvas'
import { type Colours, colours } from './colours'
import { type BeatSymbol, type Doubt, hatchesOf, symbolsOf } from './doubt'
import {
  type LeadSource,
  type Overlay,
  type Painting,
  type PeerPointer,
  paintLens,
  paintOverlay,
  paintSheet,
} from './draw'
import { type EvidenceOf, marksOf } from './evidence'
import { type DisplayFilter, displayed } from './filters'
import { layOut, planOf, type Sheet } from './layout'
import { fitScale, PAGE_MM, PULSE_MM } from './paper'
import { trueScale } from './scale'
import type { SheetMark } from './shared-marks'
import { type EcgRecording, isFlat, leadOf, samplesOf } from './signal'
import { shownFinding, type Viewer } from './viewer'

export type EcgSheetProps = Readonly<{
  recording: EcgRecording
  viewer: Viewer
  findings?: readonly EvidenceOf[]
  rPeaks?: readonly number[] // sample indices; calipers snap to `fiducials` when there are any, else to these
  fiducials?: readonly number[]
  doubt?: Doubt // what the analysis could not read: hatched, never hidden
  beats?: readonly BeatSymbol[] // letters over the strip where a beat is not ordinary
  offLeads?: ReadonlySet<string> // what the analysis or the device says of electrodes; flat leads are off anyway
  derived?: readonly string[] // leads that were computed from others: said beside their names
  pointers?: readonly PeerPointer[]
  shared?: readonly SheetMark[] // what people have drawn on this recording together
  /** Phone: rows keep 28 mm and the sheet scrolls, instead of fitting the height. */
  tall?: boolean
  /** Fit another width than 262 mm; a phone shows 4 s and scrolls sideways. */
  fitMm?: number
  bandWords?: string // "0.05–150 Hz" of the device, where another is known
  summary?: string // rhythm, rate, intervals, findings, quality: what role=img says
  onViewport?: (firstSample: number, samplesShown: number) => void
  onPointer?: (at: { lead: string; strip: boolean; sample: number } | null) => void
}>

const ROW_MM_TALL = 28
const SCALE_LINE_PX = 22
const NONE: readonly never[] = []
const NO_LEADS: ReadonlySet<string> = new Set()

export function EcgSheet(p: EcgSheetProps) {
  const box = useRef<HTMLDivElement>(null)
  const size = useSize(box)
  const base = useRef<HTMLCanvasElement>(null)
  const over = useRef<HTMLCanvasElement>(null)
  const grid = useMemo(() => new GridSheet(), [])
  const v = p.viewer
  const samples = samplesOf(p.recording)
  const pointerAt = useSignal<{ x: number; y: number } | null>(null)

  const laid = useMemo(
    () => (size === null ? null : layPage(p, size, samples)),
    [
      size,
      p.recording,
      p.tall,
      p.fitMm,
      v.layout.value,
      v.leads.value,
      v.speed.value,
      v.gain.value,
      v.first.value,
      v.sync.value,
      trueScale.value,
    ],
  )
  const sheet = laid?.sheet ?? null
  const findings = v.evidenceHidden.value ? NONE : (p.findings ?? NONE)
  const filter = v.filter.value
  const ink = colours.value
  const lead = useMemo(() => leadsThrough(p.recording, filter, p.offLeads), [p.recording, filter, p.offLeads])

  const painting = useMemo<Painting | null>(
    () => (laid === null ? null : paintingOf(laid, p, grid, ink, lead, findings)),
    [laid, lead, findings, p.doubt, p.beats, p.derived, shownFinding(v), ink, language.value],
  )
  useLayoutEffect(() => {
    if (laid === null || painting === null || base.current === null) return
    const pen = penOf(base.current, laid.page, false)
    if (pen !== null) paintSheet(pen, painting)
    v.sheet.value = laid.sheet
  }, [painting])

  const lensAt = v.lens.value ? pointerAt.value : null
  const overlay: Overlay | null =
    sheet === null || size === null
      ? null
      : {
          sheet,
          dpr: size.dpr,
          colours: ink,
          caliper: v.caliper.value,
          reading: v.caliper.value === null ? '' : readingWords(read(v.caliper.value, p.recording.fs), t('perMinute')),
          marching: v.marching.value,
          fs: p.recording.fs,
          pointers: p.pointers ?? NONE,
          shared: p.shared ?? NONE,
          perMinute: t('perMinute'),
          beatAt: v.beat.value === null ? null : (p.rPeaks?.[v.beat.value] ?? null),
          lead,
        }
  useLayoutEffect(() => {
    if (overlay === null || laid === null || over.current === null) return
    const pen = penOf(over.current, laid.page, true)
    if (pen === null) return
    paintOverlay(pen, overlay, over.current)
    if (lensAt !== null && painting !== null) paintLens(pen, painting, lensAt, over.current)
  })

  useEffect(() => {
    if (sheet !== null) p.onViewport?.(sheet.first, sheet.shown)
  }, [sheet?.first, sheet?.shown])

  const pointing = useCaliperPointer({
    viewer: v,
    sheet,
    samples,
    fs: p.recording.fs,
    fiducials: p.fiducials ?? p.rPeaks ?? NONE,
    onPointer: p.onPointer,
    onPlace: at => {
      if (v.lens.value || pointerAt.peek() !== null) pointerAt.value = at
    },
  })
  const plain = useComputed(() =>
    t('summary.plain', {
      n: p.recording.leads.length,
      seconds: Math.round(samples / p.recording.fs),
      speed: v.speed.value,
      gain: v.gain.value,
    }),
  )
  return (
    <div class={`ecg${p.tall === true ? ' ecg-tall' : ''}`}>
      <div
        class={`ecg-box${v.tool.value === 'none' ? '' : ' ecg-measuring'}`}
        ref={box}
        tabIndex={p.tall === true ? 0 : undefined}
        {...pointing}
      >
        <canvas ref={base} role="img" aria-label={p.summary ?? plain.value} />
        <canvas ref={over} class="ecg-over" aria-hidden="true" />
      </div>
      <p class="vh" role="status">
        {beatWords(v.beat.value, p.rPeaks ?? NONE, p.recording.fs)}
      </p>
      <ScaleLine viewer={v} {...(p.bandWords === undefined ? {} : { band: p.bandWords })} />
    </div>
  )
}

function beatWords(beat: number | null, rPeaks: readonly number[], fs: number): string {
  const at = beat === null ? undefined : rPeaks[beat]
  if (beat === null || at === undefined) return ''
  const facts = { n: beat + 1, s: (at / fs).toFixed(2) }
  const before = rPeaks[beat - 1]
  return before === undefined
    ? t('beat.said', facts)
    : t('beat.said.rr', { ...facts, rr: Math.round(((at - before) / fs) * 1000) })
}

/** "25 mm/s 10 mm/mV 0.05–150 Hz": always on the paper, in a corner under the pulse. */
function ScaleLine({ viewer, band }: { viewer: Viewer; band?: string }) {
  const f = viewer.filter.value
  return (
    <p class="ecg-scales">
      <span>{t('speed.unit', { n: viewer.speed.value })}</span>
      <span>{t('gain.unit', { n: viewer.gain.value })}</span>
      <span>{f.lowPass40 ? t('filter.40.line') : (band ?? t('filter.none'))}</span>
      {f.notch50 && <span>{t('filter.50')}</span>}
      {f.baseline && <span>{t('filter.baseline')}</span>}
      {trueScale.value !== null && <span>{t('scale.true')}</span>}
    </p>
  )
}

function paintingOf(
  laid: { sheet: Sheet; page: Size },
  p: EcgSheetProps,
  grid: GridSheet,
  ink: Colours,
  lead: LeadSource,
  findings: readonly EvidenceOf[],
): Painting {
  const v = p.viewer
  const mm = laid.sheet.pxPerMm
  const speed = v.speed.value
  return {
    sheet: laid.sheet,
    dpr: laid.page.dpr,
    grid: grid.for(laid.page, mm, { x: laid.sheet.gridX, y: laid.sheet.gridY }, ink),
    colours: ink,
    lead,
    marks: marksOf(findings, shownFinding(v), laid.sheet),
    hatches: p.doubt === undefined ? NONE : hatchesOf(p.doubt, laid.sheet),
    unread: p.doubt?.leads ?? NO_LEADS,
    symbols: v.evidenceHidden.value ? NONE : symbolsOf(p.beats ?? NONE, laid.sheet),
    pulseLeft: (speed === 50 ? 1 : 2) * mm,
    pulseWidth: 0.2 * speed * mm,
    pulseHeight: v.gain.value * mm,
    derived: p.derived ?? NONE,
    words: {
      derived: name => t('derived', { lead: name }),
      off: name => t('off', { lead: name }),
      absent: name => t('absent', { lead: name }),
      unread: name => t('unread', { lead: name }),
    },
  }
}

function layPage(p: EcgSheetProps, size: Size, samples: number): { sheet: Sheet; page: Size } {
  const v = p.viewer
  const fit = fitScale(size.width, size.dpr, p.fitMm ?? PAGE_MM)
  const pxPerMm = trueScale.value?.pxPerMm ?? fit
  const plan = planOf(v.layout.value, v.leads.value, 'II')
  const rows = plan.rows.length + plan.strips.length
  const height = p.tall === true ? Math.max(size.height, Math.ceil(rows * ROW_MM_TALL * pxPerMm)) : size.height
  const page: Size = { width: size.width, height, dpr: size.dpr }
  const sheet = layOut({
    layout: v.layout.value,
    leads: v.leads.value,
    speed: v.speed.value,
    gain: v.gain.value,
    fs: p.recording.fs,
    samples,
    first: v.first.value,
    sync: v.sync.value,
    width: Math.max(size.width, (PULSE_MM + 10) * pxPerMm),
    height: Math.max(60, height - SCALE_LINE_PX), // the foot belongs to the scale line: nothing covers a trace
    pxPerMm,
  })
  return { sheet, page }
}

/** Leads as the eye gets them: filtered once, kept while the filter stays. */
function leadsThrough(recording: EcgRecording, filter: DisplayFilter, off?: ReadonlySet<string>): LeadSource {
  const kept = new Map<string, Float32Array | null>()
  return name => {
    const before = kept.get(name)
    if (before !== undefined) return before
    const uv = leadOf(recording, name)
    const shown =
      uv === null
        ? null
        : off?.has(name) === true || isFlat(uv)
          ? nothing(uv.length)
          : displayed(uv, recording.fs, filter)
    kept.set(name, shown)
    return shown
  }
}

const nothing = (samples: number): Float32Array => new Float32Array(samples).fill(Number.NaN)
