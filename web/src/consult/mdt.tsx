// Several experts in one case: who is in it, what each wrote as far as it is open, one's own opinion, one more invited.
import { useEffect, useState } from 'preact/hooks'
import { api, uuid } from '../api/client'
import type { Consult, Expert, Experts } from '../api/types.gen'
import { clockTime } from '../app/clock'
import { isMe } from '../clinic/me'
import { t } from '../i18n/case'
import { listed } from '../i18n/catalogue'
import { Button, ErrorLine, FieldRow, Pane, Tag } from '../ui'
import { dropDraft, keepDraft, keptDraft } from './draft'
import { PasswordField, useSigning } from './opinion'

type Props = { consult: Consult; onChange: (c: Consult) => void }

const several = (c: Consult): boolean => c.members.filter(m => m.part === 'expert').length > 1

/** Nothing is shown of it while one expert answers alone and may not invite. */
export function Mdt({ consult: c, onChange }: Props) {
  const [rewriting, setRewriting] = useState(false)
  const wrote = c.opinions.some(o => isMe(o.account))
  const can = (event: string): boolean => c.events.includes(event)
  if (!several(c)) return can('invite') ? <Inviting consult={c} onChange={onChange} /> : null
  return (
    <Pane title={t('mdt')}>
      <div class="consult-top" data-testid="mdt" data-open={c.opinions_open}>
        {!c.opinions_open && <p class="muted f13">{t('mdt.told')}</p>}
        <ul class="mdt">
          {c.opinions.map(o => (
            <li key={`${o.account} ${o.version}`}>
              <p class="row f13">
                <span class="muted">{t('mdt.signed', { name: o.name, time: clockTime(o.signed_at) })}</span>
                {o.dissents === true && <Tag tone="accent">{t('mdt.dissent')}</Tag>}
                {!o.independent && <span class="dim">{t('mdt.late')}</span>}
              </p>
              {o.text === null ? <p class="dim">{t('mdt.sealed')}</p> : <p class="opinion-text">{o.text}</p>}
            </li>
          ))}
        </ul>
        {c.owes_opinion.length > 0 && <p class="muted f13">{t('mdt.owes', { names: listed(c.owes_opinion) })}</p>}
        {can('opine') && (!wrote || rewriting) && (
          <Mine
            consult={c}
            onChange={next => {
              setRewriting(false)
              onChange(next)
            }}
          />
        )}
        <div class="row">
          {can('opine') && wrote && !rewriting && <Button onClick={() => setRewriting(true)}>{t('mdt.write')}</Button>}
          {can('open') && <Opening consult={c} onChange={onChange} />}
        </div>
      </div>
      {can('invite') && <Inviting consult={c} onChange={onChange} />}
    </Pane>
  )
}

function Mine({ consult: c, onChange }: Props) {
  const key = `mdt.${c.id}`
  const [text, setText] = useState(() => keptDraft(key) ?? '')
  const [dissents, setDissents] = useState(false)
  const [missing, setMissing] = useState(false)
  const [idem] = useState(uuid)
  useEffect(() => keepDraft(key, text), [text])
  const { state, sign, password, setPassword, asks } = useSigning(async () => {
    const path = `/api/consults/${encodeURIComponent(c.id)}/opinions`
    const body = { text: text.trim(), dissents }
    const made = await api.post<Consult>(path, body, { idempotencyKey: `${idem}-${text.length}-${dissents}` })
    dropDraft(key)
    onChange(made)
  })
  return (
    <form
      class="opinion"
      data-testid="mdt-form"
      onSubmit={e => {
        e.preventDefault()
        setMissing(text.trim() === '')
        if (text.trim() !== '' && state.kind !== 'busy') void sign()
      }}
    >
      <FieldRow label={t('mdt.text')} error={missing ? t('mdt.text.missing') : null}>
        {(id, by) => (
          <textarea
            id={id}
            name="mdt-opinion"
            rows={4}
            maxLength={4000}
            aria-describedby={by}
            value={text}
            onInput={e => setText(e.currentTarget.value)}
          />
        )}
      </FieldRow>
      {!isMe(c.expert) && (
        <label class="row f13">
          <input
            type="checkbox"
            name="dissents"
            checked={dissents}
            onChange={e => setDissents(e.currentTarget.checked)}
          />
          {t('mdt.dissents')}
        </label>
      )}
      {asks && <PasswordField value={password} onInput={setPassword} />}
      {state.kind === 'failed' && <ErrorLine error={state.error} />}
      <Button kind="primary" submit busy={state.kind === 'busy'}>
        {t('mdt.sign')}
      </Button>
    </form>
  )
}

function Opening({ consult: c, onChange }: Props) {
  const [error, setError] = useState<unknown>(null)
  const open = (): void => {
    api.post<Consult>(`/api/consults/${encodeURIComponent(c.id)}/opinions/open`, {}).then(onChange, setError)
  }
  return (
    <>
      <Button onClick={open}>{t('mdt.open')}</Button>
      {error !== null && <ErrorLine error={error} />}
    </>
  )
}

const label = (e: Expert): string => [e.name, e.title, e.org_name].filter(word => word !== '').join(' ')

function Inviting({ consult: c, onChange }: Props) {
  const [open, setOpen] = useState(false)
  const [experts, setExperts] = useState<readonly Expert[]>([])
  const [chosen, setChosen] = useState('')
  const [error, setError] = useState<unknown>(null)
  const inside = new Set(c.members.map(m => m.account))
  const free = experts.filter(e => !inside.has(e.account))
  const fits = free.filter(e => e.specialties.includes(c.specialty))
  const inOrder = [...fits, ...free.filter(e => !fits.includes(e))]
  const show = (): void => {
    setOpen(true)
    api.get<Experts>('/api/consult/experts').then(all => setExperts(all.experts), setError)
  }
  const invite = (): void => {
    const account = chosen || inOrder[0]?.account
    if (account === undefined) return
    setError(null)
    api.post<Consult>(`/api/consults/${encodeURIComponent(c.id)}/experts`, { account }).then(next => {
      setOpen(false)
      setChosen('')
      onChange(next)
    }, setError)
  }
  if (!open)
    return (
      <div class="consult-acts">
        <span class="grow" />
        <Button onClick={show}>{t('mdt.invite')}</Button>
      </div>
    )
  return (
    <form
      class="consult-acts"
      data-testid="invite-form"
      onSubmit={e => {
        e.preventDefault()
        invite()
      }}
    >
      <FieldRow label={t('mdt.who')}>
        {id => (
          <select
            id={id}
            name="expert"
            value={chosen || inOrder[0]?.account}
            onChange={e => setChosen(e.currentTarget.value)}
          >
            {inOrder.map(e => (
              <option key={e.account} value={e.account}>
                {label(e)}
              </option>
            ))}
          </select>
        )}
      </FieldRow>
      {error !== null && <ErrorLine error={error} />}
      <span class="grow" />
      <Button submit kind="primary">
        {t('mdt.ask')}
      </Button>
    </form>
  )
}
