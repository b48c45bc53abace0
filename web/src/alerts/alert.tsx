// One critical value, phone first: what, whom, where, the three leads that show it, then the act. Same page on a PC, with
// traces at the left and the act at the right. Which act shows follows the alert's state as the hub tells it.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Alert, Recording } from '../api/types.gen'
import { clockTime, now, wait } from '../app/clock'
import { useKeys } from '../app/keys'
import { go } from '../app/router'
import type { ScreenProps } from '../app/routes'
import { complaint, personName, sexAge } from '../clinic/case'
import { grantOrgs, isMe, may } from '../clinic/me'
import { t } from '../i18n/alerts'
import { isOffline, subscribe } from '../live/live'
import type { LiveEvent } from '../live/protocol'
import { Empty, ErrorLine, Icon, Measured, Severity, Skeleton } from '../ui'
import { command, undelivered } from './act'
import { After, RefuteForm } from './after'
import { Evidence } from './evidence'
import { isEnded, isRinging, ladderOf, unanswered_s } from './ladder'
import { isPhone } from './phone'
import { ReadBackPanel } from './readback'
import { known, refreshOne } from './store'
import { finding, ladderWords, stateWords } from './words'
import './alerts.css'

type Loaded = { kind: 'waiting' } | { kind: 'here' } | { kind: 'failed'; error: unknown }

export default function AlertScreen({ params, query }: ScreenProps) {
  const id = params.id ?? ''
  const alert = known.value.get(id)
  const [loaded, setLoaded] = useState<Loaded>(alert === undefined ? { kind: 'waiting' } : { kind: 'here' })
  const load = (): void => {
    refreshOne(id).then(
      () => setLoaded({ kind: 'here' }),
      (error: unknown) => setLoaded({ kind: 'failed', error }),
    )
  }
  useEffect(load, [id])
  if (alert === undefined) {
    if (loaded.kind === 'failed') return <NoAlert error={loaded.error} retry={load} />
    return <Skeleton rows={12} />
  }
  return <Page alert={alert} takeNow={query.get('take') === '1'} />
}

const NoAlert = ({ error, retry }: { error: unknown; retry: () => void }) => (
  <Empty title={t('alert.none')}>
    <ErrorLine error={error} retry={retry} />
  </Empty>
)

function Page({ alert, takeNow }: { alert: Alert; takeNow: boolean }) {
  const can = (event: string): boolean => alert.events.includes(event)
  const [taking, setTaking] = useState(takeNow && can('read_back'))
  const [twelve, setTwelve] = useState(false)
  const recording = useRecordingOf(alert.recording)
  const ringing = isRinging(alert)
  const phone = isPhone.value
  useEffect(() => {
    if (can('see') && alert.state !== 'seen') void command(alert.id, 'seen', {}).catch(() => undefined)
  }, [alert.id])
  useEffect(() => {
    if (!can('read_back')) setTaking(false)
  }, [alert.state])
  useEffect(() => {
    if (takeNow && can('read_back')) setTaking(true)
  }, [takeNow])
  useKeys('alert', [
    {
      id: 'alarm.answer',
      chord: 'F2',
      words: () => t('alert.take'),
      hint: can('read_back'),
      act: () => can('read_back') && setTaking(true),
    },
    { id: 'alert.twelve', chord: 'Digit0', words: () => t('alert.see12.act'), act: () => setTwelve(!twelve) },
    {
      id: 'alert.back',
      chord: 'Escape',
      words: () => t('alert.back'),
      hint: true,
      act: () => (twelve ? setTwelve(false) : history.length > 1 ? history.back() : go('/alerts')),
    },
  ])
  return (
    <div
      class={`alertpage${taking ? ' is-taking' : ''}${ringing ? ' is-ringing' : ''}`}
      data-testid="alert-page"
      data-state={alert.state}
    >
      <Header alert={alert} />
      <Who alert={alert} recording={recording} />
      <div class="alert-traces" data-testid="alert-traces">
        <Evidence alert={alert} recording={recording} twelve={twelve} phone={phone} one={taking && phone} />
        {!(recording?.glance != null) && (
          <button type="button" class="alert-twelve" onClick={() => setTwelve(!twelve)}>
            {twelve ? t('alert.traces') : t('alert.see12')}
          </button>
        )}
      </div>
      <div class="alert-side">
        <Undelivered alert={alert} />
        {taking ? (
          <ReadBackPanel alert={alert} onClose={() => setTaking(false)} />
        ) : ringing ? (
          <Answer alert={alert} onTake={() => setTaking(true)} />
        ) : (
          <After alert={alert} onTwelve={() => setTwelve(!twelve)} />
        )}
        {!phone && <Pages alert={alert} />}
      </div>
    </div>
  )
}

function Header({ alert }: { alert: Alert }) {
  const ringing = isRinging(alert)
  return (
    <header class={`alert-head${ringing ? '' : ' is-quiet'}`}>
      <div class="alert-head-line">
        <Severity is="critical" words={t('alert.priority')} />
        {ringing && <span aria-hidden="true">!!!</span>}
        <span class="grow" />
        {ringing ? (
          <span class="alert-wait">
            {t(alert.state === 'expired' ? 'alert.expired' : 'alert.unanswered')}{' '}
            <b role="timer" aria-live="off">
              {wait(unanswered_s(alert, now.value))}
            </b>
          </span>
        ) : (
          <span class="alert-wait" data-testid="alert-state">
            {whoHasIt(alert)}
          </span>
        )}
      </div>
      <h1>{finding(alert)}</h1>
      <p class="alert-sure">
        {alert.confirmed_by_name === null
          ? t('alert.auto')
          : t('alert.confirmed', {
              name: alert.confirmed_by_name,
              time: alert.confirmed_at === null ? '–' : clockTime(alert.confirmed_at),
            })}
      </p>
    </header>
  )
}

function whoHasIt(a: Alert): string {
  if (a.state === 'acting') return t('alert.acting')
  if (isEnded(a)) return stateWords(a.state)
  return t('alert.taken', { name: a.acknowledged_name ?? '–' })
}

/** Kept current: a critical first glance rings before the ECG is here. */
function useRecordingOf(id: string): Recording | null {
  const [recording, setRecording] = useState<Recording | null>(null)
  useEffect(() => {
    let left = false
    const load = (): void => {
      api.get<Recording>(`/api/recordings/${encodeURIComponent(id)}`).then(
        r => !left && setRecording(r),
        () => undefined, // the numbers stay dashes; the alert stands without them
      )
    }
    load()
    const event = (e: LiveEvent): void => {
      if (e.topic === 'recording' && e.subject === id) load()
    }
    const stops = grantOrgs.peek().map(org => subscribe(`org:${org}`, null, { event, ready: () => undefined }))
    return () => {
      left = true
      for (const stop of stops) stop()
    }
  }, [id])
  return recording?.id === id ? recording : null
}

function Who({ alert, recording }: { alert: Alert; recording: Recording | null }) {
  const m = recording?.machine ?? null
  const ahead = m === null ? (recording?.glance?.rate_bpm ?? null) : null // until the whole ECG is here
  return (
    <section class="alert-who">
      <div class="alert-person">
        <div class="row">
          <span class="name f20 ell">{personName(alert.patient)}</span>
          <span class="alert-age">{sexAge(alert.patient)}</span>
          <span class="grow" />
          <span class="dim f13">{clockTime(alert.raised_at)}</span>
        </div>
        <p class="alert-complaint">{complaint(alert.symptoms)}</p>
        <p class="muted f13 ell">
          {alert.org_name}
          {alert.org_phone !== '' && ` · ${alert.org_phone}`}
        </p>
      </div>
      <dl class="alert-vitals">
        <Vital words={t('alert.rate')} value={m?.vent_rate_bpm ?? ahead} unit={t('alert.rate.unit')} />
        <Vital words="PR" value={m?.pr_ms ?? null} unit="ms" />
        <Vital words="QRS" value={m?.qrs_ms ?? null} unit="ms" />
        <Vital words="QTc" value={m?.qtc_ms ?? null} unit="ms" />
      </dl>
    </section>
  )
}

const Vital = ({ words, value, unit }: { words: string; value: number | null; unit: string }) => (
  <div>
    <dt>{words}</dt>
    <dd>
      <b>
        <Measured value={value === null ? null : Math.round(value)} />
      </b>
      {value !== null && <small> {unit}</small>}
    </dd>
  </div>
)

function Answer({ alert, onTake }: { alert: Alert; onTake: () => void }) {
  const [error, setError] = useState<unknown>(null)
  const [refuting, setRefuting] = useState(false)
  const can = (event: string): boolean => alert.events.includes(event)
  const pass = (): void => {
    setError(null)
    command(alert.id, 'pass-on', {}).catch(setError)
  }
  return (
    <div class="alert-acts">
      {can('read_back') && (
        <button type="button" class="btn btn-primary alert-take" data-testid="take" onClick={onTake}>
          <span>
            {t('alert.take')} <kbd aria-hidden="true">F2</kbd>
          </span>
          <small>{t('alert.take.told')}</small>
        </button>
      )}
      <div class="alert-two">
        {alert.org_phone !== '' && (
          <a class="btn btn-plain alert-half" href={`tel:${alert.org_phone}`}>
            <Icon name="phone" />
            {t('alert.call')}
          </a>
        )}
        {!can('read_back') && may('consult.request') && (
          <a
            class="btn btn-primary alert-half"
            data-testid="alert-consult"
            href={`/consult/new?recording=${alert.recording}&alert=${alert.id}`}
          >
            <Icon name="people" />
            {t('do.consult')}
          </a>
        )}
        {can('pass_on') && (
          <button type="button" class="btn btn-plain alert-half" data-testid="pass-on" onClick={pass}>
            {t('alert.pass')}
          </button>
        )}
      </div>
      {error !== null && <ErrorLine error={error} retry={pass} />}
      <div class="alert-next">
        <span data-testid="ladder">{ladderWords(ladderOf(alert, now.value))}</span>
        {can('refute') && !refuting && (
          <button type="button" class="linkish alert-refute" onClick={() => setRefuting(true)}>
            {t('do.refute')}
          </button>
        )}
      </div>
      {refuting && <RefuteForm alert={alert} onDone={() => setRefuting(false)} />}
    </div>
  )
}

function Undelivered({ alert }: { alert: Alert }) {
  const waits = undelivered.value?.alert === alert.id
  if (!waits && !(isOffline.value && isRinging(alert))) return null
  return (
    <p class="alert-undelivered" role="status" data-testid="undelivered">
      {alert.org_phone === '' ? (
        t('alert.offline.nophone')
      ) : (
        <a href={`tel:${alert.org_phone}`}>{t('alert.offline', { phone: alert.org_phone })}</a>
      )}
    </p>
  )
}

const CHANNELS = {
  page: 'channel.page',
  second: 'channel.second',
  sms: 'channel.sms',
  voice: 'channel.voice',
  desk: 'channel.desk',
} as const
const isChannel = (c: string): c is keyof typeof CHANNELS => c in CHANNELS

function Pages({ alert }: { alert: Alert }) {
  if (alert.pages.length === 0) return null
  return (
    <section class="alert-pages">
      <h2>{t('pages.title')}</h2>
      <ul>
        {alert.pages.map(p => (
          <li key={`${p.account} ${p.step} ${p.channel}`}>
            <b class={isMe(p.account) ? 'alert-me' : ''}>{p.name}</b>{' '}
            <span class="muted">
              {t('page.line', { step: p.step + 1, channel: isChannel(p.channel) ? t(CHANNELS[p.channel]) : p.channel })}
            </span>
            <span class="dim">
              {p.seen_at !== null
                ? t('page.seen', { time: clockTime(p.seen_at) })
                : p.delivered_at !== null
                  ? t('page.delivered', { time: clockTime(p.delivered_at) })
                  : t('page.sent', { time: clockTime(p.sent_at) })}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
