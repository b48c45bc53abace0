// One consultation: who asks whom what, the answer, the way into the room, the opinion with both signatures, the talk.
import { useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Consult } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { useKeys } from '../app/keys'
import { go } from '../app/router'
import type { ScreenProps } from '../app/routes'
import { personName, sexAge } from '../clinic/case'
import { isMe } from '../clinic/me'
import { t } from '../i18n/consult'
import { t as imageWords } from '../i18n/images'
import { PatientImages } from '../images/list'
import { Thread } from '../messages/thread'
import { Button, Empty, ErrorLine, FieldRow, Pane, Skeleton, Tag } from '../ui'
import { AfterConclusion } from './after'
import { Brief, briefOf } from './brief'
import { standingOf } from './conclusion'
import { ConsentShown } from './consent'
import { Films } from './films'
import { PriorityMark } from './list'
import { Marked, WrittenBy } from './marked'
import { Mdt } from './mdt'
import { useConsult } from './one'
import { Opinion } from './opinion'
import { Papers } from './papers'
import { PlanPane } from './plan'
import { Scheduled, SetTime } from './schedule'
import { SittingsPane } from './sittings'
import { Turns } from './turns'
import { roomIsOpen, stateWords } from './words'
import './consult.css'
import './case.css'

export default function ConsultDetail({ params }: ScreenProps) {
  const { state, put, reload } = useConsult(params.id ?? '')
  switch (state.kind) {
    case 'waiting':
      return <Skeleton rows={10} />
    case 'failed':
      return (
        <Empty title={t('one.none')}>
          <ErrorLine error={state.error} retry={reload} />
        </Empty>
      )
    case 'here':
      return <Page consult={state.value} onChange={put} />
  }
}

function Page({ consult: c, onChange }: { consult: Consult; onChange: (c: Consult) => void }) {
  const [writing, setWriting] = useState(false)
  const fills = c.conclusion === null && c.events.includes('draft')
  useKeys('consult', [
    {
      id: 'consult.enter',
      chord: 'Enter',
      words: () => t('one.enter'),
      hint: roomIsOpen(c.events),
      act: () => roomIsOpen(c.events) && go(`/room/${c.id}`),
    },
    { id: 'consult.back', chord: 'Escape', words: () => t('one.back'), hint: true, act: () => go('/consults') },
  ])
  return (
    <div class="consult" data-testid="consult-page" data-state={c.state}>
      <div class="consult-main">
        <Pane>
          <div class="consult-top">
            <div class="row">
              <b class="name f20 ell">{personName(c.patient)}</b>
              <span class="nw">{sexAge(c.patient)}</span>
              <PriorityMark consult={c} />
              <span class="grow" />
              <Tag tone="accent">{stateWords(c.state)}</Tag>
            </div>
            <p class="muted f13">
              {t('one.asked', {
                name: c.requester_name,
                org: c.requester_org_name,
                time: `${day(c.requested_at)} ${clockTime(c.requested_at)}`,
              })}
            </p>
            <h1 class="consult-purpose">{c.purpose}</h1>
            <p class="consult-summary">{c.summary}</p>
            <Brief
              of={briefOf(c)}
              versions={Object.fromEntries(c.documents.map(d => [d.kind, d.version]))}
              head={
                <>
                  <dt>{t('list.between')}</dt>
                  <dd>{t('list.ends', { a: c.requester_org_name, b: c.invitee_org_name })}</dd>
                  <dt>{t('one.answers')}</dt>
                  <dd>{c.expert_name ?? t('one.anyone')}</dd>
                </>
              }
            >
              <dt>{t('new.consent')}</dt>
              <dd>{c.consent_paper === null ? t(`consent.${c.consent}`) : <ConsentShown paper={c.consent_paper} />}</dd>
            </Brief>
            <Scheduled of={c} />
            <WrittenBy consult={c} />
            {c.turns.length > 0 && <Turns of={c} />}
            {c.state === 'declined' && <p class="consult-reason">{t('one.declined', { why: c.reason })}</p>}
            {c.state === 'returned' && <p class="consult-reason">{t('one.returned', { why: c.reason })}</p>}
            <p class="row consult-links">
              <a href={`/recording/${c.recording}`}>{t('one.ecg')}</a>
              {c.alert !== null && <a href={`/alert/${c.alert}`}>{t('one.alert')}</a>}
            </p>
          </div>
          {c.events.includes('file') && <Papers consult={c} onChange={onChange} />}
          <Acts consult={c} onChange={onChange} quiet={writing} />
        </Pane>
        <PlanPane consult={c} onChange={onChange} />
        <SittingsPane consult={c} />
        <Mdt consult={c} onChange={onChange} />
        <Marked consult={c} />
        <Films consult={c} />
        {standingOf(c) !== null && <AfterConclusion consult={c} />}
        <Pane title={imageWords('title')}>
          <div class="consult-top">
            <PatientImages patient={c.patient.id} of={c.id} />
          </div>
        </Pane>
        {fills && !writing && (
          <Button icon="pen" onClick={() => setWriting(true)}>
            {isMe(c.expert) ? t('room.opinion') : t('one.fill')}
          </Button>
        )}
        {(c.conclusion !== null || writing) && (
          <Pane title={t('one.conclusion')}>
            <div class="consult-top">
              <Opinion consult={c} onChange={onChange} />
            </div>
          </Pane>
        )}
      </div>
      <Pane class="consult-talk" title={t('room.chat')}>
        {talksHere(c) ? (
          <Thread thread={c.id} version={c.state} placeholder={t('room.chat.write')} none={t('room.chat.none')} />
        ) : (
          <p class="consult-top muted">{t('room.chat.members')}</p>
        )}
      </Pane>
    </div>
  )
}

/** The talk is its members' until there is a conclusion; then it is part of the case. */
const talksHere = (c: Consult): boolean =>
  c.members.some(m => isMe(m.account)) || c.state === 'concluded' || c.state === 'followed_up'

type Asking = 'decline' | 'return' | null
const ACTS = ['cancel', 'schedule', 'decline', 'return', 'submit', 'accept'] as const

function Acts({ consult: c, onChange, quiet }: { consult: Consult; onChange: (c: Consult) => void; quiet: boolean }) {
  const [asking, setAsking] = useState<Asking>(null)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const can = (event: string): boolean => c.events.includes(event)
  const act = async (name: string, body: object): Promise<void> => {
    setBusy(true)
    setError(null)
    try {
      onChange(await api.post<Consult>(`/api/consults/${encodeURIComponent(c.id)}/${name}`, body))
      setAsking(null)
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  if (!ACTS.some(can) && !roomIsOpen(c.events)) return null
  if (asking !== null)
    return (
      <ReasonForm
        label={t(asking === 'return' ? 'one.reason.return' : 'one.reason')}
        busy={busy}
        error={error}
        onSend={reason => void act(asking, { reason })}
        onClose={() => setAsking(null)}
      />
    )
  return (
    <div class="consult-acts">
      {error !== null && <ErrorLine error={error} />}
      {can('cancel') && (
        <Button kind="quiet" onClick={() => void act('cancel', {})}>
          {t('one.cancel')}
        </Button>
      )}
      {can('schedule') && <SetTime consult={c} onChange={onChange} />}
      {can('decline') && <Button onClick={() => setAsking('decline')}>{t('one.decline')}</Button>}
      {can('return') && <Button onClick={() => setAsking('return')}>{t('one.return')}</Button>}
      <span class="grow" />
      {can('submit') && <Mend consult={c} onChange={onChange} />}
      {can('accept') && (
        <Button kind="primary" size="large" busy={busy} onClick={() => void act('accept', {})}>
          {t('one.accept')}
        </Button>
      )}
      {roomIsOpen(c.events) && (
        <Button
          kind={c.state === 'concluding' || quiet ? 'plain' : 'primary'}
          size="large"
          chord="Enter"
          onClick={() => go(`/room/${c.id}`)}
        >
          {t('one.enter')}
        </Button>
      )}
    </div>
  )
}

/** Back with the requester: what was missing is written in, then it goes again. */
function Mend({ consult: c, onChange }: { consult: Consult; onChange: (c: Consult) => void }) {
  const [summary, setSummary] = useState(c.summary)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const send = async (): Promise<void> => {
    setBusy(true)
    setError(null)
    try {
      const path = `/api/consults/${encodeURIComponent(c.id)}`
      if (summary.trim() !== c.summary)
        await api.put<Consult>(path, { purpose: c.purpose, summary: summary.trim(), consent: c.consent })
      onChange(await api.post<Consult>(`${path}/submit`, {}))
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <form
      class="consult-mend"
      onSubmit={e => {
        e.preventDefault()
        void send()
      }}
    >
      <FieldRow label={t('new.summary')}>
        {id => <textarea id={id} rows={3} value={summary} onInput={e => setSummary(e.currentTarget.value)} />}
      </FieldRow>
      {error !== null && <ErrorLine error={error} retry={() => void send()} />}
      <Button kind="primary" size="large" submit busy={busy}>
        {t('one.again')}
      </Button>
    </form>
  )
}

function ReasonForm(p: {
  label: string
  busy: boolean
  error: unknown
  onSend: (reason: string) => void
  onClose: () => void
}) {
  const [reason, setReason] = useState('')
  const [missing, setMissing] = useState(false)
  return (
    <form
      class="consult-acts consult-why"
      data-testid="reason-form"
      onSubmit={e => {
        e.preventDefault()
        setMissing(reason.trim() === '')
        if (reason.trim() !== '') p.onSend(reason.trim())
      }}
    >
      <FieldRow label={p.label} error={missing ? t('one.reason.missing') : null}>
        {(id, by) => (
          <textarea
            id={id}
            name="reason"
            rows={2}
            aria-describedby={by}
            value={reason}
            onInput={e => setReason(e.currentTarget.value)}
          />
        )}
      </FieldRow>
      {p.error !== null && <ErrorLine error={p.error} />}
      <div class="row">
        <Button onClick={p.onClose}>{t('one.back')}</Button>
        <Button kind="primary" submit busy={p.busy}>
          {t('one.send')}
        </Button>
      </div>
    </form>
  )
}
