// The consultation room: shared ECG as the stage, the others at the right, controls below. First a lobby that tests
// camera and microphone (its click is also what lets sound play); a reload goes back to the seat by itself.
import { useSignal } from '@preact/signals'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { isPhone } from '../alerts/phone'
import { api } from '../api/client'
import type { Consult, Enter, Recording } from '../api/types.gen'
import { now, wait } from '../app/clock'
import { useKeys } from '../app/keys'
import { go } from '../app/router'
import type { ScreenProps } from '../app/routes'
import { complaint, loadFindingNames, personName, sexAge } from '../clinic/case'
import { isMe, me } from '../clinic/me'
import { t } from '../i18n/consult'
import { isOffline } from '../live/live'
import { Thread } from '../messages/thread'
import { Button, Dot, Empty, ErrorLine, Icon, type IconName, Severity, Skeleton, Tag } from '../ui'
import { openLink, type RoomLink, type Seat } from './link'
import { createMedia, type Media, type OwnMedia } from './media'
import { useConsult } from './one'
import { Opinion } from './opinion'
import { type Follow, Stage } from './stage'
import { PeerTile, SelfTile, WaitingTile } from './tiles'
import { roomIsOpen, stateWords } from './words'
import './consult.css'

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
  | { kind: 'lobby'; error: unknown }
  | { kind: 'entering' }
  | { kind: 'in'; enter: Enter; link: RoomLink; since: number }

const seatKey = (consult: string): string => `xinlian.room.${consult}`

function Room(p: { consult: Consult; me: string; onChange: (c: Consult) => void }) {
  const c = p.consult
  const media = useMemo(createMedia, [])
  const [place, setPlace] = useState<Place>({ kind: 'lobby', error: null })
  const link = useRef<RoomLink | null>(null)
  const gone = useRef(false)
  const follow = useSignal<Follow>('follow')
  const [opinionOpen, setOpinionOpen] = useState(false)
  const [recording, setRecording] = useState<Recording | null>(null)
  const names = useRef(c.members)
  names.current = c.members

  const enter = async (): Promise<void> => {
    setPlace({ kind: 'entering' })
    try {
      const told = await api.post<Enter>(`/api/consults/${encodeURIComponent(c.id)}/enter`, {})
      if (gone.current) return
      p.onChange(told.consult)
      sessionStorage.setItem(seatKey(c.id), 'in')
      const opened = openLink(told, p.me, media, a => names.current.find(m => m.account === a)?.name ?? '–')
      link.current = opened
      setPlace({ kind: 'in', enter: told, link: opened, since: Date.now() })
    } catch (error) {
      if (!gone.current) setPlace({ kind: 'lobby', error })
    }
  }
  const leave = (): void => {
    sessionStorage.removeItem(seatKey(c.id))
    link.current?.close(true)
    link.current = null
    media.close()
    go(`/consult/${c.id}`)
  }
  useEffect(() => {
    void media.open()
    if (sessionStorage.getItem(seatKey(c.id)) === 'in' && roomIsOpen(c.events)) void enter()
    api.get<Recording>(`/api/recordings/${encodeURIComponent(c.recording)}`).then(
      r => !gone.current && setRecording(r),
      () => undefined, // the card shows what the request says
    )
    return () => {
      gone.current = true
      // Going to another screen is leaving; a reload never comes here, so its seat stays.
      link.current?.close(true)
      sessionStorage.removeItem(seatKey(c.id))
      media.close()
    }
  }, [c.id])
  useKeys(
    'room',
    roomKeys({ media, follow, in: place.kind === 'in', openOpinion: () => setOpinionOpen(!opinionOpen), leave }),
  )
  const seats = place.kind === 'in' ? place.link.seats.value : []
  return (
    <div class="room" data-testid="room" data-place={place.kind}>
      <Header consult={c} seats={seats} since={place.kind === 'in' ? place.since : null} />
      <Stage
        consult={c}
        link={place.kind === 'in' ? place.link : null}
        me={p.me}
        follow={follow}
        findings={recording?.machine?.findings ?? []}
      />
      <aside class="room-rail" aria-label={t('room.rail')}>
        {place.kind === 'in' ? (
          <Videos consult={c} seats={seats} media={media} me={p.me} />
        ) : (
          <Lobby
            consult={c}
            media={media}
            busy={place.kind === 'entering'}
            error={place.kind === 'lobby' ? place.error : null}
            onEnter={() => void enter()}
          />
        )}
        {opinionOpen ? (
          <OpinionPanel consult={c} onChange={p.onChange} onClose={() => setOpinionOpen(false)} />
        ) : (
          <>
            <Card consult={c} recording={recording} />
            <div class="room-chat" data-testid="chat">
              <Thread
                thread={c.id}
                {...(place.kind === 'in' ? { topic: place.link.topic } : {})}
                placeholder={t('room.chat.write')}
                none={t('room.chat.none')}
                chord="KeyT"
              />
            </div>
          </>
        )}
      </aside>
      <Controls
        media={media}
        consult={c}
        in={place.kind === 'in'}
        onOpinion={() => setOpinionOpen(!opinionOpen)}
        onLeave={leave}
      />
    </div>
  )
}

type KeyParts = Readonly<{
  media: OwnMedia
  follow: { value: Follow }
  in: boolean
  openOpinion: () => void
  leave: () => void
}>

const roomKeys = (k: KeyParts) => [
  { id: 'room.mic', chord: 'KeyM', words: () => t('key.mic'), hint: true, act: k.media.toggleMic },
  { id: 'room.cam', chord: 'KeyV', words: () => t('key.cam'), hint: true, act: () => void k.media.toggleCam() },
  { id: 'room.opinion', chord: 'KeyW', words: () => t('key.opinion'), hint: true, act: () => k.in && k.openOpinion() },
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

function Header({ consult: c, seats, since }: { consult: Consult; seats: readonly Seat[]; since: number | null }) {
  const net = seats.find(s => s.net !== null)?.net ?? null
  return (
    <header class="room-head">
      <Icon name="people" size={20} />
      <h1 class="ell">{t('room.title', { name: personName(c.patient) })}</h1>
      <span class="room-priority">
        <Tag>{t(`priority.${c.priority}`)}</Tag>
      </span>
      <span class="muted f13 ell room-between">
        {t('room.between', { a: c.requester_org_name, b: c.invitee_org_name })}
      </span>
      <span class="grow" />
      {since !== null && <b class="f13">{wait((now.value - since) / 1000)}</b>}
      <span class="room-net f13" role="status">
        <Dot is={isOffline.value ? 'off' : 'on'} />
        {isOffline.value ? (
          t('room.lost')
        ) : net === null ? (
          <span class="muted">{stateWords(c.state)}</span>
        ) : (
          <span class="muted">
            {net.loss_pct < 0.5
              ? t('net.good', { ms: Math.round(net.rtt_ms) })
              : t('net.rtt', { ms: Math.round(net.rtt_ms), loss: net.loss_pct.toFixed(0) })}
          </span>
        )}
      </span>
    </header>
  )
}

function Videos(p: { consult: Consult; seats: readonly Seat[]; media: OwnMedia; me: string }) {
  const nameOf = (account: string): string => {
    const m = p.consult.members.find(x => x.account === account)
    return m === undefined ? '–' : `${m.name} · ${m.org_name}`
  }
  const others = p.consult.members.filter(m => m.account !== p.me)
  const mine = p.consult.members.find(m => m.account === p.me)
  return (
    <div class="videos">
      {p.seats.length === 0 && (
        <WaitingTile
          words={others[0] === undefined ? t('room.waiting.nobody') : t('room.waiting', { name: others[0].name })}
        />
      )}
      {p.seats.map(seat => (
        <PeerTile key={seat.account} seat={seat} name={nameOf(seat.account)} />
      ))}
      <SelfTile media={p.media.state.value} name={mine?.name ?? me.value?.name ?? ''} micOn={p.media.micOn.value} />
      <NoMedia media={p.media} />
    </div>
  )
}

const MISSING = {
  insecure: 'media.insecure',
  denied: 'media.denied',
  missing: 'media.missing',
  busy: 'media.busy',
} as const

/** Says in words why there is no picture or sound, and what still works. */
function NoMedia({ media }: { media: OwnMedia }) {
  const state: Media = media.state.value
  if (state.kind === 'asking') return <p class="room-told">{t('media.asking')}</p>
  if (state.kind === 'here' && state.video === null && media.camOn.value)
    return <p class="room-told">{t('media.voice')}</p>
  if (state.kind !== 'none') return null
  return (
    <div class="room-told" role="status" data-testid="media-missing" data-why={state.why}>
      <p>{t(MISSING[state.why])}</p>
      {state.why !== 'insecure' && <Button onClick={() => void media.open()}>{t('media.retry')}</Button>}
    </div>
  )
}

function Lobby(p: { consult: Consult; media: OwnMedia; busy: boolean; error: unknown; onEnter: () => void }) {
  const state = p.media.state.value
  const open = roomIsOpen(p.consult.events)
  const words =
    state.kind === 'none'
      ? t('room.enter.text')
      : state.kind === 'here' && state.video === null
        ? t('room.enter.voice')
        : t('room.enter')
  return (
    <div class="videos lobby" data-testid="lobby">
      <SelfTile media={state} name={me.value?.name ?? ''} micOn={p.media.micOn.value} />
      <NoMedia media={p.media} />
      {open ? (
        <>
          <p class="muted f13 room-lobby">{t('room.lobby.told')}</p>
          <Button kind="primary" size="large" wide busy={p.busy} onClick={p.onEnter}>
            {words}
          </Button>
        </>
      ) : (
        <p class="room-told">{stateWords(p.consult.state)}</p>
      )}
      {p.error !== null && <ErrorLine error={p.error} retry={p.onEnter} />}
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

function Controls(p: { media: OwnMedia; consult: Consult; in: boolean; onOpinion: () => void; onLeave: () => void }) {
  const here = p.media.state.value.kind === 'here'
  const mic = p.media.micOn.value && here
  const cam = p.media.camOn.value && here
  const writes = p.consult.events.includes('conclude') && isMe(p.consult.expert)
  return (
    <footer class="room-controls">
      <Control
        icon="mic"
        words={t(mic ? 'room.mic.on' : 'room.mic.off')}
        chord="M"
        on={mic}
        off={!here}
        onClick={p.media.toggleMic}
      />
      <Control
        icon="camera"
        words={t(cam ? 'room.cam.on' : 'room.cam.off')}
        chord="V"
        on={cam}
        off={!here}
        onClick={() => void p.media.toggleCam()}
      />
      <span class="grow" />
      {p.in && (
        <span data-testid="opinion-open">
          <Button kind="primary" size="large" icon="pen" chord="KeyW" onClick={p.onOpinion}>
            {t(writes && p.consult.conclusion === null ? 'room.opinion' : 'room.read')}
          </Button>
        </span>
      )}
      <span data-testid="leave">
        <Button size="large" onClick={p.onLeave}>
          {t('room.leave')}
        </Button>
      </span>
    </footer>
  )
}

function Control(p: { icon: IconName; words: string; chord: string; on: boolean; off: boolean; onClick: () => void }) {
  return (
    <button
      type="button"
      class={`room-control${p.on ? ' on' : ''}`}
      aria-pressed={p.on}
      disabled={p.off}
      title={`${p.words} ${p.chord}`}
      onClick={p.onClick}
    >
      <span class="room-control-icon">
        <Icon name={p.icon} size={20} />
        {!p.on && <i aria-hidden="true" />}
      </span>
      <span>
        {p.words} {!isPhone.value && <kbd aria-hidden="true">{p.chord}</kbd>}
      </span>
    </button>
  )
}
