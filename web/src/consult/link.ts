// The room's line to the others: presence, signalling, shared view and pointers, all as whispers on `consult:<id>`.
// Two are connected browser to browser (peer.ts), three and more over the hub (forwarder.ts). What must last (chat, opinion) goes another way.
import { effect, signal } from '@preact/signals'
import { type ApiError, uuid } from '../api/client'
import type { Enter, SharedView } from '../api/types.gen'
import type { PeerPointer } from '../ecg'
import { linkState, subscribe, whisper, whisperPace_ms } from '../live/live'
import { Forwarder, readNews, wishes } from './forwarder'
import { Guard } from './guard'
import type { OwnMedia } from './media'
import { GONE_AFTER_MS, type Here, type PeerState, readSignal } from './negotiation'
import { type Net, Peer, type Tracks } from './peer'
import { judge, readView, type ViewState } from './view'

export type Seat = Readonly<{
  account: string
  state: PeerState
  stream: MediaStream | null
  mic: boolean
  cam: boolean
  net: Net | null
}>

const NET_EVERY_MS = 2_000
/** As often as a screen paints; on a narrow line as the hub says. */
const POINTER_EVERY_MS = 16
const VIEW_EVERY_MS = 80
const SETTLE_MS = 600

type Member = {
  session: string
  mic: boolean
  cam: boolean
  peer: Peer | null
  net: Net | null
  left: boolean
  /** Since when the forwarder does not have him; null: it has him. */
  awayAt_ms: number | null
  /** Whether it ever had him. */
  came: boolean
}

export function openLink(enter: Enter, me: string, media: OwnMedia, nameOf: (account: string) => string) {
  const topic = `consult:${enter.consult.id}`
  const session = uuid()
  const members = new Map<string, Member>()
  const seats = signal<readonly Seat[]>([])
  const pointers = signal<readonly PeerPointer[]>([])
  const view = signal<SharedView | null>(enter.view)
  let viewState: ViewState = { rev: enter.view?.rev ?? 0, sentAt_ms: null }
  let lastSent: SharedView | null = null
  const guard = new Guard()
  const canCall = typeof RTCPeerConnection !== 'undefined'

  const shown = signal<readonly string[] | null>(null)
  const speakers = signal<readonly string[]>([])
  /** Why this page has no sound and picture, as the hub says it. */
  const refused = signal<ApiError | null>(null)
  let forwarder: Forwarder | null = null

  const stateOf = (account: string, m: Member): PeerState => {
    if (m.left) return 'left'
    const over = forwarder
    if (over === null || (m.peer !== null && !over.here.has(account))) return m.peer?.state ?? 'connecting'
    if (over.here.has(account)) {
      m.awayAt_ms = null
      if (over.stands) m.came = true
      return over.stands ? 'connected' : m.peer !== null ? m.peer.state : m.came ? 'reconnecting' : 'connecting'
    }
    m.awayAt_ms ??= Date.now()
    if (Date.now() - m.awayAt_ms > GONE_AFTER_MS) return 'left'
    return m.came ? 'reconnecting' : 'connecting'
  }
  const show = (): void => {
    refused.value = forwarder?.refused ?? null
    seats.value = [...members].map(([account, m]) => ({
      account,
      state: stateOf(account, m),
      stream: forwarder?.pictureOf(account) ?? m.peer?.stream ?? null,
      mic: m.mic,
      cam: m.cam,
      net: m.net,
    }))
    if (forwarder === null) return
    speakers.value = forwarder.speakers
    const withPicture = [...members].filter(([, m]) => m.cam && !m.left).map(([account]) => account)
    const chosen = shown.peek()
    const inSight = chosen === null ? withPicture : chosen.filter(a => withPicture.includes(a))
    forwarder.watch(wishes(inSight, forwarder.lead.account))
  }
  /** Three are in: over the hub from now on, for good. What is direct goes when the first picture has come. */
  const forward = (): Forwarder => {
    forwarder ??= new Forwarder({
      consult: enter.consult.id,
      iceServers: enter.ice_servers,
      tracks,
      onChange: show,
      onFlow: () => {
        for (const m of members.values()) {
          m.peer?.close()
          m.peer = null
        }
        show()
      },
    })
    return forwarder
  }
  const tracks = (): Tracks => {
    const here = media.state.peek()
    return here.kind === 'here' ? { audio: here.audio, video: here.video } : { audio: null, video: null }
  }
  const sayHere = (to: string, ask: boolean): void => {
    const here: Here = { type: 'here', session, mic: hasMic(), cam: tracks().video !== null, ask }
    whisper(topic, to, { kind: 'signal', description: here })
  }
  const hasMic = (): boolean => tracks().audio !== null && media.micOn.peek()

  const connect = (account: string, m: Member): void => {
    if (!canCall || forwarder !== null) return
    m.peer = new Peer({
      me,
      other: account,
      iceServers: enter.ice_servers,
      tracks: tracks(),
      send: what => {
        const marked =
          'description' in what
            ? { description: { ...what.description, session, to: m.session } }
            : { candidate: { ...what.candidate, session, to: m.session } }
        whisper(topic, account, { kind: 'signal', ...marked })
      },
      onChange: show,
    })
  }

  /** Somebody says he is here: a new stay gets a new connection, a known one a push if it does not stand. */
  const met = (account: string, here: Here): void => {
    const known = members.get(account)
    if (here.ask && guard.takes(account, 'answer', performance.now())) sayHere(account, false)
    if (known !== undefined && known.session === here.session && !known.left) {
      known.mic = here.mic
      known.cam = here.cam
      known.peer?.kick()
    } else if (guard.takes(account, 'stay', performance.now())) {
      known?.peer?.close()
      const { session, mic, cam } = here
      const m: Member = { session, mic, cam, peer: null, net: null, left: false, awayAt_ms: null, came: false }
      members.set(account, m)
      connect(account, m)
    }
    show()
  }

  const signalled = async (from: string, body: unknown): Promise<void> => {
    const told = readSignal(body)
    if (told === null) return
    if (told.kind === 'here') {
      met(from, told.here)
      return
    }
    const m = members.get(from)
    if (told.to !== session || m === undefined || m.session !== told.session) return // meant for an earlier stay
    if (!guard.takes(from, told.kind, performance.now())) return
    try {
      if (told.kind === 'description') await m.peer?.description(told.description)
      else await m.peer?.candidate(told.candidate)
    } catch (error) {
      console.error('room.signal', error)
    }
  }

  /** Who pointed where since the last frame; null: nowhere any more. However many words come, a frame paints once. */
  const moved = new Map<string, PeerPointer | null>()
  const pointed = (from: string, body: { lead?: unknown; sample?: unknown }): void => {
    if (moved.size === 0) requestAnimationFrame(paintPointers)
    const { lead, sample } = body
    const onTrace = typeof lead === 'string' && typeof sample === 'number'
    moved.set(from, onTrace ? { id: from, name: nameOf(from), lead, strip: false, sample } : null)
  }
  const paintPointers = (): void => {
    const still = pointers.peek().filter(p => !moved.has(p.id))
    pointers.value = [...still, ...[...moved.values()].filter(p => p !== null)]
    moved.clear()
  }

  const viewed = (body: unknown): void => {
    const incoming = readView(body)
    if (incoming === null || incoming.presenter === me) return
    const { verdict, state } = judge(viewState, incoming, me, Date.now())
    viewState = state
    if (verdict === 'apply') view.value = incoming
    if (verdict === 'say_again' && lastSent !== null) whisperView(lastSent)
  }

  const hello = (): void => whisper(topic, null, { kind: 'hello' })

  const heard = (from: string, body: unknown): void => {
    if (typeof body !== 'object' || body === null || !('kind' in body)) return
    if (body.kind === 'view') viewed(body)
    const news = readNews(from, body)
    if (news !== null && canCall) {
      const missed = forwarder === null && news.say === 'members' // the word that it begins, while the link was down
      forward().heard(news)
      if (missed) void forward().take(null)
    }
    if (from === '' || from === me) return
    if (body.kind === 'hello') {
      if (guard.takes(from, 'answer', performance.now())) sayHere(from, true)
    } else if (body.kind === 'signal') void signalled(from, body)
    else if (body.kind === 'pointer') pointed(from, body as { lead?: unknown; sample?: unknown })
    else if (body.kind === 'bye') {
      const m = members.get(from)
      if (m !== undefined) {
        m.peer?.close()
        m.peer = null
        m.left = true
      }
      pointed(from, {})
      show()
    }
  }

  /** A view shown while the link was down reached nobody: unless a newer one comes first, it is said again. */
  const back = (): void => {
    hello()
    forwarder?.kick()
    const mine = lastSent
    if (mine === null || view.peek() !== mine) return
    setTimeout(() => {
      if (view.peek() === mine) whisperView(mine)
    }, SETTLE_MS)
  }

  const stopTopic = subscribe(topic, null, { whisper: heard, ready: back })
  // A topic somebody on this page already follows says no second `ready`.
  if (linkState.peek().kind === 'live') hello()

  const stopMedia = effect(() => {
    const here = media.state.value
    void media.micOn.value
    const own: Tracks = here.kind === 'here' ? { audio: here.audio, video: here.video } : { audio: null, video: null }
    void forwarder?.replace(own)
    for (const [account, m] of members) {
      void m.peer?.replace(own)
      sayHere(account, false)
    }
  })

  if (enter.forwarded === true && canCall) void forward().take(enter.media ?? null)

  const netTimer = setInterval(() => {
    if (forwarder?.stands === true)
      void forwarder.net().then(net => {
        for (const m of members.values()) m.net = net
        show()
      })
    for (const m of members.values())
      void m.peer?.net().then(net => {
        if (m.peer !== null) m.net = net
        show()
      })
    show() // "reconnecting" becomes "left" by the clock
  }, NET_EVERY_MS)

  const whisperView = (v: SharedView): void => {
    viewState = { ...viewState, sentAt_ms: Date.now() }
    const { rev: _stamped, ...body } = v
    whisper(topic, null, { kind: 'view', ...body })
  }
  const sendView = throttled(
    () => Math.max(VIEW_EVERY_MS, whisperPace_ms()),
    (v: SharedView) => {
      lastSent = v
      view.value = v
      whisperView(v)
    },
  )
  const sendPointer = throttled(
    () => Math.max(POINTER_EVERY_MS, whisperPace_ms()),
    (at: { lead: string; sample: number } | null) => {
      whisper(topic, null, { kind: 'pointer', ...(at === null ? {} : { lead: at.lead, sample: at.sample, uv: 0 }) })
    },
  )

  const close = (leaving: boolean): void => {
    if (leaving) whisper(topic, null, { kind: 'bye' })
    clearInterval(netTimer)
    stopMedia()
    stopTopic()
    for (const m of members.values()) m.peer?.close()
    members.clear()
    forwarder?.close()
  }
  /** Only those whose tiles are in sight are asked for; null: all. */
  const watch = (accounts: readonly string[] | null): void => {
    shown.value = accounts
    show()
  }
  return { topic, seats, speakers, refused, pointers, view, watch, sendView, sendPointer, close }
}

export type RoomLink = ReturnType<typeof openLink>

/** At most once in `every_ms`, and the last one always. */
export function throttled<T>(every: number | (() => number), act: (value: T) => void): (value: T) => void {
  let last = Number.NEGATIVE_INFINITY
  let waiting: { value: T } | null = null
  return value => {
    const now = Date.now()
    const every_ms = typeof every === 'number' ? every : every()
    if (waiting !== null) {
      waiting.value = value
      return
    }
    if (now - last >= every_ms) {
      last = now
      act(value)
      return
    }
    const held = { value }
    waiting = held
    setTimeout(
      () => {
        waiting = null
        last = Date.now()
        act(held.value)
      },
      every_ms - (now - last),
    )
  }
}
