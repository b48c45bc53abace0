// Critical values as a list: what is open, oldest unanswered first, or the register of what was.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Alert, Alerts } from '../api/types.gen'
import { clockTime, day, now, wait } from '../app/clock'
import { go } from '../app/router'
import { footNote } from '../app/slots'
import { personName, sexAge } from '../clinic/case'
import { may } from '../clinic/me'
import { t } from '../i18n/alerts'
import { Button, type Column, DataTable, Empty, ErrorLine, Segmented, Severity, Skeleton } from '../ui'
import { inOrder, isEnded, isRinging, unanswered_s } from './ladder'
import { isPhone } from './phone'
import { sound } from './player'
import { failed, onDuty, openAlerts, refresh } from './store'
import { finding, stateWords } from './words'
import './alerts.css'

type Past = { kind: 'waiting' } | { kind: 'here'; value: readonly Alert[] } | { kind: 'failed'; error: unknown }

export default function AlertList() {
  const [which, setWhich] = useState<'open' | 'all'>('open')
  const [past, setPast] = useState<Past>({ kind: 'waiting' })
  const [selected, setSelected] = useState<string | null>(null)
  const load = (): void => {
    if (which === 'open') return
    api.get<Alerts>('/api/alerts?open=false').then(
      list => setPast({ kind: 'here', value: list.alerts }),
      (error: unknown) => setPast({ kind: 'failed', error }),
    )
  }
  useEffect(load, [which])
  useEffect(() => {
    footNote.value = t(onDuty.value ? 'duty.rota.on' : 'duty.rota.off')
    return () => {
      footNote.value = ''
    }
  }, [onDuty.value])
  const rows = which === 'open' ? openAlerts.value : past.kind === 'here' ? inOrder(past.value) : []
  const error = which === 'open' ? failed.value : past.kind === 'failed' ? past.error : null
  return (
    <div class="alertlist">
      <header class="alertlist-head">
        <h1>{t('list.title')}</h1>
        <Segmented
          label={t('list.which')}
          value={which}
          onChange={setWhich}
          choices={[
            { value: 'open', words: t('list.open') },
            { value: 'all', words: t('list.all') },
          ]}
        />
        <span class="grow" />
        {may('alert.register') && (
          <a class="btn btn-plain" href={registerHref()} download>
            {t('list.export')}
          </a>
        )}
        {may('alert.answer') && (
          <Button kind={sound.value === 'ready' ? 'plain' : 'primary'} icon="bell" onClick={() => go('/duty')}>
            {t('duty.title')}
          </Button>
        )}
      </header>
      {error !== null && <ErrorLine error={error} retry={() => (which === 'open' ? void refresh() : load())} />}
      {which === 'all' && past.kind === 'waiting' ? (
        <Skeleton rows={10} />
      ) : isPhone.value ? (
        <Cards rows={rows} />
      ) : (
        <DataTable
          label={t('list.title')}
          rows={rows}
          rowKey={a => a.id}
          columns={COLUMNS}
          selected={selected}
          onSelect={setSelected}
          onOpen={id => go(`/alert/${id}`)}
          tone={a => (isRinging(a) ? 'high' : isEnded(a) ? 'dim' : null)}
          empty={<Empty title={t('list.empty')} next={t('list.empty.next')} />}
        />
      )}
    </div>
  )
}

const DAYS_30_MS = 30 * 86_400_000
function registerHref(): string {
  const to = new Date(Date.now() + 60_000).toISOString()
  const from = new Date(Date.now() - DAYS_30_MS).toISOString()
  return `/api/alerts-register?from_at=${encodeURIComponent(from)}&to_at=${encodeURIComponent(to)}`
}

/** The wait of an open one grows in its own cell: rows are kept and only drawn again when they change. */
const Wait = ({ alert }: { alert: Alert }) => (
  <b>{isRinging(alert) ? wait(unanswered_s(alert, now.value)) : takenAfter(alert)}</b>
)
const takenAfter = (a: Alert): string =>
  a.acknowledged_at === null ? '–' : wait((Date.parse(a.acknowledged_at) - Date.parse(a.raised_at)) / 1000)

const COLUMNS: readonly Column<Alert>[] = [
  {
    key: 'state',
    head: <Head of="list.state" />,
    width: '150px',
    cell: a => (isRinging(a) ? <Severity is="critical" words={stateWords(a.state)} /> : stateWords(a.state)),
  },
  { key: 'wait', head: <Head of="list.wait" />, width: '76px', num: true, cell: a => <Wait alert={a} /> },
  {
    key: 'who',
    head: <Head of="list.patient" />,
    width: '170px',
    cell: a => (
      <a href={`/alert/${a.id}`}>
        <span class="name">{personName(a.patient)}</span> <span class="muted">{sexAge(a.patient)}</span>
      </a>
    ),
  },
  { key: 'what', head: <Head of="list.finding" />, cell: a => finding(a) },
  { key: 'from', head: <Head of="list.from" />, width: '150px', cell: a => a.org_name, show: 'pc' },
  {
    key: 'raised',
    head: <Head of="list.raised" />,
    width: '160px',
    cell: a => `${day(a.raised_at)} ${clockTime(a.raised_at)}`,
  },
  {
    key: 'ack',
    head: <Head of="list.who" />,
    width: '100px',
    cell: a => a.acknowledged_name ?? <span class="dim">–</span>,
  },
  {
    key: 'told',
    head: <Head of="list.told" />,
    width: '90px',
    cell: a => (a.callback === null ? <span class="dim">–</span> : clockTime(a.callback.at)),
  },
  {
    key: 'done',
    head: <Head of="list.action" />,
    show: 'wide',
    cell: a => (a.state === 'refuted' ? a.refuted_reason : `${a.action} ${a.outcome}`),
  },
]

type HeadKey =
  | 'list.state'
  | 'list.wait'
  | 'list.patient'
  | 'list.finding'
  | 'list.from'
  | 'list.raised'
  | 'list.who'
  | 'list.told'
  | 'list.action'
function Head({ of }: { of: HeadKey }) {
  return <>{t(of)}</>
}

const Cards = ({ rows }: { rows: readonly Alert[] }) =>
  rows.length === 0 ? (
    <Empty title={t('list.empty')} next={t('list.empty.next')} />
  ) : (
    <ul class="alertcards">
      {rows.map(a => (
        <li key={a.id}>
          <a class={`alertcard${isRinging(a) ? ' is-ringing' : ''}`} href={`/alert/${a.id}`}>
            <span class="row">
              {isRinging(a) ? (
                <Severity is="critical" words={stateWords(a.state)} />
              ) : (
                <span class="muted">{stateWords(a.state)}</span>
              )}
              <span class="grow" />
              <Wait alert={a} />
            </span>
            <span class="f16">{finding(a)}</span>
            <span>
              <b class="name">{personName(a.patient)}</b> <span class="muted">{sexAge(a.patient)}</span>
            </span>
            <span class="dim f13">{a.org_name}</span>
          </a>
        </li>
      ))}
    </ul>
  )
