// The start of a shift: play the three alarm sounds, ask whether they were heard, tell the hub. The click that plays is
// also the one that lets the browser sound at all.
import { useState } from 'preact/hooks'
import { api } from '../api/client'
import { clockTime } from '../app/clock'
import { t } from '../i18n/alerts'
import { Button, ErrorLine, Pane, Severity } from '../ui'
import { playOnce, sound, unlockSound } from './player'
import type { AlarmPriority } from './pulses'
import { onDuty, refresh } from './store'
import './alerts.css'

const ROWS = [
  { priority: 'high', is: 'critical', words: 'duty.high' },
  { priority: 'medium', is: 'urgent', words: 'duty.medium' },
  { priority: 'low', is: 'soon', words: 'duty.low' },
] as const

type Step = { kind: 'listen' } | { kind: 'unheard' } | { kind: 'on'; since: number }

export default function Duty() {
  const [step, setStep] = useState<Step>({ kind: 'listen' })
  const [played, setPlayed] = useState<ReadonlySet<AlarmPriority>>(new Set())
  const [error, setError] = useState<unknown>(null)
  const play = async (priority: AlarmPriority): Promise<void> => {
    if (await unlockSound()) playOnce(priority)
    setPlayed(new Set(played).add(priority))
  }
  const begin = (): void => {
    setError(null)
    api.post('/api/duty/start', {}).then(() => {
      setStep({ kind: 'on', since: Date.now() })
      void refresh()
    }, setError)
  }
  return (
    <div class="duty">
      <Pane title={t('duty.title')}>
        <div class="duty-body" data-testid="duty" data-sound={sound.value}>
          <p>{t('duty.told')}</p>
          <p class="muted">{t(onDuty.value ? 'duty.rota.on' : 'duty.rota.off')}</p>
          <ul class="duty-sounds">
            {ROWS.map(row => (
              <li key={row.priority}>
                <Severity is={row.is} words={t(row.words)} />
                <span class="grow" />
                <Button size="large" icon="bell" onClick={() => void play(row.priority)}>
                  {t('duty.play')}
                </Button>
              </li>
            ))}
          </ul>
          {sound.value === 'silent' && <p class="duty-told">{t('duty.none')}</p>}
          {sound.value === 'waiting' && <p class="duty-told">{t('duty.blocked')}</p>}
          {step.kind === 'unheard' && <p class="duty-told">{t('duty.no.told')}</p>}
          {error !== null && <ErrorLine error={error} retry={begin} />}
          {step.kind === 'on' ? (
            <p class="duty-on" role="status">
              {t('duty.on', { time: clockTime(step.since) })}
            </p>
          ) : (
            <fieldset class="duty-ask">
              <legend>{t('duty.heard')}</legend>
              <Button size="large" onClick={() => setStep({ kind: 'unheard' })}>
                {t('duty.no')}
              </Button>
              <Button
                size="large"
                kind="primary"
                disabled={!played.has('high') || sound.value !== 'ready'}
                why={t('duty.blocked')}
                onClick={begin}
              >
                {t('duty.yes')}
              </Button>
            </fieldset>
          )}
        </div>
      </Pane>
    </div>
  )
}
