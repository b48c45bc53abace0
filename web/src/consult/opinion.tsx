// The conclusion: the expert writes and signs, the requester countersigns. The draft stays on this computer until signed.
// Signing asks for the password when the session is no longer unlocked, then goes on by itself.
import { useEffect, useState } from 'preact/hooks'
import { ApiError, api, uuid } from '../api/client'
import type { Consult } from '../api/types.gen'
import { clockTime } from '../app/clock'
import { useKeys } from '../app/keys'
import { isMe } from '../clinic/me'
import { t } from '../i18n/consult'
import { Button, ErrorLine, FieldRow } from '../ui'
import { dropDraft, keepDraft, keptDraft } from './draft'

type Sending = { kind: 'none' } | { kind: 'busy' } | { kind: 'locked' } | { kind: 'failed'; error: unknown }

/** Runs a signing command; when the session is locked, asks for the password and runs it again. */
export function useSigning(run: () => Promise<void>) {
  const [state, setState] = useState<Sending>({ kind: 'none' })
  const [password, setPassword] = useState('')
  const sign = async (): Promise<void> => {
    setState({ kind: 'busy' })
    try {
      if (password !== '') await api.post('/api/session/unlock', { password })
      setPassword('')
      await run()
      setState({ kind: 'none' })
    } catch (error) {
      const locked = error instanceof ApiError && error.code === 'sign.locked'
      setState(locked ? { kind: 'locked' } : { kind: 'failed', error })
    }
  }
  const asks = state.kind === 'locked' || (state.kind === 'failed' && password !== '')
  return { state, sign, password, setPassword, asks }
}

export function PasswordField(p: { value: string; onInput: (v: string) => void }) {
  return (
    <FieldRow label={t('end.unlock')} hint={t('end.unlock.hint')}>
      {(id, by) => (
        <input
          id={id}
          type="password"
          name="password"
          autocomplete="current-password"
          aria-describedby={by}
          value={p.value}
          onInput={e => p.onInput(e.currentTarget.value)}
        />
      )}
    </FieldRow>
  )
}

export function Opinion({ consult, onChange }: { consult: Consult; onChange: (c: Consult) => void }) {
  const mayWrite = consult.events.includes('conclude') && isMe(consult.expert)
  const [rewriting, setRewriting] = useState(false)
  if (consult.conclusion !== null && !rewriting)
    return (
      <Signed consult={consult} onChange={onChange} {...(mayWrite ? { onRewrite: () => setRewriting(true) } : {})} />
    )
  if (mayWrite)
    return (
      <Write
        consult={consult}
        onChange={c => {
          setRewriting(false)
          onChange(c)
        }}
      />
    )
  return <p class="muted">{t('end.notmine')}</p>
}

function Write({ consult, onChange }: { consult: Consult; onChange: (c: Consult) => void }) {
  const key = `opinion.${consult.id}`
  const [text, setText] = useState(() => keptDraft(key) ?? consult.conclusion?.text ?? '')
  const [missing, setMissing] = useState(false)
  const [idem] = useState(uuid)
  useEffect(() => keepDraft(key, text), [text])
  const { state, sign, password, setPassword, asks } = useSigning(async () => {
    const path = `/api/consults/${encodeURIComponent(consult.id)}/conclude`
    onChange(await api.post<Consult>(path, { text: text.trim() }, { idempotencyKey: `${idem}-${text.length}` }))
    dropDraft(key)
  })
  const send = (): void => {
    setMissing(text.trim() === '')
    if (text.trim() !== '' && state.kind !== 'busy') void sign()
  }
  useKeys('opinion', [{ id: 'opinion.sign', chord: 'Ctrl+Enter', words: () => t('end.sign'), hint: true, act: send }])
  return (
    <form
      class="opinion"
      data-testid="opinion-form"
      onSubmit={e => {
        e.preventDefault()
        send()
      }}
    >
      <FieldRow label={t('end.text')} hint={t('end.hint')} error={missing ? t('end.missing') : null}>
        {(id, by) => (
          <textarea
            id={id}
            name="opinion"
            rows={6}
            maxLength={4000}
            aria-describedby={by}
            value={text}
            onInput={e => setText(e.currentTarget.value)}
          />
        )}
      </FieldRow>
      {asks && <PasswordField value={password} onInput={setPassword} />}
      {state.kind === 'failed' && <ErrorLine error={state.error} retry={send} />}
      <p class="dim f12">
        {text !== '' && `${t('end.kept')} · `}
        {t('end.sign.told')}
      </p>
      <Button kind="primary" size="large" chord="Ctrl+Enter" submit busy={state.kind === 'busy'} wide>
        {t('end.sign')}
      </Button>
    </form>
  )
}

function Signed(p: { consult: Consult; onChange: (c: Consult) => void; onRewrite?: () => void }) {
  const c = p.consult.conclusion
  const { state, sign, password, setPassword, asks } = useSigning(async () => {
    const digest = encodeURIComponent(c?.digest ?? '')
    const path = `/api/consults/${encodeURIComponent(p.consult.id)}/countersign?digest=${digest}`
    p.onChange(await api.post<Consult>(path, {}))
  })
  if (c === null) return null
  const mine = p.consult.events.includes('countersign')
  return (
    <div class="opinion" data-testid="opinion" data-countersigned={c.countersigned_name !== null}>
      <p class="opinion-text">{c.text}</p>
      <p class="dim f12">
        {t('one.signed', { name: c.signed_name, time: clockTime(c.signed_at) })}
        <br />
        {c.countersigned_name === null
          ? t('one.tocounter')
          : t('one.countersigned', {
              name: c.countersigned_name,
              time: c.countersigned_at === null ? '–' : clockTime(c.countersigned_at),
            })}
        <br />
        <span title={c.digest}>{t('one.digest', { digest: c.digest.slice(0, 12) })}</span>
      </p>
      {mine && asks && <PasswordField value={password} onInput={setPassword} />}
      {state.kind === 'failed' && <ErrorLine error={state.error} retry={() => void sign()} />}
      {mine && (
        <Button kind="primary" size="large" busy={state.kind === 'busy'} wide onClick={() => void sign()}>
          {t('one.countersign')}
        </Button>
      )}
      {p.onRewrite !== undefined && c.countersigned_name === null && (
        <Button onClick={p.onRewrite}>{t('room.opinion')}</Button>
      )}
    </div>
  )
}
