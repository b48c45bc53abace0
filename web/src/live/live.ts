// The one WebSocket of the page. Screens subscribe to topics; what they missed over a break comes again by cursor.
// Rules are in protocol.ts, the byte layout of samples in samples.ts; here are the socket, the timers and the signals.
import { computed, effect, signal } from '@preact/signals'
import { ApiError, api } from '../api/client'
import type { Ticket } from '../api/types.gen'
import { now } from '../app/clock'
import {
  backoff_ms,
  Cursors,
  DEAD_AFTER_MS,
  type HubStorage,
  type Incoming,
  type LiveEvent,
  PING_EVERY_MS,
  readMessage,
} from './protocol'
import { readSamples, type SampleBlock } from './samples'

export type LinkState =
  | { kind: 'idle' } // nobody is signed in
  | { kind: 'connecting'; lastHeardAt: number | null }
  | { kind: 'live'; lastHeardAt: number }
  | { kind: 'lost'; lastHeardAt: number | null; tries: number }

export const linkState = signal<LinkState>({ kind: 'idle' })
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

const cursors = new Cursors()
const listeners = new Map<string, Set<Listener>>()
const streamTopics = new Map<number, string>()
let socket: WebSocket | null = null
let wanted = false
let signedOut: () => void = () => {}
let tries = 0
let lastHeard_ms: number | null = null
let retryTimer: ReturnType<typeof setTimeout> | undefined
let pingTimer: ReturnType<typeof setInterval> | undefined

/** `onSignedOut` is called when the server no longer knows us: the session ended elsewhere. */
export function startLive(onSignedOut: () => void): void {
  if (wanted) return
  wanted = true
  signedOut = onSignedOut
  addEventListener('online', retryNow)
  void connect()
}

export function stopLive(): void {
  wanted = false
  removeEventListener('online', retryNow)
  clearTimeout(retryTimer)
  hangUp()
  linkState.value = { kind: 'idle' }
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

function tell(message: object): void {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
}

function retryNow(): void {
  if (!wanted || socket !== null) return
  clearTimeout(retryTimer)
  void connect()
}

async function connect(): Promise<void> {
  if (linkState.peek().kind !== 'lost') linkState.value = { kind: 'connecting', lastHeardAt: lastHeard_ms }
  let ticket: string
  try {
    ticket = (await api.post<Ticket>('/api/ws-ticket', {})).ticket
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (error.status === 401) {
      stopLive()
      signedOut()
    } else retryLater()
    return
  }
  if (!wanted || socket !== null) return
  const url = new URL('/api/ws', location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  url.searchParams.set('ticket', ticket)
  const opened = new WebSocket(url)
  opened.binaryType = 'arraybuffer'
  socket = opened
  lastHeard_ms = Date.now()
  opened.onopen = () => {
    tries = 0
    hubStorage.value = { is: 'ok', free_mb: 0 } // else it is said at once
    pace_ms = 0
    heardNow()
    for (const { topic, cursor } of cursors.again()) tell({ type: 'subscribe', topic, cursor })
  }
  opened.onmessage = message => {
    if (socket === opened) receive(message.data)
  }
  opened.onclose = () => {
    if (socket === opened) lose()
  }
  clearInterval(pingTimer)
  pingTimer = setInterval(() => {
    if (lastHeard_ms !== null && Date.now() - lastHeard_ms > DEAD_AFTER_MS) lose()
    else tell({ type: 'ping' })
  }, PING_EVERY_MS)
}

function heardNow(): void {
  const at = Date.now()
  const link = linkState.peek()
  // One change a second is enough for the eye; samples come 20 times as often.
  if (link.kind !== 'live' || at - link.lastHeardAt > 900) linkState.value = { kind: 'live', lastHeardAt: at }
  lastHeard_ms = at
}

function receive(data: unknown): void {
  heardNow()
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
    case 'pace':
      pace_ms = Number.isFinite(message.every_ms) ? Math.max(0, message.every_ms) : 0
      return
    case 'ping':
      tell({ type: 'pong' })
      return
    case 'pong':
      return
  }
}

function hand(topic: string, events: readonly LiveEvent[]): void {
  for (const event of events) for (const l of heard(topic)) l.event?.(event)
}

const heard = (topic: string): readonly Listener[] => [...(listeners.get(topic) ?? [])]

function hangUp(): void {
  clearInterval(pingTimer)
  streamTopics.clear()
  const old = socket
  socket = null
  old?.close()
}

function lose(): void {
  hangUp()
  if (wanted) retryLater()
}

function retryLater(): void {
  linkState.value = { kind: 'lost', lastHeardAt: lastHeard_ms, tries }
  clearTimeout(retryTimer)
  retryTimer = setTimeout(() => void connect(), backoff_ms(tries, Math.random()))
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
