// The numbers: now, prior, change. A reader's value stands in front, the machine's beside it and never overwritten.
import { Fragment } from 'preact'
import { useRef, useState } from 'preact/hooks'
import type { Compared, EditedMeasurement, Recording } from '../api/types.gen'
import type { Reading } from '../ecg'
import { t } from '../i18n/reader'
import { Measured } from '../ui'
import { type Side, sideOf } from '../worklist/limits'
import { type Analysis, qtcOf, stMaxOf } from './analysis'
import type { MeasureName } from './draft'

export type MeasurementsProps = Readonly<{
  recording: Recording
  analysis: Analysis | null
  priorAnalysis: Analysis | null
  compared: Compared | null
  edited: readonly EditedMeasurement[]
  caliper: Reading | null // what the time caliper reads, to be taken as a value
  onEdit: ((name: MeasureName, value: number | null) => void) | null // null: read only
}>

/** A row may hold two: QT / QTc. The change is that of the last. */
const ROWS: readonly (readonly MeasureName[])[] = [['vent_rate_bpm'], ['pr_ms'], ['qrs_ms'], ['qt_ms', 'qtc_ms']]

/** What can be typed for a measurement; what lies outside is a slip of the finger. */
const POSSIBLE: Readonly<Record<MeasureName, readonly [number, number]>> = {
  vent_rate_bpm: [10, 400],
  pr_ms: [40, 600],
  qrs_ms: [40, 400],
  qt_ms: [150, 900],
  qtc_ms: [150, 900],
  qrs_axis_deg: [-180, 180],
}

export function readValue(name: MeasureName, typed: string): number | null | 'bad' {
  const text = typed.trim().replace('−', '-')
  if (text === '') return null
  const value = Number(text)
  const [least, most] = POSSIBLE[name]
  return Number.isFinite(value) && value >= least && value <= most ? Math.round(value) : 'bad'
}

export function machineValue(analysis: Analysis | null, recording: Recording, name: MeasureName): number | null {
  const short = name === 'qrs_axis_deg' ? null : (recording.machine?.[name] ?? null)
  const value = analysedValue(analysis, name) ?? short
  return value === null ? null : Math.round(value)
}

function analysedValue(analysis: Analysis | null, name: MeasureName): number | null {
  if (analysis === null) return null
  if (name === 'qtc_ms') return qtcOf(analysis)?.value ?? null
  if (name === 'qrs_axis_deg') return analysis.measurements.axis_deg?.qrs ?? null
  return analysis.measurements[name] ?? null
}

/** What the caliper between its legs would be as this measurement. */
export function caliperValue(reading: Reading | null, name: MeasureName): number | null {
  if (reading?.kind !== 'time') return null
  if (name === 'vent_rate_bpm') return reading.perMin
  return name === 'pr_ms' || name === 'qrs_ms' || name === 'qt_ms' ? reading.ms : null
}

/** An axis has no side of normal here: left and right deviation are findings, with their own words. */
const sideFor = (name: MeasureName, value: number | null, sex: string): Side =>
  name === 'qrs_axis_deg' ? null : sideOf(name, value, sex)

export const signed = (n: number, unit = ''): string => `${n > 0 ? '+' : n < 0 ? '−' : ''}${Math.abs(n)}${unit}`
const minus = (n: number): string => String(n).replace('-', '−')

export function Measurements(p: MeasurementsProps) {
  const formula = p.analysis === null ? null : (qtcOf(p.analysis)?.formula ?? null)
  const st = p.analysis === null ? null : stMaxOf(p.analysis)
  const priorSt = st === null ? null : (p.priorAnalysis?.measurements.st_j60_mv?.[st.lead] ?? null)
  const axis = p.analysis?.measurements.axis_deg ?? null
  const priorAxis = p.priorAnalysis?.measurements.axis_deg ?? null
  const mineAxis = p.edited.find(m => m.name === 'qrs_axis_deg')?.value ?? null
  return (
    <table class="rd-measures">
      <thead>
        <tr>
          <th scope="col">{t('measurement')}</th>
          <th scope="col" class="num">
            {t('now')}
          </th>
          <th scope="col" class="num">
            {t('prior')}
          </th>
          <th scope="col" class="num">
            {t('change')}
          </th>
        </tr>
      </thead>
      <tbody>
        {ROWS.map(names => (
          <Fragment key={names.join()}>
            <Row names={names} formula={formula} {...p} />
            <Corrected names={names} {...p} />
          </Fragment>
        ))}
        {axis !== null && (
          <tr>
            <th scope="row">{t('m.axis')}</th>
            <td class="num rd-value rd-axis">
              <span class="meas">{axisWord(axis.p)}</span>
              <Value
                name="qrs_axis_deg"
                machine={machineValue(p.analysis, p.recording, 'qrs_axis_deg')}
                mine={mineAxis}
                caliper={null}
                sex={p.recording.patient.sex}
                onEdit={p.onEdit}
              />
              <span class="meas">{axisWord(axis.t)}</span>
            </td>
            <td class="num muted">{priorAxis === null ? '–' : axisWords(priorAxis)}</td>
            <Change
              by={axisTurn(mineAxis ?? axis.qrs, priorAxis?.qrs)}
              unit="°"
              limit={limitOf(p.compared, 'axis_deg.qrs')}
            />
          </tr>
        )}
        {axis !== null && <Corrected {...p} names={['qrs_axis_deg']} />}
        {st !== null && (
          <tr>
            <th scope="row">{t('m.st', { lead: st.lead })}</th>
            <td class="num rd-value">
              <Measured
                value={`${minus(Number(st.mv.toFixed(2)))} mV`}
                side={st.mv >= ST_MARK_MV ? 'high' : st.mv <= -ST_MARK_MV / 2 ? 'low' : null}
              />
            </td>
            <td class="num muted">{priorSt === null ? '–' : minus(Number(priorSt.toFixed(2)))}</td>
            <Change
              by={priorSt === null ? null : Number((st.mv - priorSt).toFixed(2))}
              limit={limitOf(p.compared, `st_j_mv.${st.lead}`)}
            />
          </tr>
        )}
      </tbody>
    </table>
  )
}

function Row(p: MeasurementsProps & { names: readonly MeasureName[]; formula: string | null }) {
  const mineOf = (name: MeasureName): number | null => p.edited.find(m => m.name === name)?.value ?? null
  const last = p.names.at(-1) ?? 'vent_rate_bpm'
  const value = mineOf(last) ?? machineValue(p.analysis, p.recording, last)
  const before = priorValue(p.priorAnalysis, last)
  const compared = last === 'qtc_ms' ? `qtc_ms.${p.formula ?? 'bazett'}` : last
  return (
    <tr>
      <th scope="row">
        {p.names.length === 1
          ? t(`m.${last}`)
          : p.formula === null
            ? t('m.qt')
            : t('m.qt_of', { formula: formulaWords(p.formula) })}
      </th>
      <td class="num rd-value">
        {p.names.map((name, i) => (
          <span key={name}>
            {i > 0 && <span class="dim"> / </span>}
            <Value
              name={name}
              machine={machineValue(p.analysis, p.recording, name)}
              mine={mineOf(name)}
              caliper={caliperValue(p.caliper, name)}
              sex={p.recording.patient.sex}
              onEdit={p.onEdit}
            />
          </span>
        ))}
      </td>
      <td class="num muted">{p.names.map(name => priorValue(p.priorAnalysis, name) ?? '–').join(' / ')}</td>
      <Change by={value === null || before === null ? null : value - before} limit={limitOf(p.compared, compared)} />
    </tr>
  )
}

/** A line under a reader's values: that they are his, and what the machine had measured. */
function Corrected(p: MeasurementsProps & { names: readonly MeasureName[] }) {
  if (!p.names.some(name => p.edited.some(m => m.name === name))) return null
  const auto = p.names.map(name => {
    const value = machineValue(p.analysis, p.recording, name)
    return value === null ? '–' : minus(value)
  })
  return (
    <tr class="rd-corrected">
      <td colSpan={4}>
        {t('m.mine')}
        {t('m.sep')}
        {t('m.machine', { n: auto.join(' / ') })}
      </td>
    </tr>
  )
}

const ST_MARK_MV = 0.1 // marked by an arrow from 1 mm up or half a millimetre down: to be found, not to be judged

const FORMULAS: Readonly<Record<string, string>> = {
  bazett: 'Bazett',
  fridericia: 'Fridericia',
  framingham: 'Framingham',
  hodges: 'Hodges',
}
const formulaWords = (formula: string): string => FORMULAS[formula] ?? formula

function priorValue(analysis: Analysis | null, name: MeasureName): number | null {
  const value = analysedValue(analysis, name)
  return value === null ? null : Math.round(value)
}

const axisWord = (axis: number | null | undefined): string => (axis == null ? '–' : minus(Math.round(axis)))
const axisWords = (axis: Readonly<Record<string, number | null>>): string =>
  ['p', 'qrs', 't'].map(wave => axisWord(axis[wave])).join(' ')

/** The shorter way round: from 170 to −170 is 20 degrees. */
export function axisTurn(now: number | null | undefined, before: number | null | undefined): number | null {
  if (now == null || before == null) return null
  return ((((Math.round(now - before) + 180) % 360) + 360) % 360) - 180
}

/** What repeated recordings of an unchanged heart may differ by, as the hub's comparison says. */
const limitOf = (compared: Compared | null, name: string): number | null =>
  compared?.comparison?.numbers.find(n => n.name === name)?.limit ?? null

/** Heavy beyond the noise, quiet within it; plain where nothing was compared. */
function Change(p: { by: number | null; unit?: string; limit: number | null }) {
  if (p.by === null) return <td class="num">–</td>
  const words = signed(p.by, p.unit ?? '')
  if (p.limit === null) return <td class="num">{words}</td>
  const isBeyond = Math.abs(p.by) > p.limit
  return (
    <td class={`num ${isBeyond ? 'rd-beyond' : 'dim'}`} title={t(isBeyond ? 'm.beyond' : 'm.within', { n: p.limit })}>
      {words}
    </td>
  )
}

function Value(p: {
  name: MeasureName
  machine: number | null
  mine: number | null
  caliper: number | null
  sex: string
  onEdit: MeasurementsProps['onEdit']
}) {
  const [editing, setEditing] = useState(false)
  const [bad, setBad] = useState(false)
  const button = useRef<HTMLButtonElement>(null)
  const value = p.mine ?? p.machine
  const told = p.name === 'qrs_axis_deg' && value !== null ? minus(value) : value
  const shown = <Measured value={told} side={sideFor(p.name, value, p.sex)} />
  if (p.onEdit === null) return shown
  const stop = (): void => {
    setEditing(false)
    setBad(false)
    requestAnimationFrame(() => button.current?.focus())
  }
  const take = (typed: string): boolean => {
    const told = readValue(p.name, typed)
    if (told === 'bad') return false
    p.onEdit?.(p.name, told === p.machine ? null : told)
    return true
  }
  if (!editing) {
    return (
      <button
        type="button"
        ref={button}
        class="rd-edit"
        aria-label={`${t('m.edit', { name: t(`m.${p.name}`) })} ${told ?? '–'}`}
        onClick={() => setEditing(true)}
      >
        {shown}
      </button>
    )
  }
  const field = (
    <input
      class="rd-number"
      inputMode={p.name === 'qrs_axis_deg' ? 'text' : 'numeric'} // a phone's digits have no minus
      aria-label={t('m.edit', { name: t(`m.${p.name}`) })}
      aria-invalid={bad}
      value={value ?? ''}
      ref={el => {
        if (el !== null && document.activeElement !== el) {
          el.focus()
          el.select()
        }
      }}
      onKeyDown={event => {
        if (event.code === 'Escape') {
          event.preventDefault()
          event.stopPropagation()
          stop()
        }
        if (event.code === 'Enter' || event.code === 'NumpadEnter') {
          if (event.ctrlKey) return
          event.preventDefault()
          if (take(event.currentTarget.value)) stop()
          else setBad(true)
        }
        if (event.code === 'ArrowUp' && p.caliper !== null) {
          event.preventDefault()
          event.currentTarget.value = String(p.caliper)
        }
      }}
      onBlur={event => {
        take(event.currentTarget.value)
        setEditing(false)
        setBad(false)
      }}
    />
  )
  if (p.caliper === null) return field
  return (
    <>
      <button
        type="button"
        class="rd-take"
        title={t('m.caliper.key')}
        onPointerDown={event => event.preventDefault()} // the field keeps the focus: leaving it would take what is typed
        onClick={() => {
          if (take(String(p.caliper))) stop()
        }}
      >
        {t('m.caliper', { n: p.caliper })}
      </button>
      {field}
    </>
  )
}
