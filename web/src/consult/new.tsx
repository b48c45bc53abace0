// The request for a consultation: patient from the record, question, material; at the right what the expert will see.
// From an alert everything is filled in: two clicks and it is sent. The draft is kept while it is written.
import { useEffect, useState } from 'preact/hooks'
import { known, refreshOne } from '../alerts/store'
import { finding } from '../alerts/words'
import { api, uuid } from '../api/client'
import type { Alert, ChosenSlot, Consult, Recording, RequestConsult, Slot } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { useKeys } from '../app/keys'
import { go } from '../app/router'
import type { ScreenProps } from '../app/routes'
import { complaint, findingName, personName, sexAge } from '../clinic/case'
import { may, me, ownOrg } from '../clinic/me'
import { t as c } from '../i18n/case'
import { t } from '../i18n/consult'
import { t as planning } from '../i18n/planning'
import { Button, Empty, ErrorLine, FieldRow, Pane, Segmented, Skeleton } from '../ui'
import { Brief, documentName, Score } from './brief'
import { completeness, type Documents, needsOf, useChecklists, written } from './checklist'
import { asPaper, ConsentEditor, type ConsentFields, lacks, NO_CONSENT } from './consent'
import { dropDraft, keepDraft, keptDraft } from './draft'
import { SlotPicker } from './slots'
import { SPECIALTIES } from './turns'
import { whenWords } from './when'
import './consult.css'
import './case.css'

type State = { kind: 'waiting' } | { kind: 'here'; value: Recording } | { kind: 'failed'; error: unknown }

export default function NewConsult({ query }: ScreenProps) {
  const id = query.get('recording')
  const alertId = query.get('alert')
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const load = (): void => {
    if (id === null) return
    api.get<Recording>(`/api/recordings/${encodeURIComponent(id)}`).then(
      value => setState({ kind: 'here', value }),
      (error: unknown) => setState({ kind: 'failed', error }),
    )
    if (alertId !== null && !known.peek().has(alertId)) void refreshOne(alertId).catch(() => undefined)
  }
  useEffect(load, [id, alertId])
  if (id === null) return <Empty title={t('new.norecording')} />
  if (state.kind === 'failed') return <ErrorLine error={state.error} retry={load} />
  const alert = alertId === null ? null : (known.value.get(alertId) ?? null)
  if (state.kind === 'waiting' || (alertId !== null && alert === null)) return <Skeleton rows={10} />
  return <Form recording={state.value} alert={alert} />
}

type Fields = Readonly<{
  invitee: string
  specialty: Consult['specialty']
  title: Consult['expert_title']
  wanted: string
  slot: Pick<Slot, 'expert' | 'name' | 'from_at' | 'clinic' | 'org'> | null
  disease: Consult['disease']
  documents: Documents
  paper: ConsentFields
  purpose: string
  summary: string
  priority: 'emergency' | 'routine'
  consent: 'emergency' | 'written' | ''
}>

/** Whom one asks: the reading centre, then the institutions above, then the others one can see. */
function invitees(recording: Recording): readonly { id: string; name: string }[] {
  const orgs = me.value?.orgs ?? []
  const own = orgs.find(o => o.id === ownOrg.value)
  const above = [...(own?.path ?? [])].reverse().slice(1)
  const first = [recording.centre, ...above].filter(id => id !== ownOrg.value)
  const rest = orgs.filter(o => o.level === 'city' || o.level === 'county').map(o => o.id)
  return [...new Set([...first, ...rest])].flatMap(id => {
    const org = orgs.find(o => o.id === id)
    return org === undefined ? [] : [{ id, name: org.name }]
  })
}

function start(recording: Recording, alert: Alert | null, kept: string | null): Fields {
  const fresh = begin(recording, alert)
  if (kept === null) return fresh
  try {
    return { ...fresh, ...(JSON.parse(kept) as Partial<Fields>) } // an older draft lacks the newer fields
  } catch {
    return fresh
  }
}

const DISEASE_OF: Readonly<Record<string, Fields['disease']>> = {
  chest_pain: 'chest_pain',
  syncope: 'syncope',
  presyncope: 'syncope',
  palpitation: 'arrhythmia',
  dyspnoea: 'heart_failure',
}
const CHILD_BELOW_YEARS = 14

function begin(recording: Recording, alert: Alert | null): Fields {
  const told = recording.symptoms.map(s => DISEASE_OF[s]).find(d => d !== undefined)
  const child = recording.patient.age_years !== null && recording.patient.age_years < CHILD_BELOW_YEARS
  const common = {
    specialty: 'cardiology',
    title: 'any',
    wanted: '',
    slot: null,
    disease: child ? 'child' : (told ?? 'other'),
    documents: {},
    paper: { ...NO_CONSENT, by: recording.patient.name },
  } as const
  const first = invitees(recording)[0]?.id ?? recording.centre
  if (alert === null) {
    const asks = may('report.write') ? secondOpinion(recording) : { purpose: '', summary: '' }
    return { ...common, invitee: first, ...asks, priority: 'routine', consent: '' }
  }
  return {
    ...common,
    invitee: first,
    purpose: t('new.emergency.fill'),
    summary: t('new.emergency.summary', { what: finding(alert), symptoms: complaint(recording.symptoms) }),
    priority: 'emergency',
    consent: 'emergency',
  }
}

/** Who reads asks a higher centre (上级会诊): the question and what is known so far stand there already. */
function secondOpinion(r: Recording): { purpose: string; summary: string } {
  const known = r.impression.length > 0 ? r.impression : (r.machine?.findings ?? []).map(findingName)
  const symptoms = complaint(r.symptoms)
  return {
    purpose: t('new.second.fill'),
    summary: [symptoms, known.length > 0 ? t('new.second.summary', { what: known.join('；') }) : '']
      .filter(x => x !== '')
      .join(t('new.second.join')),
  }
}

function Form({ recording, alert }: { recording: Recording; alert: Alert | null }) {
  const draftKey = `consult.${recording.id}${alert === null ? '' : '.alert'}`
  const [fields, setFields] = useState<Fields>(() => start(recording, alert, keptDraft(draftKey)))
  const [keptAt, setKeptAt] = useState<number | null>(null)
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const [idem] = useState(uuid)
  const choices = invitees(recording)
  const set = (change: Partial<Fields>): void => {
    const next = { ...fields, ...change }
    setFields(next)
    keepDraft(draftKey, JSON.stringify(next))
    setKeptAt(Date.now())
  }
  const lists = useChecklists()
  const needs = needsOf(lists, fields.disease)
  const unsigned = fields.consent === 'written' ? lacks(fields.paper) : []
  const has = { summary: fields.summary.trim() !== '', consent: fields.consent === 'written' && unsigned.length === 0 }
  const score = completeness(needs, fields.documents, has)
  const missing: readonly Gap[] = [
    { field: 'invitee', words: t('new.invitee'), is: fields.invitee === '' },
    { field: 'purpose', words: t('new.purpose'), is: fields.purpose.trim() === '' },
    { field: 'summary', words: t('new.summary'), is: !has.summary },
    { field: 'consent', words: t('new.consent'), is: fields.consent === '' },
    { field: 'consent-by', words: c('consent.by'), is: unsigned.includes('by') },
    { field: 'relation', words: c('consent.sign'), is: unsigned.includes('signature') },
  ].filter(gap => gap.is)
  const send = async (what: Fields): Promise<void> => {
    if (busy || what.consent === '') return
    const body: RequestConsult = {
      recording: recording.id,
      invitee_org: what.priority === 'routine' ? (what.slot?.org ?? what.invitee) : what.invitee,
      purpose: what.purpose.trim(),
      summary: what.summary.trim(),
      priority: what.priority,
      consent: what.consent,
      alert: alert?.id ?? null,
      specialty: what.specialty,
      expert_title: what.title,
      wanted_at: what.wanted === '' ? null : new Date(what.wanted).toISOString(),
      disease: what.disease,
      documents: written(Object.fromEntries(needs.map(kind => [kind, what.documents[kind] ?? '']))),
      consent_paper: what.consent === 'written' ? asPaper(what.paper) : null,
      slot: what.priority === 'routine' ? chosen(what) : null,
    }
    setBusy(true)
    setError(null)
    try {
      const made = await api.post<Consult>('/api/consults', body, { idempotencyKey: idem })
      dropDraft(draftKey)
      go(`/consult/${made.id}`, { replace: true })
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  const sendWhole = (): void => {
    setTried(true)
    if (missing.length === 0) void send(fields)
  }
  /** The papers come later: what is typed goes along, the rest says so. */
  const sendNow = (): void => {
    const symptoms = complaint(recording.symptoms)
    void send({
      ...fields,
      priority: 'emergency',
      consent: has.consent ? 'written' : 'emergency',
      purpose: fields.purpose.trim() || t('new.emergency.fill'),
      summary: fields.summary.trim() || c('emergency.summary', { symptoms }).trim(),
    })
  }
  useKeys('consult.new', [
    { id: 'consult.send', chord: 'Ctrl+Enter', words: () => t('key.send'), hint: true, act: sendWhole },
    { id: 'consult.back', chord: 'Escape', words: () => t('one.back'), hint: true, act: () => history.back() },
  ])
  return (
    <div class="request">
      <form
        class="request-form"
        data-testid="consult-form"
        onSubmit={e => {
          e.preventDefault()
          sendWhole()
        }}
      >
        {tried && missing.length > 0 && (
          <p class="request-missing" role="alert">
            {c('missing.title')}
            {missing.map(gap => (
              <a key={gap.field} href={`#${gap.field}`} onClick={e => toField(e, gap.field)}>
                {gap.words}
              </a>
            ))}
          </p>
        )}
        <Pane title={t('new.question')}>
          <div class="request-body">
            <div class="request-row">
              <div class="field">
                <span class="label">{t('new.priority')}</span>
                <Segmented<Fields['priority']>
                  label={t('new.priority')}
                  value={fields.priority}
                  onChange={priority =>
                    set({
                      priority,
                      consent: priority === 'routine' && fields.consent === 'emergency' ? '' : fields.consent,
                    })
                  }
                  choices={[
                    { value: 'emergency', words: t('priority.emergency') },
                    { value: 'routine', words: t('priority.routine') },
                  ]}
                />
              </div>
              <FieldRow label={t('new.invitee')}>
                {id => (
                  <select
                    id={id}
                    name="invitee"
                    value={fields.invitee}
                    onChange={e => set({ invitee: e.currentTarget.value })}
                  >
                    {choices.length === 0 && <option value={recording.centre}>{recording.centre}</option>}
                    {choices.map(o => (
                      <option key={o.id} value={o.id}>
                        {o.name}
                      </option>
                    ))}
                  </select>
                )}
              </FieldRow>
            </div>
            <div class="request-three">
              <Choose
                label={c('specialty')}
                name="specialty"
                value={fields.specialty}
                of={SPECIALTIES}
                words={one => c(`specialty.${one}`)}
                onChange={specialty => set({ specialty })}
              />
              <Choose
                label={c('title')}
                name="title"
                value={fields.title}
                of={TITLES}
                words={one => c(`title.${one}`)}
                onChange={title => set({ title })}
              />
              <FieldRow label={c('wanted')} hint={c('wanted.hint')}>
                {(id, by) => (
                  <input
                    id={id}
                    type="datetime-local"
                    name="wanted"
                    aria-describedby={by}
                    value={fields.wanted}
                    onInput={e => set({ wanted: e.currentTarget.value })}
                  />
                )}
              </FieldRow>
            </div>
            {fields.priority === 'routine' && (
              <SlotField
                slot={fields.slot}
                specialty={fields.specialty}
                title={fields.title}
                onChange={slot => set(slot === null ? { slot } : { slot, invitee: slot.org })}
              />
            )}
            <FieldRow label={t('new.purpose')} hint={t('new.purpose.hint')}>
              {(id, by) => (
                <input
                  id={id}
                  name="purpose"
                  aria-describedby={by}
                  maxLength={200}
                  autocomplete="off"
                  value={fields.purpose}
                  onInput={e => set({ purpose: e.currentTarget.value })}
                />
              )}
            </FieldRow>
            <FieldRow label={t('new.summary')} hint={t('new.summary.hint')}>
              {(id, by) => (
                <textarea
                  id={id}
                  name="summary"
                  rows={5}
                  maxLength={2000}
                  aria-describedby={by}
                  value={fields.summary}
                  onInput={e => set({ summary: e.currentTarget.value })}
                />
              )}
            </FieldRow>
            <fieldset class="request-consent">
              <legend class="label">{t('new.consent')}</legend>
              {(['written', 'emergency'] as const).map(kind => (
                <label key={kind}>
                  <input
                    type="radio"
                    name="consent"
                    value={kind}
                    checked={fields.consent === kind}
                    disabled={kind === 'emergency' && fields.priority !== 'emergency'}
                    onChange={() => set({ consent: kind })}
                  />
                  {t(`consent.${kind}`)}
                </label>
              ))}
            </fieldset>
            {fields.consent === 'written' && (
              <ConsentEditor value={fields.paper} onChange={paper => set({ paper })} tried={tried} />
            )}
          </div>
        </Pane>
        <Pane title={c('documents')} tools={<Score of={score} />}>
          <div class="request-body">
            <Choose
              label={c('disease')}
              name="disease"
              value={fields.disease}
              of={DISEASES}
              words={one => c(`disease.${one}`)}
              onChange={disease => set({ disease })}
            />
            {needs.map(kind => (
              <FieldRow key={kind} label={documentName(kind)}>
                {id => (
                  <input
                    id={id}
                    name={`document-${kind}`}
                    maxLength={1000}
                    autocomplete="off"
                    value={fields.documents[kind] ?? ''}
                    onInput={e => set({ documents: { ...fields.documents, [kind]: e.currentTarget.value } })}
                  />
                )}
              </FieldRow>
            ))}
            {error !== null && <ErrorLine error={error} retry={sendWhole} />}
          </div>
        </Pane>
        <div class="request-acts">
          <span class="dim f12">{keptAt !== null && t('new.kept', { time: clockTime(keptAt) })}</span>
          <span class="grow" />
          <Button size="large" onClick={() => history.back()}>
            {t('one.back')}
          </Button>
          {fields.priority === 'routine' && (
            <Button size="large" busy={busy} onClick={sendNow}>
              {c('emergency.now')}
            </Button>
          )}
          <Button size="large" kind="primary" chord="Ctrl+Enter" submit busy={busy}>
            {t('new.send')}
          </Button>
        </div>
      </form>
      <Pane class="request-preview" title={t('new.preview')}>
        <div class="request-body">
          <p>
            <b class="name f20">{personName(recording.patient)}</b> {sexAge(recording.patient)}
          </p>
          <p class="muted">{recording.org_name}</p>
          <p>
            <a href={`/recording/${recording.id}`}>
              {t('new.ecg', {
                time: `${day(recording.started_at ?? recording.opened_at)} ${clockTime(recording.started_at ?? recording.opened_at)}`,
              })}
            </a>
          </p>
          <Brief
            of={{
              specialty: fields.specialty,
              expert_title: fields.title,
              wanted_at: fields.wanted === '' ? null : fields.wanted,
              disease: fields.disease,
              documents: Object.fromEntries(needs.map(kind => [kind, fields.documents[kind] ?? ''])),
              completeness: score,
            }}
          >
            <dt>{t('card.symptoms')}</dt>
            <dd>{complaint(recording.symptoms) || '–'}</dd>
            <dt>{t('new.purpose')}</dt>
            <dd>{fields.purpose || '–'}</dd>
            <dt>{t('new.summary')}</dt>
            <dd class="request-summary">{fields.summary || '–'}</dd>
          </Brief>
        </div>
      </Pane>
    </div>
  )
}

const chosen = ({ slot }: Fields): ChosenSlot | null =>
  slot === null ? null : { expert: slot.expert, at: slot.from_at, clinic: slot.clinic ?? null }

type SlotFieldProps = Readonly<{
  slot: Fields['slot']
  specialty: Fields['specialty']
  title: Fields['title']
  onChange: (slot: Slot | null) => void
}>

/** A free time of any expert who fits, of any institution: he is asked first, and his institution is the invited one. */
function SlotField(p: SlotFieldProps) {
  const [open, setOpen] = useState(false)
  if (p.slot !== null)
    return (
      <p class="row f13" data-testid="slot-chosen">
        <b>{planning('slots.chosen', { when: whenWords(p.slot.from_at), name: p.slot.name })}</b>
        <span class="muted">{planning('slots.told')}</span>
        <Button onClick={() => p.onChange(null)}>{planning('slots.undo')}</Button>
      </p>
    )
  return (
    <div class="slots">
      <div>
        <Button onClick={() => setOpen(!open)}>{planning(open ? 'plan.close' : 'plan.choose')}</Button>
      </div>
      {open && (
        <SlotPicker
          specialty={p.specialty}
          title={p.title}
          none={planning('slots.none.hours')}
          onChoose={slot => {
            setOpen(false)
            p.onChange(slot)
          }}
        />
      )}
    </div>
  )
}

type Gap = Readonly<{ field: string; words: string; is: boolean }>

/** A click on what is missing puts the cursor there; the page's address stays. */
function toField(e: Event, name: string): void {
  e.preventDefault()
  document.querySelector<HTMLElement>(`.request-form [name="${name}"]`)?.focus()
}

const TITLES: readonly Fields['title'][] = ['any', 'attending', 'associate_chief', 'chief']
const DISEASES: readonly Fields['disease'][] = [
  'chest_pain',
  'arrhythmia',
  'syncope',
  'heart_failure',
  'stroke',
  'child',
  'other',
]

function Choose<T extends string>(p: {
  label: string
  name: string
  value: T
  of: readonly T[]
  words: (one: T) => string
  onChange: (one: T) => void
}) {
  return (
    <FieldRow label={p.label}>
      {id => (
        <select id={id} name={p.name} value={p.value} onChange={e => p.onChange(e.currentTarget.value as T)}>
          {p.of.map(one => (
            <option key={one} value={one}>
              {p.words(one)}
            </option>
          ))}
        </select>
      )}
    </FieldRow>
  )
}
