// The list under the reader's eyes: order, what happens to it when a row is heard of, paging. Pure.
// Rows never jump: a known row changes in its place, one that left stays dimmed, new ones wait outside until they are
// taken in. Only a critical one is put in at once.
import type { WorklistQuery, WorklistRow } from '../api/types.gen'

export type View = NonNullable<WorklistQuery['view']>
export const VIEWS: readonly View[] = ['all', 'urgent', 'mine', 'returned', 'signed_today']

/** A hole is a row of a page that was not fetched yet. */
export type Line = Readonly<{ kind: 'row'; row: WorklistRow; gone: boolean }> | Readonly<{ kind: 'hole'; key: string }>

export type List = Readonly<{ lines: readonly Line[]; arrivals: readonly WorklistRow[] }>

export const EMPTY: List = { lines: [], arrivals: [] }
const RANK = { critical: 0, urgent: 1, soon: 2, routine: 3 } as const

/** The server's order: priority, then who waits longest; the id makes it total. */
export function byPriority(a: WorklistRow, b: WorklistRow): number {
  return RANK[a.priority] - RANK[b.priority] || compare(a.waiting_at, b.waiting_at) || compare(a.recording, b.recording)
}
export const byWait = (a: WorklistRow, b: WorklistRow): number => compare(a.waiting_at, b.waiting_at)
export const byOrg = (a: WorklistRow, b: WorklistRow): number =>
  a.org_name.localeCompare(b.org_name, 'zh-CN') || byPriority(a, b)

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const DONE: ReadonlySet<string> = new Set(['reported', 'returned', 'rejected', 'archived'])
export const isOpen = (row: WorklistRow): boolean => !DONE.has(row.state)
const RINGING: ReadonlySet<string> = new Set(['raised', 'notified', 'seen', 'expired'])
export const isUnanswered = (row: WorklistRow): boolean => row.alert_state !== null && RINGING.has(row.alert_state)

export function belongs(row: WorklistRow, view: View, mine: string): boolean {
  switch (view) {
    case 'all':
      return isOpen(row)
    case 'urgent':
      return isOpen(row) && (row.priority === 'critical' || row.priority === 'urgent')
    case 'mine':
      return isOpen(row) && row.claim?.by === mine
    case 'returned':
      return row.state === 'returned'
    case 'signed_today':
      return row.state === 'reported' || row.state === 'archived'
  }
}

export const keyOf = (line: Line): string => (line.kind === 'row' ? line.row.recording : line.key)
export const rowsOf = (list: List): readonly WorklistRow[] =>
  list.lines.flatMap(line => (line.kind === 'row' && !line.gone ? [line.row] : []))
export const rowOf = (list: List, recording: string | null): WorklistRow | null =>
  list.lines.flatMap(line => (line.kind === 'row' && line.row.recording === recording ? [line.row] : []))[0] ??
  list.arrivals.find(row => row.recording === recording) ??
  null

/** The first page, and holes for what is below it. */
export function firstPage(rows: readonly WorklistRow[], total: number): List {
  const known = rows.map((row): Line => ({ kind: 'row', row, gone: false }))
  const holes = Array.from({ length: Math.max(0, total - rows.length) }, (_, i): Line => hole(rows.length + i))
  return { lines: [...known, ...holes], arrivals: [] }
}

const hole = (at: number): Line => ({ kind: 'hole', key: `hole ${at}` })

/** A later page takes the place of its holes. What moved up meanwhile and is known already is not shown twice. */
export function withPage(list: List, offset: number, rows: readonly WorklistRow[], asked: number): List {
  const known = new Set([
    ...list.lines.filter(l => l.kind === 'row').map(keyOf),
    ...list.arrivals.map(r => r.recording),
  ])
  const fresh = rows.filter(row => !known.has(row.recording))
  const spent = new Set(Array.from({ length: asked }, (_, i) => `hole ${offset + i}`))
  let next = 0
  const lines = list.lines.flatMap((line): readonly Line[] => {
    if (line.kind === 'row' || !spent.has(line.key)) return [line]
    const row = fresh[next++]
    return row === undefined ? [] : [{ kind: 'row', row, gone: false }]
  })
  return { ...list, lines }
}

/** Which page holds the first hole in [first, end), or null. */
export function holeIn(list: List, first: number, end: number): number | null {
  for (const line of list.lines.slice(first, end)) {
    if (line.kind === 'hole') return Number(line.key.slice('hole '.length))
  }
  return null
}

/** A row was fetched again because something happened to it. null: it is not ours to see any more. */
export function heard(list: List, recording: string, row: WorklistRow | null, view: View, mine: string): List {
  const at = list.lines.findIndex(line => keyOf(line) === recording)
  const stays = row !== null && belongs(row, view, mine)
  if (at >= 0) {
    const lines = list.lines.map((line, i): Line => {
      if (i !== at || line.kind !== 'row') return line
      return { kind: 'row', row: row ?? line.row, gone: !stays }
    })
    return { ...list, lines }
  }
  const arrivals = list.arrivals.filter(r => r.recording !== recording)
  if (!stays) return arrivals.length === list.arrivals.length ? list : { ...list, arrivals }
  // Nobody looks at an empty list: nothing can jump in it.
  if (row.priority === 'critical' || list.lines.length === 0) return { lines: insert(list.lines, row), arrivals }
  return { ...list, arrivals: [...arrivals, row] }
}

/** Into its place among the rows before the first that comes after it. */
function insert(lines: readonly Line[], row: WorklistRow): readonly Line[] {
  const at = lines.findIndex(line => line.kind === 'hole' || byPriority(row, line.row) < 0)
  const before = at < 0 ? lines.length : at
  return [...lines.slice(0, before), { kind: 'row', row, gone: false }, ...lines.slice(before)]
}

/** The reader asked for it: new ones in, left ones out, everything in order. Holes stay below. */
export function settled(list: List): List {
  const rows = [...rowsOf(list), ...list.arrivals].sort(byPriority)
  const holes = list.lines.filter(line => line.kind === 'hole')
  return { lines: [...rows.map((row): Line => ({ kind: 'row', row, gone: false })), ...holes], arrivals: [] }
}

/** The next to read after `recording`: below it first, then from the top; not what others hold or is done. */
export function nextOf(rows: readonly WorklistRow[], recording: string, mine: string): WorklistRow | null {
  const free = (row: WorklistRow): boolean =>
    row.recording !== recording && isOpen(row) && (row.claim === null || row.claim.by === mine)
  const at = rows.findIndex(row => row.recording === recording)
  const urgent = rows.find(row => row.priority === 'critical' && free(row))
  return urgent ?? rows.slice(at + 1).find(free) ?? rows.slice(0, Math.max(0, at)).find(free) ?? null
}
