// One recording for the place where the patient is: the ECG or its report, the signed conclusion, what the machine
// noticed (marked as such), opinions of consultations, what happened so far, the messages.
import { useEffect, useMemo, useState } from 'preact/hooks'
import { useSignalOf } from '../alerts/evidence'
import { isPhone } from '../alerts/phone'
import { openAlerts } from '../alerts/store'
import { finding } from '../alerts/words'
import { api } from '../api/client'
import type { Consult, Consults, MachineSummary, Recording } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { useKeys } from '../app/keys'
import { go, place } from '../app/router'
import type { ScreenProps } from '../app/routes'
import { Earlier, Filed, paperOf, Skeletal, standingOf } from '../consult/conclusion'
import { hasEnded, stateWords } from '../consult/words'
import { createViewer, EcgSheet, EcgTools, samplesOf, useViewerKeys, type Viewer } from '../ecg'
import { refusal } from '../files/known'
import { ClockMark, FileFacts, FileNotes, Glance, Refused } from '../files/marks'
import { t as alertWords } from '../i18n/alerts'
import { language, listed } from '../i18n/catalogue'
import { t } from '../i18n/clinic'
import { t as conclusionWords } from '../i18n/conclusion'
import { t as fileWords } from '../i18n/files'
import { t as imageWords } from '../i18n/images'
import { PatientImages } from '../images/list'
import { subscribe } from '../live/live'
import { Thread } from '../messages/thread'
import { AutoTag, Button, Empty, ErrorLine, Icon, Measured, Segmented, Severity, Skeleton, Tag } from '../ui'
import { complaint, findingName, loadFindingNames, personName, sexAge } from './case'
import { History } from './history'
import { IdentifyDialog } from './identify'
import { leadRanges } from './leads'
import { grantOrgs, may, me } from './me'
import { progressOf } from './progress'
import { sentence } from './words'
import './clinic.css'

type State = { kind: 'waiting' } | { kind: 'here'; value: Recording } | { kind: 'failed'; error: unknown }

/** One recording, its consultations, and a number that grows with each thing that happens to it. */
function useRecording(id: string): { state: State; consults: readonly Consult[]; version: number; reload: () => void } {
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const [consults, setConsults] = useState<readonly Consult[]>([])
  const [version, setVersion] = useState(0)
  const load = (): void => {
    api.get<Recording>(`/api/recordings/${encodeURIComponent(id)}`).then(
      value => setState({ kind: 'here', value }),
      (error: unknown) => setState(before => (before.kind === 'here' ? before : { kind: 'failed', error })),
    )
    api.get<Consults>(`/api/consults?open=false&recording=${encodeURIComponent(id)}`).then(
      list => setConsults(list.consults),
      () => undefined, // the opinions stay as they were
    )
    setVersion(v => v + 1)
  }
  useEffect(load, [id])
  useEffect(() => {
    const event = (e: { topic: string; subject: string; body: unknown }): void => {
      const about = typeof e.body === 'object' && e.body !== null && 'recording' in e.body ? e.body.recording : null
      if (e.subject === id || about === id) load()
    }
    const stops = grantOrgs.value.map(o => subscribe(`org:${o}`, null, { event, ready: load }))
    return () => {
      for (const stop of stops) stop()
    }
  }, [id, me.value?.id])
  return { state, consults, version, reload: load }
}

export default function RecordingScreen({ params, query }: ScreenProps) {
  const id = params.id ?? ''
  const { state, consults, version, reload } = useRecording(id)
  useEffect(loadFindingNames, [])
  switch (state.kind) {
    case 'waiting':
      return <Skeleton rows={12} />
    case 'failed':
      return (
        <div class="case-failed">
          <ErrorLine error={state.error} retry={reload} />
        </div>
      )
    case 'here':
      return (
        <Page
          recording={state.value}
          consults={consults}
          version={String(version)}
          show={shown(query.get('show'), state.value, consults)}
          reload={reload}
        />
      )
  }
}

type Show = 'ecg' | 'report' | 'conclusion'

const shown = (asked: string | null, r: Recording, consults: readonly Consult[]): Show =>
  asked === 'report' && r.report !== null
    ? 'report'
    : asked === 'conclusion' && filed(consults) !== null
      ? asked
      : 'ecg'

/** The paper of the consultation that was concluded last. */
function filed(consults: readonly Consult[]): string | null {
  const ended = consults
    .flatMap(c => {
      const standing = standingOf(c)
      return standing === null ? [] : [{ at: standing.countersigned_at ?? '', href: paperOf(c.id, standing.version) }]
    })
    .sort((a, b) => (a.at < b.at ? 1 : -1))
  return ended[0]?.href ?? null
}

function Page(p: {
  recording: Recording
  consults: readonly Consult[]
  version: string
  show: Show
  reload: () => void
}) {
  const r = p.recording
  const [naming, setNaming] = useState(false)
  const conclusion = filed(p.consults)
  const show = (what: Show): void => {
    const q = new URLSearchParams(place.value.query)
    if (what === 'ecg') q.delete('show')
    else q.set('show', what)
    go(`/recording/${r.id}${q.size === 0 ? '' : `?${q}`}`, { replace: true })
  }
  useKeys('recording', [
    { id: 'recording.back', chord: 'Escape', words: () => t('act.back'), hint: true, act: () => history.back() },
    {
      id: 'recording.report',
      chord: 'KeyR',
      words: () => t('key.report'),
      hint: r.report !== null,
      act: () => r.report !== null && show(p.show === 'report' ? 'ecg' : 'report'),
    },
    {
      id: 'recording.consult',
      chord: 'KeyC',
      words: () => t('key.consult'),
      hint: true,
      act: () => may('consult.request') && go(`/consult/new?recording=${r.id}`),
    },
  ])
  return (
    <div class="case" data-testid="recording-page" data-state={r.state}>
      <header class="case-head">
        <Button icon="left" label={t('act.back')} onClick={() => history.back()} />
        <b class="name f20 ell">{personName(r.patient)}</b>
        <span class="nw">{sexAge(r.patient)}</span>
        {r.patient.id_no_masked !== '' && <span class="muted case-idno">{r.patient.id_no_masked}</span>}
        <span class="muted f13 case-from ell">
          {t('rec.from', {
            org: r.org_name,
            time: `${day(r.started_at ?? r.opened_at)} ${clockTime(r.started_at ?? r.opened_at)}`,
          })}
          <ClockMark recording={r} />
        </span>
        <span class="grow" />
        {r.patient.identity === 'pending' && refusal(r) === null && may('recording.identify') && (
          <Button onClick={() => setNaming(true)}>{t('act.name')}</Button>
        )}
        {(r.report !== null || conclusion !== null) && (
          <Segmented<Show>
            label={t('rec.tab.label')}
            value={p.show}
            onChange={show}
            choices={[
              { value: 'ecg', words: t('rec.title') },
              ...(r.report === null ? [] : [{ value: 'report' as const, words: t('rec.pdf') }]),
              ...(conclusion === null ? [] : [{ value: 'conclusion' as const, words: conclusionWords('paper') }]),
            ]}
          />
        )}
        {may('consult.request') && (
          <Button icon="people" chord="KeyC" onClick={() => go(`/consult/new?recording=${r.id}`)}>
            {t('act.consult')}
          </Button>
        )}
      </header>
      <div class="case-stage">
        {p.show === 'report' && r.report !== null ? (
          <Paper
            href={`/api/reports/${encodeURIComponent(r.report)}/pdf?lang=${language.value}`}
            title={t('rec.pdf')}
            testid="report-pdf"
          />
        ) : p.show === 'conclusion' && conclusion !== null ? (
          <Paper href={conclusion} title={conclusionWords('paper')} testid="conclusion-pdf" />
        ) : (
          <Ecg recording={r} />
        )}
      </div>
      <aside class="case-side">
        <Standing recording={r} />
        <Conclusion recording={r} />
        <Machine machine={r.machine} />
        <Opinions consults={p.consults} reload={p.reload} />
        <section>
          <h3>{imageWords('title')}</h3>
          <PatientImages patient={r.patient.id} of={r.id} />
        </section>
        <section>
          <h3>{t('rec.history')}</h3>
          <History recording={r.id} version={p.version} />
        </section>
        <section class="case-thread">
          <div class="row">
            <h3>{t('rec.thread')}</h3>
            <span class="grow" />
            <a class="f13" href={`/messages/${encodeURIComponent(r.patient.id)}`} data-testid="patient-thread">
              {t('rec.thread.patient')}
            </a>
          </div>
          <Thread thread={r.id} />
        </section>
      </aside>
      {naming && <IdentifyDialog recording={r} onClose={() => setNaming(false)} onDone={p.reload} />}
    </div>
  )
}

/** What there is of the ECG: the stored signal, what came ahead of it, or why there is none. */
export function Ecg({ recording: r }: { recording: Recording }) {
  if (r.state === 'receiving') return <Coming recording={r} />
  if (refusal(r) !== null)
    return (
      <div class="case-paper">
        <Refused recording={r} />
        {r.glance !== null && <Glance glance={r.glance} width={isPhone.value ? STRIP_PHONE : STRIP} />}
      </div>
    )
  return <Stored recording={r} />
}

const STRIP = 720
const STRIP_PHONE = 320

function Coming({ recording: r }: { recording: Recording }) {
  if (r.glance !== null) return <Glance glance={r.glance} width={isPhone.value ? STRIP_PHONE : STRIP} />
  if (r.file !== '') return <Empty title={t('say.reading')} next={fileWords('coming.next')} />
  return (
    <Empty title={t('rec.signal.none')}>
      <Button onClick={() => go(`/acquire?recording=${r.id}`)}>{t('act.watch')}</Button>
    </Empty>
  )
}

/** The stored signal on paper, with its tools; also what acquisition shows once it is complete. */
function Stored({ recording }: { recording: Recording }) {
  const { state, retry } = useSignalOf(recording.id)
  const viewer = useMemo(() => createViewer(isPhone.value ? { layout: '12x1' } : {}), [recording.id])
  switch (state.kind) {
    case 'waiting':
      return <Skeleton rows={12} />
    case 'failed':
      return <ErrorLine error={state.error} sentence={t('rec.signal.none')} retry={retry} />
    case 'here':
      return (
        <>
          {!isPhone.value && <Tools viewer={viewer} fs={state.value.fs} samples={samplesOf(state.value)} />}
          <FileNotes recording={recording} />
          <div class="case-paper">
            <EcgSheet
              recording={state.value}
              viewer={viewer}
              derived={recording.derived}
              tall={isPhone.value}
              {...(isPhone.value ? { fitMm: 100 } : {})}
            />
          </div>
        </>
      )
  }
}

function Tools({ viewer, fs, samples }: { viewer: Viewer; fs: number; samples: number }) {
  const facts = useMemo(() => ({ fs, samples, findings: [], rPeaks: [] }), [fs, samples])
  useViewerKeys(viewer, facts)
  return <EcgTools viewer={viewer} facts={facts} />
}

type Fetched = { kind: 'waiting' } | { kind: 'here' } | { kind: 'failed'; error: unknown }

/** Asked for once by itself, so that a paper that cannot be had is said in words and not by the frame. */
function Paper({ href, title, testid }: { href: string; title: string; testid: string }) {
  const [state, setState] = useState<Fetched>({ kind: 'waiting' })
  const [tries, setTries] = useState(0)
  useEffect(() => {
    let left = false
    setState({ kind: 'waiting' })
    api.bytes(href).then(
      () => !left && setState({ kind: 'here' }),
      (error: unknown) => !left && setState({ kind: 'failed', error }),
    )
    return () => {
      left = true
    }
  }, [href, tries])
  if (state.kind === 'waiting') return <Skeleton rows={12} />
  if (state.kind === 'failed')
    return <ErrorLine error={state.error} sentence={t('rec.pdf.failed')} retry={() => setTries(tries + 1)} />
  return (
    <div class="case-pdf" data-testid={testid}>
      <iframe src={`${href}#navpanes=0&view=FitH`} title={title} />
      <a class="case-pdf-open" href={href} target="_blank" rel="noreferrer">
        {t('rec.pdf.open')}
      </a>
    </div>
  )
}

/** Where it stands, in one sentence; an open critical value first. */
function Standing({ recording: r }: { recording: Recording }) {
  const alert = openAlerts.value.find(a => a.recording === r.id) ?? null
  const row = { key: r.id, recording: r, order: null, at: r.opened_at, alert, consult: null }
  return (
    <section>
      {alert !== null && (
        <a class="case-alert" href={`/alert/${alert.id}`}>
          <Severity
            is="critical"
            words={alertWords('banner.line', { who: alertWords('alert.priority'), what: finding(alert) })}
          />
        </a>
      )}
      <p class="case-standing">
        {refusal(r) !== null
          ? fileWords(r.replaced_by === null ? 'refused' : 'replaced')
          : r.state === 'reported'
            ? t('say.reported')
            : sentence(progressOf(r), row)}
      </p>
      <dl class="kv">
        <dt>{t('order.symptoms')}</dt>
        <dd>{complaint(r.symptoms) || '–'}</dd>
        <dt>{t('order.device')}</dt>
        <dd>
          {r.device_model} <span class="dim">{r.device.startsWith('upload:') ? t('rec.handed') : r.device}</span>
        </dd>
        <FileFacts recording={r} />
      </dl>
    </section>
  )
}

function Conclusion({ recording: r }: { recording: Recording }) {
  return (
    <section>
      <h3>{t('rec.conclusion')}</h3>
      {r.impression.length === 0 ? (
        <p class="muted">{t('rec.conclusion.none')}</p>
      ) : (
        <>
          <ol class="case-impression">
            {r.impression.map(line => (
              <li key={line}>{line}</li>
            ))}
          </ol>
          {r.reader_name !== null && <p class="dim f12">{t('rec.by', { name: r.reader_name })}</p>}
        </>
      )}
    </section>
  )
}

/** Machine words in a dashed box of their own, outside any conclusion. */
function Machine({ machine: m }: { machine: MachineSummary | null }) {
  if (m === null) return null
  if (m.error !== null && m.error !== undefined)
    return (
      <section>
        <p class="muted f13">{t('rec.auto.failed')}</p>
      </section>
    )
  return (
    <section class="case-auto">
      <p class="row">
        <AutoTag />
        <span class="dim f12">{t('rec.auto.told')}</span>
      </p>
      <p>{m.findings.length === 0 ? t('rec.auto.none') : listed(m.findings.map(findingName))}</p>
      {m.bad_leads.length > 0 && <p>{t('leads.off', { leads: leadRanges(m.bad_leads) })}</p>}
      <dl class="case-nums">
        <Num words={t('num.rate')} value={m.vent_rate_bpm} unit={t('num.rate.unit')} />
        <Num words="PR" value={m.pr_ms} unit="ms" />
        <Num words="QRS" value={m.qrs_ms} unit="ms" />
        <Num words="QTc" value={m.qtc_ms} unit="ms" />
      </dl>
    </section>
  )
}

const Num = ({ words, value, unit }: { words: string; value: number | null; unit: string }) => (
  <div>
    <dt>{words}</dt>
    <dd>
      <Measured value={value === null ? null : Math.round(value)} /> {value !== null && <small>{unit}</small>}
    </dd>
  </div>
)

function Opinions({ consults, reload }: { consults: readonly Consult[]; reload: () => void }) {
  if (consults.length === 0) return null
  return (
    <section>
      <h3>{t('rec.opinions')}</h3>
      <ul class="case-opinions">
        {consults.map(c => (
          <li key={c.id}>
            <a class="row" href={`/consult/${c.id}`}>
              <Icon name="people" />
              {c.invitee_org_name}
              <Tag tone={hasEnded(c.state) ? 'plain' : 'accent'}>{stateWords(c.state)}</Tag>
            </a>
            {c.conclusion !== null && (
              <>
                <Skeletal of={c.conclusion} />
                <p class="dim f12">
                  {c.conclusion.countersigned_name === null
                    ? t('rec.opinion.waiting', { name: c.conclusion.signed_name })
                    : t('rec.opinion.by', {
                        name: c.conclusion.signed_name,
                        counter: c.conclusion.countersigned_name,
                      })}
                </p>
                <Filed consult={c} of={c.conclusion} onChange={reload} />
                <Earlier consult={c} />
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}
