// The right side of the reader: measurements, what the machine says, the conclusion or the signed report, the alert, the
// clinic, and at its foot the one primary act.
import type { Compared, Recording } from '../api/types.gen'
import { go } from '../app/router'
import { type EvidenceOf, readCaliper, type Viewer } from '../ecg'
import { FileFacts } from '../files/marks'
import { t } from '../i18n/reader'
import { t as list } from '../i18n/worklist'
import type { Pins } from '../messages/pins'
import { Button, ErrorLine, Severity } from '../ui'
import { entryOf } from '../worklist/statements'
import { may } from '../worklist/who'
import { type Analysis, idOf } from './analysis'
import { type Case, type Loaded, readyOf } from './casework'
import { Changes } from './changes'
import { Conclusion, statementOf } from './conclusion'
import { added, withMeasurement, withStatements } from './draft'
import { Findings } from './findings'
import { Measurements, machineValue } from './measurements'
import { Signed } from './signed'
import type { SignFlow } from './signflow'
import { SigningLines } from './signing'
import { Thread } from './thread'

export type DeskProps = Readonly<{
  desk: Case
  recording: Recording
  prior: Recording | null
  priorAnalysis: Analysis | null
  compared: Loaded<Compared>
  evidence: readonly EvidenceOf[]
  viewer: Viewer
  ticked: ReadonlySet<string>
  onTick: (id: string) => void
  accept: () => void
  acceptOff: string | null
  picker: { current: HTMLInputElement | null }
  message: { current: HTMLTextAreaElement | null }
  flow: SignFlow
  pins: Pins
  onPin: () => void
  onReturn: () => void
  returnOff: string | null
}>

const FINISHED: ReadonlySet<string> = new Set(['reported', 'archived'])
export const isSigned = (recording: Recording): boolean => FINISHED.has(recording.state) || recording.report !== null
export const isClosed = (recording: Recording): boolean =>
  isSigned(recording) || recording.state === 'returned' || recording.state === 'rejected'

export function Desk(p: DeskProps) {
  const { desk, recording } = p
  const analysis = readyOf(desk.analysis.value)
  const draft = desk.draft.value
  const signed = isSigned(recording)
  const closed = isClosed(recording)
  const holder = desk.holder.value
  const trace = readyOf(desk.trace.value)
  const caliper = p.viewer.caliper.value
  const timing = {
    qt_ms: machineValue(analysis, recording, 'qt_ms'),
    vent_rate_bpm: machineValue(analysis, recording, 'vent_rate_bpm'),
  }
  const readOnly = closed || holder.kind === 'other' || !may('report.write')
  return (
    <aside class="rd-desk" aria-label={t('panel')}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must take the focus (WCAG 2.1.1) */}
      <section class="rd-scroll" tabIndex={0} aria-label={t('panel')}>
        <section class="rd-part rd-part-first">
          <Measurements
            recording={recording}
            analysis={analysis}
            priorAnalysis={p.priorAnalysis}
            compared={readyOf(p.compared)}
            caliper={caliper === null || trace === null ? null : readCaliper(caliper, trace.fs)}
            edited={
              closed ? (desk.reports.value.find(r => r.state === 'final')?.measurements ?? []) : draft.measurements
            }
            onEdit={
              readOnly ? null : (name, value) => desk.edit(before => withMeasurement(before, name, value, timing))
            }
          />
        </section>
        <Findings
          recording={recording}
          analysis={desk.analysis.value}
          evidence={p.evidence}
          viewer={p.viewer}
          ticked={p.ticked}
          onTick={p.onTick}
          readOnly={readOnly}
        />
        <Changes
          recording={recording}
          prior={p.prior}
          compared={p.compared}
          onCite={
            readOnly
              ? null
              : statement => desk.edit(before => withStatements(before, added(before.statements, [statement]), entryOf))
          }
        />
        {signed && (
          <Signed
            reports={desk.reports.value}
            mayAmend={may('report.sign') ? null : t('off.rights')}
            onAmended={desk.reload}
          />
        )}
        {recording.state === 'returned' && <Returned recording={recording} />}
        {recording.state === 'rejected' && <p class="rd-part muted">{t('rejected.title')}</p>}
        {!closed && readOnly && (
          <section class="rd-part">
            <h2 class="rd-part-head">{t('conclusion')}</h2>
            <p class="f13 muted">{p.flow.off}</p>
          </section>
        )}
        {!readOnly && (
          <section class="rd-part">
            <h2 class="rd-part-head">
              {t('conclusion')}
              <span class="grow" />
              <Button
                kind="quiet"
                chord="KeyA"
                disabled={p.acceptOff !== null}
                {...(p.acceptOff === null ? {} : { why: p.acceptOff })}
                onClick={p.accept}
              >
                {t('accept')}
              </Button>
            </h2>
            <Conclusion
              statements={draft.statements}
              grade={draft.grade}
              machineGrade={recording.machine_grade}
              pickerRef={p.picker}
              onStatements={statements => desk.edit(before => withStatements(before, statements, entryOf))}
              onGrade={grade => desk.edit(before => ({ ...before, grade, gradeByHand: true }))}
            />
          </section>
        )}
        <AlertLine desk={desk} />
        <Thread
          recording={desk.id}
          patient={recording.patient.id}
          field={p.message}
          pins={p.pins}
          onPin={trace === null ? null : p.onPin}
        />
        {recording.file !== '' && (
          <section class="rd-part">
            <dl class="kv">
              <FileFacts recording={recording} />
            </dl>
          </section>
        )}
      </section>
      <SigningLines />
      {p.flow.error !== null && <ErrorLine error={p.flow.error} retry={p.flow.sign} />}
      {!closed && <Acts {...p} />}
    </aside>
  )
}

function Acts(p: DeskProps) {
  const { flow } = p
  const isCritical = p.desk.draft.value.grade === 'critical'
  return (
    <footer class="rd-acts">
      {flow.off !== null && <p class="rd-off">{flow.off}</p>}
      <Button
        kind="primary"
        size="large"
        chord="Ctrl+Enter"
        disabled={flow.off !== null}
        {...(flow.off === null ? {} : { why: flow.off })}
        busy={flow.step === 'sending'}
        onClick={flow.sign}
      >
        {t(isCritical ? 'sign.critical' : 'sign')}
      </Button>
      <Button size="large" chord="KeyU" onClick={() => go(`/consult/new?recording=${encodeURIComponent(p.desk.id)}`)}>
        {t('consult')}
      </Button>
      <span class="rd-phone-only">
        <Button
          size="large"
          chord="KeyR"
          disabled={p.returnOff !== null}
          {...(p.returnOff === null ? {} : { why: p.returnOff })}
          onClick={p.onReturn}
        >
          {t('return.act')}
        </Button>
      </span>
    </footer>
  )
}

/** A is pressed: the ticked findings that were on the screen become statements, in the catalogue's words. */
export function acceptFindings(desk: Case, ids: readonly string[]): void {
  const findings = readyOf(desk.analysis.peek())?.findings ?? []
  const more = findings.flatMap((finding, i) => {
    if (!ids.includes(idOf(i))) return []
    const entry = entryOf(finding.code)
    return [entry === null ? { code: null, text: finding.code } : statementOf(entry)]
  })
  desk.edit(before => withStatements(before, added(before.statements, more), entryOf))
}

function Returned({ recording }: { recording: Recording }) {
  const reason = recording.return_reason ?? ''
  const key = `return.${reason}`
  const words = key in list.entries ? list(key as 'return.other') : reason
  return (
    <section class="rd-part">
      <h2 class="rd-part-head">{t('returned.title')}</h2>
      <p class="f13">{[words, recording.returned_note ?? ''].filter(Boolean).join(' · ')}</p>
    </section>
  )
}

const TAKEN: ReadonlySet<string> = new Set(['acknowledged'])

function AlertLine({ desk }: { desk: Case }) {
  const row = desk.row.value
  if (row?.alert == null) return null
  const state = row.alert_state ?? ''
  const words = state === 'acting' ? 'alert.acting' : TAKEN.has(state) ? 'alert.taken' : 'alert.unanswered'
  return (
    <section class="rd-part rd-alert">
      <Severity is="critical" words={t('alert.title')} />
      <span class="f13">{t(words)}</span>
      <span class="grow" />
      <a class="btn btn-plain" href={`/alert/${encodeURIComponent(row.alert)}`}>
        {t('alert.open')}
      </a>
    </section>
  )
}
