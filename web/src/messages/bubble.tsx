// One message: who, when, its words and files, how far it has come, and what its writer may still do with it.
import { useEffect, useRef, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Attachment, Message, MessageReader, MessageVersion } from '../api/types.gen'
import { clockTime, day, now } from '../app/clock'
import { isMe, me } from '../clinic/me'
import { listed } from '../i18n/catalogue'
import { t } from '../i18n/messages'
import { Button, Dialog, ErrorLine, FieldRow } from '../ui'
import { type Outgoing, pieces } from './outgoing'
import type { Pins, Quote } from './pins'

const EDIT_MS = 15 * 60_000 // the hub has the last word

type BubbleProps = Readonly<{
  message: Message
  readers: readonly MessageReader[]
  onChanged: () => void
  pins?: Pins // the recording of the quoted places stands beside
  onAnswer?: (quote: Quote) => void
}>

export const quoteWords = (quote: Quote): string => t('thread.quote', { lead: quote.lead, first: quote.first })

export function Bubble(p: BubbleProps) {
  const m = p.message
  const [doing, setDoing] = useState<'nothing' | 'edit' | 'withdraw' | 'versions'>('nothing')
  const done = (): void => {
    setDoing('nothing')
    p.onChanged()
  }
  const mine = isMe(m.author)
  const isGone = m.withdrawn_at !== null
  return (
    <li class={`bub${mine ? ' bub-me' : ''}${isGone ? ' bub-gone' : ''}`} data-message={m.id}>
      <small>
        {when(m.at)} <span class="name">{m.author_name}</span>
        {m.version > 1 && !isGone && (
          <button type="button" class="linkish" onClick={() => setDoing('versions')}>
            {t('one.edited')}
          </button>
        )}
      </small>
      {isGone && <span>{t('one.withdrawn', { reason: m.withdraw_reason })}</span>}
      {!isGone && m.quote !== null && <QuoteLine quote={m.quote} pins={p.pins} onAnswer={p.onAnswer} />}
      {!isGone && doing !== 'edit' && <Words text={m.text} names={namesIn(m)} />}
      {doing === 'edit' && <Edit message={m} onDone={done} onClose={() => setDoing('nothing')} />}
      {m.files.map(file => (
        <FileView key={file.id} file={file} />
      ))}
      {mine && !isGone && doing === 'nothing' && (
        <span class="bub-acts">
          <Far message={m} readers={p.readers} />
          <span class="grow" />
          {now.value - Date.parse(m.at) < EDIT_MS && (
            <button type="button" class="linkish" onClick={() => setDoing('edit')}>
              {t('one.edit')}
            </button>
          )}
          <button type="button" class="linkish" onClick={() => setDoing('withdraw')}>
            {t('one.withdraw')}
          </button>
        </span>
      )}
      {doing === 'withdraw' && <Withdraw message={m} onDone={done} onClose={() => setDoing('nothing')} />}
      {doing === 'versions' && <Versions message={m} onClose={() => setDoing('nothing')} />}
    </li>
  )
}

type QuoteProps = Readonly<{
  quote: Quote
  pins: Pins | undefined
  onAnswer: ((quote: Quote) => void) | undefined
}>

/** The place it speaks of: shown on the paper beside, and answered there. */
function QuoteLine({ quote, pins, onAnswer }: QuoteProps) {
  if (pins === undefined || quote.recording !== pins.recording)
    return <span class="bub-quote">{quoteWords(quote)}</span>
  return (
    <span class="bub-quote row">
      <button
        type="button"
        class="linkish"
        onClick={() => {
          pins.sought.value = { ...quote }
        }}
      >
        {quoteWords(quote)}
      </button>
      <button type="button" class="linkish" onClick={() => onAnswer?.(quote)}>
        {t('quote.answer')}
      </button>
    </span>
  )
}

/** A message that the hub has not got yet. */
export function Waiting(p: { message: Outgoing; onAgain: () => void; onDrop: () => void }) {
  return (
    <li class="bub bub-me">
      <small>
        {when(p.message.at)} <span class="name">{me.value?.name ?? ''}</span>
        {p.message.state === 'sending' && ` · ${t('thread.sending')}`}
        {p.message.state === 'waiting' && ` · ${t('thread.waiting')}`}
      </small>
      {p.message.text}
      {p.message.files.map(file => (
        <FileView key={file.id} file={file} />
      ))}
      {p.message.state === 'failed' && (
        <span class="bub-failed" role="alert">
          {t('thread.failed')}
          <Button onClick={p.onAgain}>{t('thread.again')}</Button>
          <Button kind="quiet" onClick={p.onDrop}>
            {t('thread.drop')}
          </Button>
        </span>
      )}
    </li>
  )
}

const ROLE_KEYS = t.entries as Record<string, unknown>
export const roleWords = (role: string): string =>
  `role.${role}` in ROLE_KEYS ? t(`role.${role}` as 'role.reader') : role

function namesIn(m: Message): readonly string[] {
  return m.mentions.flatMap(one => [one.name, ...(one.role === '' ? [] : [roleWords(one.role)])])
}

const Words = (p: { text: string; names: readonly string[] }) => (
  <span class="bub-words">
    {pieces(p.text, p.names).map((piece, i) => (piece.isName ? <b key={i}>{piece.text}</b> : piece.text))}
  </span>
)

/** How far my message has come. Who has read it is behind the number. */
function Far(p: { message: Message; readers: readonly MessageReader[] }) {
  const others = p.readers.filter(r => r.account !== p.message.author)
  const read = others.filter(r => r.read >= p.message.seq)
  if (read.length > 0) {
    return (
      <details class="bub-read">
        <summary>{t('one.read', { n: read.length })}</summary>
        {listed(read.map(r => r.name))}
      </details>
    )
  }
  return <span>{t(others.some(r => r.received >= p.message.seq) ? 'one.delivered' : 'one.stored')}</span>
}

export function FileView({ file }: { file: Attachment }) {
  const href = `/api/files/${encodeURIComponent(file.id)}`
  const words = t('file.size', { name: file.name, kb: Math.max(1, Math.round(file.bytes / 1024)) })
  if (file.width === 0) {
    return (
      <a class="bub-file" href={href} download={file.name}>
        {words}
      </a>
    )
  }
  return (
    <a class="bub-file" href={href} target="_blank" rel="noreferrer" title={words}>
      <img src={href} width={file.width} height={file.height} alt={file.name} loading="lazy" />
    </a>
  )
}

function Edit(p: { message: Message; onDone: () => void; onClose: () => void }) {
  const field = useRef<HTMLTextAreaElement>(null)
  const [failed, setFailed] = useState<unknown>(null)
  useEffect(() => field.current?.focus(), [])
  const save = (): void => {
    const text = field.current?.value.trim() ?? ''
    api
      .post(`/api/messages/${encodeURIComponent(p.message.id)}/edit`, { text, version: p.message.version })
      .then(p.onDone, setFailed)
  }
  return (
    <form
      class="bub-edit"
      onSubmit={event => {
        event.preventDefault()
        save()
      }}
    >
      <textarea
        class="input"
        ref={field}
        rows={2}
        maxLength={4000}
        aria-label={t('one.text')}
        defaultValue={p.message.text}
        onKeyDown={event => {
          if (event.key === 'Escape') p.onClose()
          else if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
          else save()
          event.preventDefault()
          event.stopPropagation()
        }}
      />
      <span class="row">
        <Button submit>{t('one.save')}</Button>
        <Button kind="quiet" onClick={p.onClose}>
          {t('one.cancel')}
        </Button>
      </span>
      {failed !== null && <ErrorLine error={failed} />}
    </form>
  )
}

function Withdraw(p: { message: Message; onDone: () => void; onClose: () => void }) {
  const field = useRef<HTMLInputElement>(null)
  const [lacks, setLacks] = useState(false)
  const [failed, setFailed] = useState<unknown>(null)
  useEffect(() => field.current?.focus(), [])
  const withdraw = (): void => {
    const reason = field.current?.value.trim() ?? ''
    setLacks(reason === '')
    if (reason === '') return
    api.post(`/api/messages/${encodeURIComponent(p.message.id)}/withdraw`, { reason }).then(p.onDone, setFailed)
  }
  return (
    <Dialog
      title={t('withdraw.title')}
      open
      onClose={p.onClose}
      acts={
        <Button kind="primary" onClick={withdraw}>
          {t('one.withdraw')}
        </Button>
      }
    >
      <form
        onSubmit={event => {
          event.preventDefault()
          withdraw()
        }}
      >
        <p class="muted">{t('withdraw.told')}</p>
        <FieldRow label={t('withdraw.reason')} error={lacks ? t('withdraw.missing') : null}>
          {(id, told) => <input id={id} ref={field} class="input" maxLength={200} aria-describedby={told} />}
        </FieldRow>
        {failed !== null && <ErrorLine error={failed} />}
      </form>
    </Dialog>
  )
}

function Versions(p: { message: Message; onClose: () => void }) {
  const [versions, setVersions] = useState<readonly MessageVersion[]>([])
  const [failed, setFailed] = useState<unknown>(null)
  useEffect(() => {
    api.get<MessageVersion[]>(`/api/messages/${encodeURIComponent(p.message.id)}/versions`).then(setVersions, setFailed)
  }, [p.message.id, p.message.version])
  return (
    <Dialog title={t('one.versions')} open onClose={p.onClose}>
      <ol class="bub-versions">
        {versions.map(v => (
          <li key={v.version}>
            <small>{when(v.at)}</small> {v.text}
          </li>
        ))}
      </ol>
      {failed !== null && <ErrorLine error={failed} />}
    </Dialog>
  )
}

/** The hour today, the day before that. */
export function when(at: string): string {
  const time = clockTime(at).slice(0, 5)
  return day(at) === day(Date.now()) ? time : `${day(at).slice(5)} ${time}`
}
