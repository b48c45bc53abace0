// The columns of the list, and the two lines that stand for them on a phone. Every cell says unknown as a dash.

import type { WorklistRow } from '../api/types.gen'
import { now, wait } from '../app/clock'
import { language } from '../i18n/catalogue'
import { t } from '../i18n/worklist'
import { AutoTag, type Column, Measured, Severity, Tag } from '../ui'
import { type MeasureName, measured, sideOf } from './limits'
import { isOpen, isUnanswered, type Line } from './rows'
import { Miniature } from './strip'
import { me } from './who'
import { machineWords, personName, sexAge, symptomWords } from './words'

/** mm:ss since it waits; weight and the medium alarm's text once the promise of its class is past. */
export function Waiting({ row }: { row: WorklistRow }) {
  if (!isOpen(row)) return <span class="dim">–</span>
  const late = now.value > Date.parse(row.due_at)
  const critical = row.priority === 'critical'
  return (
    <span class={late ? 'wl-late' : critical ? 'wl-late wl-critical' : ''}>
      {wait((now.value - Date.parse(row.waiting_at)) / 1000)}
      {late && <span class="vh">{t('wait.over')}</span>}
    </span>
  )
}

export function StateOf({ row, gone }: { row: WorklistRow; gone: boolean }) {
  if (row.state === 'reported' || row.state === 'archived') return <Tag tone="ok">{t('state.signed')}</Tag>
  if (row.state === 'returned') return <Tag>{t('state.returned')}</Tag>
  if (gone) return <span class="dim">{t('state.gone')}</span>
  if (isUnanswered(row)) return <Tag tone="high">{t('state.unanswered')}</Tag>
  if (row.claim !== null) {
    return <Tag tone="accent">{row.claim.by === me()?.id ? t('state.mine') : row.claim.name}</Tag>
  }
  if (row.state === 'receiving') return <Tag>{t('state.receiving')}</Tag>
  if (row.state === 'received' || row.state === 'analysed') return <span class="dim">{t('state.analysing')}</span>
  return <span class="dim">{t('state.waiting')}</span>
}

/** Up to twelve characters of a name, the whole of it on hover and for screen readers. */
export const Person = ({ row }: { row: WorklistRow }) => (
  <span class="wl-who">
    <span class="name wl-name" title={personName(row.patient)}>
      {personName(row.patient)}
    </span>
    <span class="dim">{sexAge(row.patient)}</span>
  </span>
)

const Value = ({ row, name }: { row: WorklistRow; name: MeasureName }) => {
  const value = measured(row.machine, name)
  return <Measured value={value} side={sideOf(name, value, row.patient.sex)} />
}

type Cell = (row: WorklistRow, gone: boolean) => ReturnType<Column<Line>['cell']>

const column = (
  key: string,
  head: Column<Line>['head'],
  cell: Cell,
  more: Partial<Column<Line>> = {},
): Column<Line> => ({
  key,
  head,
  cell: line => (line.kind === 'row' ? cell(line.row, line.gone) : <i class="wl-hole" />),
  ...more,
})

/** A head that ends where the numbers below it end: their arrows hang outside. */
const over = (words: string) => <span class="wl-over">{words}</span>

/** Made anew when the language or the catalogue changes: the table keeps drawn rows as long as these are the same. */
export function columns(): readonly Column<Line>[] {
  const en = language.value === 'en'
  return [
    column('priority', t('col.priority'), row => <Severity is={row.priority} />, { width: en ? '94px' : '80px' }),
    column('wait', t('col.wait'), row => <Waiting row={row} />, { width: '66px', num: true }),
    column('patient', t('col.patient'), row => <Person row={row} />, { width: '124px' }),
    column('source', t('col.source'), row => <span class="muted">{row.org_name}</span>, {
      width: '124px',
      show: 'wide',
    }),
    column('complaint', t('col.complaint'), row => <span class="muted">{symptomWords(row.symptoms)}</span>, {
      width: en ? '108px' : '92px',
    }),
    column(
      'hint',
      <span class="wl-machine-head">
        <AutoTag /> {t('col.hint')}
      </span>,
      row => (
        <span class="muted" title={machineWords(row.machine, row.state)}>
          {machineWords(row.machine, row.state)}
        </span>
      ),
    ),
    column('strip', t('col.strip'), row => <Miniature strip={row.machine?.strip ?? ''} />, {
      width: '152px',
      show: 'wide',
    }),
    column('hr', over(t('col.hr')), row => <Value row={row} name="vent_rate_bpm" />, { width: '62px', num: true }),
    column('qrs', over('QRS'), row => <Value row={row} name="qrs_ms" />, { width: '62px', num: true, show: 'wide' }),
    column('qtc', over('QTc'), row => <Value row={row} name="qtc_ms" />, { width: '62px', num: true }),
    column('state', t('col.state'), (row, gone) => <StateOf row={row} gone={gone} />, { width: en ? '104px' : '84px' }),
  ]
}

/** A phone: two lines, no miniature. */
export function phoneColumns(): readonly Column<Line>[] {
  return [
    column('row', t('title'), (row, gone) => (
      <div class="wl-two">
        <div class="wl-two-line">
          <Severity is={row.priority} />
          <Person row={row} />
          <span class="grow" />
          <Waiting row={row} />
        </div>
        <div class="wl-two-line">
          <span class="muted ell">
            {row.machine !== null && <AutoTag />} {machineWords(row.machine, row.state)}
          </span>
          <span class="grow" />
          <StateOf row={row} gone={gone} />
        </div>
      </div>
    )),
  ]
}
