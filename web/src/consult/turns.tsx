// Whom a request has reached, why him, and what came of it; and the specialties in which this person answers.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Consult, Skills } from '../api/types.gen'
import { clockTime } from '../app/clock'
import { t } from '../i18n/case'
import { listed } from '../i18n/catalogue'
import { ErrorLine, Tag } from '../ui'

type Turn = Consult['turns'][number]

function outcome(turn: Turn): string {
  switch (turn.outcome) {
    case 'waiting':
      return t('turn.waiting', { time: clockTime(turn.due_at).slice(0, 5) })
    case 'declined':
      return t('turn.declined', { why: turn.reason })
    default:
      return t(`turn.${turn.outcome}`)
  }
}

export const Turns = ({ of: c }: { of: Consult }) => (
  <ol class="turns" aria-label={t('turns')} data-testid="turns">
    {c.turns.map(turn => (
      <li key={`${turn.account} ${turn.asked_at}`} data-outcome={turn.outcome}>
        <b>{turn.name}</b> <span>{outcome(turn)}</span>
        {turn.why.length > 0 && (
          <span class="dim f12"> {t('turn.why', { why: listed(turn.why.map(one => t(`why.${one}`))) })}</span>
        )}
      </li>
    ))}
    {c.unanswered && (
      <li>
        <Tag tone="accent">{t('unanswered')}</Tag>
      </li>
    )}
  </ol>
)

export const SPECIALTIES: readonly Consult['specialty'][] = [
  'cardiology',
  'emergency',
  'critical_care',
  'neurology',
  'neurosurgery',
  'respiratory',
  'endocrine',
  'paediatrics',
  'obstetrics',
  'general',
]

/** Kept with each tick: there is nothing to send. */
export function MySkills() {
  const [mine, setMine] = useState<readonly Consult['specialty'][] | null>(null)
  const [kept, setKept] = useState(false)
  const [error, setError] = useState<unknown>(null)
  useEffect(() => {
    api.get<Skills>('/api/consult/skills').then(s => setMine(s.specialties), setError)
  }, [])
  const tick = async (one: Consult['specialty'], on: boolean): Promise<void> => {
    const next = on ? [...(mine ?? []), one] : (mine ?? []).filter(other => other !== one)
    setError(null)
    try {
      setMine((await api.put<Skills>('/api/consult/skills', { specialties: next })).specialties)
      setKept(true)
    } catch (e) {
      setError(e)
    }
  }
  return (
    <details class="skills" data-testid="skills">
      <summary>{t('skills')}</summary>
      {error !== null && <ErrorLine error={error} />}
      <div class="request-consent">
        {mine !== null &&
          SPECIALTIES.map(one => (
            <label key={one}>
              <input
                type="checkbox"
                name={one}
                checked={mine.includes(one)}
                onChange={e => void tick(one, e.currentTarget.checked)}
              />
              {t(`specialty.${one}`)}
            </label>
          ))}
      </div>
      <p class="dim f12" role="status">
        {mine?.length === 0 ? t('skills.none') : kept ? t('skills.kept') : ''}
      </p>
    </details>
  )
}
