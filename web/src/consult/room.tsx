// The consultation room: shared ECG as the stage, the others at the right, controls below. First a lobby that tests
// camera and microphone (its click is also what lets sound play); a reload goes back to the seat by itself.
import { useSignal } from '@preact/signals'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Consult, Enter, Recording } from '../api/types.gen'
import { useKeys } from '../app/keys'
import { go } from '../app/router'
import type { ScreenProps } from '../app/routes'
import { complaint, loadFindingNames, personName, sexAge } from '../clinic/case'
import { me } from '../clinic/me'
import { t } from '../i18n/consult'
import { Thread } from '../messages/thread'
import { Button, Empty, ErrorLine, Severity, Skeleton } from '../ui'
import { Agenda } from './agenda'
import { Controls, type Panel } from './controls'
import { Devices, DeviceTrouble } from './devices'
import type { Tool } from './drawing'
import { type Film, openFilm } from './film'
import { FilmBar } from './filmbar'
import type { Held } from './held'
import { GOOD } from './line'
import { openLink, type RoomLink, type Seat } from './link'
import { Lobby, NoMedia } from './lobby'
import { createMedia, type OwnMedia } from './media'
import { useConsult } from './one'
import { Opinion } from './opinion'
import { inSight, type Large, People, Strip, whoIsLarge } from './people'
import { Header } from './roomhead'
import { hasSeat, leaveSeat, takeSeat } from './seat'
import { canShare, openShare, type Share } from './share'
import { openShared, type Shared } from './shared'
import { type Follow, Stage } from './stage'
import { usePushToTalk } from './talk'
import { PeerTile, SelfTile, SoundOnly, WaitingTile } from './tiles'
import { Waits } from './waiting'
import { roomIsOpen } from './words'
import './consult.css'
import './tiles.css'
import './room.css'

export default function RoomScreen({ params }: ScreenProps) {
  const id = params.id ?? ''
  const { state, put, reload } = useConsult(id)
  useEffect(loadFindingNames, [])
  if (me.value === null || state.kind === 'waiting') return <Skeleton rows={12} />
  if (state.kind === 'failed')
    return (
      <Empty title={t('one.none')}>
        <ErrorLine error={state.error} retry={reload} />
      </Empty>
    )
  return <Room consult={state.value} me={me.value.id} onChange={put} />
}

type Place =
  | { kind: 'lobby'; error: unknown; elsewhere?: boolean }
  | { kind: 'entering' }
  | { kind: 'in'; enter: Enter; link: RoomLink; shared: Shared; share: Share; film: Film; since: number }

/** Of more members everybody joins muted. */
const OPEN_MICS_MAX = 3

function Room(p: { consult: Consult; me: string; onChange: (c: Consult) => void }) {
  const c = p.consult
  const media = useMemo(createMedia, [])
  const [place, setPlace] = useState<Place>({ kind: 'lobby', error: null })
  const link = useRef<RoomLink | null>(null)
  const gone = useRef(false)
  const shared = useRef<Shared | null>(null)
  const sharing = useRef<Share | null>(null)
  const filmed = useRef<Film | null>(null)
  const held = useRef<Held | null>(null)
  const pinned = useSignal<string | null>(null)
  const follow = useSignal<Follow>('follow')
  const tool = useSignal<Tool>('none')
  const [panel, setPanel] = useState<Panel>('chat')
  const [hushedBy, setHushedBy] = useState<string | null>(null)
  const [recording, setRecording] = useState<Recording | null>(null)
  const names = useRef(c.members)
  names.current = c.members

  const enter = async (): Promise<void> => {
    const laid = held.current?.take() ?? null
    const lobby = { held: laid, wide: held.current?.wide === true }
    setPlace({ kind: 'entering' })
    try {
      const by = laid === null ? '' : `?seat=${encodeURIComponent(laid.seat)}`
      const told = await api.post<Enter>(`/api/consults/${encodeURIComponent(c.id)}/enter${by}`, {})
      if (gone.current) return laid?.close()
      p.onChange(told.consult)
      takeSeat(c.id)
      const nameOf = (a: string): string => names.current.find(m => m.account === a)?.name ?? '–'
      const opened = openLink(told, lobby, p.me, media, nameOf, elsewhere)
      link.current = opened
      // In the same turn as the link, so that both hear what the hub first tells a newcomer.
      const floor = openShared(opened.topic, p.me, by => {
        if (!media.micOn.peek()) return
        media.toggleMic()
        setHushedBy(nameOf(by))
      })
      shared.current = floor
      const share = openShare(media, floor, p.me)
      sharing.current = share
      const film = openFilm(opened.topic)
      filmed.current = film
      setPlace({ kind: 'in', enter: told, link: opened, shared: floor, share, film, since: Date.now() })
    } catch (error) {
      laid?.close()
      if (!gone.current) setPlace({ kind: 'lobby', error })
    }
  }
  /** The same person came in by another page: this one makes room for it, and may be taken up again. */
  const elsewhere = (): void => {
    leaveSeat(c.id)
    sharing.current?.close()
    link.current?.close(false)
    link.current = null
    shared.current?.close()
    setPlace({ kind: 'lobby', error: null, elsewhere: true })
  }
  const goOut = (): void => {
    leaveSeat(c.id)
    sharing.current?.close()
    link.current?.close(true)
    link.current = null
    shared.current?.close()
    filmed.current?.close()
    media.close()
  }
  const leave = (): void => {
    goOut()
    go(`/consult/${c.id}`)
  }
  useEffect(() => {
    if (c.members.length > OPEN_MICS_MAX && media.micOn.peek()) media.toggleMic()
    void media.open()
    if (hasSeat(c.id) && roomIsOpen(c.events)) void enter()
    api.get<Recording>(`/api/recordings/${encodeURIComponent(c.recording)}`).then(
      r => !gone.current && setRecording(r),
      () => undefined, // the card shows what the request says
    )
    return () => {
      gone.current = true
      // Going to another screen is leaving; a reload never comes here, so its seat stays.
      goOut()
    }
  }, [c.id])
  const inRoom = place.kind === 'in' ? place : null
  const listens = inRoom?.shared.listens.value === true
  useEffect(() => media.listenOnly(listens), [listens])
  const turn = (to: Panel): void => setPanel(panel === to ? 'chat' : to)
  const raise = (): void => {
    const floor = inRoom?.shared
    floor?.hand(!floor.floor.peek().hands.includes(p.me))
  }
  const draw = (): void => {
    tool.value = tool.value === 'none' ? 'pen' : 'none'
  }
  usePushToTalk(media)
  const share = (): void => {
    if (inRoom === null || !canShare()) return
    if (media.screen.peek() !== null) inRoom.share.stop()
    else if (inRoom.shared.mayShow.peek()) void inRoom.share.start()
  }
  useKeys('room', roomKeys({ media, follow, draw, raise, share, turn: to => inRoom !== null && turn(to) }))
  const seats = inRoom?.link.seats.value ?? []
  const large: Large = { pinned: pinned.value, lead: inRoom?.link.lead.value ?? null }
  const sight = inRoom === null ? null : inSight(seats, inRoom.shared.floor.value, large)
  useEffect(() => {
    if (inRoom !== null && sight !== null) inRoom.link.watch(sight.accounts, sight.large)
  }, [inRoom, sight?.accounts.join(), sight?.large])
  return (
    <div class="room" data-testid="room" data-place={place.kind}>
      <Header
        consult={c}
        seats={seats}
        line={inRoom?.link.line.value ?? GOOD}
        since={inRoom?.since ?? null}
        film={inRoom?.film ?? null}
      />
      <Stage
        consult={c}
        link={inRoom?.link ?? null}
        shared={inRoom?.shared ?? null}
        media={media}
        me={p.me}
        follow={follow}
        tool={tool}
        findings={recording?.machine?.findings ?? []}
      />
      <aside class="room-rail" aria-label={t('room.rail')}>
        {inRoom !== null && <FilmBar film={inRoom.film} consult={c} me={p.me} hosts={inRoom.shared.hosts.value} />}
        {inRoom !== null ? (
          <Videos
            consult={c}
            seats={seats}
            shared={inRoom.shared}
            media={media}
            me={p.me}
            large={large}
            onUnpin={() => {
              pinned.value = null
            }}
          />
        ) : (
          <Lobby
            consult={c}
            media={media}
            held={held}
            busy={place.kind === 'entering'}
            error={place.kind === 'lobby' ? place.error : null}
            elsewhere={place.kind === 'lobby' && place.elsewhere === true}
            onEnter={() => void enter()}
          />
        )}
        {inRoom !== null && <SoundOnly sound={inRoom.link.sound.value} />}
        {inRoom !== null && <Waits consult={c} shared={inRoom.shared} />}
        {inRoom !== null && inRoom.link.refused.value !== null && (
          <p class="room-told" role="status" data-testid="media-refused">
            {inRoom.link.refused.value.sentence}
          </p>
        )}
        <DeviceTrouble media={media} />
        {inRoom !== null && inRoom.share.why.value !== null && (
          <p class="room-told" role="status" data-testid="no-screen">
            {t(`screen.${inRoom.share.why.value}`)}
          </p>
        )}
        {hushedBy !== null && !media.micOn.value && (
          <p class="room-told" role="status" data-testid="hushed">
            {t('people.hushed', { name: hushedBy })}
          </p>
        )}
        {inRoom !== null && <Agenda consult={c} />}
        {panel === 'opinion' ? (
          <OpinionPanel consult={c} onChange={p.onChange} onClose={() => setPanel('chat')} />
        ) : panel === 'devices' ? (
          <Devices media={media} room={inRoom} onClose={() => setPanel('chat')} />
        ) : panel === 'people' && inRoom !== null ? (
          <People consult={c} shared={inRoom.shared} seats={seats} me={p.me} onClose={() => setPanel('chat')} />
        ) : (
          <>
            <Card consult={c} recording={recording} />
            <div class="room-chat" data-testid="chat">
              <Thread
                thread={c.id}
                {...(inRoom === null ? {} : { topic: inRoom.link.topic })}
                placeholder={t('room.chat.write')}
                none={t('room.chat.none')}
                chord="KeyT"
              />
            </div>
          </>
        )}
      </aside>
      {inRoom !== null && (
        <Strip
          consult={c}
          shared={inRoom.shared}
          seats={seats}
          me={p.me}
          large={large}
          onPin={account => {
            pinned.value = account
          }}
          onMore={() => turn('people')}
        />
      )}
      <Controls
        media={media}
        consult={c}
        me={p.me}
        shared={inRoom?.shared ?? null}
        share={inRoom?.share ?? null}
        drawing={tool.value !== 'none'}
        panel={panel}
        turn={turn}
        draw={draw}
        raise={raise}
        onLeave={leave}
      />
    </div>
  )
}

type KeyParts = Readonly<{
  media: OwnMedia
  follow: { value: Follow }
  draw: () => void
  raise: () => void
  share: () => void
  turn: (to: Panel) => void
}>

const roomKeys = (k: KeyParts) => [
  { id: 'room.mic', chord: 'KeyM', words: () => t('key.mic'), hint: true, act: k.media.toggleMic },
  { id: 'room.cam', chord: 'KeyV', words: () => t('key.cam'), hint: true, act: () => void k.media.toggleCam() },
  { id: 'room.opinion', chord: 'KeyW', words: () => t('key.opinion'), hint: true, act: () => k.turn('opinion') },
  { id: 'room.hand', chord: 'KeyH', words: () => t('key.hand'), hint: true, act: k.raise },
  { id: 'room.people', chord: 'KeyP', words: () => t('key.people'), act: () => k.turn('people') },
  { id: 'room.share', chord: 'KeyG', words: () => t('screen.share'), act: k.share },
  { id: 'room.devices', chord: 'KeyK', words: () => t('devices.title'), act: () => k.turn('devices') },
  { id: 'room.draw', chord: 'KeyD', words: () => t('key.draw'), hint: true, act: k.draw },
  {
    id: 'room.follow',
    chord: 'KeyF',
    words: () => t('key.follow'),
    hint: true,
    act: () => {
      k.follow.value = k.follow.value === 'follow' ? 'free' : 'follow'
    },
  },
]

type VideosProps = Readonly<{
  consult: Consult
  seats: readonly Seat[]
  shared: Shared
  media: OwnMedia
  me: string
  large: Large
  onUnpin: () => void
}>

/** Two see each other large; of more, who has the word is large and the rest stand in the strip under the stage. */
function Videos(p: VideosProps) {
  const nameOf = (account: string): string => {
    const m = p.consult.members.find(x => x.account === account)
    return m === undefined ? '–' : `${m.name} · ${m.org_name}`
  }
  const others = p.consult.members.filter(m => m.account !== p.me)
  const mine = p.consult.members.find(m => m.account === p.me)
  const large = whoIsLarge(p.seats, p.shared.floor.value, p.large)
  return (
    <div class={`videos${p.seats.length > 1 ? ' videos-many' : ''}`}>
      {large === null ? (
        <WaitingTile
          words={others[0] === undefined ? t('room.waiting.nobody') : t('room.waiting', { name: others[0].name })}
        />
      ) : (
        <PeerTile key={large.account} seat={large} name={nameOf(large.account)} />
      )}
      {p.large.pinned !== null && large?.account === p.large.pinned && (
        <Button onClick={p.onUnpin}>{t('pin.off', { name: nameOf(p.large.pinned) })}</Button>
      )}
      <SelfTile media={p.media.state.value} name={mine?.name ?? me.value?.name ?? ''} micOn={p.media.micOn.value} />
      <NoMedia media={p.media} />
    </div>
  )
}

/** In the rail, not over the trace: the expert writes with the ECG before him. */
function OpinionPanel(p: { consult: Consult; onChange: (c: Consult) => void; onClose: () => void }) {
  useKeys('opinion.panel', [{ id: 'opinion.close', chord: 'Escape', words: () => t('one.back'), act: p.onClose }])
  return (
    <section class="room-opinion" aria-label={t('end.title')}>
      <header class="row">
        <h2>{t('end.title')}</h2>
        <span class="grow" />
        <Button kind="quiet" icon="cross" label={t('one.back')} onClick={p.onClose} />
      </header>
      <Opinion consult={p.consult} onChange={p.onChange} />
    </section>
  )
}

function Card({ consult: c, recording: r }: { consult: Consult; recording: Recording | null }) {
  const rate = r?.machine?.vent_rate_bpm ?? null
  return (
    <section class="room-card">
      <div class="row">
        <b class="name f16 ell">{personName(c.patient)}</b>
        <span class="muted f13 nw">{sexAge(c.patient)}</span>
        <span class="grow" />
        {r?.machine_grade === 'critical' && <Severity is="critical" />}
      </div>
      <dl class="kv">
        <dt>{t('card.symptoms')}</dt>
        <dd>{complaint(r?.symptoms ?? []) || '–'}</dd>
        <dt>{t('card.purpose')}</dt>
        <dd>{c.purpose}</dd>
        <dt>{t('card.summary')}</dt>
        <dd>{c.summary}</dd>
        <dt>{t('card.consent')}</dt>
        <dd>{t(`consent.${c.consent}`)}</dd>
        {rate !== null && (
          <>
            <dt>{t('card.rate')}</dt>
            <dd>{Math.round(rate)}</dd>
          </>
        )}
      </dl>
    </section>
  )
}
