// The one WebSocket of the page. Screens subscribe to topics; what they missed over a break comes again by cursor.
// Rules are in protocol.ts, the byte layout of samples in samples.ts; here are the socket, the timers and the signals.
import { computed, effect, signal } from '@preact/signals'
import { ApiError, api } from '../api/client'
import type { Ticket } from '../api/types.gen'
import { now } from '../app/clock'
import { everySecond } from './beat'
import {
  ATTEMPT_MS,
  ATTEMPTS_MAX,
  backoff_ms,
  Cursors,
  HURRY_MS,
  HURRY_TRIES,
  type HubStorage,
  type Incoming,
  type LiveEvent,
  PING_EVERY_MS,
  readMessage,
  verdictOn,
} from './protocol'
import { readSamples, type SampleBlock } from './samples'
import { wayBack } from './wayback'

export type LinkState =
  | { kind: 'idle' } // nobody is signed in
  | { kind: 'connecting'; lastHeardAt: number | null }
  | { kind: 'live'; lastHeardAt: number }
  | { kind: 'lost'; lastHeardAt: number | null; tries: number }

export const linkState = signal<LinkState>({ kind: 'idle' })
/** Changes with the link alone: `linkState` is another value with every second of a good one. */
export const isLinked = computed(() => linkState.value.kind === 'live')
/** How the hub's disk stands, for the banner of every page. */
export const hubStorage = signal<Readonly<{ is: HubStorage; free_mb: number }>>({ is: 'ok', free_mb: 0 })
export const isOffline = computed(() => linkState.value.kind === 'lost')
/** Seconds since the server was last heard; null before the first word. */
export const linkAge_s = computed(() => {
  const link = linkState.value
  if (link.kind === 'idle' || link.lastHeardAt === null) return null
  return Math.max(0, Math.floor((now.value - link.lastHeardAt) / 1000))
})

export type Listener = Readonly<{
  event?: (event: LiveEvent) => void
  whisper?: (from: string, body: unknown) => void
  ready?: (message: Extract<Incoming, { type: 'ready' }>) => void
  refused?: (code: string) => void
  ended?: () => void
  samples?: (block: SampleBlock) => void
}>

/** The hub closed this page's socket: what it was given before holds no more. */
const RIGHTS_CHANGED = 4401

const cursors = new Cursors()
const listeners = new Map<string, Set<Listener>>()
const streamTopics = new Map<number, string>()
let socket: WebSocket | null = null
/** Ways to a new socket that are under way, beside the one that is in use or in doubt. */
const attempts = new Set<AbortController>()
/** The ticket of the next socket, kept while a room is open. */
let spare: string | null = null
let goingBack = false
let wanted = false
let signedOut: () => void = () => {}
let tries = 0
let inHurry = 0
let lastHeard_ms: number | null = null // on the wall clock, to be shown
let heardAt_ms = 0 // these three on the page's own clock: nobody sets that one
let pingedAt_ms = 0
let beatAt_ms = 0
let retryTimer: ReturnType<typeof setTimeout> | undefined
let stopBeat: (() => void) | null = null

/** `onSignedOut` is called when the server no longer knows us: the session ended elsewhere. */
export function startLive(onSignedOut: () => void): void {
  if (wanted) return
  wanted = true
  signedOut = onSignedOut
  addEventListener('online', connectNow)
  document.addEventListener('visibilitychange', look)
  network()?.addEventListener('change', look)
  stopBeat = everySecond(beat)
  connectNow()
}

export function stopLive(): void {
  wanted = false
  removeEventListener('online', connectNow)
  document.removeEventListener('visibilitychange', look)
  network()?.removeEventListener('change', look)
  stopBeat?.()
  giveUp()
  hangUp()
  linkState.value = { kind: 'idle' }
}

/** While a room is open: a lost link is sought every moment, several ways beside each other. Returns how to end it. */
export function hurry(): () => void {
  inHurry += 1
  tell({ type: 'ticket' })
  return () => {
    inHurry -= 1
  }
}

/**
 * Hears `topic` from `cursor` on (null: from now). Returns how to stop. Several screens may hear one topic; it is
 * subscribed once, and the second one gets events from where the first stands.
 */
export function subscribe(topic: string, cursor: number | null, listener: Listener): () => void {
  const heard = listeners.get(topic) ?? new Set<Listener>()
  heard.add(listener)
  listeners.set(topic, heard)
  if (heard.size === 1) {
    cursors.hold(topic, cursor)
    tell({ type: 'subscribe', topic, cursor })
  }
  return () => {
    heard.delete(listener)
    if (heard.size > 0 || listeners.get(topic) !== heard) return
    listeners.delete(topic)
    cursors.drop(topic)
    tell({ type: 'unsubscribe', topic })
  }
}

/** What is fleeting (pointer, viewport, typing, signalling): lost when the link is down, never queued. */
export function whisper(topic: string, to: string | null, body: unknown): void {
  tell({ type: 'whisper', topic, to, body })
}

/** At the least so long between two whispers of what is fleeting; 0: as the screen paints. */
let pace_ms = 0
export const whisperPace_ms = (): number => pace_ms

/** Of one question for the time: when it left, the hub's clock then, when the answer was here. */
export type Echo = Readonly<{ mark: number; hub_ms: number; back_ms: number }>
const echoes = new Set<(echo: Echo) => void>()

/** Hears the answers to `askTime`. Returns how to stop. */
export function onEcho(hear: (echo: Echo) => void): () => void {
  echoes.add(hear)
  return () => echoes.delete(hear)
}

/** Asks the hub for its time on the way all messages take; returns the question's mark, null: there is no link. */
export function askTime(): number | null {
  if (socket?.readyState !== WebSocket.OPEN) return null
  const mark = performance.now()
  tell({ type: 'ping', mark })
  return mark
}

/** What waits in this computer to go up to the hub. */
export const unsentBytes = (): number => socket?.bufferedAmount ?? 0

function tell(message: object): void {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
}

/** Something else fell silent: the link is asked, and another begun beside it. The first that answers is kept. */
export function seek(): void {
  if (socket !== null) ping()
  connectNow()
}

/** The network is another, or the page was asleep: ask at once whether the link still stands. */
function look(): void {
  if (socket === null) connectNow()
  else if (document.visibilityState === 'visible') ping()
}

/** Runs `act` when this computer's network may be another. Returns how to stop. */
export function onNetwork(act: () => void): () => void {
  const heard = (): void => {
    if (isLinked.peek()) act()
  }
  addEventListener('online', heard)
  network()?.addEventListener('change', heard)
  return () => {
    removeEventListener('online', heard)
    network()?.removeEventListener('change', heard)
  }
}

/** Older than the type definitions that all browsers share: Firefox and Safari have none. */
const network = (): EventTarget | undefined => (navigator as { connection?: EventTarget }).connection

function ping(): void {
  pingedAt_ms = performance.now()
  tell({ type: 'ping' })
}

function beat(): void {
  const now_ms = performance.now()
  const slept_ms = now_ms - beatAt_ms
  beatAt_ms = now_ms
  if (socket === null) return
  const verdict = verdictOn({ now_ms, slept_ms, heardAt_ms, pingedAt_ms })
  if (verdict === 'dead') lose()
  else if (verdict === 'doubt' && attempts.size === 0) connectNow()
  if (verdict === 'ask' || (verdict === 'fine' && now_ms - pingedAt_ms >= PING_EVERY_MS)) ping()
}

/** A new socket, beside the one there may be: that one may sleep long before it finds out that the line is back. */
function connectNow(): void {
  clearTimeout(retryTimer)
  if (!wanted) return
  const [oldest] = attempts
  if (attempts.size >= ATTEMPTS_MAX) oldest?.abort()
  if (!goingBack) void (spare !== null && inHurry > 0 ? goBack(spare) : attempt())
  if (inHurry > 0)
    retryTimer = setTimeout(connectAgain, tries < HURRY_TRIES ? HURRY_MS : backoff_ms(tries, Math.random()))
}

function connectAgain(): void {
  if (socket !== null && heardAt_ms >= pingedAt_ms) return // the old one spoke after all
  tries += 1
  if (socket === null) linkState.value = { kind: 'lost', lastHeardAt: lastHeard_ms, tries }
  connectNow()
}

/** A ticket, then a socket. The first of several that opens is taken. */
async function attempt(): Promise<void> {
  if (socket === null && linkState.peek().kind !== 'lost')
    linkState.value = { kind: 'connecting', lastHeardAt: lastHeard_ms }
  const over = new AbortController()
  attempts.add(over)
  const timer = setTimeout(() => over.abort(), ATTEMPT_MS)
  try {
    const { ticket } = await api.post<Ticket>('/api/ws-ticket', {}, { signal: over.signal })
    const opened = await open(ticket, over.signal)
    if (opened !== null) take(opened)
    else failed(over)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (error.status === 401) {
      stopLive()
      signedOut()
    } else failed(over)
  } finally {
    clearTimeout(timer)
    attempts.delete(over)
  }
}

/** A way by the ticket given beforehand; where it leads nowhere, the others are taken. */
async function goBack(ticket: string): Promise<void> {
  const over = new AbortController()
  attempts.add(over)
  spare = null
  goingBack = true
  const ask = (signal: AbortSignal): Promise<unknown> =>
    fetch('/healthz', { credentials: 'omit', cache: 'no-store', signal })
  const opened = await wayBack(signal => open(ticket, signal), ask, over.signal)
  goingBack = false
  attempts.delete(over)
  if (opened !== null) take(opened)
  else if (socket === null) connectNow()
  else tell({ type: 'ticket' }) // the one in doubt stands after all
}

/** null when it does not come about, or is not wanted any more. */
function open(ticket: string, over: AbortSignal): Promise<WebSocket | null> {
  const url = new URL('/api/ws', location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  url.searchParams.set('ticket', ticket)
  return new Promise(resolve => {
    if (over.aborted) {
      resolve(null)
      return
    }
    const opened = new WebSocket(url)
    opened.binaryType = 'arraybuffer'
    const end = (): void => {
      over.removeEventListener('abort', end)
      opened.onopen = opened.onclose = null
      opened.close()
      resolve(null)
    }
    over.addEventListener('abort', end)
    opened.onclose = end
    opened.onopen = () => {
      over.removeEventListener('abort', end)
      resolve(opened)
    }
  })
}

function failed(over: AbortController): void {
  attempts.delete(over)
  if (wanted && socket === null && attempts.size === 0 && inHurry === 0) retryLater()
}

function take(opened: WebSocket): void {
  giveUp()
  hangUp()
  socket = opened
  tries = 0
  pace_ms = 0
  opened.onmessage = message => {
    if (socket === opened) receive(message.data)
  }
  opened.onclose = close => {
    if (socket !== opened) return
    if (close.code === RIGHTS_CHANGED) spare = null
    lose()
  }
  hubStorage.value = { is: 'ok', free_mb: 0 } // else it is said at once
  heardNow()
  ping()
  if (inHurry > 0) tell({ type: 'ticket' })
  for (const { topic, cursor } of cursors.again()) tell({ type: 'subscribe', topic, cursor })
}

function heardNow(): void {
  const at = Date.now()
  const link = linkState.peek()
  // One change a second is enough for the eye; samples come 20 times as often.
  if (link.kind !== 'live' || at - link.lastHeardAt > 900) linkState.value = { kind: 'live', lastHeardAt: at }
  lastHeard_ms = at
  heardAt_ms = performance.now()
}

function receive(data: unknown): void {
  heardNow()
  if (attempts.size > 0) giveUp() // the one in doubt stands after all
  if (data instanceof ArrayBuffer) {
    const block = readSamples(data)
    const topic = block === null ? undefined : streamTopics.get(block.stream)
    if (block !== null && topic !== undefined) for (const l of heard(topic)) l.samples?.(block)
    return
  }
  const message = typeof data === 'string' ? readMessage(data) : null
  if (message === null) return
  switch (message.type) {
    case 'ready':
      hand(message.topic, cursors.ready(message.topic, message.cursor))
      if (message.stream !== undefined) streamTopics.set(message.stream, message.topic)
      for (const l of heard(message.topic)) l.ready?.(message)
      return
    case 'event':
      hand(message.topic, cursors.event(message.topic, message.event))
      return
    case 'refused':
      for (const l of heard(message.topic)) l.refused?.(message.code)
      return
    case 'ended':
      for (const l of heard(message.topic)) l.ended?.()
      return
    case 'whisper':
      for (const l of heard(message.topic)) l.whisper?.(message.from, message.body)
      return
    case 'hub':
      hubStorage.value = { is: message.storage, free_mb: message.free_mb }
      return
    case 'ticket':
      spare = message.ticket
      return
    case 'pace':
      pace_ms = Number.isFinite(message.every_ms) ? Math.max(0, message.every_ms) : 0
      return
    case 'ping':
      tell({ type: 'pong' })
      return
    case 'pong':
      if (message.mark === undefined || message.at_ms === undefined) return
      for (const hear of echoes) hear({ mark: message.mark, hub_ms: message.at_ms, back_ms: performance.now() })
      return
  }
}

function hand(topic: string, events: readonly LiveEvent[]): void {
  for (const event of events) for (const l of heard(topic)) l.event?.(event)
}

const heard = (topic: string): readonly Listener[] => [...(listeners.get(topic) ?? [])]

/** What is under way to a new socket is not needed any more. */
function giveUp(): void {
  clearTimeout(retryTimer)
  for (const over of attempts) over.abort()
  attempts.clear()
}

function hangUp(): void {
  streamTopics.clear()
  const old = socket
  socket = null
  old?.close()
}

function lose(): void {
  hangUp()
  if (!wanted) return
  if (inHurry === 0) retryLater()
  else {
    linkState.value = { kind: 'lost', lastHeardAt: lastHeard_ms, tries }
    connectNow()
  }
}

function retryLater(): void {
  linkState.value = { kind: 'lost', lastHeardAt: lastHeard_ms, tries }
  clearTimeout(retryTimer)
  retryTimer = setTimeout(connectNow, backoff_ms(tries, Math.random()))
  tries += 1
}

/** Runs `act` with each new event of a topic while `topic` gives one: for screens that follow a signal. */
export function follow(topic: () => string | null, cursor: number | null, listener: Listener): () => void {
  return effect(() => {
    const name = topic()
    if (name !== null) return subscribe(name, cursor, listener)
    return undefined
  })
}
