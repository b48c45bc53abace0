import { describe, expect, it } from 'vitest'
import type { AccountView, AuditLine, Shift } from '../api/types.gen'
import { lastOf } from './accounts'
import { matches } from './audit'
import { gaps, onNow, shiftsOn, weekDays, weekStart } from './week'

const hour = 3_600_000
const monday = new Date(2026, 10, 16).getTime()
const shift = (id: string, line: number, from_h: number, to_h: number): Shift => ({
  id,
  centre: 'c',
  line,
  account: `u-${id}`,
  name: id,
  from_at: new Date(monday + from_h * hour).toISOString(),
  to_at: new Date(monday + to_h * hour).toISOString(),
})

describe('the week of the rota', () => {
  it('begins on Monday at midnight and has seven days', () => {
    expect(weekStart(new Date(2026, 10, 22, 23).getTime())).toBe(monday)
    expect(weekStart(monday)).toBe(monday)
    expect(weekDays(monday)).toHaveLength(7)
  })

  it('shows a night shift on both days it touches', () => {
    const night = shift('night', 1, 20, 32)
    const [first = 0, second = 0, third = 0] = weekDays(monday)
    expect(shiftsOn([night], first, 1)).toEqual([night])
    expect(shiftsOn([night], second, 1)).toEqual([night])
    expect(shiftsOn([night], third, 1)).toEqual([])
    expect(shiftsOn([night], first, 2)).toEqual([])
  })

  it('finds where the first line has nobody, before, between and after', () => {
    const found = gaps(
      [shift('a', 1, 8, 20), shift('b', 1, 22, 30), shift('c', 2, 0, 48)],
      1,
      monday,
      monday + 48 * hour,
    )
    expect(found.map(g => [(g.from_ms - monday) / hour, (g.to_ms - monday) / hour])).toEqual([
      [0, 8],
      [20, 22],
      [30, 48],
    ])
    expect(gaps([shift('a', 1, -8, 60)], 1, monday, monday + 48 * hour)).toEqual([])
  })

  it('names who is on call now', () => {
    const a = shift('a', 1, 8, 20)
    expect(onNow([a], 1, monday + 9 * hour)).toEqual(a)
    expect(onNow([a], 1, monday + 20 * hour)).toBeNull()
  })
})

describe('what an act would do', () => {
  it('names the place that would have no account left', () => {
    const account = (id: string, active: boolean, org: string): AccountView =>
      ({ id, active, grants: [{ role: 'operator', org }] }) as unknown as AccountView
    const a = account('a', true, 'hewan')
    expect(lastOf(a, [a, account('b', false, 'hewan')])).toBe('hewan')
    expect(lastOf(a, [a, account('b', true, 'hewan')])).toBeNull()
  })

  it('filters the trail by person, act or subject', () => {
    const line = { actor_name: '沈亦舟', actor: 'u1', kind: 'report.signed', subject: 'rec_1' } as AuditLine
    for (const words of ['', '沈', 'Signed', 'rec_1']) expect(matches(line, words)).toBe(true)
    expect(matches(line, 'alert')).toBe(false)
  })
})
