// A week of the rota as arithmetic: its days, which shifts touch a day, where a line has nobody. Pure.
import type { Shift } from '../api/types.gen'

const DAY_MS = 86_400_000
export const LINES = [1, 2, 3] as const
export type Line = (typeof LINES)[number]

/** Local Monday 00:00 of the week of `at_ms`. */
export function weekStart(at_ms: number): number {
  const d = new Date(at_ms)
  d.setHours(0, 0, 0, 0)
  d.setDate(d.getDate() - ((d.getDay() + 6) % 7))
  return d.getTime()
}

/** The seven midnights; not seven times 24 h, a day may have 23 or 25. */
export const weekDays = (start_ms: number): readonly number[] => [0, 1, 2, 3, 4, 5, 6].map(i => addDays(start_ms, i))

export function addDays(at_ms: number, days: number): number {
  const d = new Date(at_ms)
  d.setDate(d.getDate() + days)
  return d.getTime()
}

export const shiftsOn = (shifts: readonly Shift[], day_ms: number, line: number): readonly Shift[] =>
  shifts
    .filter(s => s.line === line && Date.parse(s.from_at) < addDays(day_ms, 1) && Date.parse(s.to_at) > day_ms)
    .sort((a, b) => (a.from_at < b.from_at ? -1 : 1))

export type Gap = Readonly<{ line: Line; from_ms: number; to_ms: number }>

/** Where nobody of the first line is on call in [from, to). Other lines may be empty by intent. */
export function gaps(shifts: readonly Shift[], line: Line, from_ms: number, to_ms: number): readonly Gap[] {
  const found: Gap[] = []
  let covered = from_ms
  const mine = shifts.filter(s => s.line === line).sort((a, b) => (a.from_at < b.from_at ? -1 : 1))
  for (const s of mine) {
    const from = Date.parse(s.from_at)
    const to = Date.parse(s.to_at)
    if (to <= covered) continue
    if (from >= to_ms) break
    if (from > covered) found.push({ line, from_ms: covered, to_ms: Math.min(from, to_ms) })
    covered = Math.max(covered, to)
  }
  if (covered < to_ms) found.push({ line, from_ms: covered, to_ms })
  return found
}

export const onNow = (shifts: readonly Shift[], line: number, now_ms: number): Shift | null =>
  shifts.find(s => s.line === line && Date.parse(s.from_at) <= now_ms && Date.parse(s.to_at) > now_ms) ?? null

export const DAY = DAY_MS
