// The room's line to the others: presence, signalling, shared view and pointers, all as whispers on `consult:<id>`.
// Two are connected browser to browser (peer.ts), three and more over the hub (forwarder.ts). What must last (chat, opinion) goes another way.
import { effect, signal } from '@preact/signals'
import { type ApiError, uuid } from '../api/client'
import type { Enter, SharedView } from '../api/types.gen'
import type { PeerPointer } from '../ecg'
import { hurry, isLinked, onNetwork, seek, subscribe, whisper, whisperPace_ms } from '../live/live'
import { Forwarder, readNews, wishes } from './forwarder'
import { Guard } from './guard'
import { NO_FLOW, openLine, readLine } from './line'
import type { OwnMedia } from './media'
import { GONE_AFTER_MS, type Here, type PeerState, readSignal } from './negotiation'
import { type Net, Peer, type Tracks } from './peer'
import { FEW, type Place } from './place'
import { canSound, openSound, type Sound } from './sound'
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
/** Under a frame of 60 Hz, so that no move of a mouse that tells as many waits for the next; on a narrow line as the hub says. */
const POINTER_EVERY_MS = 12
const VIEW_EVERY_MS = 80
const SETTLE_MS = 600
/** So long a newcomer waits for the others to say what they are, and then for his screen to say whom it shows. */
const MEET_MS = 1_000
const SEEN_MS = 150
/** Without media for so long, though somebody is there and the hub is heard: voices go over the web connection. */
const WITHOUT_MS = 12_000

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

/** What the lobby has made ready: a seat laid there, and whether the line is wide. */
export type FromLobby = Readonly<{ held: Place | null; wide: boolean }>

/** `onElsewhere`: this person has entered by another page, which takes the place of this one. */
export function openLink(
  enter: Enter,
  lobby: FromLobby,
  me: string,
  media: OwnMedia,
  nameOf: (account: string) => string,
  onElsewhere: () => void,
) {
  const topic = `consult:${enter.consult.id}`
  let session = uuid()
  const members = new Map<string, Member>()
  const seats = signal<readonly Seat[]>([])
  const pointers = signal<readonly PeerPointer[]>([])
  const view = signal<SharedView | null>(enter.view)
  let viewState: ViewState = { rev: enter.view?.rev ?? 0, sentAt_ms: null }
  let lastSent: SharedView | null = null
  const guard = new Guard()
  const canCall = typeof RTCPeerConnection !== 'undefined'

  /** Who has no media, as the hub tells it; and this page's own socket for voices, while anybody needs one. */
  let without: ReadonlySet<string> = new Set()
  let noMediaAt_ms: number | null = null
  const sound = signal<Sound | null>(null)
  const isVoiceOnly = (account: string): boolean => sound.peek()?.without === true || without.has(account)

  let mayWish = false
  const wishIn = (wait_ms: number): ReturnType<typeof setTimeout> =>
    setTimeout(() => {
      mayWish = true
      show()
    }, wait_ms)
  const meeting = wishIn(MEET_MS)
  let seeing: ReturnType<typeof setTimeout> | undefined
  const shown = signal<readonly string[] | null>(null)
  let largest: string | null = null
  const speakers = signal<readonly string[]>([])
  /** Why this page has no sound and picture, as the hub says it. */
  const refused = signal<ApiError | null>(null)
  /** Who speaks, and keeps being shown through others' short words; null: nobody yet, or browser to browser. */
  const lead = signal<string | null>(null)
  let forwarder: Forwarder | null = null

  const stateOf = (account: string, m: Member): PeerState => {
    if (m.left) return 'left'
    const over = forwarder
    if (over === null || (m.peer !== null && !over.here.has(account))) {
      const is = m.peer?.state ?? 'connecting'
      if (is === 'connected') m.came = true
      return is === 'connecting' && m.came ? 'reconnecting' : is
    }
    if (over.here.has(account)) {
      m.awayAt_ms = null
      if (over.stands) m.came = true
      return over.stands ? 'connected' : m.peer !== null ? m.peer.state : m.came ? 'reconnecting' : 'connecting'
    }
    m.awayAt_ms ??= performance.now()
    if (performance.now() - m.awayAt_ms > GONE_AFTER_MS) return 'left'
    return m.came ? 'reconnecting' : 'connecting'
  }
  const show = (): void => {
    refused.value = forwarder?.refused ?? null
    seats.value = [...members].map(([account, m]) => {
      const state = stateOf(account, m)
      const voiceOnly = state !== 'connected' && !m.left && isVoiceOnly(account)
      return {
        account,
        state: voiceOnly ? 'connected' : state,
        stream: forwarder?.pictureOf(account) ?? m.peer?.stream ?? null,
        mic: m.mic,
        cam: m.cam && !voiceOnly,
        net: m.net,
      }
    })
    if (forwarder === null) return
    speakers.value = forwarder.speakers
    lead.value = forwarder.lead.account
    const withPicture = [...members].filter(([, m]) => m.cam && !m.left).map(([account]) => account)
    const chosen = shown.peek()
    const inSight = chosen === null ? withPicture : chosen.filter(a => withPicture.includes(a))
    const wished = wishes(inSight, largest ?? forwarder.lead.account, line.down_bits)
    line.takes(wished.length)
    // The hub begins with what a newcomer mostly wishes for: a wish by those who are known so far would take it back.
    if (withPicture.length > 0 && knows(forwarder.here)) forwarder.watch(wished)
  }
  const knows = (here: ReadonlySet<string>): boolean => {
    if (mayWish || enter.media == null || here.size > FEW + 1) return true // the hub wished nothing
    const isAll = here.size > 0 && [...here].every(a => a === me || members.has(a))
    if (isAll) seeing ??= wishIn(SEEN_MS)
    return false
  }
  const silent = (): void => {
    line.hold()
    seek()
  }
  const line = openLine({
    wide: lobby.wide,
    tell: told => whisper(topic, null, told),
    flow: async () => {
      if (forwarder !== null) return forwarder.flow()
      const flows = await Promise.all([...members.values()].map(m => m.peer?.flow() ?? NO_FLOW))
      return flows[0] ?? NO_FLOW // browser to browser there is one other
    },
    onChange: () => {
      for (const m of members.values()) void m.peer?.show()
      void forwarder?.show()
      show()
    },
    onVoice: () => {
      for (const m of members.values()) void m.peer?.pack()
      void forwarder?.pack()
    },
  })
  /** Three are in: over the hub from now on, for good. What is direct goes when the first picture has come. */
  const forward = (): Forwarder => {
    forwarder ??= new Forwarder({
      consult: enter.consult.id,
      iceServers: enter.ice_servers,
      tracks,
      linked,
      line,
      others: () => [...members.values()].filter(m => !m.left).length,
      onChange: show,
      onSilent: silent,
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
  const linked = (): boolean => isLinked.peek()
  const tracks = (): Tracks => media.sent.peek()
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
      picture: () => line.pictureTo(account),
      voice: line.voice,
      send: what => {
        const marked =
          'description' in what
            ? { description: { ...what.description, session, to: m.session } }
            : { candidate: { ...what.candidate, session, to: m.session } }
        whisper(topic, account, { kind: 'signal', ...marked })
      },
      linked,
      onChange: show,
      onSilent: silent,
      onBroken: renew,
    })
  }

  /** A connection that nothing mends: a new stay of this page, to which the others connect anew. */
  const renew = (): void => {
    session = uuid()
    for (const [account, m] of members) {
      m.peer?.close()
      m.peer = null
      sayHere(account, true)
      if (!m.left) connect(account, m)
    }
    show()
  }

  /** Somebody says he is here: a new stay gets a new connection, a known one a push if it does not stand. */
  const met = (account: string, here: Here): void => {
    const known = members.get(account)
    if (here.ask && guard.takes(account, 'answer', performance.now())) sayHere(account, false)
    if (known !== undefined && known.session === here.session && !known.left) {
      known.mic = here.mic
      known.cam = here.cam
      void known.peer?.kick(false)
    } else if (guard.takes(account, 'stay', performance.now())) {
      known?.peer?.close()
      const { session, mic, cam } = here
      const came = known?.came === true && !known.left // a page that was loaded anew
      const m: Member = { session, mic, cam, peer: null, net: null, left: false, awayAt_ms: null, came }
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

  const hello = (): void => whisper(topic, null, { kind: 'hello', stay: enter.stay })

  const heard = (from: string, body: unknown): void => {
    if (typeof body !== 'object' || body === null || !('kind' in body)) return
    if (body.kind === 'stay') {
      const { account, stay } = body as { account?: unknown; stay?: unknown }
      if (from === '' && account === me && stay !== enter.stay) onElsewhere()
      return
    }
    if (body.kind === 'view') viewed(body)
    const news = readNews(from, body)
    if (news?.say === 'without') {
      without = new Set(news.accounts ?? [])
      voices()
    } else if (news !== null && canCall) {
      const missed = forwarder === null && news.say === 'members' // the word that it begins, while the link was down
      forward().heard(news)
      if (missed) void forward().take(null)
    }
    if (from === '' || from === me) return
    if (body.kind === 'hello') {
      if (guard.takes(from, 'answer', performance.now())) sayHere(from, true)
    } else if (body.kind === 'signal') void signalled(from, body)
    else if (body.kind === 'pointer') pointed(from, body as { lead?: unknown; sample?: unknown })
    else if (body.kind === 'line') {
      const told = readLine(body)
      if (told !== null) line.heard(from, told)
    } else if (body.kind === 'bye') {
      line.gone(from)
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

  /** The link is back, or the network is another: media that did not come with it are mended or replaced. */
  const mend = (): void => {
    for (const m of members.values()) void m.peer?.kick(true)
    void forwarder?.kick()
  }

  /** A view shown while the link was down reached nobody: unless a newer one comes first, it is said again. */
  const back = (): void => {
    hello()
    mend()
    const mine = lastSent
    if (mine === null || view.peek() !== mine) return
    setTimeout(() => {
      if (view.peek() === mine) whisperView(mine)
    }, SETTLE_MS)
  }

  const stopTopic = subscribe(topic, null, { whisper: heard, ready: back })
  // A seat is asked for before the topic says that it is ready: what is said of it meanwhile is said again then.
  const stopLinked = isLinked.subscribe(is => {
    if (is) void forwarder?.kick()
  })
  // A topic somebody on this page already follows says no second `ready`.
  if (linked()) hello()
  const stopHurry = hurry()
  const stopNetwork = onNetwork(mend)

  const stopMedia = effect(() => {
    const own: Tracks = media.sent.value
    void media.micOn.value
    void forwarder?.replace(own)
    for (const [account, m] of members) {
      void m.peer?.replace(own)
      sayHere(account, false)
    }
  })

  // The hub sits us on the seat held for us, unless it is gone or two go browser to browser.
  const { held } = lobby
  const sits = held !== null && enter.media?.seat === held.seat
  if (!sits) held?.close()
  if (enter.forwarded === true && canCall) void forward().take(enter.media ?? null, sits ? held : null)

  /** Opens and closes the socket for voices. */
  const voices = (): void => {
    const others = [...members.values()].filter(m => !m.left)
    const flows = forwarder?.stands === true || others.some(m => m.peer?.state === 'connected')
    if (flows || others.length === 0 || !linked()) noMediaAt_ms = null
    else noMediaAt_ms ??= performance.now()
    const open = sound.peek()
    const isWithout = noMediaAt_ms !== null && (open?.without === true || performance.now() - noMediaAt_ms > WITHOUT_MS)
    const isNeeded = isWithout || [...without].some(account => account !== me)
    const track = tracks().audio
    if (isNeeded && canSound() && open?.without === isWithout && open.track === track) return
    if (open === null && !(isNeeded && canSound())) return
    open?.close()
    sound.value = isNeeded && canSound() ? openSound({ consult: enter.consult.id, without: isWithout, track }) : null
    show()
  }

  const netTimer = setInterval(() => {
    voices()
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
    clearTimeout(meeting)
    clearTimeout(seeing)
    sound.peek()?.close()
    stopHurry()
    stopNetwork()
    line.close()
    stopMedia()
    stopTopic()
    stopLinked()
    for (const m of members.values()) m.peer?.close()
    members.clear()
    forwarder?.close()
  }
  /** Only those whose tiles are in sight are asked for, one of them large; null: all, and who speaks. */
  const watch = (accounts: readonly string[] | null, large: string | null = null): void => {
    if (JSON.stringify([shown.peek(), largest]) === JSON.stringify([accounts, large])) return
    shown.value = accounts
    largest = large
    show()
  }
  return {
    topic,
    sound,
    line: line.state,
    seats,
    speakers,
    refused,
    lead,
    pointers,
    view,
    watch,
    sendView,
    sendPointer,
    close,
  }
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
