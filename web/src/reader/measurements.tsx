// The numbers: now, prior, change. A reader's value stands in front, the machine's beside it and never overwritten.
import { useRef, useState } from 'preact/hooks'
import type { EditedMeasurement, Recording } from '../api/types.gen'
import { t } from '../i18n/reader'
import { Measured } from '../ui'
import { sideOf } from '../worklist/limits'
import { type Analysis, qtcOf, stMaxOf } from './analysis'
import type { MeasureName } from './draft'

export type MeasurementsProps = Readonly<{
  recording: Recording
  analysis: Analysis | null
  priorAnalysis: Analysis | null
  edited: readonly EditedMeasurement[]
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
}

export function readValue(name: MeasureName, typed: string): number | null | 'bad' {
  const text = typed.trim()
  if (text === '') return null
  const value = Number(text)
  const [least, most] = POSSIBLE[name]
  return Number.isFinite(value) && value >= least && value <= most ? Math.round(value) : 'bad'
}

export function machineValue(analysis: Analysis | null, recording: Recording, name: MeasureName): number | null {
  const exact =
    name === 'qtc_ms'
      ? analysis === null
        ? null
        : (qtcOf(analysis)?.value ?? null)
      : (analysis?.measurements[name] ?? null)
  const value = exact ?? recording.machine?.[name] ?? null
  return value === null ? null : Math.round(value)
}

export const signed = (n: number, unit = ''): string => `${n > 0 ? '+' : n < 0 ? '−' : ''}${Math.abs(n)}${unit}`
const minus = (n: number): string => String(n).replace('-', '−')

export function Measurements(p: MeasurementsProps) {
  const formula = p.analysis === null ? null : (qtcOf(p.analysis)?.formula ?? null)
  const st = p.analysis === null ? null : stMaxOf(p.analysis)
  const priorSt = st === null ? null : (p.priorAnalysis?.measurements.st_j60_mv?.[st.lead] ?? null)
  const axis = p.analysis?.measurements.axis_deg ?? null
  const priorAxis = p.priorAnalysis?.measurements.axis_deg ?? null
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
          <Row key={names.join()} names={names} formula={formula} {...p} />
        ))}
        {axis !== null && (
          <tr>
            <th scope="row">{t('m.axis')}</th>
            <td class="num rd-value">
              <span class="meas">{axisWords(axis)}</span>
            </td>
            <td class="num muted">{priorAxis === null ? '–' : axisWords(priorAxis)}</td>
            <td class="num">{axisChange(axis.qrs, priorAxis?.qrs)}</td>
          </tr>
        )}
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
            <td class="num">{priorSt === null ? '–' : signed(Number((st.mv - priorSt).toFixed(2)))}</td>
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
              sex={p.recording.patient.sex}
              onEdit={p.onEdit}
            />
          </span>
        ))}
      </td>
      <td class="num muted">{p.names.map(name => priorValue(p.priorAnalysis, name) ?? '–').join(' / ')}</td>
      <td class="num">{value === null || before === null ? '–' : signed(value - before)}</td>
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
  if (analysis === null) return null
  const value = name === 'qtc_ms' ? (qtcOf(analysis)?.value ?? null) : (analysis.measurements[name] ?? null)
  return value === null ? null : Math.round(value)
}

const axisWords = (axis: Readonly<Record<string, number | null>>): string =>
  ['p', 'qrs', 't'].map(wave => (axis[wave] == null ? '–' : minus(Math.round(axis[wave] ?? 0)))).join(' ')

const axisChange = (now: number | null | undefined, before: number | null | undefined): string =>
  now == null || before == null ? '–' : signed(Math.round(now - before), '°')

function Value(p: {
  name: MeasureName
  machine: number | null
  mine: number | null
  sex: string
  onEdit: MeasurementsProps['onEdit']
}) {
  const [editing, setEditing] = useState(false)
  const [bad, setBad] = useState(false)
  const button = useRef<HTMLButtonElement>(null)
  const value = p.mine ?? p.machine
  const shown = <Measured value={value} side={sideOf(p.name, value, p.sex)} />
  const beside = p.mine !== null && (
    <span class="rd-machine" title={t('m.mine')}>
      {t('m.machine', { n: p.machine ?? '–' })}
    </span>
  )
  if (p.onEdit === null) {
    return (
      <>
        {beside}
        {shown}
      </>
    )
  }
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
      <>
        {beside}
        <button
          type="button"
          ref={button}
          class="rd-edit"
          aria-label={`${t('m.edit', { name: t(`m.${p.name}`) })} ${value ?? '–'}`}
          onClick={() => setEditing(true)}
        >
          {shown}
        </button>
      </>
    )
  }
  return (
    <input
      class="rd-number"
      inputMode="numeric"
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
      }}
      onBlur={event => {
        take(event.currentTarget.value)
        setEditing(false)
        setBad(false)
      }}
    />
  )
}
