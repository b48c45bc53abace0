// The paper: the sheet, below it the median beats or the prior ECG at the same scale. Nothing covers a lead.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Recording } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { type EcgRecording, EcgSheet, type EvidenceOf, type Viewer } from '../ecg'
import { refusal } from '../files/known'
import { ClockMark, FileNotes, Glance, Refused } from '../files/marks'
import { t as files } from '../i18n/files'
import { t } from '../i18n/reader'
import type { Pins } from '../messages/pins'
import { Button, Empty, ErrorLine, Measured } from '../ui'
import { sideOf } from '../worklist/limits'
import { isPhone } from '../worklist/phone'
import { type Analysis, asksAgain, doubtOf, symbolsOfBeats } from './analysis'
import { isBroken, type Loaded, readyOf } from './casework'
import { sinceWords } from './changes'
import { LiveTrace } from './live'
import { machineValue } from './measurements'
import { Medians } from './medians'
import { PinLayer, pinMarks } from './pins'
import { signals } from './traces'

export type TracePaneProps = Readonly<{
  recording: Recording
  trace: Loaded<EcgRecording>
  analysis: Analysis | null
  priorAnalysis: Analysis | null
  evidence: readonly EvidenceOf[]
  viewer: Viewer
  priors: readonly Recording[] | null
  prior: Recording | null
  comparing: boolean
  onPrior: (id: string) => void
  onCompare: () => void
  onRetry: () => void
  onReturn: () => void
  mayReturn: boolean
  returnOff: string | null
  summary: string
  pins: Pins
  onAsked: () => void // a place was chosen: now the words
}>

const NONE: readonly string[] = []
const PHONE_MM = 100 // a phone shows some 4 s a row and scrolls sideways

export function TracePane(p: TracePaneProps) {
  const phone = isPhone.value
  const paper = useRef<HTMLDivElement>(null)
  const rPeaks = useMemo(() => p.analysis?.beats.sample ?? [], [p.analysis])
  const doubt = useMemo(() => doubtOf(p.analysis), [p.analysis])
  const beats = useMemo(() => symbolsOfBeats(p.analysis), [p.analysis])
  const marks = pinMarks(p.pins)
  if (p.recording.state === 'receiving') {
    return (
      <section class="rd-ecg rd-ecg-one" aria-label={t('trace.region')}>
        <Coming recording={p.recording} />
      </section>
    )
  }
  if (refusal(p.recording) !== null) {
    return (
      <section class="rd-ecg rd-ecg-one rd-ecg-refused" aria-label={t('trace.region')}>
        <Refused recording={p.recording} />
        {p.recording.glance !== null && <Glance glance={p.recording.glance} width={phone ? STRIP_PHONE : STRIP} />}
      </section>
    )
  }
  if (p.trace.kind === 'failed') {
    return (
      <section class="rd-ecg rd-ecg-one" aria-label={t('trace.region')}>
        <div class="rd-trace-failed">
          <ErrorLine
            error={p.trace.error}
            sentence={t(isBroken(p.trace.error) ? 'trace.broken' : 'trace.failed')}
            retry={p.onRetry}
          />
        </div>
      </section>
    )
  }
  const median = p.analysis?.median ?? null
  const showMedians = !phone && !p.comparing && median !== null && p.viewer.layout.value === '3x4+1'
  const below = p.comparing ? 'rd-ecg-two' : showMedians ? 'rd-ecg-medians' : 'rd-ecg-plain'
  return (
    <section class={`rd-ecg ${below}`} aria-label={t('trace.region')}>
      {phone && (
        <div class="rd-phone-top">
          <FileNotes recording={p.recording} />
          <PhoneNumbers recording={p.recording} analysis={p.analysis} />
          {p.analysis !== null && asksAgain(p.analysis) && <p class="rd-redo">{t('doubt.redo')}</p>}
        </div>
      )}
      <div class="rd-paper" ref={paper} data-testid="reader-paper" data-pins={marks.length}>
        {p.trace.kind === 'here' && (
          <EcgSheet
            recording={p.trace.value}
            viewer={p.viewer}
            findings={p.evidence}
            rPeaks={rPeaks}
            doubt={doubt}
            beats={beats}
            summary={p.summary}
            derived={p.recording.derived}
            shared={marks}
            tall={phone}
            {...(phone ? { fitMm: PHONE_MM } : {})}
          />
        )}
        {p.trace.kind === 'here' && (
          <PinLayer pins={p.pins} viewer={p.viewer} ecg={p.trace.value} paper={paper} onAsked={p.onAsked} />
        )}
      </div>
      {!phone && <Caption {...p} title={p.comparing ? t('compare') : showMedians ? t('medians') : null} />}
      {p.comparing && p.prior !== null && <PriorSheet prior={p.prior} viewer={p.viewer} now={readyOf(p.trace)} />}
      {showMedians && median !== null && (
        <Medians
          now={median}
          prior={p.priorAnalysis?.median ?? null}
          off={p.analysis?.quality.lead_off ?? NONE}
          pxPerMm={p.viewer.sheet.value?.pxPerMm ?? 4}
          gain={p.viewer.gain.value}
        />
      )}
    </section>
  )
}

const STRIP = 720
const STRIP_PHONE = 320

/** Not here yet: live as it comes, or what the device said ahead of its file. */
function Coming({ recording }: { recording: Recording }) {
  if (recording.glance !== null) return <Glance glance={recording.glance} width={isPhone.value ? STRIP_PHONE : STRIP} />
  if (recording.leads.length > 0) return <LiveTrace recording={recording} />
  return <Empty title={files('coming.title')} next={files('coming.next')} />
}

const PHONE_NUMBERS = ['vent_rate_bpm', 'pr_ms', 'qrs_ms', 'qtc_ms'] as const

/** A phone has the table below the fold: the four numbers that are always asked for stand over the trace. */
const PhoneNumbers = ({ recording, analysis }: { recording: Recording; analysis: Analysis | null }) => (
  <dl class="rd-numbers">
    {PHONE_NUMBERS.map(name => {
      const value = machineValue(analysis, recording, name)
      return (
        <div key={name}>
          <dt>{t(`short.${name}`)}</dt>
          <dd>
            <Measured value={value} side={sideOf(name, value, recording.patient.sex)} />
          </dd>
        </div>
      )
    })}
  </dl>
)

const takenAt = (r: Recording): string => r.started_at ?? r.opened_at

function Caption(p: TracePaneProps & { title: string | null }) {
  const prior = p.prior
  return (
    <div class="rd-cap">
      {p.title !== null && <h2 class="rd-cap-title">{p.title}</h2>}
      <span class="rd-key">
        <i />
        {t('medians.now', { time: clockTime(takenAt(p.recording)).slice(0, 5) })}
        <ClockMark recording={p.recording} />
      </span>
      {prior === null ? (
        <span class="dim">{p.priors === null ? '' : t('compare.none')}</span>
      ) : (
        <>
          <span class="rd-key rd-key-prior ell">
            <i />
            <span class="ell">{priorWords(p.recording, prior)}</span>
          </span>
          {(p.priors?.length ?? 0) > 1 && (
            <select
              class="rd-choose"
              aria-label={t('compare.choose')}
              value={prior.id}
              onChange={event => p.onPrior(event.currentTarget.value)}
            >
              {p.priors?.map(r => (
                <option key={r.id} value={r.id}>
                  {day(takenAt(r))}
                </option>
              ))}
            </select>
          )}
        </>
      )}
      <span class="grow" />
      {prior !== null && (
        <Button kind="quiet" icon="compare" chord="KeyP" on={p.comparing} onClick={p.onCompare}>
          {t(p.comparing ? 'compare.off' : 'compare')}
        </Button>
      )}
      {p.mayReturn && (
        <Button
          kind="quiet"
          chord="KeyR"
          disabled={p.returnOff !== null}
          {...(p.returnOff === null ? {} : { why: p.returnOff })}
          onClick={p.onReturn}
        >
          {t('return.act')}
        </Button>
      )}
    </div>
  )
}

function priorWords(now: Recording, prior: Recording): string {
  const said = [prior.impression.join(' '), prior.reader_name ?? ''].filter(Boolean).join(' · ')
  return t('compare.of', { since: sinceWords(now, prior), said })
}

/** The prior ECG in the same viewer: layout, speed, gain, filter and page are one. */
function PriorSheet(p: { prior: Recording; viewer: Viewer; now: EcgRecording | null }) {
  const [loaded, setLoaded] = useState<Loaded<EcgRecording>>({ kind: 'waiting' })
  useEffect(() => {
    let left = false
    setLoaded({ kind: 'waiting' })
    signals.get(p.prior.id).then(
      value => {
        if (!left) setLoaded({ kind: 'here', value })
      },
      (error: unknown) => {
        if (!left) setLoaded({ kind: 'failed', error })
      },
    )
    return () => {
      left = true
    }
  }, [p.prior.id])
  if (loaded.kind === 'failed') return <ErrorLine error={loaded.error} sentence={t('compare.failed')} />
  return (
    <div class="rd-paper rd-paper-prior">
      {loaded.kind === 'here' && (
        <>
          <EcgSheet recording={loaded.value} viewer={p.viewer} derived={p.prior.derived} />
          {p.now !== null && p.now.fs !== loaded.value.fs && (
            <p class="rd-rate">{t('compare.rate', { a: p.now.fs, b: loaded.value.fs })}</p>
          )}
        </>
      )}
    </div>
  )
}
