// A film of a room played: everybody's sound and picture in step, and beside them the stage as it was at that moment.
// One clock leads; each member's player follows it. What was said on the stage is replay.ts.
import { type Signal, useSignal } from '@preact/signals'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Consult, FilmPart, FilmStage, FilmView, StageWord } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { useKeys } from '../app/keys'
import { go } from '../app/router'
import type { ScreenProps } from '../app/routes'
import { loadFindingNames, personName } from '../clinic/case'
import { t } from '../i18n/film'
import { Button, Empty, ErrorLine, Skeleton } from '../ui'
import type { Tool } from './drawing'
import { createMedia } from './media'
import { openReplay, piecesAt, type Replay } from './replay'
import { type Follow, Stage } from './stage'
import './consult.css'
import './room.css'
import './film.css'

const TICK_MS = 100
const STEP_MS = 10_000
/** So far a player may be from the clock before it is set; nearer, it only goes a little faster or slower. */
const APART_S = 0.35
const CLOSE_S = 0.04

type Opened = Readonly<{ view: FilmView; consult: Consult; words: readonly StageWord[] }>
type State = { kind: 'waiting' } | { kind: 'here'; value: Opened } | { kind: 'failed'; error: unknown }

export default function FilmScreen({ params }: ScreenProps) {
  const id = params.id ?? ''
  const [state, setState] = useState<State>({ kind: 'waiting' })
  useEffect(loadFindingNames, [])
  const load = (): void => {
    setState({ kind: 'waiting' })
    open(id).then(
      value => setState({ kind: 'here', value }),
      (error: unknown) => setState({ kind: 'failed', error }),
    )
  }
  useEffect(load, [id])
  if (state.kind === 'waiting') return <Skeleton rows={10} />
  if (state.kind === 'failed')
    return (
      <Empty title={t('page.none')}>
        <ErrorLine error={state.error} retry={load} />
      </Empty>
    )
  return <Playback {...state.value} />
}

async function open(id: string): Promise<Opened> {
  const path = `/api/films/${encodeURIComponent(id)}`
  const view = await api.post<FilmView>(`${path}/view`, {})
  const [consult, stage] = await Promise.all([
    api.get<Consult>(`/api/consults/${encodeURIComponent(view.film.consult)}`),
    api.get<FilmStage>(`${path}/stage?view=${encodeURIComponent(view.view)}`),
  ])
  return { view, consult, words: stage.words }
}

function Playback({ view, consult, words }: Opened) {
  const at_ms = useSignal(0)
  const playing = useSignal(false)
  /** Players that have nothing to show yet: the clock waits for them. */
  const waiting = useSignal<ReadonlySet<string>>(new Set())
  const nameOf = (account: string): string => consult.members.find(m => m.account === account)?.name ?? '–'
  const begin = (): { of: number; replay: Replay } => ({ of: performance.now(), replay: openReplay(words, nameOf) })
  const [stage, setStage] = useState(begin)
  const replay = useRef(stage.replay)
  replay.current = stage.replay
  const follow = useSignal<Follow>('follow')
  const tool = useSignal<Tool>('none')
  const media = useMemo(createMedia, [])

  useEffect(() => stage.replay.to(at_ms.peek()), [stage])
  useEffect(() => {
    let before = performance.now()
    const timer = setInterval(() => {
      const now = performance.now()
      const passed = now - before
      before = now
      if (!playing.peek() || waiting.peek().size > 0) return
      at_ms.value = Math.min(view.last_ms, at_ms.peek() + passed)
      if (at_ms.peek() >= view.last_ms) playing.value = false
      replay.current.to(at_ms.peek())
    }, TICK_MS)
    return () => clearInterval(timer)
  }, [])
  const seek = (ms: number): void => {
    const to = Math.max(0, Math.min(view.last_ms, ms))
    const back = to < at_ms.peek()
    at_ms.value = to
    if (back) setStage(begin())
    else replay.current.to(to)
  }
  const toggle = (): void => {
    if (!playing.peek() && at_ms.peek() >= view.last_ms) seek(0)
    playing.value = !playing.peek()
  }
  useKeys('film', [
    { id: 'film.play', chord: 'KeyK', words: () => t('key.play'), hint: true, act: toggle },
    {
      id: 'film.earlier',
      chord: 'KeyJ',
      words: () => t('key.earlier'),
      hint: true,
      act: () => seek(at_ms.peek() - STEP_MS),
    },
    {
      id: 'film.later',
      chord: 'KeyL',
      words: () => t('key.later'),
      hint: true,
      act: () => seek(at_ms.peek() + STEP_MS),
    },
  ])
  const began = view.film.began_at ?? view.film.asked_at
  return (
    <div class="room film-page" data-testid="playback" data-playing={playing.value}>
      <header class="room-head">
        <h1 class="ell">{personName(consult.patient)}</h1>
        <span class="muted f13">{`${day(began)} ${clockTime(began)}`}</span>
        <span class="grow" />
        <span class="muted f13">{t('page.logged')}</span>
        <Button onClick={() => go(`/consult/${consult.id}`)}>{t('page.back')}</Button>
      </header>
      <Stage
        key={stage.of}
        consult={consult}
        link={stage.replay.link}
        shared={stage.replay.shared}
        media={media}
        me=""
        follow={follow}
        tool={tool}
        findings={[]}
        replay
      />
      <aside class="room-rail film-people">
        {view.parts.length === 0 ? (
          <p class="room-told">{t('page.empty')}</p>
        ) : (
          piecesAt(view.parts, at_ms.value).map(({ of, now }) => (
            <Person key={of.account} name={of.name} part={now} at_ms={at_ms} playing={playing} waiting={waiting} />
          ))
        )}
      </aside>
      <footer class="room-controls film-controls">
        <Button kind="primary" size="large" chord="KeyK" onClick={toggle}>
          {t(playing.value ? 'page.pause' : 'page.play')}
        </Button>
        <span class="film-time" data-testid="film-time" data-ms={Math.round(at_ms.value)}>
          {clock(at_ms.value)} / {clock(view.last_ms)}
        </span>
        <input
          type="range"
          aria-label={t('page.seek')}
          aria-valuetext={clock(at_ms.value)}
          min={0}
          max={view.last_ms}
          step={100}
          value={at_ms.value}
          onInput={event => seek(Number(event.currentTarget.value))}
        />
        <span class="muted f13 nw">{waiting.value.size > 0 ? t('page.waits') : ''}</span>
      </footer>
    </div>
  )
}

const clock = (ms: number): string => {
  const s = Math.floor(ms / 1000)
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`
}

type PersonProps = Readonly<{
  name: string
  part: FilmPart | null
  at_ms: Signal<number>
  playing: Signal<boolean>
  waiting: Signal<ReadonlySet<string>>
}>

function Person(p: PersonProps) {
  return (
    <figure class="film-person" data-testid="film-person" data-here={p.part !== null}>
      {p.part === null ? (
        <p class="film-away muted">{t('page.away')}</p>
      ) : (
        <Player key={p.part.media} {...p} part={p.part} />
      )}
      <figcaption class="f13">
        {p.name}
        {p.part !== null && p.part.dropped > 0 && (
          <span class="muted"> {t('page.dropped', { n: p.part.dropped })}</span>
        )}
      </figcaption>
    </figure>
  )
}

function Player(p: PersonProps & { part: FilmPart }) {
  const { part, at_ms, playing, waiting } = p
  const video = useRef<HTMLVideoElement>(null)
  const wait = (on: boolean): void => {
    if (waiting.peek().has(part.media) === on) return
    const now = new Set(waiting.peek())
    if (on) now.add(part.media)
    else now.delete(part.media)
    waiting.value = now
  }
  /** This player after the clock. */
  const keepUp = (): void => {
    const v = video.current
    if (v === null || v.error !== null) {
      wait(false)
      return
    }
    const wanted = (at_ms.peek() - part.first_ms) / 1000
    const apart = wanted - v.currentTime
    if (v.readyState >= 1 && !v.seeking && Math.abs(apart) > APART_S) v.currentTime = wanted
    v.playbackRate = playing.peek() && Math.abs(apart) > CLOSE_S ? (apart > 0 ? 1.05 : 0.95) : 1
    wait(v.readyState < 3 && !v.ended)
    const runs = playing.peek() && waiting.peek().size === 0
    if (runs && v.paused && !v.ended) v.play().catch(() => undefined)
    if (!runs && !v.paused && !playing.peek()) v.pause()
  }
  useEffect(() => {
    keepUp()
    const timer = setInterval(keepUp, TICK_MS)
    return () => {
      clearInterval(timer)
      wait(false)
    }
  }, [])
  return (
    <>
      {/* biome-ignore lint/a11y/useMediaCaption: nobody has written down what was said */}
      <video ref={video} src={part.media} preload="auto" playsInline data-testid="film-video" />
      {!part.picture && <p class="film-away muted">{t('page.voice')}</p>}
    </>
  )
}
