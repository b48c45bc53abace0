// Visiting-expert clinics of the coming month: who sits where and when, the list of places, and what its expert or a
// coordinator does with it. A request takes a place from its own page (plan.tsx) or while it is written (new.tsx).
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Clinic, Clinics, Expert, Experts, NewClinic } from '../api/types.gen'
import { useKeys } from '../app/keys'
import { go } from '../app/router'
import { grantOrgs, may, me } from '../clinic/me'
import { t } from '../i18n/planning'
import { subscribe } from '../live/live'
import { Button, Empty, ErrorLine, FieldRow, Pane, Skeleton, Tag } from '../ui'
import { NumberField } from './hours'
import { BackForm, LateForm } from './plan'
import { minute, whenWords } from './when'
import './planning.css'

type State = { kind: 'waiting' } | { kind: 'here'; value: readonly Clinic[] } | { kind: 'failed'; error: unknown }

export default function ClinicsPage() {
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const [adding, setAdding] = useState(false)
  const load = (): void => {
    api.get<Clinics>('/api/consult/clinics').then(
      list => setState({ kind: 'here', value: list.clinics }),
      (error: unknown) => setState({ kind: 'failed', error }),
    )
  }
  useEffect(() => {
    load()
    const event = (e: { kind: string }): void => {
      if (/^(consult|clinic)\./.test(e.kind)) load()
    }
    const stops = grantOrgs.value.map(o => subscribe(`org:${o}`, null, { event, ready: load }))
    return () => {
      for (const stop of stops) stop()
    }
  }, [])
  useKeys('clinics', [
    { id: 'clinics.back', chord: 'Escape', words: () => t('back'), hint: true, act: () => go('/consults') },
  ])
  return (
    <div class="cal" data-testid="clinics">
      <header class="cal-tools">
        <h1>{t('clinics')}</h1>
        <span class="grow" />
        <a href="/consult/calendar">{t('calendar')}</a>
        {may('calendar.write') && !adding && (
          <Button icon="plus" onClick={() => setAdding(true)}>
            {t('clinic.new')}
          </Button>
        )}
      </header>
      <div class="cal-body">
        {adding && (
          <NewForm
            onClose={() => setAdding(false)}
            onDone={() => {
              setAdding(false)
              load()
            }}
          />
        )}
        {state.kind === 'waiting' && <Skeleton rows={6} />}
        {state.kind === 'failed' && <ErrorLine error={state.error} retry={load} />}
        {state.kind === 'here' && state.value.length === 0 && (
          <Empty title={t('clinics.empty')} next={t('clinics.empty.next')} />
        )}
        {state.kind === 'here' && state.value.map(c => <One key={c.id} clinic={c} onChange={load} />)}
      </div>
    </div>
  )
}

type Asking = 'move' | 'late' | 'cancel' | null

function One({ clinic: c, onChange }: { clinic: Clinic; onChange: () => void }) {
  const [asking, setAsking] = useState<Asking>(null)
  const [error, setError] = useState<unknown>(null)
  const can = (event: string): boolean => c.events.includes(event)
  const send = async (what: string, body: object): Promise<void> => {
    setError(null)
    try {
      await api.post<Clinic>(`/api/consult/clinics/${encodeURIComponent(c.id)}/${what}`, body)
      setAsking(null)
      onChange()
    } catch (e) {
      setError(e)
    }
  }
  const where = c.host_org === null ? t('clinic.online') : t('clinic.at', { org: c.host_org_name })
  return (
    <Pane title={`${whenWords(c.from_at)}  ${c.expert_name} ${c.title}`}>
      <div class="cal-hours" data-testid="clinic" data-clinic={c.id} data-state={c.state}>
        <p class="row f13">
          <span>{where}</span>
          <span class="muted">{c.org_name}</span>
          {c.state === 'cancelled' ? (
            <Tag tone="plain">{t('clinic.state.cancelled', { why: c.note })}</Tag>
          ) : (
            <Tag tone={c.free > 0 ? 'accent' : 'plain'}>
              {c.state === 'closed'
                ? t('clinic.state.closed')
                : c.free > 0
                  ? t('clinic.free', { n: c.free, of: c.capacity })
                  : t('clinic.full')}
            </Tag>
          )}
          {c.late_min > 0 && <b>{t('clinic.late', { minutes: c.late_min })}</b>}
          {c.state !== 'cancelled' && <span class="muted">{c.note}</span>}
        </p>
        {c.state !== 'cancelled' && (
          <ol class="clinic-places" aria-label={t('clinic.places')}>
            {c.places.map(p => (
              <li key={p.place} data-place={p.place} data-kind={p.kind ?? ''}>
                <b>{t('clinic.place', { n: p.place })}</b> {t('clinic.about', { time: minute(p.starts_at) })}{' '}
                {p.consult !== null ? (
                  <a href={`/consult/${p.consult}`}>{p.words}</a>
                ) : (
                  <span class="muted">{t(p.kind === null ? 'clinic.place.free' : 'clinic.place.taken')}</span>
                )}
                {p.kind === 'held' && <span class="muted f12"> {t('item.held')}</span>}
              </li>
            ))}
          </ol>
        )}
        {error !== null && <ErrorLine error={error} />}
        {asking === 'move' && <MoveForm clinic={c} onSend={body => void send('move', body)} />}
        {asking === 'late' && <LateForm was={c.late_min} onSend={minutes => void send('late', { minutes })} />}
        {asking === 'cancel' && (
          <BackForm
            label={t('clinic.cancel.why')}
            words={t('clinic.cancel')}
            onSend={reason => void send('cancel', { reason })}
          />
        )}
        {c.events.length > 0 && (
          <div class="row plan-acts">
            {asking !== null && <Button onClick={() => setAsking(null)}>{t('plan.close')}</Button>}
            {asking === null && (
              <>
                {can('close') && <Button onClick={() => void send('close', {})}>{t('clinic.close')}</Button>}
                {can('reopen') && <Button onClick={() => void send('reopen', {})}>{t('clinic.reopen')}</Button>}
                {can('late') && <Button onClick={() => setAsking('late')}>{t('late.label')}</Button>}
                {can('move') && <Button onClick={() => setAsking('move')}>{t('clinic.move')}</Button>}
                {can('cancel') && <Button onClick={() => setAsking('cancel')}>{t('clinic.cancel')}</Button>}
              </>
            )}
          </div>
        )}
      </div>
    </Pane>
  )
}

/** Where an expert can sit: the institutions one sees. */
function Host({ value, onChange }: { value: string; onChange: (org: string) => void }) {
  return (
    <FieldRow label={t('clinic.where')}>
      {id => (
        <select id={id} name="host" value={value} onChange={e => onChange(e.currentTarget.value)}>
          <option value="">{t('clinic.online')}</option>
          {(me.value?.orgs ?? []).map(o => (
            <option key={o.id} value={o.id}>
              {o.name}
            </option>
          ))}
        </select>
      )}
    </FieldRow>
  )
}

function WhenField(p: { value: string; missing: boolean; onChange: (at: string) => void }) {
  return (
    <FieldRow label={t('clinic.when')} error={p.missing ? t('clinic.when.missing') : null}>
      {(id, by) => (
        <input
          id={id}
          type="datetime-local"
          name="from_at"
          aria-describedby={by}
          value={p.value}
          onInput={e => p.onChange(e.currentTarget.value)}
        />
      )}
    </FieldRow>
  )
}

function MoveForm(p: { clinic: Clinic; onSend: (body: { from_at: string; host_org: string | null }) => void }) {
  const [at, setAt] = useState('')
  const [host, setHost] = useState(p.clinic.host_org ?? '')
  return (
    <form
      class="plan-form"
      data-testid="move-form"
      onSubmit={e => {
        e.preventDefault()
        const from_at = at === '' ? p.clinic.from_at : new Date(at).toISOString()
        p.onSend({ from_at, host_org: host === '' ? null : host })
      }}
    >
      <WhenField value={at} missing={false} onChange={setAt} />
      <Host value={host} onChange={setHost} />
      <Button kind="primary" submit>
        {t('clinic.move')}
      </Button>
    </form>
  )
}

/** An expert for himself; who keeps the calendars also for others. */
function NewForm(p: { onClose: () => void; onDone: () => void }) {
  const answers = may('consult.answer')
  const [experts, setExperts] = useState<readonly Expert[]>([])
  const [expert, setExpert] = useState(answers ? (me.value?.id ?? '') : '')
  const [at, setAt] = useState('')
  const [minutes, setMinutes] = useState(20)
  const [capacity, setCapacity] = useState(8)
  const [host, setHost] = useState('')
  const [note, setNote] = useState('')
  const [tried, setTried] = useState(false)
  const [error, setError] = useState<unknown>(null)
  useEffect(() => {
    if (may('calendar.keep')) api.get<Experts>('/api/consult/answerers').then(all => setExperts(all.experts), setError)
  }, [])
  const chosen = expert === '' ? (experts[0]?.account ?? '') : expert
  const save = async (): Promise<void> => {
    setTried(true)
    if (at === '' || chosen === '') return
    setError(null)
    const body: NewClinic = {
      expert: chosen,
      from_at: new Date(at).toISOString(),
      minutes,
      capacity,
      host_org: host === '' ? null : host,
      note: note.trim(),
    }
    try {
      await api.post<Clinic>('/api/consult/clinics', body)
      p.onDone()
    } catch (e) {
      setError(e)
    }
  }
  return (
    <form
      class="pane clinic-new"
      data-testid="clinic-form"
      onSubmit={e => {
        e.preventDefault()
        void save()
      }}
    >
      {experts.length > 0 && (
        <FieldRow label={t('clinic.expert')}>
          {id => (
            <select id={id} name="expert" value={chosen} onChange={e => setExpert(e.currentTarget.value)}>
              {experts.map(e => (
                <option key={e.account} value={e.account}>
                  {e.name} {e.title} {e.org_name}
                </option>
              ))}
            </select>
          )}
        </FieldRow>
      )}
      <WhenField value={at} missing={tried && at === ''} onChange={setAt} />
      <NumberField label={t('clinic.minutes')} name="minutes" min={5} max={240} value={minutes} onChange={setMinutes} />
      <NumberField
        label={t('clinic.capacity')}
        name="capacity"
        min={1}
        max={100}
        value={capacity}
        onChange={setCapacity}
      />
      <Host value={host} onChange={setHost} />
      <FieldRow label={t('clinic.note')}>
        {id => <input id={id} name="note" maxLength={200} value={note} onInput={e => setNote(e.currentTarget.value)} />}
      </FieldRow>
      {error !== null && <ErrorLine error={error} />}
      <Button onClick={p.onClose}>{t('plan.close')}</Button>
      <Button kind="primary" submit>
        {t('clinic.open')}
      </Button>
    </form>
  )
}
