// Outcomes above the list of consultations: those that this person's side owes, and those told lately to its experts.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { FollowUp, FollowUps } from '../api/types.gen'
import { day } from '../app/clock'
import { t } from '../i18n/after'
import { t as consultWords } from '../i18n/clinic'
import { Tag } from '../ui'
import './after.css'

/** `version` changes when something happened to a consultation: asked again then. */
export function Outcomes({ version }: { version: number }) {
  const [rows, setRows] = useState<readonly FollowUp[]>([])
  useEffect(() => {
    api.get<FollowUps>('/api/consult/follow-ups').then(
      list => setRows(list.rows),
      () => undefined, // the list of consultations says what is wrong
    )
  }, [version])
  const owed = rows.filter(r => r.mine && r.outcome === null)
  const told = rows.filter(r => !r.mine && r.outcome !== null)
  if (owed.length === 0 && told.length === 0) return null
  return (
    <section class="followups" data-testid="followups">
      {owed.length > 0 && <h2>{t('due.title')}</h2>}
      <List rows={owed} />
      {told.length > 0 && <h2>{t('told.title')}</h2>}
      <List rows={told} />
    </section>
  )
}

const List = ({ rows }: { rows: readonly FollowUp[] }) => (
  <ul>
    {rows.map(r => (
      <li key={`${r.consult} ${r.day}`} class="row f13" data-testid="followup" data-overdue={r.overdue}>
        <a href={`/consult/${r.consult}`}>{r.patient_name || consultWords('name.pending')}</a>
        <span class="muted ell grow">{r.purpose}</span>
        <span>{t('outcome.day', { n: r.day })}</span>
        {r.outcome === null ? (
          <Tag tone={r.overdue ? 'accent' : 'plain'}>
            {t(r.overdue ? 'outcome.overdue' : 'outcome.due', { day: day(r.due_at) })}
          </Tag>
        ) : (
          <Tag>{t(`outcome.${r.outcome}`)}</Tag>
        )}
      </li>
    ))}
  </ul>
)
