// The messages of one case (recording, alert or consultation): oldest above, mine at the right, shown at once and kept
// when they were not sent. A message goes by HTTP with the sender's own id, so twice sent is once stored.
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, api, uuid } from '../api/client'
import type { Message, Messages } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { useKeys } from '../app/keys'
import { t } from '../i18n/clinic'
import { linkState, subscribe } from '../live/live'
import { Button, Empty, ErrorLine, Skeleton } from '../ui'
import { grantOrgs, isMe, may, me } from './me'
import { merged, type Outgoing } from './outgoing'
import './thread.css'

type State = { kind: 'waiting' } | { kind: 'here'; value: readonly Message[] } | { kind: 'failed'; error: unknown }

/** `topic`: one more live topic that tells of new messages (the room's). `chord`: the key that jumps to the field. */
export function Thread(p: {
  thread: string
  topic?: string
  placeholder?: string
  none?: string
  chord?: string
  version?: string // asked again when it changes: rights may have
}) {
  const { state, reload } = useMessages(p.thread, p.topic, p.version)
  const [outgoing, setOutgoing] = useState<readonly Outgoing[]>([])
  const field = useRef<HTMLTextAreaElement>(null)
  const list = useRef<HTMLDivElement>(null)
  const change = (id: string, to: Partial<Outgoing>): void =>
    setOutgoing(before => before.map(o => (o.client_id === id ? { ...o, ...to } : o)))
  const post = (o: Outgoing): void => {
    change(o.client_id, { state: 'sending' })
    api
      .post(
        `/api/threads/${encodeURIComponent(p.thread)}/messages`,
        { client_id: o.client_id, text: o.text },
        { idempotencyKey: o.client_id },
      )
      .then(
        () => {
          change(o.client_id, { state: 'sent' })
          reload()
        },
        () => change(o.client_id, { state: 'failed' }),
      )
  }
  const send = (): void => {
    const text = field.current?.value.trim() ?? ''
    if (text === '' || field.current === null) return
    const o: Outgoing = { client_id: uuid(), text, at: new Date().toISOString(), state: 'sending' }
    setOutgoing(before => [...before, o])
    field.current.value = ''
    post(o)
  }
  useKeys('thread', [
    {
      id: 'thread.write',
      chord: p.chord ?? 'KeyI',
      words: () => t('key.message'),
      act: () => field.current?.focus(),
    },
  ])
  const stored = state.kind === 'here' ? state.value : []
  const lines = merged(stored, outgoing)
  const closed = state.kind === 'failed' && state.error instanceof ApiError && state.error.status === 404
  useEffect(() => {
    const el = list.current
    if (el !== null) el.scrollTop = el.scrollHeight
  }, [lines.length, p.thread])
  return (
    <div class="thread" data-testid="thread">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must take the focus (WCAG 2.1.1) */}
      <div class="thread-list" ref={list} role="log" tabIndex={0} aria-label={t('rec.thread')}>
        {state.kind === 'waiting' && <Skeleton rows={3} />}
        {state.kind === 'failed' && !closed && <ErrorLine error={state.error} retry={reload} />}
        {closed && <Empty title={t('thread.closed')} />}
        {state.kind === 'here' && lines.length === 0 && (
          <Empty
            title={p.none ?? t('thread.none')}
            {...(p.none === undefined ? { next: t('thread.none.next') } : {})}
          />
        )}
        {lines.length > 0 && (
          <ul class="thread-lines">
            {lines.map(line => (
              <li key={line.client_id} class={`bub${isMe(line.author) ? ' bub-me' : ''}`}>
                <small>
                  {when(line.at)} {line.author_name}
                  {line.state === 'sending' && ` · ${t('thread.sending')}`}
                </small>
                {line.text}
                {line.state === 'failed' && (
                  <span class="bub-failed">
                    {t('thread.failed')}
                    <Button onClick={() => post({ ...line, state: 'sending' })}>{t('thread.again')}</Button>
                  </span>
                )}
              </li>
            ))}
          </ul>
        )}
      </div>
      {may('message.write') && !closed && (
        <form
          class="thread-in"
          onSubmit={e => {
            e.preventDefault()
            send()
          }}
        >
          <textarea
            ref={field}
            class="input"
            rows={1}
            maxLength={2000}
            aria-label={p.placeholder ?? t('thread.write')}
            placeholder={p.placeholder ?? t('thread.write')}
            data-testid="thread-input"
            onKeyDown={e => {
              if (e.key !== 'Enter' || e.shiftKey || e.isComposing) return
              e.preventDefault()
              send()
            }}
          />
          <Button submit>{t('act.send')}</Button>
        </form>
      )}
    </div>
  )
}

/** The hour today, the day before that. */
function when(at: string): string {
  const time = clockTime(at).slice(0, 5)
  return day(at) === day(Date.now()) ? time : `${day(at).slice(5)} ${time}`
}

const PAGE = 100

function useMessages(
  thread: string,
  topic: string | undefined,
  version: string | undefined,
): { state: State; reload: () => void } {
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const latest = useRef(thread)
  latest.current = thread
  const load = (): void => {
    api.get<Messages>(`/api/threads/${encodeURIComponent(thread)}/messages?limit=${PAGE}`).then(
      list => latest.current === thread && setState({ kind: 'here', value: list.messages }),
      (error: unknown) =>
        latest.current === thread && setState(before => (before.kind === 'here' ? before : { kind: 'failed', error })),
    )
  }
  const live = linkState.value.kind
  useEffect(() => {
    setState({ kind: 'waiting' })
  }, [thread])
  useEffect(load, [thread, version, live === 'live'])
  const topics = [...grantOrgs.value.map(o => `org:${o}`), ...(topic === undefined ? [] : [topic])]
  useEffect(() => {
    const event = (e: { kind: string; subject: string }): void => {
      if (e.kind === 'message.sent' && e.subject === thread) load()
    }
    const stops = topics.map(name => subscribe(name, null, { event }))
    return () => {
      for (const stop of stops) stop()
    }
  }, [thread, topics.join(), me.value?.id])
  return { state, reload: load }
}
