import { describe, expect, it } from 'vitest'
import type { WorklistRow } from '../api/types.gen'
import { shiftOf } from './hold'
import {
  byPriority,
  EMPTY,
  firstPage,
  heard,
  holeIn,
  keyOf,
  type List,
  nextOf,
  rowsOf,
  settled,
  withPage,
} from './rows'

const row = (recording: string, over: Partial<WorklistRow> = {}): WorklistRow => ({
  recording,
  state: 'waiting',
  priority: 'routine',
  waiting_at: '2026-11-22T03:00:00.000Z',
  due_at: '2026-11-22T03:30:00.000Z',
  org: 'org_hewan',
  org_name: '河湾镇卫生院',
  patient: { id: 'p', name: '马德福', sex: 'M', age_years: 58, birth_date: null, id_no_masked: '', identity: 'known' },
  symptoms: [],
  urgency: 'routine',
  grade: 'unassessed',
  machine_grade: null,
  machine: null,
  claim: null,
  alert: null,
  alert_state: null,
  ...over,
})
const at = (minute: number) => `2026-11-22T03:${String(minute).padStart(2, '0')}:00.000Z`
const claim = (by: string) => ({ by, name: by, until_at: at(59) })
const ids = (list: List) => list.lines.map(keyOf)
const three = firstPage(
  [row('a', { waiting_at: at(1) }), row('b', { waiting_at: at(2) }), row('c', { waiting_at: at(3) })],
  3,
)

describe('the order of the list', () => {
  it('is priority first, then who waits longest', () => {
    const rows = [
      row('new', { waiting_at: at(9) }),
      row('old', { waiting_at: at(1) }),
      row('urgent', { priority: 'urgent', waiting_at: at(20) }),
      row('critical', { priority: 'critical', waiting_at: at(30) }),
    ]
    expect([...rows].sort(byPriority).map(r => r.recording)).toEqual(['critical', 'urgent', 'old', 'new'])
  })
})

describe('rows never jump', () => {
  it('keeps what arrives outside until it is taken in', () => {
    const list = heard(three, 'new', row('new', { priority: 'urgent' }), 'all', 'me')
    expect(ids(list)).toEqual(['a', 'b', 'c'])
    expect(list.arrivals.map(r => r.recording)).toEqual(['new'])
    expect(ids(settled(list))).toEqual(['new', 'a', 'b', 'c'])
    expect(settled(list).arrivals).toEqual([])
  })

  it('puts only a critical one in at once, in its place', () => {
    const with1 = heard(three, 'x', row('x', { priority: 'critical', waiting_at: at(5) }), 'all', 'me')
    const with2 = heard(with1, 'y', row('y', { priority: 'critical', waiting_at: at(6) }), 'all', 'me')
    expect(ids(with2)).toEqual(['x', 'y', 'a', 'b', 'c'])
  })

  it('changes a known row where it stands, even when its priority rises', () => {
    const list = heard(three, 'c', row('c', { priority: 'critical', claim: claim('li') }), 'all', 'me')
    expect(ids(list)).toEqual(['a', 'b', 'c'])
  })

  it('leaves what was signed in its place, dimmed, until the list is settled', () => {
    const list = heard(three, 'b', row('b', { state: 'reported' }), 'all', 'me')
    expect(ids(list)).toEqual(['a', 'b', 'c'])
    expect(rowsOf(list).map(r => r.recording)).toEqual(['a', 'c'])
    expect(ids(settled(list))).toEqual(['a', 'c'])
  })

  it('fills an empty list at once: nothing can jump in it', () => {
    expect(ids(heard(EMPTY, 'a', row('a'), 'all', 'me'))).toEqual(['a'])
  })

  it('counts an arrival once however often it is heard of, and drops it when somebody else is done with it', () => {
    const once = heard(heard(three, 'n', row('n'), 'all', 'me'), 'n', row('n', { claim: claim('li') }), 'all', 'me')
    expect(once.arrivals).toHaveLength(1)
    expect(heard(once, 'n', row('n', { state: 'reported' }), 'all', 'me').arrivals).toEqual([])
    expect(heard(once, 'n', null, 'all', 'me').arrivals).toEqual([])
  })

  it('takes into "mine" only what I hold', () => {
    expect(heard(EMPTY, 'a', row('a', { claim: claim('me') }), 'mine', 'me').lines).toHaveLength(1)
    expect(heard(EMPTY, 'a', row('a', { claim: claim('li') }), 'mine', 'me').lines).toHaveLength(0)
  })

  it('scrolls by as much as was put in above what the eye rests on', () => {
    const list = heard(three, 'x', row('x', { priority: 'critical' }), 'all', 'me')
    expect(shiftOf(list.lines, 'b', 1, 32)).toBe(32)
    expect(shiftOf(list.lines, 'a', 0, 32)).toBe(0)
    expect(shiftOf(list.lines, 'gone', 1, 32)).toBe(0)
  })
})

describe('ten thousand rows', () => {
  const first = firstPage([row('a'), row('b')], 10_000)

  it('are holes until their page is looked at', () => {
    expect(first.lines).toHaveLength(10_000)
    expect(holeIn(first, 0, 2)).toBeNull()
    expect(holeIn(first, 0, 40)).toBe(2)
    expect(holeIn(first, 400, 440)).toBe(400)
  })

  it('show no row twice when the server moved it between two pages', () => {
    const list = withPage(firstPage([row('a'), row('b')], 4), 2, [row('b'), row('c')], 2)
    expect(ids(list)).toEqual(['a', 'b', 'c'])
  })
})

describe('the next to read', () => {
  const rows = [row('a'), row('b', { claim: claim('li') }), row('c'), row('d', { state: 'reported' })]

  it('is the next free one below, then from the top', () => {
    expect(nextOf(rows, 'a', 'me')?.recording).toBe('c')
    expect(nextOf(rows, 'c', 'me')?.recording).toBe('a')
    expect(nextOf([rows[0] ?? row('a')], 'a', 'me')).toBeNull()
  })

  it('is a critical one first, wherever it stands', () => {
    expect(nextOf([row('x', { priority: 'critical' }), ...rows], 'a', 'me')?.recording).toBe('x')
  })
})
