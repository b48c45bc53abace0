// The conclusion: the expert writes its skeleton and signs, the requester countersigns; then the expert may correct it.
// Signing asks for the password when the session is no longer unlocked, then goes on by itself.
import { useState } from 'preact/hooks'
import { ApiError, api, uuid } from '../api/client'
import type { Consult } from '../api/types.gen'
import { useKeys } from '../app/keys'
import { isMe } from '../clinic/me'
import { t as words } from '../i18n/conclusion'
import { t } from '../i18n/consult'
import { Button, ErrorLine, FieldRow, Skeleton as Waiting } from '../ui'
import { Earlier, Filed, Signatures, Skeletal, standingOf } from './conclusion'
import {
  type DraftFields,
  type Field,
  ofConclusion,
  type Skeleton,
  skeletonOf,
  toSign,
  useDraft,
  useSkeleton,
} from './skeleton'

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

type Writing = 'no' | 'again' | 'amend'

export function Opinion({ consult, onChange }: { consult: Consult; onChange: (c: Consult) => void }) {
  const mayWrite = consult.events.includes('conclude') && isMe(consult.expert)
  const mayAmend = consult.events.includes('amend') && isMe(consult.expert)
  const fills = consult.events.includes('draft') && consult.conclusion === null
  const [writing, setWriting] = useState<Writing>('no')
  if (consult.conclusion !== null && writing === 'no')
    return (
      <Signed
        consult={consult}
        onChange={onChange}
        {...(mayWrite || mayAmend ? { onRewrite: () => setWriting(mayAmend ? 'amend' : 'again') } : {})}
      />
    )
  const done = (c: Consult): void => {
    setWriting('no')
    onChange(c)
  }
  const close = consult.conclusion === null ? {} : { onClose: () => setWriting('no') }
  if (mayAmend) return <Alone consult={consult} onChange={done} {...close} />
  if (mayWrite || fills) return <Together consult={consult} signs={mayWrite} onChange={done} {...close} />
  return <p class="muted">{t('end.notmine')}</p>
}

type WriteProps = Readonly<{ consult: Consult; onChange: (c: Consult) => void; onClose?: () => void }>

/** A correction of what both sides have signed: the expert's alone, kept on this computer. */
function Alone(p: WriteProps) {
  const { said, set, drop } = useSkeleton(p.consult.id, ofConclusion(p.consult.conclusion))
  return <Form {...p} said={said} set={set} drop={drop} does="amend" told={t('end.kept')} />
}

/** While they speak: both sides fill the same draft and see it grow; the expert signs it. */
function Together(p: WriteProps & { signs: boolean }) {
  const shared = useDraft(p.consult.id, p.consult.events.includes('draft'), signedBefore(p.consult))
  const [reason, setReason] = useState(p.consult.conclusion?.reason ?? '')
  if (shared === null) return <Waiting rows={6} />
  const { draft, saved, change } = shared
  const set = (field: Field, value: string): void => {
    if (field === 'reason') setReason(value)
    else change({ [field]: value })
  }
  const who = draft.saved_name === '' ? '' : words('saved', { name: draft.saved_name })
  return (
    <Form
      {...p}
      said={{ ...skeletonOf(draft), reason }}
      set={set}
      drop={() => undefined}
      does={p.signs ? 'conclude' : 'fill'}
      told={saved ? who : words('saving')}
    />
  )
}

function signedBefore(c: Consult): Partial<DraftFields> {
  if (c.conclusion === null) return {}
  const { reason: _reason, ...fields } = ofConclusion(c.conclusion)
  return fields
}

type FormProps = WriteProps &
  Readonly<{
    said: Skeleton
    set: (field: Field, value: string) => void
    drop: () => void
    does: 'conclude' | 'amend' | 'fill'
    told: string
  }>

function Form({ consult, onChange, onClose, said, set, drop, does, told }: FormProps) {
  const corrects = does !== 'fill' && standingOf(consult) !== null
  const [missing, setMissing] = useState<ReadonlySet<Field>>(new Set())
  const [idem] = useState(uuid)
  const { state, sign, password, setPassword, asks } = useSigning(async () => {
    const path = `/api/consults/${encodeURIComponent(consult.id)}/${does}`
    const body = toSign(said)
    onChange(await api.post<Consult>(path, body, { idempotencyKey: `${idem}-${JSON.stringify(body).length}` }))
    drop()
  })
  const send = (): void => {
    if (does === 'fill') return
    const needed: readonly Field[] = corrects ? ['text', 'reason'] : ['text']
    const lacks = new Set(needed.filter(field => said[field].trim() === ''))
    setMissing(lacks)
    if (lacks.size === 0 && state.kind !== 'busy') void sign()
  }
  useKeys('opinion', [
    { id: 'opinion.sign', chord: 'Ctrl+Enter', words: () => t('end.sign'), hint: does !== 'fill', act: send },
  ])
  const field = (name: Field, rows: number, error: string | null = null) => (
    <FieldRow label={words(name)} hint={words(`${name}.hint`)} error={error}>
      {(id, by) => (
        <textarea
          id={id}
          name={name === 'text' ? 'opinion' : name}
          rows={rows}
          maxLength={name === 'text' || name === 'advice' ? 4000 : 1000}
          aria-describedby={by}
          value={said[name]}
          onInput={e => set(name, e.currentTarget.value)}
        />
      )}
    </FieldRow>
  )
  return (
    <form
      class="opinion"
      data-testid="opinion-form"
      onSubmit={e => {
        e.preventDefault()
        send()
      }}
    >
      {corrects && field('reason', 2, missing.has('reason') ? words('reason.missing') : null)}
      {field('text', 4, missing.has('text') ? words('text.missing') : null)}
      {field('advice', 4)}
      {field('follow_up', 2)}
      {field('warning_signs', 2)}
      {asks && <PasswordField value={password} onInput={setPassword} />}
      {state.kind === 'failed' && <ErrorLine error={state.error} retry={send} />}
      <p class="dim f12" role="status" data-testid="draft-told">
        {told !== '' && `${told} · `}
        {does === 'fill' ? words('fill.told') : t('end.sign.told')}
      </p>
      {does !== 'fill' && (
        <Button kind="primary" size="large" chord="Ctrl+Enter" submit busy={state.kind === 'busy'} wide>
          {t('end.sign')}
        </Button>
      )}
      {onClose !== undefined && <Button onClick={onClose}>{t('one.back')}</Button>}
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
      <Skeletal of={c} />
      <Signatures of={c} />
      {mine && asks && <PasswordField value={password} onInput={setPassword} />}
      {state.kind === 'failed' && <ErrorLine error={state.error} retry={() => void sign()} />}
      {mine && (
        <Button kind="primary" size="large" busy={state.kind === 'busy'} wide onClick={() => void sign()}>
          {t('one.countersign')}
        </Button>
      )}
      <Filed consult={p.consult} of={c} onChange={p.onChange} />
      <Earlier consult={p.consult} />
      {p.onRewrite !== undefined && (
        <Button onClick={p.onRewrite}>{c.countersigned_name === null ? t('room.opinion') : words('amend')}</Button>
      )}
    </div>
  )
}
