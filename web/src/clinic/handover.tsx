// Where files are handed over: a button that chooses, a page that takes what is dropped, and a line for each file that
// follows it until it is read or refused.
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError } from '../api/client'
import type { Recording } from '../api/types.gen'
import { useKeys } from '../app/keys'
import { refusal } from '../files/known'
import { t as retry } from '../i18n/app'
import { t } from '../i18n/files'
import { Button } from '../ui'
import { clearHanded, type Handed, handed, handOver, sendAgain } from './handing'
import { chosenOf } from './parcels'
import { again, recordings } from './store'
import '../files/files.css'

/** `order`: the request form that waits for its recording, where there is one. */
export function HandOver({ org, order = '' }: { org: string; order?: string }) {
  const input = useRef<HTMLInputElement>(null)
  const dropping = useDrop(files => void handOver(org, files.map(chosenOf), order))
  useKeys('handover', [
    { id: 'clinic.file', chord: 'KeyF', words: () => t('hand.act'), act: () => input.current?.click() },
  ])
  const list = handed.value
  return (
    <section class={`hand${dropping ? ' is-dropping' : ''}`} data-testid="hand-over" aria-label={t('hand.act')}>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label={t('hand.act')}
        onChange={event => {
          const files = [...(event.currentTarget.files ?? [])]
          event.currentTarget.value = '' // the same file may be chosen again
          void handOver(org, files.map(chosenOf), order)
        }}
      />
      <Button chord="KeyF" wide onClick={() => input.current?.click()}>
        {t('hand.act')}
      </Button>
      <p class="hand-told">{dropping ? t('hand.drop') : t(order === '' ? 'hand.told' : 'hand.order')}</p>
      {list.length > LINES_IN_SIGHT && (
        <p class="hand-told" data-testid="hand-sum">
          {t('hand.sum', tally(list))}
        </p>
      )}
      {list.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must take the focus (WCAG 2.1.1)
        <ul class="hand-list" tabIndex={0} aria-label={t('hand.list')}>
          {list.map(one => (
            <Line key={one.key} one={one} />
          ))}
        </ul>
      )}
      {list.some(isDone) && (
        <Button kind="quiet" onClick={clearHanded}>
          {t('hand.clear')}
        </Button>
      )}
    </section>
  )
}

/** More lines than this have to be scrolled: then their sum is said above them. */
const LINES_IN_SIGHT = 4

/** How many files there are, are at the hub, are on the way, and need a person. */
export function tally(list: readonly Handed[]): { all: number; there: number; open: number; lost: number } {
  const sum = { all: list.length, there: 0, open: 0, lost: 0 }
  for (const { state } of list) {
    const now = state.kind === 'here' ? (recordings.value.get(state.recording.id) ?? state.recording) : null
    if (state.kind === 'unfit' || state.kind === 'failed' || (now !== null && refusal(now) !== null)) sum.lost++
    else if (now === null || now.state === 'receiving') sum.open++
    else sum.there++
  }
  return sum
}

const isDone = (one: Handed): boolean => one.state.kind === 'here' || one.state.kind === 'unfit'

function Line({ one }: { one: Handed }) {
  const state = one.state
  const now = state.kind === 'here' ? (recordings.value.get(state.recording.id) ?? state.recording) : null
  useEffect(() => {
    // Its event may have come before the answer that names it.
    if (state.kind === 'here' && !state.known) void again(state.recording.id)
  }, [state.kind])
  return (
    <li data-testid="handed" data-state={now?.state ?? state.kind}>
      <span class="ell" title={one.name}>
        {one.name}
      </span>
      {now !== null && now.state !== 'receiving' && <a href={`/recording/${now.id}`}>{t('hand.open')}</a>}
      {state.kind === 'failed' && <Button onClick={() => sendAgain(one.key)}>{retry('act.retry')}</Button>}
      {state.kind === 'sending' && <progress max={1} value={state.part} aria-label={one.name} />}
      <span class="hand-say" role={state.kind === 'sending' ? undefined : 'status'}>
        {sayOf(one, now)}
      </span>
    </li>
  )
}

function sayOf(one: Handed, now: Recording | null): string {
  switch (one.state.kind) {
    case 'waiting':
      return t('hand.waiting')
    case 'sending':
      return one.state.part < 1 ? t('hand.sending', { percent: Math.floor(100 * one.state.part) }) : t('hand.reading')
    case 'unfit':
      return one.state.why()
    case 'failed':
      return one.state.error instanceof ApiError && one.state.error.status !== 0
        ? one.state.error.sentence
        : t('hand.failed')
    case 'here':
      return now === null ? t('hand.reading') : hereWords(now, one.state.known)
  }
}

/** What became of a file that is at the hub. */
export function hereWords(r: Recording, known: boolean): string {
  const why = refusal({ ...r, file: '' }) // its name stands above
  if (why !== null) return known ? t('hand.known.refused', { why }) : why
  if (known) return t('hand.known')
  return t(r.state === 'receiving' ? 'hand.reading' : 'hand.read')
}

/** Whatever is dropped on the page, and whether something is over it now. Elsewhere a browser would open the file. */
function useDrop(take: (files: readonly File[]) => void): boolean {
  const [over, setOver] = useState(false)
  const last = useRef(take)
  last.current = take
  useEffect(() => {
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true
    const onOver = (event: DragEvent): void => {
      if (!hasFiles(event)) return
      event.preventDefault()
      setOver(true)
    }
    const onLeave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setOver(false)
    }
    const onDrop = (event: DragEvent): void => {
      if (!hasFiles(event)) return
      event.preventDefault()
      setOver(false)
      last.current([...(event.dataTransfer?.files ?? [])])
    }
    addEventListener('dragover', onOver)
    addEventListener('dragleave', onLeave)
    addEventListener('drop', onDrop)
    return () => {
      removeEventListener('dragover', onOver)
      removeEventListener('dragleave', onLeave)
      removeEventListener('drop', onDrop)
    }
  }, [])
  return over
}
