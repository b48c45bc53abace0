// The device register: which boxes may upload for whom, what each did last, whose clock is off. What needs a hand
// stands first. One device's page is device.tsx, adding one adddevice.tsx, the rules of the list register.ts.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { DeviceView } from '../api/types.gen'
import { useKeys } from '../app/keys'
import { go } from '../app/router'
import { me, orgOf } from '../clinic/me'
import { t } from '../i18n/admin'
import { t as clinic } from '../i18n/clinic'
import { gathered } from '../live/gather'
import { subscribe } from '../live/live'
import { Button, type Column, DataTable, Empty, ErrorLine, Skeleton } from '../ui'
import { orgName } from './accounts'
import { AddDevice } from './adddevice'
import { Device } from './device'
import { Age, addressOf, Clock, root, Standing } from './devicecells'
import { EVERYTHING, type Filter, STATES, shown } from './register'

type State = { kind: 'waiting' } | { kind: 'here'; value: readonly DeviceView[] } | { kind: 'failed'; error: unknown }

const RELOAD_MS = 1000

function useDevices(): { state: State; reload: () => void } {
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const load = (): Promise<void> =>
    api.get<readonly DeviceView[]>(`/api/orgs/${encodeURIComponent(root())}/devices`).then(
      value => setState({ kind: 'here', value }),
      // A list that stands stays: the next event asks again.
      (error: unknown) => setState(was => (was.kind === 'here' ? was : { kind: 'failed', error })),
    )
  useEffect(() => {
    void load()
    // Each recording moves its device twice; a province's devices move all the time: asked at most once a second.
    const soon = gathered(load, RELOAD_MS)
    const stop = subscribe(`org:${root()}`, null, {
      ready: soon,
      event: e => {
        if (e.topic === 'device') soon()
      },
    })
    return () => {
      stop()
      soon.stop()
    }
  }, [])
  return { state, reload: () => void load() }
}

export function Devices({ device }: { device: string | null }) {
  const { state, reload } = useDevices()
  if (state.kind === 'waiting') return <Skeleton rows={10} />
  if (state.kind === 'failed') return <ErrorLine error={state.error} retry={reload} />
  if (device !== null) return <Device key={device} id={device} all={state.value} />
  return <List all={state.value} reload={reload} />
}

function List({ all, reload }: { all: readonly DeviceView[]; reload: () => void }) {
  const [filter, setFilter] = useState<Filter>(EVERYTHING)
  const [selected, setSelected] = useState<string | null>(null)
  const [adding, setAdding] = useState(false)
  useKeys('devices', [
    { id: 'admin.add', chord: 'KeyN', words: () => t('key.add'), hint: true, act: () => setAdding(true) },
  ])
  const rows = shown(all, filter, (place, org) => orgOf(org)?.path.includes(place) === true)
  return (
    <div class="admin-pane" data-testid="devices-admin">
      <div class="admin-tools">
        {all.length > 0 && <Filters all={all} filter={filter} onChange={setFilter} />}
        <span class="grow" />
        <Button kind="primary" icon="plus" chord="KeyN" onClick={() => setAdding(true)}>
          {t('dev.add')}
        </Button>
      </div>
      <DataTable
        label={t('seg.devices')}
        rows={rows}
        rowKey={d => d.id}
        columns={COLUMNS}
        selected={selected}
        onSelect={setSelected}
        onOpen={id => go(addressOf(id))}
        tone={d => (d.active ? null : 'dim')}
        rowHeight={40}
        empty={
          all.length === 0 ? (
            <Empty title={t('dev.empty')} next={t('dev.empty.next')} />
          ) : (
            <Empty title={t('dev.none')}>
              <Button onClick={() => setFilter(EVERYTHING)}>{t('dev.all')}</Button>
            </Empty>
          )
        }
      />
      {adding && (
        <AddDevice
          org={filter.org}
          onClose={() => {
            setAdding(false)
            reload()
          }}
        />
      )}
    </div>
  )
}

function Filters(p: { all: readonly DeviceView[]; filter: Filter; onChange: (filter: Filter) => void }) {
  const set = (part: Partial<Filter>): void => p.onChange({ ...p.filter, ...part })
  // Every place with a device, and those above it: a county shows all of its villages.
  const places = new Set(p.all.flatMap(d => orgOf(d.org)?.path ?? []))
  const orgs = (me.value?.orgs ?? []).filter(o => places.has(o.id))
  return (
    <>
      <select
        class="input admin-pick"
        name="filter-org"
        aria-label={t('dev.org')}
        value={p.filter.org}
        onChange={e => set({ org: e.currentTarget.value })}
      >
        <option value="">{t('dev.org.all')}</option>
        {orgs.map(o => (
          <option key={o.id} value={o.id}>
            {o.name}
          </option>
        ))}
      </select>
      <select
        class="input admin-pick"
        name="filter-state"
        aria-label={t('dev.state')}
        value={p.filter.state}
        onChange={e => set({ state: e.currentTarget.value })}
      >
        <option value="">{t('dev.state.all')}</option>
        {STATES.map(s => (
          <option key={s} value={s}>
            {clinic(`device.${s}`)}
          </option>
        ))}
        <option value="revoked">{t('dev.revoked')}</option>
      </select>
      <input
        class="input admin-find"
        type="search"
        name="filter-words"
        aria-label={t('dev.find')}
        placeholder={t('dev.find')}
        value={p.filter.words}
        onInput={e => set({ words: e.currentTarget.value })}
      />
    </>
  )
}

const COLUMNS: readonly Column<DeviceView>[] = [
  { key: 'org', head: <Head of="dev.org" />, width: '32%', cell: d => orgName(d.org) },
  { key: 'model', head: <Head of="dev.id" />, cell: d => <Name device={d} /> },
  { key: 'state', head: <Head of="dev.state" />, width: '120px', cell: d => <Standing device={d} /> },
  { key: 'seen', head: <Head of="dev.seen" />, width: '104px', num: true, show: 'pc', cell: d => <Seen device={d} /> },
  {
    key: 'ecg',
    head: <Head of="dev.ecg" />,
    width: '104px',
    num: true,
    show: 'pc',
    cell: d => <Age at={d.last_ecg_at} />,
  },
  { key: 'clock', head: <Head of="dev.clock" />, width: '104px', show: 'pc', cell: d => <Clock device={d} /> },
  {
    key: 'software',
    head: <Head of="dev.software" />,
    width: '150px',
    show: 'pc',
    cell: d => <span class="muted">{d.software === '' ? '–' : d.software}</span>,
  },
]

type HeadKey = 'dev.org' | 'dev.id' | 'dev.state' | 'dev.seen' | 'dev.ecg' | 'dev.clock' | 'dev.software'
function Head({ of }: { of: HeadKey }) {
  return <>{t(of)}</>
}
const Name = ({ device: d }: { device: DeviceView }) => (
  <a href={addressOf(d.id)} title={d.id}>
    {d.model} {d.serial !== '' && <span class="dim">{d.serial}</span>}
  </a>
)
/** A device that is there now has no age. */
const Seen = ({ device: d }: { device: DeviceView }) =>
  d.connected ? <span class="muted">{t('dev.seen.now')}</span> : <Age at={d.last_seen_at} />
