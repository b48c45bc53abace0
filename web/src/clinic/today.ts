// The rows of the day: recordings, and request forms the device has not answered yet. Pure: who stands where.
import type { Alert, Consult, Order, Recording } from '../api/types.gen'
import { isDone } from './progress'

export type DayRow = Readonly<{
  key: string
  recording: Recording | null
  order: Order | null
  at: string
  alert: Alert | null // its open critical value
  consult: Consult | null // its newest consultation that still matters
}>

export type Which = 'all' | 'waiting' | 'reported'

const needsHand = (row: DayRow): number =>
  row.alert !== null ? 0 : row.recording?.state === 'returned' || row.recording?.state === 'rejected' ? 1 : 2

/** Critical first, what was returned next, then the newest. A form gives way to the recording it brought. */
export function dayRows(
  recordings: readonly Recording[],
  orders: readonly Order[],
  alerts: readonly Alert[],
  consults: readonly Consult[],
): readonly DayRow[] {
  const alertOf = new Map([...alerts].reverse().map(a => [a.recording, a]))
  const consultOf = new Map([...consults].reverse().map(c => [c.recording, c]))
  const arrived = new Set(recordings.map(r => r.id))
  const rows: DayRow[] = [
    ...recordings.map(r => ({
      key: r.id,
      recording: r,
      order: null,
      // A file may tell of an ECG of last year: among today's it stands where it came in.
      at: r.file === '' ? (r.started_at ?? r.opened_at) : r.opened_at,
      alert: alertOf.get(r.id) ?? null,
      consult: consultOf.get(r.id) ?? null,
    })),
    ...orders
      .filter(o => o.recording === null || !arrived.has(o.recording))
      .map(o => ({ key: o.id, recording: null, order: o, at: o.ordered_at, alert: null, consult: null })),
  ]
  return rows.sort((a, b) => needsHand(a) - needsHand(b) || (a.at < b.at ? 1 : a.at > b.at ? -1 : 0))
}

export const rowDone = (row: DayRow): boolean => row.recording !== null && isDone(row.recording)

export const chosen = (rows: readonly DayRow[], which: Which): readonly DayRow[] =>
  which === 'all' ? rows : rows.filter(row => rowDone(row) === (which === 'reported'))
