// Accounts: who may sign in, in which roles, since when unused. Adding is one form in place; stopping names its effect.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { AccountView, CreateAccount, GrantView } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { useKeys } from '../app/keys'
import { isMe, me } from '../clinic/me'
import { t } from '../i18n/admin'
import { listed } from '../i18n/catalogue'
import { Button, type Column, DataTable, Dialog, Empty, ErrorLine, FieldRow, Skeleton, Tag } from '../ui'

type State = { kind: 'waiting' } | { kind: 'here'; value: readonly AccountView[] } | { kind: 'failed'; error: unknown }

export const ROLES = [
  'village_doctor',
  'operator',
  'requesting_doctor',
  'reader',
  'reviewer',
  'on_call',
  'general_duty',
  'expert',
  'coordinator',
  'quality_officer',
  'admin',
  'auditor',
] as const satisfies readonly GrantView['role'][]

export const orgName = (id: string): string => me.value?.orgs.find(o => o.id === id)?.name ?? id

export function useAccounts(): { state: State; reload: () => void } {
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const load = (): void => {
    api.get<readonly AccountView[]>('/api/admin/accounts').then(
      value => setState({ kind: 'here', value }),
      (error: unknown) => setState({ kind: 'failed', error }),
    )
  }
  useEffect(load, [])
  return { state, reload: load }
}

/** The only active account of one of its institutions: stopping it leaves that place without any. */
export function lastOf(account: AccountView, all: readonly AccountView[]): string | null {
  for (const { org } of account.grants) {
    const others = all.some(a => a.id !== account.id && a.active && a.grants.some(g => g.org === org))
    if (!others) return org
  }
  return null
}

export function Accounts() {
  const { state, reload } = useAccounts()
  const [selected, setSelected] = useState<string | null>(null)
  const [adding, setAdding] = useState(false)
  const [stopping, setStopping] = useState<AccountView | null>(null)
  useKeys('accounts', [
    { id: 'admin.add', chord: 'KeyN', words: () => t('key.add'), hint: true, act: () => setAdding(true) },
  ])
  if (state.kind === 'waiting') return <Skeleton rows={12} />
  if (state.kind === 'failed') return <ErrorLine error={state.error} retry={reload} />
  return (
    <div class="admin-pane" data-testid="accounts">
      {adding ? (
        <AddAccount
          onClose={() => setAdding(false)}
          onDone={() => {
            setAdding(false)
            reload()
          }}
        />
      ) : (
        <div class="admin-tools">
          <span class="grow" />
          <Button kind="primary" icon="plus" chord="KeyN" onClick={() => setAdding(true)}>
            {t('acc.add')}
          </Button>
        </div>
      )}
      <DataTable
        label={t('seg.accounts')}
        rows={state.value}
        rowKey={a => a.id}
        columns={columns(setStopping)}
        selected={selected}
        onSelect={setSelected}
        tone={a => (a.active ? null : 'dim')}
        rowHeight={40}
        empty={<Empty title={t('acc.empty')} />}
      />
      {stopping !== null && (
        <StopAccount
          account={stopping}
          last={lastOf(stopping, state.value)}
          onClose={() => setStopping(null)}
          onDone={() => {
            setStopping(null)
            reload()
          }}
        />
      )}
    </div>
  )
}

let kept: { stop: (a: AccountView) => void; columns: readonly Column<AccountView>[] } | null = null

function columns(stop: (a: AccountView) => void): readonly Column<AccountView>[] {
  if (kept?.stop === stop) return kept.columns
  const made: readonly Column<AccountView>[] = [
    { key: 'name', head: <Head of="acc.name" />, width: '120px', cell: a => <b class="name">{a.name}</b> },
    { key: 'login', head: <Head of="acc.login" />, width: '120px', cell: a => a.login },
    { key: 'title', head: <Head of="acc.title" />, width: '120px', show: 'pc', cell: a => a.title },
    { key: 'role', head: <Head of="acc.role" />, cell: a => <Roles account={a} /> },
    {
      key: 'last',
      head: <Head of="acc.last" />,
      width: '150px',
      show: 'pc',
      cell: a => (
        <span class="muted">
          {a.last_sign_in_at === null ? (
            <Never />
          ) : (
            `${day(a.last_sign_in_at)} ${clockTime(a.last_sign_in_at).slice(0, 5)}`
          )}
        </span>
      ),
    },
    { key: 'state', head: <Head of="acc.state" />, width: '84px', cell: a => <Standing account={a} /> },
    { key: 'act', head: '', width: '84px', num: true, cell: a => <Stop account={a} stop={stop} /> },
  ]
  kept = { stop, columns: made }
  return made
}

type HeadKey = 'acc.name' | 'acc.login' | 'acc.title' | 'acc.role' | 'acc.last' | 'acc.state'
function Head({ of }: { of: HeadKey }) {
  return <>{t(of)}</>
}
const Never = () => <>{t('acc.never')}</>
const Standing = ({ account }: { account: AccountView }) => (
  <Tag tone={account.active ? 'ok' : 'plain'}>{t(account.active ? 'acc.active' : 'acc.stopped')}</Tag>
)
const Stop = ({ account, stop }: { account: AccountView; stop: (a: AccountView) => void }) =>
  account.active && !isMe(account.id) ? <Button onClick={() => stop(account)}>{t('acc.stop')}</Button> : null

/** Roles grouped by the place they hold at. */
function Roles({ account }: { account: AccountView }) {
  const places = new Map<string, string[]>()
  for (const g of account.grants) places.set(g.org, [...(places.get(g.org) ?? []), t(`role.${g.role}`)])
  return (
    <span class="ell">
      {[...places].map(([org, roles]) => (
        <span key={org} class="admin-role">
          {listed(roles)} <span class="dim">{orgName(org)}</span>
        </span>
      ))}
    </span>
  )
}

function AddAccount(p: { onClose: () => void; onDone: () => void }) {
  const orgs = me.value?.orgs ?? []
  const [f, setF] = useState({ login: '', name: '', title: '', password: '' })
  const [role, setRole] = useState<GrantView['role']>('requesting_doctor')
  const [org, setOrg] = useState(orgs[0]?.id ?? '')
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const save = async (): Promise<void> => {
    setTried(true)
    if (f.login.trim() === '' || f.name.trim() === '' || f.password === '') return
    const body: CreateAccount = {
      login: f.login.trim(),
      name: f.name.trim(),
      title: f.title.trim(),
      password: f.password,
      grants: [{ role, org }],
    }
    setBusy(true)
    setError(null)
    try {
      await api.post<AccountView>('/api/admin/accounts', body)
      p.onDone()
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  useKeys('account.add', [{ id: 'admin.cancel', chord: 'Escape', words: () => t('act.cancel'), act: p.onClose }])
  const text = (
    key: keyof typeof f,
    label: string,
    more: { type?: 'text' | 'password'; hint?: string; need?: boolean } = {},
  ) => (
    <FieldRow
      label={label}
      {...(more.hint === undefined ? {} : { hint: more.hint })}
      error={tried && more.need === true && f[key].trim() === '' ? t('field.missing') : null}
    >
      {(id, by) => (
        <input
          id={id}
          name={`account-${key}`}
          {...(more.type === 'password' ? { type: 'password', autocomplete: 'new-password' } : { autocomplete: 'off' })}
          aria-describedby={by}
          value={f[key]}
          onInput={e => setF({ ...f, [key]: e.currentTarget.value })}
        />
      )}
    </FieldRow>
  )
  return (
    <form
      class="admin-form"
      data-testid="account-form"
      onSubmit={e => {
        e.preventDefault()
        void save()
      }}
    >
      {text('login', t('acc.login'), { need: true })}
      {text('name', t('acc.name'), { need: true })}
      {text('title', t('acc.title'))}
      {text('password', t('acc.password'), { type: 'password', hint: t('acc.password.hint'), need: true })}
      <FieldRow label={t('acc.role')}>
        {id => (
          <select id={id} value={role} onChange={e => setRole(e.currentTarget.value as GrantView['role'])}>
            {ROLES.map(r => (
              <option key={r} value={r}>
                {t(`role.${r}`)}
              </option>
            ))}
          </select>
        )}
      </FieldRow>
      <FieldRow label={t('acc.org')}>
        {id => (
          <select id={id} value={org} onChange={e => setOrg(e.currentTarget.value)}>
            {orgs.map(o => (
              <option key={o.id} value={o.id}>
                {o.name}
              </option>
            ))}
          </select>
        )}
      </FieldRow>
      {error !== null && <ErrorLine error={error} retry={() => void save()} />}
      <div class="admin-acts">
        <Button onClick={p.onClose}>{t('act.cancel')}</Button>
        <Button kind="primary" submit busy={busy}>
          {t('act.save')}
        </Button>
      </div>
    </form>
  )
}

function StopAccount(p: { account: AccountView; last: string | null; onClose: () => void; onDone: () => void }) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const stop = async (): Promise<void> => {
    setBusy(true)
    try {
      await api.post(`/api/admin/accounts/${encodeURIComponent(p.account.id)}/stop`, {})
      p.onDone()
    } catch (e) {
      setError(e)
      setBusy(false)
    }
  }
  return (
    <Dialog
      title={t('acc.stop.title')}
      open
      onClose={p.onClose}
      acts={
        <>
          <Button onClick={p.onClose}>{t('act.cancel')}</Button>
          <Button busy={busy} onClick={() => void stop()}>
            {t('acc.stop')}
          </Button>
        </>
      }
    >
      <p>{t('acc.stop.told', { name: p.account.name })}</p>
      {p.last !== null && (
        <p>
          <b>{t('acc.stop.last', { org: orgName(p.last) })}</b>
        </p>
      )}
      {error !== null && <ErrorLine error={error} />}
    </Dialog>
  )
}
