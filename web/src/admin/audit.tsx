// The audit trail: who did what to what, newest first, older lines on demand; whether the chain of records is whole.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { AuditLine, AuditPage } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { t } from '../i18n/admin'
import { Button, type Column, DataTable, Empty, ErrorLine, Skeleton, Tag } from '../ui'
import { orgName } from './accounts'

type State =
  | { kind: 'waiting' }
  | { kind: 'here'; lines: readonly AuditLine[]; whole: boolean; more: boolean }
  | { kind: 'failed'; error: unknown }

const PAGE = 200

export function matches(line: AuditLine, words: string): boolean {
  const sought = words.trim().toLowerCase()
  if (sought === '') return true
  return [line.actor_name, line.actor, line.kind, line.subject].some(text => text.toLowerCase().includes(sought))
}

export function Audit() {
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const [filter, setFilter] = useState('')
  const [selected, setSelected] = useState<string | null>(null)
  const load = (before: number | null): void => {
    api.get<AuditPage>(`/api/admin/audit?limit=${PAGE}${before === null ? '' : `&before=${before}`}`).then(
      page =>
        setState(was => ({
          kind: 'here',
          lines: was.kind === 'here' && before !== null ? [...was.lines, ...page.lines] : page.lines,
          whole: page.chain_whole,
          more: page.lines.length === PAGE,
        })),
      (error: unknown) => setState({ kind: 'failed', error }),
    )
  }
  useEffect(() => load(null), [])
  if (state.kind === 'waiting') return <Skeleton rows={14} />
  if (state.kind === 'failed') return <ErrorLine error={state.error} retry={() => load(null)} />
  const rows = state.lines.filter(line => matches(line, filter))
  const oldest = state.lines.at(-1)?.id ?? null
  return (
    <div class="admin-pane" data-testid="audit">
      <div class="admin-tools">
        <input
          class="input admin-filter"
          type="search"
          aria-label={t('aud.filter')}
          placeholder={t('aud.filter')}
          value={filter}
          onInput={e => setFilter(e.currentTarget.value)}
        />
        {state.whole ? (
          <Tag tone="ok">{t('aud.whole')}</Tag>
        ) : (
          <p class="admin-broken" role="alert">
            {t('aud.broken')}
          </p>
        )}
        <span class="grow" />
        {state.more && <Button onClick={() => load(oldest)}>{t('act.more')}</Button>}
      </div>
      <DataTable
        label={t('seg.audit')}
        rows={rows}
        rowKey={line => String(line.id)}
        columns={COLUMNS}
        selected={selected}
        onSelect={setSelected}
        empty={<Empty title={t('aud.empty')} />}
      />
    </div>
  )
}

const COLUMNS: readonly Column<AuditLine>[] = [
  { key: 'id', head: '#', width: '80px', num: true, cell: line => <span class="dim">{line.id}</span>, show: 'pc' },
  { key: 'at', head: <Head of="aud.at" />, width: '170px', cell: line => `${day(line.at)} ${clockTime(line.at)}` },
  { key: 'who', head: <Head of="aud.who" />, width: '150px', cell: line => <Who line={line} /> },
  { key: 'what', head: <Head of="aud.what" />, width: '200px', cell: line => line.kind },
  { key: 'org', head: <Head of="aud.org" />, width: '180px', show: 'pc', cell: line => orgName(line.org) },
  {
    key: 'subject',
    head: <Head of="aud.subject" />,
    show: 'pc',
    cell: line => <span class="muted">{line.subject}</span>,
  },
]

type HeadKey = 'aud.at' | 'aud.who' | 'aud.what' | 'aud.org' | 'aud.subject'
function Head({ of }: { of: HeadKey }) {
  return <>{t(of)}</>
}
const Who = ({ line }: { line: AuditLine }) =>
  line.actor === 'system' ? (
    <span class="dim">{t('aud.system')}</span>
  ) : line.actor_name === '' ? (
    <span class="dim">{line.actor}</span>
  ) : (
    <span>{line.actor_name}</span>
  )
