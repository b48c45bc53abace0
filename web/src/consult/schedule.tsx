// The time of a consultation: shown to both sides, set and moved by the expert who accepted.
import { useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Consult } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { t } from '../i18n/case'
import { t as words } from '../i18n/consult'
import { Button, ErrorLine, FieldRow } from '../ui'

const minute = (at: string): string => clockTime(at).slice(0, 5)
/** As the field takes it: local time. */
const local = (at: string): string => `${day(at)}T${minute(at)}`

export function Scheduled({ of: c }: { of: Consult }) {
  if (c.scheduled_at === null || (c.state !== 'scheduled' && c.state !== 'no_show')) return null
  const at = { day: day(c.scheduled_at), time: minute(c.scheduled_at) }
  return (
    <p class="consult-reason" data-testid="scheduled">
      {c.state === 'no_show' ? t('schedule.missed', at) : t('schedule.at', at)}
    </p>
  )
}

export function SetTime({ consult: c, onChange }: { consult: Consult; onChange: (c: Consult) => void }) {
  const [open, setOpen] = useState(false)
  const wanted = c.scheduled_at ?? c.wanted_at
  const [at, setAt] = useState(wanted === null ? '' : local(wanted))
  const [missing, setMissing] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const send = async (): Promise<void> => {
    setMissing(at === '')
    if (at === '') return
    setError(null)
    try {
      const path = `/api/consults/${encodeURIComponent(c.id)}/schedule`
      const next = await api.post<Consult>(path, { at: new Date(at).toISOString() })
      setOpen(false)
      onChange(next)
    } catch (e) {
      setError(e)
    }
  }
  if (!open)
    return (
      <Button onClick={() => setOpen(true)}>{t(c.state === 'scheduled' ? 'schedule.move' : 'schedule.set')}</Button>
    )
  return (
    <form
      class="consult-mend"
      data-testid="schedule-form"
      onSubmit={e => {
        e.preventDefault()
        void send()
      }}
    >
      <FieldRow label={t('schedule')} error={missing ? t('schedule.missing') : null}>
        {(id, by) => (
          <input
            id={id}
            type="datetime-local"
            name="at"
            aria-describedby={by}
            value={at}
            onInput={e => setAt(e.currentTarget.value)}
          />
        )}
      </FieldRow>
      {error !== null && <ErrorLine error={error} />}
      <div class="row">
        <Button onClick={() => setOpen(false)}>{words('one.back')}</Button>
        <Button kind="primary" submit>
          {t('schedule.set')}
        </Button>
      </div>
    </form>
  )
}
