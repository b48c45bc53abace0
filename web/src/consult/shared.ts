// The floor of the room as the hub tells it (who is here, who moves the view, whose hand is up, what is drawn), and what
// this person says to it. Everything shown is the hub's word: an act changes nothing here until the hub has told of it.
// The view itself and the pointers are link.ts.
import { computed, signal } from '@preact/signals'
import { uuid } from '../api/client'
import { isLinked } from '../live/live'
import { openPictures } from './pictures'
import { LIVE, type TalkLine } from './talkline'

export type Role = 'host' | 'presenter' | 'expert' | 'requester' | 'scribe' | 'observer'
export type Source = 'ecg' | 'live' | 'record' | 'image' | 'board' | 'screen'
export type Shape = 'time' | 'voltage' | 'pen' | 'box'
export type Here = Readonly<{ account: string; role: Role }>
export type Floor = Readonly<{
  rev: number
  host: string
  presenter: string // '' : nobody; whoever moves shows it
  speaker: string
  source: Source
  screen: string // whose screen is shared; '': nobody's, or his line is down just now
  asks: readonly string[]
  hands: readonly string[]
  here: readonly Here[]
  waits: readonly string[] // in the waiting room
  left_s: number | null // of the speaker's time when this was told; null: no clock runs
  heardAt_ms: number
}>
export type Point = readonly [number, number]
export type Mark = Readonly<{
  id: string
  on: string // a recording's id, or BOARD
  shape: Shape
  lead: string
  points: readonly Point[]
  words: string
  by: string
}>

export const BOARD = 'board'
export const POINTS_MAX = 120
export const NO_FLOOR: Floor = {
  rev: 0,
  host: '',
  presenter: '',
  speaker: '',
  source: 'ecg',
  screen: '',
  asks: [],
  hands: [],
  here: [],
  waits: [],
  left_s: null,
  heardAt_ms: 0,
}

const SOURCES: readonly string[] = ['ecg', 'live', 'record', 'image', 'board', 'screen'] satisfies readonly Source[]
const ROLES: readonly string[] = [
  'host',
  'presenter',
  'expert',
  'requester',
  'scribe',
  'observer',
] satisfies readonly Role[]
const SHAPES: readonly string[] = ['time', 'voltage', 'pen', 'box'] satisfies readonly Shape[]

type Fields = Readonly<Record<string, unknown>>
const fieldsOf = (body: unknown): Fields | null => (typeof body === 'object' && body !== null ? (body as Fields) : null)
const isNames = (v: unknown): v is readonly string[] => Array.isArray(v) && v.every(x => typeof x === 'string')

/** The hub's telling of the floor; null when it is not whole. */
export function readFloor(body: unknown): Floor | null {
  const f = fieldsOf(body)
  if (f === null || f.kind !== 'floor' || typeof f.rev !== 'number') return null
  if (![f.host, f.presenter, f.speaker, f.screen].every(x => typeof x === 'string')) return null
  if (!SOURCES.includes(String(f.source)) || !isNames(f.asks) || !isNames(f.hands) || !Array.isArray(f.here))
    return null
  const here = f.here.every(p => typeof fieldsOf(p)?.account === 'string' && ROLES.includes(String(fieldsOf(p)?.role)))
  if (!here) return null
  const left_s = typeof f.left_s === 'number' && Number.isFinite(f.left_s) ? f.left_s : null
  return { ...(body as Floor), waits: isNames(f.waits) ? f.waits : [], left_s, heardAt_ms: Date.now() }
}

function readMark(body: unknown): Mark | null {
  const m = fieldsOf(body)
  if (m === null || ![m.id, m.on, m.lead, m.by].every(x => typeof x === 'string')) return null
  if (!SHAPES.includes(String(m.shape)) || !Array.isArray(m.points) || m.points.length < 2) return null
  const placed = m.points.every(p => Array.isArray(p) && p.length === 2 && p.every(Number.isFinite))
  return placed ? ({ ...m, words: typeof m.words === 'string' ? m.words : '' } as Mark) : null
}

export type Marks = Readonly<{ rev: number; marks: readonly Mark[] }>

/** What is drawn after the hub's word `body`; the same when it is older or not whole. */
export function marked(before: Marks, body: unknown): Marks {
  const f = fieldsOf(body)
  if (f === null || f.kind !== 'marked' || typeof f.rev !== 'number' || f.rev <= before.rev) return before
  if (!Array.isArray(f.marks) || !isNames(f.gone)) return before
  const anew = f.marks.map(readMark).filter(m => m !== null)
  const gone = new Set([...f.gone, ...anew.map(m => m.id)])
  return { rev: f.rev, marks: f.whole === true ? anew : [...before.marks.filter(m => !gone.has(m.id)), ...anew] }
}

/** Every n-th point, so that at most POINTS_MAX go out; the last always. */
export function thinned(points: readonly Point[]): readonly Point[] {
  if (points.length <= POINTS_MAX) return points
  const step = (points.length - 1) / (POINTS_MAX - 1)
  return Array.from({ length: POINTS_MAX }, (_, i) => points[Math.round(i * step)] ?? [0, 0])
}

const round = ([x, y]: Point): Point => [Math.round(x), Math.round(y)]

type Asked = Readonly<{ source: Source; by_ms: number; refused: () => void }>
const ASKED_MS = 5_000

export type Shared = ReturnType<typeof openShared>

/** `onHush`: the host asks this page to switch its microphone off. */
export function openShared(topic: string, me: string, onHush: (by: string) => void, line: TalkLine = LIVE) {
  const floor = signal<Floor>(NO_FLOOR)
  const drawn = signal<Marks>({ rev: 0, marks: [] })
  const say = (body: object): void => line.whisper(topic, null, body)

  let asked: Asked | null = null

  /** Whether what was asked to be shown is: with somebody else leading by now, it never will be. */
  const answer = (told: Floor): void => {
    if (asked === null) return
    const { source, by_ms, refused } = asked
    const isTaken = told.source === source
    if (!isTaken && mayShow.peek() && Date.now() < by_ms) return
    asked = null
    if (!isTaken && Date.now() < by_ms) refused()
  }
  const heard = (from: string, body: unknown): void => {
    const kind = fieldsOf(body)?.kind
    if (kind === 'hush' && from === floor.peek().host && from !== me) {
      const who = fieldsOf(body)?.who
      if (who === '' || who === me) onHush(from)
    }
    if (from !== '') return // the floor is the hub's alone to tell
    if (kind === 'marked') drawn.value = marked(drawn.peek(), body)
    const told = readFloor(body)
    if (told === null || told.rev <= floor.peek().rev) return
    floor.value = told
    answer(told)
  }
  const stop = line.subscribe(topic, null, { whisper: heard })
  const pictures = openPictures(topic, me, line)

  const role = computed<Role>(() => floor.value.here.find(p => p.account === me)?.role ?? 'expert')
  const looksOn = computed(() => role.value === 'observer' || role.value === 'scribe')
  const presents = computed(() => floor.value.presenter === me)
  /** Nobody hears this person: an observer, but while he has the word or leads. The hub sees to it; the page says so. */
  const listens = computed(() => role.value === 'observer' && floor.value.speaker !== me && !presents.value)
  /** Whose moves go out: the presenter's, or anybody's where there is none. */
  const mayShow = computed(() => presents.value || (floor.value.presenter === '' && !looksOn.value))
  const hosts = computed(() => floor.value.host === me)
  const mayDraw = computed(() => isLinked.value && (presents.value || !looksOn.value))
  const marks = computed(() => drawn.value.marks)

  return {
    floor,
    marks,
    pictures,
    presents,
    mayShow,
    hosts,
    role,
    listens,
    mayDraw,
    ask: (up: boolean) => say({ kind: 'ask', up }),
    give: (to: string) => say({ kind: 'give', to }),
    hand: (up: boolean) => say({ kind: 'hand', up }),
    call: (who: string, minutes = 0) => say({ kind: 'call', who, minutes }),
    hush: (who: string) => say({ kind: 'hush', who }),
    share: (up: boolean) => say({ kind: 'screen', up }),
    /** `refused`: somebody else had come to lead before the hub heard it, so that nobody sees it. */
    show: (source: Source, refused: () => void) => {
      asked = { source, by_ms: Date.now() + ASKED_MS, refused }
      say({ kind: 'stage', source })
    },
    draw: (m: Omit<Mark, 'id' | 'by' | 'words'> & { id?: string; words?: string }) =>
      say({ kind: 'mark', words: '', ...m, id: m.id ?? uuid(), points: thinned(m.points).map(round) }),
    /** The newest of one's own on `on`, calipers aside: they are put away with their tool. */
    undo: (on: string) => {
      const mine = marks
        .peek()
        .filter(m => m.by === me && m.on === on && (m.shape === 'pen' || m.shape === 'box'))
        .at(-1)
      if (mine !== undefined) say({ kind: 'unmark', id: mine.id })
    },
    rubOut: (id: string) => say({ kind: 'unmark', id }),
    clear: (on: string) => say({ kind: 'clear', on }),
    close: () => {
      stop()
      pictures.close()
    },
  }
}
