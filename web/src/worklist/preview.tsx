// The selected ECG at a glance: who, the numbers, what the machine says with its evidence, what came before, 6x2.
// Reading happens in the reader; nothing here signs.
import { useEffect, useMemo, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Recording, WorklistRow } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { createViewer, type EcgRecording, EcgSheet } from '../ecg'
import { FileNotes } from '../files/marks'
import { t } from '../i18n/worklist'
import { type Analysis, doubtOf, evidenceLines, evidenceOf } from '../reader/analysis'
import { analyses, prefetch, signals } from '../reader/traces'
import { AutoTag, Button, Measured, Severity, Tag } from '../ui'
import { type MeasureName, measured, sideOf } from './limits'
import { isWide } from './phone'
import { machineWords, personName, sexAgeLong, symptomWords } from './words'

// The pane is 580 or 372 px wide (worklist.css): these give 2.5 and 2 px a millimetre, so that a P wave can be seen.
const FIT_MM = 231
const FIT_MM_NARROW = 185
const SETTLE_MS = 90 // J held down runs past rows: only where it stops is fetched

type Trace =
  | { kind: 'waiting' }
  | { kind: 'here'; recording: EcgRecording; analysis: Analysis | null }
  | { kind: 'failed' }

function useTrace(id: string): Trace {
  const [state, setState] = useState<{ id: string; trace: Trace }>({ id, trace: { kind: 'waiting' } })
  useEffect(() => {
    let left = false
    const put = (trace: Trace): void => {
      if (!left) setState({ id, trace })
    }
    const timer = setTimeout(() => {
      prefetch([id]) // what Enter will ask for
      Promise.all([signals.get(id), analyses.get(id).catch(() => null)]).then(
        ([recording, analysis]) => put({ kind: 'here', recording, analysis }),
        () => put({ kind: 'failed' }),
      )
    }, SETTLE_MS)
    return () => {
      left = true
      clearTimeout(timer)
    }
  }, [id])
  return state.id === id ? state.trace : { kind: 'waiting' }
}

type Known = Readonly<{ id: string; own: Recording | null; priors: readonly Recording[] }>

/** This person's recordings: the one of the row, and the others. */
function useKnown(row: WorklistRow): Known | null {
  const [state, setState] = useState<Known | null>(null)
  const patient = row.patient.id
  useEffect(() => {
    let left = false
    const timer = setTimeout(() => {
      api.get<readonly Recording[]>(`/api/patients/${encodeURIComponent(patient)}/recordings`).then(
        all => {
          const own = all.find(r => r.id === row.recording) ?? null
          if (!left) setState({ id: row.recording, own, priors: all.filter(r => r !== own) })
        },
        () => {}, // the line stays out; the reader says more
      )
    }, SETTLE_MS)
    return () => {
      left = true
      clearTimeout(timer)
    }
  }, [row.recording, patient])
  return state?.id === row.recording ? state : null
}

export type PreviewActs = Readonly<{
  open: () => void
  claim: () => void
  prior: () => void
  sendBack: () => void
  claimOff: string | null // why claiming is off
  isMine: boolean
}>

export function Preview({ row, acts }: { row: WorklistRow; acts: PreviewActs }) {
  const trace = useTrace(row.recording)
  const known = useKnown(row)
  const own = known?.own ?? null
  return (
    <aside class="wl-preview" aria-label={t('preview.label')}>
      <header class="wl-preview-head">
        <Severity is={row.priority} />
        <h2 class="name f16 ell">{personName(row.patient)}</h2>
        <span class="muted f13 wl-preview-who">
          {sexAgeLong(row.patient)} · {row.org_name}
        </span>
        <span class="grow" />
        <span class="dim f12 nw">{t('preview.taken', { time: clockTime(row.waiting_at).slice(0, 5) })}</span>
      </header>
      <Numbers row={row} analysis={trace.kind === 'here' ? trace.analysis : null} />
      <div class="wl-facts">
        <Hint row={row} analysis={trace.kind === 'here' ? trace.analysis : null} />
        <p class="wl-fact">
          <Tag>{t('preview.complaint')}</Tag>
          <span>{symptomWords(row.symptoms)}</span>
        </p>
        <p class="wl-fact">
          <Tag>{t('preview.prior')}</Tag>
          <span>{priorWords(known?.priors ?? null)}</span>
        </p>
      </div>
      {own !== null && <FileNotes recording={own} />}
      <PreviewSheet row={row} trace={trace} derived={own?.derived ?? NONE} />
      <footer class="wl-preview-acts">
        <Button kind="primary" chord="Enter" onClick={acts.open}>
          {t('act.open')}
        </Button>
        <Button chord="KeyC" disabled={acts.claimOff !== null} {...why(acts.claimOff)} onClick={acts.claim}>
          {t(acts.isMine ? 'key.release' : 'key.claim')}
        </Button>
        <span class="wl-wide-only">
          <Button chord="KeyP" onClick={acts.prior}>
            {t('key.prior')}
          </Button>
        </span>
        <span class="grow" />
        <Button
          kind="quiet"
          chord="KeyR"
          disabled={acts.claimOff !== null}
          {...why(acts.claimOff)}
          onClick={acts.sendBack}
        >
          {t('key.return')}
        </Button>
      </footer>
    </aside>
  )
}

const why = (reason: string | null): { why?: string } => (reason === null ? {} : { why: reason })

function priorWords(priors: readonly Recording[] | null): string {
  if (priors === null) return '–'
  const last = priors[0]
  if (last === undefined) return t('preview.prior.none')
  const facts = { n: priors.length, day: day(last.started_at ?? last.opened_at) }
  const said = last.impression.join(t('list.sep'))
  return said === '' ? t('preview.prior.some', facts) : t('preview.prior.said', { ...facts, said })
}

const NUMBERS: readonly (readonly [MeasureName, () => string])[] = [
  ['vent_rate_bpm', () => t('unit.hr')],
  ['pr_ms', () => 'PR ms'],
  ['qrs_ms', () => 'QRS ms'],
  ['qt_ms', () => 'QT ms'],
  ['qtc_ms', () => 'QTc ms'],
]

function Numbers({ row, analysis }: { row: WorklistRow; analysis: Analysis | null }) {
  const axis = analysis?.measurements.axis_deg?.qrs ?? null
  return (
    <dl class="wl-numbers">
      {NUMBERS.map(([name, words]) => {
        const value = measured(row.machine, name)
        return (
          <div key={name}>
            <dt>{words()}</dt>
            <dd>
              <Measured value={value} side={sideOf(name, value, row.patient.sex)} />
            </dd>
          </div>
        )
      })}
      <div>
        <dt>{t('unit.axis')}</dt>
        <dd>
          <Measured value={axis === null ? null : `${String(axis).replace('-', '−')}°`} />
        </dd>
      </div>
    </dl>
  )
}

/** Words of the machine: the dashed tag before them, their evidence under them. */
function Hint({ row, analysis }: { row: WorklistRow; analysis: Analysis | null }) {
  const rests = analysis?.findings[0] === undefined ? [] : evidenceLines(analysis.findings[0], analysis)
  return (
    <div class="wl-fact">
      <AutoTag />
      <div>
        <p class="wl-hint">{machineWords(row.machine, row.state)}</p>
        {rests.length > 0 && <p class="dim f13">{rests.join(t('list.sep'))}</p>}
      </div>
    </div>
  )
}

const NONE: readonly string[] = []

function PreviewSheet({ row, trace, derived }: { row: WorklistRow; trace: Trace; derived: readonly string[] }) {
  const viewer = useMemo(() => createViewer({ layout: '6x2' }), [])
  const evidence = useMemo(() => (trace.kind === 'here' ? evidenceOf(trace.analysis) : []), [trace])
  const doubt = useMemo(() => doubtOf(trace.kind === 'here' ? trace.analysis : null), [trace])
  if (trace.kind === 'failed')
    return <p class="wl-preview-trace muted f13 wl-preview-failed">{t('preview.nosignal')}</p>
  return (
    <div class="wl-preview-trace">
      {trace.kind === 'here' && (
        <EcgSheet
          recording={trace.recording}
          viewer={viewer}
          findings={evidence}
          doubt={doubt}
          derived={derived}
          fitMm={isWide.value ? FIT_MM : FIT_MM_NARROW}
          summary={`${personName(row.patient)} ${machineWords(row.machine, row.state)}`}
        />
      )}
    </div>
  )
}
