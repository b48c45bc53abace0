// Calling for help from within the room: whoever is on duty, or an expert by name; and what became of each call.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Consult, Expert, Experts, HelpCall, HelpCalls } from '../api/types.gen'
import { may } from '../clinic/me'
import { t } from '../i18n/case'
import { Button, ErrorLine, FieldRow } from '../ui'

const WORDS_MAX = 200

export function Help({ consult: c }: { consult: Consult }) {
  const [open, setOpen] = useState(false)
  const [calls, setCalls] = useState<readonly HelpCall[]>([])
  const [experts, setExperts] = useState<readonly Expert[]>([])
  const [account, setAccount] = useState('')
  const [words, setWords] = useState('')
  const [error, setError] = useState<unknown>(null)
  const path = `/api/consults/${encodeURIComponent(c.id)}/help`
  useEffect(() => {
    api.get<HelpCalls>(path).then(
      told => setCalls(told.calls),
      () => undefined, // the list of members says who is here
    )
  }, [c])
  if (!c.events.includes('help')) return null
  const show = (): void => {
    setOpen(true)
    // Only who may answer consultations sees all who do; others ring whoever is on duty.
    if (may('consult.answer')) api.get<Experts>('/api/consult/experts').then(all => setExperts(all.experts), setError)
  }
  const ring = (): void => {
    setError(null)
    api.post<HelpCalls>(path, { account, words: words.trim() }).then(told => {
      setCalls(told.calls)
      setOpen(false)
      setWords('')
    }, setError)
  }
  const label = (e: Expert): string => [e.name, e.title, e.org_name].filter(word => word !== '').join(' ')
  return (
    <div class="help" data-testid="help">
      {!open && (
        <Button icon="phone" onClick={show}>
          {t('help')}
        </Button>
      )}
      {open && (
        <form
          onSubmit={e => {
            e.preventDefault()
            ring()
          }}
        >
          <FieldRow label={t('help.whom')}>
            {id => (
              <select id={id} value={account} onChange={e => setAccount(e.currentTarget.value)}>
                <option value="">{t('help.duty')}</option>
                {experts.map(e => (
                  <option key={e.account} value={e.account}>
                    {label(e)}
                  </option>
                ))}
              </select>
            )}
          </FieldRow>
          <FieldRow label={t('help.words')}>
            {id => <input id={id} maxLength={WORDS_MAX} value={words} onInput={e => setWords(e.currentTarget.value)} />}
          </FieldRow>
          <div class="row">
            <Button submit kind="primary" icon="phone">
              {t('help.ring')}
            </Button>
            <Button onClick={() => setOpen(false)}>{t('help.no')}</Button>
          </div>
        </form>
      )}
      {error !== null && <ErrorLine error={error} />}
      {calls.length > 0 && (
        <ul class="f12 muted" role="status">
          {calls.map(call => (
            <li key={call.account} data-answer={call.answer}>
              {call.name} {t(`help.${call.answer}`)}
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
