// One acquisition from the request form to the reading centre: waits for the device, shows the twelve leads as they
// come, then says in words whether the recording is good. `?order=` before the device has answered, `?recording=` after.
import { useEffect } from 'preact/hooks'
import type { Order, Recording } from '../api/types.gen'
import { useKeys } from '../app/keys'
import { go } from '../app/router'
import type { ScreenProps } from '../app/routes'
import { EcgSweep } from '../ecg'
import { t } from '../i18n/clinic'
import { t as files } from '../i18n/files'
import { Button, Empty, Icon, Tag } from '../ui'
import { complaint, loadFindingNames, personName, sexAge } from './case'
import { DeviceState } from './devices'
import { HandOver } from './handover'
import { leadRanges } from './leads'
import { may, ownOrg } from './me'
import { Ecg } from './recording'
import { devices, follow, orders, recordings } from './store'
import { useStream } from './stream'
import './clinic.css'

const TEN_S = 10

export default function Acquire({ query }: ScreenProps) {
  const org = ownOrg.value
  useEffect(() => {
    loadFindingNames()
    return org === null ? undefined : follow(org)
  }, [org])
  const order = orders.value.find(o => o.id === query.get('order')) ?? null
  const id = query.get('recording') ?? order?.recording ?? null
  const recording = id === null ? null : (recordings.value.get(id) ?? null)
  const live = id !== null && (recording === null || recording.state === 'receiving')
  const { stream, samples } = useStream(live ? id : null)
  useKeys('acquire', [
    { id: 'acquire.back', chord: 'Escape', words: () => t('act.back'), hint: true, act: () => go('/clinic') },
    {
      id: 'acquire.see',
      chord: 'Enter',
      words: () => t('acquire.see'),
      hint: recording !== null && !live,
      act: () => id !== null && !live && go(`/recording/${id}`),
    },
  ])
  return (
    <div class="acq" data-testid="acquire-page" data-state={recording?.state ?? 'waiting'}>
      <Header recording={recording} order={order} />
      <div class="acq-live">
        {live && stream !== null ? (
          <EcgSweep playOut={stream.playOut} leads={stream.leads} columns={2} pxPerMm={3} />
        ) : (
          <Waiting recording={recording} order={order} />
        )}
      </div>
      <Side recording={recording} order={order} />
      <Bar recording={recording} seconds={stream === null ? 0 : samples / stream.fs} live={live} />
    </div>
  )
}

function Header({ recording, order }: { recording: Recording | null; order: Order | null }) {
  const patient = (recording ?? order)?.patient
  return (
    <header class="case-head">
      <Button icon="left" label={t('act.back')} onClick={() => go('/clinic')} />
      {patient !== undefined && (
        <>
          <b class="name f20 ell">{personName(patient)}</b>
          <span>{sexAge(patient)}</span>
          {patient.id_no_masked !== '' && <span class="muted case-idno">{patient.id_no_masked}</span>}
        </>
      )}
      {(recording ?? order)?.urgency === 'emergency' && <Tag tone="accent">{t('order.emergency')}</Tag>}
      <span class="grow" />
      {recording !== null && recording.device_model !== '' && (
        <span class="muted f13 case-device">{t('acquire.device', { name: recording.device_model })}</span>
      )}
    </header>
  )
}

/** Nothing has come yet; or it is complete, and then it is shown. */
function Waiting({ recording, order }: { recording: Recording | null; order: Order | null }) {
  if (recording === null)
    return (
      <Empty title={t('acquire.waiting')} next={t('acquire.waiting.next')}>
        {order !== null && may('recording.order') && <HandOver org={order.org} order={order.id} />}
      </Empty>
    )
  if (recording.state === 'receiving' && recording.file === '' && recording.glance === null)
    return <Empty title={t('acquire.waiting')} next={t('acquire.waiting.next')} />
  return <Ecg key={recording.id} recording={recording} />
}

/** Quality in words, while the patient still lies there. */
function verdict(r: Recording): string {
  const m = r.machine
  if (m === null) return t('quality.waiting')
  if (m.bad_leads.length > 0) return t('acquire.fix', { leads: leadRanges(m.bad_leads) })
  if (!m.acceptable) return t('quality.poor')
  return t('quality.good', { n: r.leads.length })
}

function Side({ recording, order }: { recording: Recording | null; order: Order | null }) {
  const box = devices.value.find(d => d.id === (recording?.device ?? order?.device))
  const isFile = box === undefined && recording !== null && recording.file !== ''
  const symptoms = (recording ?? order)?.symptoms ?? []
  const bad = new Set(recording?.machine?.bad_leads ?? [])
  return (
    <aside class="acq-side">
      <section>
        <h3>{isFile ? files('file') : t('order.device')}</h3>
        <p class="row">
          <Icon name="logo" />
          {box !== undefined ? `${box.model} ${box.id}` : isFile ? recording.file : t('order.device.any')}
          <span class="grow" />
          {box !== undefined && <DeviceState state={box.state} />}
        </p>
      </section>
      <section>
        <h3>{t('order.symptoms')}</h3>
        <p>{complaint(symptoms) || '–'}</p>
      </section>
      {recording !== null && recording.leads.length > 0 && (
        <section>
          <h3>{t('acquire.contact')}</h3>
          <ul class="acq-leads">
            {recording.leads.map(lead => (
              <li key={lead} class={recording.machine === null ? 'is-unknown' : bad.has(lead) ? 'is-bad' : ''}>
                {lead}
                {recording.machine !== null && <Icon name={bad.has(lead) ? 'cross' : 'check'} size={12} />}
              </li>
            ))}
          </ul>
          <p class={bad.size > 0 || recording.machine?.acceptable === false ? 'acq-bad' : 'muted f13'}>
            {verdict(recording)}
          </p>
        </section>
      )}
    </aside>
  )
}

function Bar({ recording, seconds, live }: { recording: Recording | null; seconds: number; live: boolean }) {
  const whole = recording !== null && !live
  const of = recording !== null && recording.samples > 0 && recording.fs > 0 ? recording.samples / recording.fs : TEN_S
  const at = whole ? of : Math.min(seconds, of)
  return (
    <footer class="acq-bar">
      <progress class="acq-progress" max={of} value={at} aria-label={t('acquire.progress', { s: at.toFixed(1), of })} />
      <span>
        {recording === null
          ? t('acquire.waiting')
          : whole
            ? t(recording.machine === null ? 'acquire.done' : 'acquire.analysed')
            : recording.file !== ''
              ? t('say.reading')
              : t('acquire.progress', { s: seconds.toFixed(1), of: Math.round(of) })}
      </span>
      <span class="grow" />
      {whole && (
        <Button kind="primary" size="large" chord="Enter" onClick={() => go(`/recording/${recording.id}`)}>
          {t('acquire.see')}
        </Button>
      )}
    </footer>
  )
}
