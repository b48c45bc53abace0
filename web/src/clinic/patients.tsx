// Today's patients: a table on a PC, cards on a phone. The same rows, sentences and acts.
import { isPhone } from '../alerts/phone'
import { clockTime } from '../app/clock'
import { go } from '../app/router'
import { t } from '../i18n/clinic'
import { Button, type Column, DataTable, Empty } from '../ui'
import { personName, sexAgeShort } from './case'
import { progressOf } from './progress'
import type { DayRow } from './today'
import { Complaint, Where } from './words'

export type RowActs = Readonly<{ onAgain: (row: DayRow) => void; onName: (row: DayRow) => void }>

type Props = RowActs &
  Readonly<{ rows: readonly DayRow[]; none: boolean; selected: string | null; onSelect: (key: string) => void }>

export function Patients(p: Props) {
  if (p.rows.length === 0)
    return p.none ? (
      <Empty title={t('home.empty')} next={t('home.empty.next')} />
    ) : (
      <Empty title={t('home.filter.empty')} />
    )
  if (isPhone.value) return <Cards {...p} />
  return (
    <DataTable
      label={t('home.title')}
      rows={p.rows}
      rowKey={row => row.key}
      columns={columnsFor(p)}
      selected={p.selected}
      onSelect={p.onSelect}
      onOpen={key => {
        const row = p.rows.find(r => r.key === key)
        if (row !== undefined) openRow(row)
      }}
      tone={row => (row.alert !== null ? 'high' : null)}
      rowHeight={54}
    />
  )
}

export function openRow(row: DayRow): void {
  if (row.recording === null) go(`/acquire?order=${row.key}`)
  else if (row.recording.state === 'receiving') go(`/acquire?recording=${row.key}`)
  else go(`/recording/${row.key}`)
}

const Person = ({ row }: { row: DayRow }) => {
  const patient = (row.recording ?? row.order)?.patient
  if (patient === undefined) return null
  return (
    <>
      <span class={`name day-name${patient.identity === 'pending' ? ' is-pending' : ''}`} title={personName(patient)}>
        {personName(patient)}
      </span>{' '}
      <span class="dim">
        {row.recording !== null && patient.name === '' ? row.recording.file : sexAgeShort(patient)}
      </span>
    </>
  )
}

let kept: { acts: RowActs; columns: readonly Column<DayRow>[] } | null = null

/** The same columns as long as the acts are the same: DataTable keeps its drawn rows by them. */
function columnsFor(acts: RowActs): readonly Column<DayRow>[] {
  if (kept?.acts.onAgain === acts.onAgain && kept.acts.onName === acts.onName) return kept.columns
  const columns: readonly Column<DayRow>[] = [
    { key: 'who', head: <Head of="home.patient" />, width: '188px', cell: row => <Person row={row} /> },
    { key: 'why', head: <Head of="home.complaint" />, width: '132px', cell: row => <Complaint row={row} /> },
    { key: 'where', head: <Head of="home.progress" />, cell: row => <Where row={row} /> },
    {
      key: 'at',
      head: <Head of="home.time" />,
      width: '60px',
      num: true,
      cell: row => <span class="dim">{clockTime(row.at).slice(0, 5)}</span>,
    },
    { key: 'act', head: '', width: '138px', num: true, cell: row => <RowAct row={row} acts={acts} /> },
  ]
  kept = { acts, columns }
  return columns
}

type HeadKey = 'home.patient' | 'home.complaint' | 'home.progress' | 'home.time'
function Head({ of }: { of: HeadKey }) {
  return <>{t(of)}</>
}

/** The one act a row asks for; a row that only waits has none. */
function RowAct({ row, acts }: { row: DayRow; acts: RowActs }) {
  if (row.recording === null) return <Button onClick={() => openRow(row)}>{t('act.watch')}</Button>
  switch (progressOf(row.recording).act) {
    case 'watch':
      return <Button onClick={() => openRow(row)}>{t('act.watch')}</Button>
    case 'again':
      return (
        <span class="day-urge">
          <Button onClick={() => acts.onAgain(row)}>{t('act.again')}</Button>
        </span>
      )
    case 'open':
      return <Button onClick={() => openRow(row)}>{t('act.open')}</Button>
    case 'report':
      return <Button onClick={() => go(`/recording/${row.key}?show=report`)}>{t('act.report')}</Button>
    case 'name':
      return (
        <span class="day-urge">
          <Button onClick={() => acts.onName(row)}>{t('act.name')}</Button>
        </span>
      )
    case null:
      return row.alert === null ? null : <Button onClick={() => openRow(row)}>{t('act.open')}</Button>
  }
}

const Cards = (p: Props) => (
  <ul class="daycards">
    {p.rows.map(row => (
      <li key={row.key} class={`daycard${row.alert === null ? '' : ' is-critical'}`}>
        <button type="button" class="daycard-open" onClick={() => openRow(row)}>
          <span class="row">
            <Person row={row} />
            <span class="grow" />
            <span class="muted">
              <Complaint row={row} />
            </span>
          </span>
          <Where row={row} plain />
        </button>
        <div class="daycard-act">
          <RowAct row={row} acts={p} />
        </div>
      </li>
    ))}
  </ul>
)
