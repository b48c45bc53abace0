// The alarm banner: on every screen, above everything, pushing the layout. One alarm at a time, the oldest unanswered
// first; what is taken shrinks to a chip until it is closed. One live region says it to screen readers, once.
import { useEffect } from 'preact/hooks'
import type { Alert } from '../api/types.gen'
import { now, wait } from '../app/clock'
import { useKeys } from '../app/keys'
import { go, path } from '../app/router'
import { personName, sexAge } from '../clinic/case'
import { isMe, may } from '../clinic/me'
import { t } from '../i18n/alerts'
import { t as app } from '../i18n/app'
import { language } from '../i18n/catalogue'
import { Button, Icon, Severity } from '../ui'
import './alerts.css'
import { ringFor, unanswered_s } from './ladder'
import { sound, unlockSound } from './player'
import { mute, muteLeft_s, onDuty, openAlerts, ringingAlerts } from './store'
import { finding } from './words'

const CHIPS_MAX = 3

export function AlarmBanner() {
  const ringing = ringingAlerts.value
  const shown = ringing.filter(a => path.value !== `/alert/${a.id}`)
  const first = shown[0]
  const oldest = ringing[0]
  useKeys('alarm', [
    {
      id: 'alarm.answer',
      chord: 'F2',
      words: () => t('key.answer'),
      hint: oldest !== undefined && !path.value.startsWith('/alert/'),
      act: () => answer(oldest),
    },
  ])
  useEffect(() => {
    document.title = oldest === undefined ? app('name') : `▲ ${t('title.alarm', { who: personName(oldest.patient) })}`
  }, [oldest?.id, oldest?.patient.name])

  return (
    <section class="alarms" aria-label={t('banner.region')} data-testid="alarms">
      <p class="vh" role="alert">
        {oldest !== undefined &&
          `${t('banner.critical')} ${t('banner.line', { who: personName(oldest.patient), what: finding(oldest) })}`}
      </p>
      {first !== undefined && <Ringing alert={first} more={shown.length - 1} />}
      <Chips />
    </section>
  )
}

/** F2: opens the alert with its read-back for who may take it, else just opens it. On its own page the page listens. */
function answer(alert: Alert | undefined): void {
  if (alert === undefined) return
  go(`/alert/${alert.id}${alert.events.includes('read_back') ? '?take=1' : ''}`)
}

function Ringing({ alert, more }: { alert: Alert; more: number }) {
  const mine = alert.events.includes('read_back')
  const rings = ringFor(alert, '', onDuty.value) !== 'none'
  // On the page of another alert that one is being answered: this one waits in one quiet line.
  const slim = path.value.startsWith('/alert/')
  return (
    <div class={`alarm${slim ? ' is-slim' : ''}`} data-testid="alarm-banner" data-alert={alert.id}>
      <span class="alarm-sev">
        <Severity is="critical" words={t('banner.critical')} />
      </span>
      <a class="alarm-what ell" href={`/alert/${alert.id}`}>
        <b class="name">{personName(alert.patient)}</b> {sexAge(alert.patient)}
        {language.value === 'zh' ? '：' : ': '}
        <b>{finding(alert)}</b>
        <span class="alarm-org"> · {alert.org_name}</span>
      </a>
      {more > 0 && (
        <a class="alarm-more" href="/alerts" title={t('banner.more', { n: more })}>
          +{more}
        </a>
      )}
      <span class="grow" />
      <span class="alarm-wait" role="timer" aria-live="off">
        {t('banner.unanswered')} <b>{wait(unanswered_s(alert, now.value))}</b>
      </span>
      {rings && !slim && may('alert.answer') && <Silence />}
      <span class="alarm-take" data-testid="alarm-take">
        {slim ? (
          <Button onClick={() => go(`/alert/${alert.id}`)}>{t('banner.open')}</Button>
        ) : (
          <Button chord="F2" onClick={() => answer(alert)}>
            {t(mine ? 'banner.take' : 'banner.open')}
          </Button>
        )}
      </span>
    </div>
  )
}

function Silence() {
  if (sound.value === 'silent') return <span class="alarm-mute">{t('banner.nosound')}</span>
  if (sound.value === 'waiting')
    return (
      <Button kind="quiet" icon="bell" onClick={() => void unlockSound()}>
        {t('banner.unlock')}
      </Button>
    )
  if (muteLeft_s.value > 0) return <span class="alarm-mute">{t('banner.muted', { left: wait(muteLeft_s.value) })}</span>
  return (
    <Button kind="quiet" icon="bell" onClick={mute}>
      {t('banner.mute')}
    </Button>
  )
}

function Chips() {
  const taken = openAlerts.value.filter(a => a.state === 'acknowledged' || a.state === 'acting')
  const shown = taken.filter(a => path.value !== `/alert/${a.id}`)
  // On an alert's own page the room belongs to that alert; the list shows the others.
  if (shown.length === 0 || path.value.startsWith('/alert/')) return null
  return (
    <ul class="alarm-chips" data-testid="alarm-chips">
      {shown.slice(0, CHIPS_MAX).map(a => (
        <li key={a.id}>
          <a class="alarm-chip" href={`/alert/${a.id}`}>
            <Icon name="check" size={14} />
            {isMe(a.acknowledged_by)
              ? t('chip.mine', { who: personName(a.patient) })
              : t('chip.taken', { name: a.acknowledged_name ?? '–', who: personName(a.patient) })}
            <span class="dim">{t(a.state === 'acting' ? 'chip.close' : 'chip.callback')}</span>
          </a>
        </li>
      ))}
      {shown.length > CHIPS_MAX && (
        <li>
          <a class="alarm-chip" href="/alerts">
            +{shown.length - CHIPS_MAX}
          </a>
        </li>
      )}
    </ul>
  )
}
