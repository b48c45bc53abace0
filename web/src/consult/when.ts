// Moments of appointments in words, and weeks of local days. Pure but for the language.
import { clockTime, day } from '../app/clock'
import { t } from '../i18n/planning'

export const WEEKDAYS = [0, 1, 2, 3, 4, 5, 6] as const
export type Weekday = (typeof WEEKDAYS)[number]

export const minute = (at: string | number): string => clockTime(at).slice(0, 5)

/** Monday is 0. `at` may be a day (2026-11-23) or a moment. */
export function weekdayOf(at: string | number): Weekday {
  const d = typeof at === 'string' && at.length === 10 ? new Date(`${at}T12:00:00`) : new Date(at)
  return ((d.getDay() + 6) % 7) as Weekday
}

/** 11-23 周一 09:00 */
export const whenWords = (at: string): string =>
  t('when', { day: day(at).slice(5), weekday: t(`day.${weekdayOf(at)}`), time: minute(at) })

/** The local day `days` after `from` (2026-11-23). */
export function dayAfter(from: string, days: number): string {
  const d = new Date(`${from}T12:00:00`)
  d.setDate(d.getDate() + days)
  return day(d)
}

export const mondayOf = (at: string): string => dayAfter(at, -weekdayOf(at))

/** 9 * 60 + 30 -> 09:30; the end of the day is 24:00, which a field cannot say: 23:59 there counts as it. */
export const timeOf = (minutes: number): string =>
  `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`

export function minutesOf(time: string): number {
  const [h, m] = time.split(':').map(Number)
  const minutes = (h ?? 0) * 60 + (m ?? 0)
  return minutes === 23 * 60 + 59 ? 24 * 60 : minutes
}

/** Lines `2027-02-06 春节`; the number of the first line without a day, from 1, when there is one. */
export function readHolidays(text: string): { holidays: readonly { day: string; name: string }[]; bad: number | null } {
  const found: { day: string; name: string }[] = []
  const lines = text.split('\n')
  for (const [at, line] of lines.entries()) {
    if (line.trim() === '') continue
    const parts = /^\s*(\d{4}-\d{2}-\d{2})\s+(\S.*?)\s*$/.exec(line)
    if (parts === null) return { holidays: [], bad: at + 1 }
    found.push({ day: parts[1] ?? '', name: parts[2] ?? '' })
  }
  return { holidays: found, bad: null }
}
