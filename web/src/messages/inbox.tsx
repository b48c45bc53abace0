// The inbox: the threads that are mine (or all I may see), the last written in first, one of them open beside; search.
import { useEffect, useRef, useState } from 'preact/hooks'
import { isPhone } from '../alerts/phone'
import { api } from '../api/client'
import type { Hit, Hits, Inbox, Message, ThreadAbout, ThreadLine } from '../api/types.gen'
import { go } from '../app/router'
import type { ScreenProps } from '../app/routes'
import { orgOf, ownOrg } from '../clinic/me'
import { t } from '../i18n/messages'
import { Button, Empty, ErrorLine, Segmented, Skeleton, Tag } from '../ui'
import { when } from './bubble'
import { moved } from './count'
import { Thread } from './thread'
import './inbox.css'

type State = { kind: 'waiting' } | { kind: 'here'; value: readonly ThreadLine[] } | { kind: 'failed'; error: unknown }
type Which = 'mine' | 'all'

const KINDS: Readonly<Record<string, ThreadAbout['kind']>> = {
  rec: 'recording',
  alr: 'alert',
  con: 'consult',
  pat: 'patient',
}

/** Where the case of a thread stands; a patient and an institution have no page of their own. */
export function caseOf(thread: string): string | null {
  const id = encodeURIComponent(thread)
  const kind = KINDS[thread.split('_')[0] ?? '']
  if (kind === 'recording') return `/recording/${id}`
  if (kind === 'alert' || kind === 'consult') return `/${kind}/${id}`
  return null
}

export default function InboxScreen({ params }: ScreenProps) {
  const open = params.thread === undefined ? null : decodeURIComponent(params.thread)
  const [which, setWhich] = useState<Which>('mine')
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const [query, setQuery] = useState('')
  const at = moved.value
  useEffect(() => {
    let left = false
    api.get<Inbox>(`/api/inbox?mine=${which === 'mine'}`).then(
      inbox => !left && setState({ kind: 'here', value: inbox.threads }),
      (error: unknown) => !left && setState(now => (now.kind === 'here' ? now : { kind: 'failed', error })),
    )
    return () => {
      left = true
    }
  }, [which, at])
  const lines = state.kind === 'here' ? state.value : []
  const about = lines.find(line => line.id === open)?.about ?? null
  if (isPhone.value && open !== null) {
    return (
      <div class="inbox inbox-one" data-testid="inbox">
        <OpenThread thread={open} about={about} />
      </div>
    )
  }
  const site = ownOrg.value
  return (
    <div class="inbox" data-testid="inbox">
      <section class="inbox-left" aria-label={t('inbox.threads')}>
        <header class="inbox-head">
          <h1>{t('inbox.title')}</h1>
          <Segmented<Which>
            label={t('inbox.which')}
            value={which}
            onChange={setWhich}
            choices={[
              { value: 'mine', words: t('inbox.mine') },
              { value: 'all', words: t('inbox.all') },
            ]}
          />
          <SearchField onQuery={setQuery} />
        </header>
        {query !== '' ? (
          <Found query={query} />
        ) : (
          <>
            {site !== null && orgOf(site) !== null && (
              <a class="inbox-site" href={`/messages/${encodeURIComponent(site)}`}>
                {t('inbox.site')} <span class="muted">{orgOf(site)?.name}</span>
              </a>
            )}
            {state.kind === 'waiting' && <Skeleton rows={8} />}
            {state.kind === 'failed' && <ErrorLine error={state.error} />}
            {state.kind === 'here' && lines.length === 0 && (
              <Empty title={t('inbox.none')} next={t('inbox.none.next')} />
            )}
            <ul class="inbox-lines">
              {lines.map(line => (
                <Line key={line.id} line={line} isOpen={line.id === open} />
              ))}
            </ul>
          </>
        )}
      </section>
      {!isPhone.value && (
        <section class="inbox-right" aria-label={t('thread.label')}>
          {open === null ? <Empty title={t('inbox.pick')} /> : <OpenThread thread={open} about={about} />}
        </section>
      )}
    </div>
  )
}

function Line({ line, isOpen }: { line: ThreadLine; isOpen: boolean }) {
  return (
    <li>
      <a
        class={`inbox-line${line.unread > 0 ? ' inbox-new' : ''}`}
        href={`/messages/${encodeURIComponent(line.id)}`}
        aria-current={isOpen ? 'true' : undefined}
        data-thread={line.id}
      >
        <span class="row">
          <About about={line.about} />
          <span class="grow" />
          <small>{when(line.last.at)}</small>
        </span>
        <span class="row">
          <span class="inbox-last">
            {line.last.author_name}: {short(line.last)}
          </span>
          <span class="grow" />
          {line.named > 0 && <Tag tone="accent">{t('inbox.named')}</Tag>}
          {line.unread > 0 && (
            <span class="count">
              {line.unread}
              <span class="vh"> {t('inbox.unread', { n: line.unread })}</span>
            </span>
          )}
        </span>
      </a>
    </li>
  )
}

const About = ({ about }: { about: ThreadAbout }) => (
  <span class="inbox-about">
    <Tag>{t(`kind.${about.kind}`)}</Tag> <b class="name">{about.name || t('inbox.unnamed')}</b>{' '}
    <span class="muted f13">{about.place}</span>
  </span>
)

function short(m: Message): string {
  if (m.withdrawn_at !== null) return t('inbox.gone')
  return m.text || t('inbox.files')
}

function OpenThread({ thread, about: known }: { thread: string; about: ThreadAbout | null }) {
  const page = caseOf(thread)
  // A thread in which nobody has written yet stands in no list.
  const [told, setTold] = useState<ThreadAbout | null>(null)
  useEffect(() => {
    setTold(null)
    if (known === null)
      api.get<ThreadAbout>(`/api/threads/${encodeURIComponent(thread)}`).then(setTold, () => undefined)
  }, [thread, known === null])
  const about = known ?? told
  const name = about?.name ?? orgOf(thread)?.name ?? ''
  return (
    <>
      <header class="inbox-open">
        {isPhone.value && <Button kind="quiet" icon="left" label={t('inbox.back')} onClick={() => go('/messages')} />}
        <h2 class="name">{name === '' ? t('thread.label') : name}</h2>
        {about?.note && <span class="muted">{about.note}</span>}
        <span class="grow" />
        {page !== null && (
          <a class="btn btn-plain btn-normal" href={page}>
            {t('inbox.open')}
          </a>
        )}
      </header>
      <Thread thread={thread} />
    </>
  )
}

const TYPED_MS = 250

function SearchField(p: { onQuery: (query: string) => void }) {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  return (
    <input
      type="search"
      class="input"
      maxLength={50}
      aria-label={t('inbox.search')}
      placeholder={t('inbox.search')}
      data-testid="message-search"
      onInput={event => {
        const query = event.currentTarget.value.trim()
        clearTimeout(timer.current)
        timer.current = setTimeout(() => p.onQuery(query), TYPED_MS)
      }}
    />
  )
}

function Found({ query }: { query: string }) {
  const [hits, setHits] = useState<readonly Hit[] | null>(null)
  const [failed, setFailed] = useState<unknown>(null)
  useEffect(() => {
    const stop = new AbortController()
    api.get<Hits>(`/api/messages?q=${encodeURIComponent(query)}`, { signal: stop.signal }).then(
      found => {
        setHits(found.hits)
        setFailed(null)
      },
      (error: unknown) => !stop.signal.aborted && setFailed(error),
    )
    return () => stop.abort()
  }, [query])
  if (failed !== null) return <ErrorLine error={failed} />
  if (hits === null) return <Skeleton rows={4} />
  if (hits.length === 0) return <Empty title={t('search.none')} next={t('search.none.next')} />
  return (
    <ul class="inbox-lines" data-testid="message-hits">
      {hits.map(hit => (
        <li key={hit.message.id}>
          <a class="inbox-line" href={`/messages/${encodeURIComponent(hit.message.thread)}`}>
            <span class="row">
              <About about={hit.about} />
              <span class="grow" />
              <small>{when(hit.message.at)}</small>
            </span>
            <span class="inbox-last">
              {hit.message.author_name}: {hit.message.text}
            </span>
          </a>
        </li>
      ))}
    </ul>
  )
}
