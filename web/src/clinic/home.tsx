// The clinic's first screen: record an ECG, the day's patients with their progress, the messages of the chosen one.
import { useSignal } from '@preact/signals'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { isPhone } from '../alerts/phone'
import { age, now } from '../app/clock'
import { useKeys } from '../app/keys'
import { go } from '../app/router'
import { footNote } from '../app/slots'
import { t } from '../i18n/clinic'
import { Thread } from '../messages/thread'
import { Button, ErrorLine, Pane, Segmented, Skeleton, Tag } from '../ui'
import { loadFindingNames, personName, returnedWhy } from './case'
import { Devices } from './devices'
import { HandOver } from './handover'
import { IdentifyDialog } from './identify'
import { may, ownOrg } from './me'
import { EMPTY_ORDER, OrderForm, type OrderStart } from './order'
import { Patients } from './patients'
import { devices, follow, load, loaded, orders, recordings, rows } from './store'
import { chosen, type DayRow, rowDone, type Which } from './today'
import './clinic.css'

export default function ClinicHome() {
  const org = ownOrg.value
  const which = useSignal<Which>('all')
  const selected = useSignal<string | null>(null)
  const form = useSignal<OrderStart | null>(null)
  const naming = useSignal<DayRow | null>(null)
  useEffect(() => {
    loadFindingNames()
    return org === null ? undefined : follow(org)
  }, [org])
  useEffect(() => {
    footNote.value = t('home.note')
    return () => {
      footNote.value = ''
    }
  }, [])
  const canOrder = may('recording.order')
  const begin = (start: OrderStart = EMPTY_ORDER): void => {
    if (canOrder) form.value = start
  }
  const acts = useRef({
    onAgain: (row: DayRow) => begin(againFrom(row)),
    onName: (row: DayRow) => {
      naming.value = row
    },
  })
  const current = rows.value.find(r => r.key === selected.value) ?? rows.value[0] ?? null
  useKeys('clinic', [
    { id: 'clinic.new', chord: 'KeyN', words: () => t('key.new'), hint: true, act: () => begin() },
    {
      id: 'clinic.consult',
      chord: 'KeyH',
      words: () => t('key.consult'),
      hint: true,
      act: () => current?.recording && go(`/consult/new?recording=${current.key}`),
    },
    {
      id: 'clinic.report',
      chord: 'KeyR',
      words: () => t('key.report'),
      act: () => current?.recording && go(`/recording/${current.key}?show=report`),
    },
  ])
  const all = rows.value
  const shown = useMemo(() => chosen(all, which.value), [all, which.value])
  const done = all.filter(rowDone).length
  return (
    <div class="clinic">
      <div class="clinic-left">
        {form.value === null ? (
          <section class="pane clinic-new">
            {canOrder && (
              <span class="clinic-go" data-testid="acquire">
                <Button kind="primary" size="huge" icon="plus" chord="KeyN" wide onClick={() => begin()}>
                  {t('home.acquire')}
                </Button>
              </span>
            )}
            <Devices devices={devices.value} />
            {canOrder && org !== null && <HandOver org={org} />}
          </section>
        ) : (
          <OrderForm
            key={form.value.patient?.id ?? 'new'}
            org={org ?? ''}
            devices={devices.value}
            start={form.value}
            onClose={() => {
              form.value = null
            }}
            onSent={order => {
              form.value = null
              orders.value = [order, ...orders.value]
              go(`/acquire?order=${order.id}`)
            }}
          />
        )}
        {!isPhone.value && form.value === null && <Messages row={current} />}
      </div>
      <Pane
        class="clinic-day"
        title={t('home.title')}
        tools={
          <>
            <Updated />
            <Segmented
              label={t('home.filter')}
              value={which.value}
              onChange={v => {
                which.value = v
              }}
              choices={[
                { value: 'all', words: t('home.all', { n: all.length }) },
                { value: 'waiting', words: t('home.waiting', { n: all.length - done }) },
                { value: 'reported', words: t('home.reported', { n: done }) },
              ]}
            />
          </>
        }
      >
        <div class="clinic-rows" data-testid="patients">
          {loaded.value.kind === 'failed' && (
            <ErrorLine error={loaded.value.error} retry={() => org !== null && void load(org)} />
          )}
          {loaded.value.kind === 'waiting' ? (
            <Skeleton rows={10} />
          ) : (
            <Patients
              rows={shown}
              none={all.length === 0}
              selected={current?.key ?? null}
              onSelect={key => {
                selected.value = key
              }}
              {...acts.current}
            />
          )}
        </div>
      </Pane>
      {naming.value !== null && naming.value.recording !== null && (
        <IdentifyDialog
          recording={naming.value.recording}
          onClose={() => {
            naming.value = null
          }}
          onDone={fresh => {
            recordings.value = new Map(recordings.value).set(fresh.id, fresh)
          }}
        />
      )}
    </div>
  )
}

/** A returned ECG again: same person, same complaint, and why it came back. */
function againFrom(row: DayRow): OrderStart {
  const r = row.recording
  if (r === null) return EMPTY_ORDER
  return { patient: r.patient, symptoms: r.symptoms, why: r.state === 'returned' ? returnedWhy(r) : null }
}

const FRESH_S = 60

/** Quiet while fresh; a list that has not been told anything for a minute says how old it is. */
function Updated() {
  const here = loaded.value
  if (here.kind !== 'here') return null
  const s = (now.value - here.at) / 1000
  return <span class="dim f12 clinic-age">{s < FRESH_S ? '' : t('home.updated', { age: age(s) })}</span>
}

function Messages({ row }: { row: DayRow | null }) {
  const r = row?.recording ?? null
  return (
    <section class="pane clinic-msgs" aria-label={t('rec.thread')}>
      <header class="pane-head">
        <h2>{t('rec.thread')}</h2>
        <span class="grow" />
        {r !== null && (
          <Tag tone={row?.alert === null ? 'plain' : 'high'}>
            <span class="name">{personName(r.patient)}</span>
          </Tag>
        )}
      </header>
      {r === null ? <p class="clinic-pick muted">{t('thread.pick')}</p> : <Thread thread={r.id} />}
    </section>
  )
}
