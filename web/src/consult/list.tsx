// All consultations of this person's institutions: what is open, or everything.
import { useEffect, useState } from 'preact/hooks'
import { isPhone } from '../alerts/phone'
import { api } from '../api/client'
import type { Consult, Consults } from '../api/types.gen'
import { age, clockTime, day, now } from '../app/clock'
import { go } from '../app/router'
import { personName, sexAge } from '../clinic/case'
import { grantOrgs, may, me } from '../clinic/me'
import { t as words } from '../i18n/case'
import { t } from '../i18n/consult'
import { t as planning } from '../i18n/planning'
import { subscribe } from '../live/live'
import { Button, type Column, DataTable, Empty, ErrorLine, Segmented, Severity, Skeleton, Tag } from '../ui'
import { Outcomes } from './followups'
import { MySkills } from './turns'
import { hasEnded, roomIsOpen, stateWords } from './words'
import './consult.css'
import './case.css'

type State = { kind: 'waiting' } | { kind: 'here'; value: readonly Consult[] } | { kind: 'failed'; error: unknown }
type Which = 'open' | 'all'

/** Emergencies first, then what still needs a word, then the newest. */
export function inOrder(consults: readonly Consult[]): readonly Consult[] {
  const rank = (c: Consult): number => (hasEnded(c.state) ? 2 : c.priority === 'emergency' ? 0 : 1)
  return [...consults].sort((a, b) => rank(a) - rank(b) || (a.requested_at < b.requested_at ? 1 : -1))
}

export default function ConsultList() {
  const [which, setWhich] = useState<Which>('open')
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const [selected, setSelected] = useState<string | null>(null)
  const [version, setVersion] = useState(0)
  const load = (): void => {
    setVersion(v => v + 1)
    api.get<Consults>(`/api/consults?open=${which === 'open'}`).then(
      list => setState({ kind: 'here', value: inOrder(list.consults) }),
      (error: unknown) => setState({ kind: 'failed', error }),
    )
  }
  useEffect(load, [which])
  useEffect(() => {
    const event = (e: { kind: string }): void => {
      if (e.kind.startsWith('consult.')) load()
    }
    const stops = [...grantOrgs.value.map(o => `org:${o}`), `user:${me.value?.id ?? ''}`].map(topic =>
      subscribe(topic, null, { event, ready: load }),
    )
    return () => {
      for (const stop of stops) stop()
    }
  }, [which, me.value?.id])
  const rows = state.kind === 'here' ? state.value : []
  const empty = <Empty title={t('list.empty')} next={t('list.empty.next')} />
  return (
    <div class="consults" data-testid="consults">
      <header class="consults-head">
        <h1>{t('list.title')}</h1>
        <Segmented<Which>
          label={t('list.which')}
          value={which}
          onChange={setWhich}
          choices={[
            { value: 'open', words: t('list.open') },
            { value: 'all', words: t('list.all') },
          ]}
        />
        <span class="grow" />
        {may('calendar.read') && (
          <nav class="row f13">
            <a href="/consult/calendar">{planning('tab.calendar')}</a>
            <a href="/consult/clinics">{planning('tab.clinics')}</a>
          </nav>
        )}
      </header>
      {me.value?.rules.includes('consult.answer') === true && <MySkills />}
      <Outcomes version={version} />
      {state.kind === 'failed' && <ErrorLine error={state.error} retry={load} />}
      {state.kind === 'waiting' ? (
        <Skeleton rows={10} />
      ) : isPhone.value ? (
        rows.length === 0 ? (
          empty
        ) : (
          <Cards rows={rows} />
        )
      ) : (
        <DataTable
          label={t('list.title')}
          rows={rows}
          rowKey={c => c.id}
          columns={COLUMNS}
          selected={selected}
          onSelect={setSelected}
          onOpen={id => go(`/consult/${id}`)}
          tone={c => (hasEnded(c.state) ? 'dim' : null)}
          rowHeight={48}
          empty={empty}
        />
      )}
    </div>
  )
}

export const PriorityMark = ({ consult: c }: { consult: Consult }) =>
  c.priority === 'emergency' && !hasEnded(c.state) ? (
    <Severity is="urgent" words={t('priority.emergency')} />
  ) : (
    <span class="muted">{t(`priority.${c.priority}`)}</span>
  )

const stateOf = (c: Consult): string =>
  c.unanswered
    ? words('unanswered')
    : c.state === 'scheduled' && c.scheduled_at !== null
      ? `${day(c.scheduled_at).slice(5)} ${clockTime(c.scheduled_at).slice(0, 5)}`
      : stateWords(c.state)
const StateTag = ({ consult: c }: { consult: Consult }) => (
  <Tag tone={hasEnded(c.state) ? 'plain' : 'accent'}>{stateOf(c)}</Tag>
)

function Act({ consult: c }: { consult: Consult }) {
  if (roomIsOpen(c.events)) return <Button onClick={() => go(`/room/${c.id}`)}>{t('list.enter')}</Button>
  if (c.events.includes('accept')) return <Button onClick={() => go(`/consult/${c.id}`)}>{t('list.answer')}</Button>
  return null
}

const Wait = ({ consult: c }: { consult: Consult }) => (
  <>{hasEnded(c.state) ? '–' : age((now.value - Date.parse(c.requested_at)) / 1000)}</>
)

const COLUMNS: readonly Column<Consult>[] = [
  { key: 'pri', head: <Head of="list.priority" />, width: '104px', cell: c => <PriorityMark consult={c} /> },
  {
    key: 'who',
    head: <Head of="list.patient" />,
    width: '160px',
    cell: c => (
      <a href={`/consult/${c.id}`}>
        <span class="name">{personName(c.patient)}</span> <span class="muted">{sexAge(c.patient)}</span>
      </a>
    ),
  },
  { key: 'purpose', head: <Head of="list.purpose" />, cell: c => c.purpose },
  {
    key: 'between',
    head: <Head of="list.between" />,
    width: '290px',
    show: 'pc',
    cell: c => <Between consult={c} />,
  },
  {
    key: 'expert',
    head: <Head of="list.expert" />,
    width: '90px',
    cell: c => c.expert_name ?? <span class="dim">–</span>,
  },
  {
    key: 'state',
    head: <Head of="list.state" />,
    width: '130px',
    cell: c => <StateTag consult={c} />,
  },
  { key: 'wait', head: <Head of="list.wait" />, width: '90px', num: true, cell: c => <Wait consult={c} /> },
  { key: 'act', head: '', width: '130px', num: true, cell: c => <Act consult={c} /> },
]

type HeadKey =
  | 'list.priority'
  | 'list.patient'
  | 'list.purpose'
  | 'list.between'
  | 'list.expert'
  | 'list.state'
  | 'list.wait'
function Head({ of }: { of: HeadKey }) {
  return <>{t(of)}</>
}
const Between = ({ consult: c }: { consult: Consult }) => (
  <span class="muted">{t('room.between', { a: c.requester_org_name, b: c.invitee_org_name })}</span>
)

const Cards = ({ rows }: { rows: readonly Consult[] }) => (
  <ul class="consult-cards">
    {rows.map(c => (
      <li key={c.id}>
        <a class="consult-card" href={`/consult/${c.id}`}>
          <span class="row">
            <b class="name">{personName(c.patient)}</b> <span class="muted">{sexAge(c.patient)}</span>
            <span class="grow" />
            <StateTag consult={c} />
          </span>
          <span>{c.purpose}</span>
          <span class="row f13">
            <PriorityMark consult={c} />
            <span class="grow" />
            <Wait consult={c} />
          </span>
        </a>
        <Act consult={c} />
      </li>
    ))}
  </ul>
)
