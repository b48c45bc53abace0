// The messages of one case (recording, alert, consultation, patient, institution): oldest above, mine at the right,
// shown at once and kept when they were not sent. A message goes by HTTP with the sender's own id, so twice sent is once
// stored. One message is bubble.tsx, the field compose.tsx.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { ApiError, api, uuid } from '../api/client'
import type { Messages } from '../api/types.gen'
import { useKeys } from '../app/keys'
import { grantOrgs, may, me } from '../clinic/me'
import { t } from '../i18n/messages'
import { gathered } from '../live/gather'
import { isLinked, subscribe } from '../live/live'
import type { LiveEvent } from '../live/protocol'
import { Button, Empty, ErrorLine, Skeleton } from '../ui'
import { Bubble, quoteWords, Waiting } from './bubble'
import { Compose, type Written } from './compose'
import { readNow } from './count'
import { merged, type Outgoing, type Shown, withEarlier, withNewest, withRead } from './outgoing'
import type { Pins, Quote } from './pins'
import './thread.css'

type State = { kind: 'waiting' } | { kind: 'here'; value: Shown } | { kind: 'failed'; error: unknown }
type ThreadProps = Readonly<{
  thread: string
  topic?: string // one more live topic that tells of new messages (the room's)
  placeholder?: string
  none?: string
  chord?: string // the key that jumps to the field
  field?: { current: HTMLTextAreaElement | null } // instead of a key: the screen has its own for it
  pins?: Pins // where messages may name a place in the recording beside
  version?: string // asked again when it changes: rights may have
}>

/** What was typed or is on its way belongs to one thread and never shows in another. */
export const Thread = (p: ThreadProps) => <OneThread key={p.thread} {...p} />

function OneThread(p: ThreadProps) {
  const { state, reload, earlier } = useMessages(p.thread, p.topic, p.version)
  const [outgoing, setOutgoing] = useState<readonly Outgoing[]>([])
  const own = useRef<HTMLTextAreaElement>(null)
  const field = p.field ?? own
  const list = useRef<HTMLDivElement>(null)
  const end = useRef<HTMLDivElement>(null)
  const change = (id: string, to: Partial<Outgoing>): void =>
    setOutgoing(before => before.map(o => (o.client_id === id ? { ...o, ...to } : o)))
  const post = usePost(p.thread, change, reload)
  const send = (written: Written): void => {
    const quote = p.pins?.asked.peek() ?? null
    const o: Outgoing = { ...written, quote, client_id: uuid(), at: new Date().toISOString(), state: 'sending' }
    if (p.pins !== undefined) p.pins.asked.value = null
    setOutgoing(before => [...before, o])
    post.send(o)
  }
  const chord = p.chord ?? 'KeyI'
  useKeys(
    'thread',
    p.field !== undefined
      ? []
      : [{ id: 'thread.write', chord, words: () => t('key.write'), act: () => field.current?.focus() }],
  )
  const shown = state.kind === 'here' ? state.value : null
  const mine = me.value?.id ?? ''
  const lines = merged(shown?.messages ?? [], outgoing, mine)
  const closed = state.kind === 'failed' && state.error instanceof ApiError && state.error.status === 404
  const newest = lines.at(-1)
  const newestId = newest === undefined ? '' : newest.message.client_id
  useEffect(() => {
    const el = list.current
    if (el !== null) el.scrollTop = el.scrollHeight
  }, [newestId])
  useRead(p.thread, end, shown, mine)
  useEffect(() => {
    if (p.pins !== undefined) p.pins.messages.value = shown?.messages ?? []
  }, [p.pins, shown?.messages])
  const answer = (quote: Quote): void => {
    if (p.pins === undefined) return
    p.pins.asked.value = quote
    field.current?.focus()
  }
  return (
    <div class="thread" data-testid="thread">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must take the focus (WCAG 2.1.1) */}
      <div class="thread-list" ref={list} role="log" tabIndex={0} aria-label={t('thread.label')}>
        {state.kind === 'waiting' && <Skeleton rows={3} />}
        {state.kind === 'failed' && !closed && <ErrorLine error={state.error} retry={reload} />}
        {closed && <Empty title={t('thread.closed')} />}
        {shown !== null && lines.length === 0 && (
          <Empty
            title={p.none ?? t('thread.none')}
            {...(p.none === undefined ? { next: t('thread.none.next') } : {})}
          />
        )}
        {shown?.more === true && (
          <Button kind="quiet" onClick={earlier}>
            {t('thread.earlier')}
          </Button>
        )}
        {lines.length > 0 && (
          <ul class="thread-lines">
            {lines.map(line =>
              line.kind === 'stored' ? (
                <Bubble
                  key={line.message.client_id}
                  message={line.message}
                  readers={shown?.readers ?? []}
                  onChanged={reload}
                  {...(p.pins === undefined ? {} : { pins: p.pins, onAnswer: answer })}
                />
              ) : (
                <Waiting
                  key={line.message.client_id}
                  message={line.message}
                  onAgain={() => post.send(line.message)}
                  onDrop={() => {
                    post.drop(line.message.client_id)
                    setOutgoing(before => before.filter(o => o.client_id !== line.message.client_id))
                  }}
                />
              ),
            )}
          </ul>
        )}
        <div class="thread-end" ref={end} />
      </div>
      {p.pins?.asked.value != null && (
        <p class="thread-quote row f13" data-testid="asked-at">
          <span class="ell">{quoteWords(p.pins.asked.value)}</span>
          <Button
            kind="quiet"
            icon="cross"
            label={t('quote.none')}
            onClick={() => {
              if (p.pins !== undefined) p.pins.asked.value = null
            }}
          />
        </p>
      )}
      {may('message.write') && !closed && (
        <Compose thread={p.thread} field={field} placeholder={p.placeholder ?? t('thread.write')} onSend={send} />
      )}
    </div>
  )
}

const POST_MS = 6_000
const AGAIN_MS = 2_000

/**
 * One message at a time, so that they arrive in the order they were written. What did not reach the hub goes again by
 * itself, under its own id, until it has; what the hub refuses waits for its writer.
 */
function usePost(thread: string, change: (id: string, to: Partial<Outgoing>) => void, onSent: () => void) {
  const queue = useRef<readonly Outgoing[]>([])
  const busy = useRef(false)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const drop = (id: string): void => {
    queue.current = queue.current.filter(o => o.client_id !== id)
  }
  const pump = async (): Promise<void> => {
    clearTimeout(timer.current)
    if (busy.current) return
    busy.current = true
    for (let o = queue.current[0]; o !== undefined; o = queue.current[0]) {
      const { client_id, text, mentions, roles, files } = o
      const body = { client_id, text, mentions, roles, files: files.map(f => f.id), quote: o.quote }
      try {
        const path = `/api/threads/${encodeURIComponent(thread)}/messages`
        await api.post(path, body, { idempotencyKey: client_id, timeout_ms: POST_MS })
        drop(client_id)
        change(client_id, { state: 'sent' })
        onSent()
      } catch (error) {
        const isOut = error instanceof ApiError && (error.status === 0 || error.status >= 500)
        change(client_id, { state: isOut ? 'waiting' : 'failed' })
        if (isOut) {
          timer.current = setTimeout(() => void pump(), AGAIN_MS)
          break
        }
        drop(client_id)
      }
    }
    busy.current = false
  }
  const live = isLinked.value
  useEffect(() => {
    if (live) void pump()
  }, [live])
  useEffect(() => () => clearTimeout(timer.current), [])
  const send = (o: Outgoing): void => {
    change(o.client_id, { state: 'sending' })
    if (!queue.current.some(waiting => waiting.client_id === o.client_id)) queue.current = [...queue.current, o]
    void pump()
  }
  return { send, drop }
}

/** Tells the hub how far this person has read: only what stood on a visible page. */
function useRead(thread: string, end: { current: HTMLElement | null }, shown: Shown | null, mine: string): void {
  const told = useRef(0)
  const last = shown?.messages.at(-1)
  const known = shown?.readers.find(r => r.account === mine)?.read ?? 0
  useEffect(() => {
    const el = end.current
    if (el === null || last === undefined || last.seq <= Math.max(known, told.current)) return
    let isSeen = false
    const tell = (): void => {
      if (!isSeen || document.visibilityState !== 'visible' || last.seq <= told.current) return
      told.current = last.seq
      readNow(thread, last.id).catch(() => {
        told.current = 0 // with the next message, or when the page is looked at again
      })
    }
    const watch = new IntersectionObserver(entries => {
      isSeen = entries.some(entry => entry.isIntersecting)
      tell()
    })
    watch.observe(el)
    document.addEventListener('visibilitychange', tell)
    return () => {
      watch.disconnect()
      document.removeEventListener('visibilitychange', tell)
    }
  }, [last?.seq, known])
}

const PAGE = 100

function useMessages(
  thread: string,
  topic: string | undefined,
  version: string | undefined,
): { state: State; reload: () => void; earlier: () => void } {
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const latest = useRef<Shown | null>(null)
  latest.current = state.kind === 'here' ? state.value : null
  const path = `/api/threads/${encodeURIComponent(thread)}/messages`
  const reload = useMemo(
    () =>
      gathered(async isWanted => {
        try {
          const page = await api.get<Messages>(`${path}?newest=true&limit=${PAGE}`)
          if (isWanted())
            setState(before => ({
              kind: 'here',
              value: withNewest(before.kind === 'here' ? before.value : null, page),
            }))
        } catch (error) {
          if (isWanted()) setState(before => (before.kind === 'here' ? before : { kind: 'failed', error }))
        }
      }),
    [path],
  )
  const earlier = (): void => {
    const first = state.kind === 'here' ? state.value.messages[0] : undefined
    if (first === undefined) return
    api.get<Messages>(`${path}?before=${encodeURIComponent(first.id)}&limit=${PAGE}`).then(
      page => setState(now => (now.kind === 'here' ? { kind: 'here', value: withEarlier(now.value, page) } : now)),
      () => {}, // the button stays
    )
  }
  const live = isLinked.value
  useEffect(() => reload.stop, [reload])
  useEffect(reload, [reload, version, live])
  const topics = [
    ...grantOrgs.value.map(o => `org:${o}`),
    `user:${me.value?.id ?? ''}`,
    ...(topic === undefined ? [] : [topic]),
  ]
  useEffect(() => {
    const event = (e: LiveEvent): void => {
      if (!e.kind.startsWith('message.') || e.subject !== thread) return
      // In a room of forty each message is read forty times: that is no reason to ask forty times.
      const read = e.kind === 'message.read' ? (e.body as { message?: unknown } | null)?.message : undefined
      const who = e.actor ?? ''
      if (typeof read !== 'string' || latest.current === null || withRead(latest.current, who, read) === null) reload()
      else {
        setState(before =>
          before.kind === 'here' ? { kind: 'here', value: withRead(before.value, who, read) ?? before.value } : before,
        )
      }
    }
    const stops = topics.map(name => subscribe(name, null, { event }))
    return () => {
      for (const stop of stops) stop()
    }
  }, [thread, topics.join()])
  return { state, reload, earlier }
}
