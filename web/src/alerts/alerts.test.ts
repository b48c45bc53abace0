import { describe, expect, it } from 'vitest'
import type { Alert } from '../api/types.gen'
import { leadsToShow } from './evidence'
import { inOrder, isRinging, ladderOf, ringFor } from './ladder'
import { burst, burstStarts, REPEAT_S } from './pulses'

const at = (s: number): string => new Date(Date.UTC(2026, 10, 22, 3, 10, 0) + s * 1000).toISOString()
const ms = (s: number): number => Date.parse(at(s))
const alert = (over: Partial<Alert>): Alert =>
  ({
    id: 'a1',
    state: 'notified',
    raised_at: at(0),
    step: 0,
    next_at: at(60),
    next_name: '陆闻笙',
    pages: [],
    events: ['see', 'read_back'],
    ...over,
  }) as Alert

describe('which alarm stands first', () => {
  it('puts the oldest unanswered first, the taken after them, what has ended last', () => {
    const rows = [
      alert({ id: 'closed', state: 'closed', raised_at: at(-50) }),
      alert({ id: 'taken', state: 'acknowledged', raised_at: at(-40) }),
      alert({ id: 'young', raised_at: at(20) }),
      alert({ id: 'old', raised_at: at(10) }),
    ]
    expect(inOrder(rows).map(a => a.id)).toEqual(['old', 'young', 'taken', 'closed'])
  })

  it('keeps ringing when merely seen and when the ladder ran out, stops with the read-back', () => {
    for (const state of ['raised', 'notified', 'seen', 'expired']) expect(isRinging({ state })).toBe(true)
    for (const state of ['acknowledged', 'acting', 'closed', 'refuted', 'superseded'])
      expect(isRinging({ state })).toBe(false)
  })
})

describe('the ladder', () => {
  it('counts down to the next person by name, then says that it is passing', () => {
    expect(ladderOf(alert({}), ms(24))).toEqual({ kind: 'counting', left_s: 36, name: '陆闻笙', again: false })
    expect(ladderOf(alert({}), ms(59.2))).toEqual({ kind: 'counting', left_s: 1, name: '陆闻笙', again: false })
    expect(ladderOf(alert({}), ms(61))).toEqual({ kind: 'passing', name: '陆闻笙' })
  })

  it('says when it is the same person again by another channel', () => {
    const paged = {
      account: 'x',
      name: '陆闻笙',
      step: 0,
      channel: 'page',
      sent_at: at(0),
      delivered_at: null,
      seen_at: null,
    }
    expect(ladderOf(alert({ pages: [paged] }), ms(24))).toMatchObject({ kind: 'counting', again: true })
  })

  it('stops once somebody took it, and ends when nobody is left', () => {
    expect(ladderOf(alert({ state: 'acknowledged' }), ms(10))).toEqual({ kind: 'stopped' })
    expect(ladderOf(alert({ state: 'expired', next_at: null, next_name: null }), ms(10))).toEqual({ kind: 'ended' })
  })
})

describe('for whom it rings', () => {
  const page = { account: 'me', name: '', step: 0, channel: 'page', sent_at: at(0), delivered_at: null, seen_at: null }
  it('repeats for the paged, for those on duty and, from the desk step on, for all who may answer', () => {
    expect(ringFor(alert({ pages: [page] }), 'me', false)).toBe('repeat')
    expect(ringFor(alert({}), 'me', true)).toBe('repeat')
    expect(ringFor(alert({}), 'me', false)).toBe('once')
    expect(ringFor(alert({ step: 2 }), 'me', false)).toBe('repeat')
  })

  it('gives the clinic one burst and the rest silence', () => {
    expect(ringFor(alert({ events: [] }), 'me', true)).toBe('once')
    expect(ringFor(alert({ state: 'closed', pages: [page] }), 'me', true)).toBe('none')
  })
})

describe('the sound of an alarm', () => {
  it('is ten pulses in groups 3-2-3-2 for high priority, three for medium, one pair for low', () => {
    const high = burst('high')
    expect(high).toHaveLength(10)
    const gaps = high.slice(1).map((p, i) => p.at_ms - ((high[i]?.at_ms ?? 0) + (high[i]?.length_ms ?? 0)))
    const groups = gaps.reduce<number[]>(
      (all, gap) => {
        if (gap > 100) all.push(1)
        else all[all.length - 1] = (all.at(-1) ?? 0) + 1
        return all
      },
      [1],
    )
    expect(groups).toEqual([3, 2, 3, 2])
    expect(burst('medium')).toHaveLength(3)
    expect(burst('low')).toHaveLength(2)
  })

  it('keeps pulse lengths and repeats inside the standard', () => {
    for (const p of burst('high')) expect(p.length_ms).toBeGreaterThanOrEqual(75)
    for (const p of burst('high')) expect(p.length_ms).toBeLessThanOrEqual(200)
    const last = burst('high').at(-1)
    const burst_s = ((last?.at_ms ?? 0) + (last?.length_ms ?? 0)) / 1000
    const pause_s = (REPEAT_S.high ?? 0) - burst_s
    expect(pause_s).toBeGreaterThanOrEqual(2.5)
    expect(pause_s).toBeLessThanOrEqual(15)
    expect(REPEAT_S.low).toBeNull()
  })

  it('lays bursts ahead without gap or double', () => {
    expect(burstStarts(10, null, 8, 20)).toEqual([10, 18, 26])
    expect(burstStarts(20, 26, 8, 20)).toEqual([34])
    expect(burstStarts(100, 34, 8, 8)).toEqual([100, 108]) // the page slept: it starts at once, it does not catch up
  })
})

describe('the leads of the evidence', () => {
  const twelve = ['I', 'II', 'III', 'aVR', 'aVL', 'aVF', 'V1', 'V2', 'V3', 'V4', 'V5', 'V6']
  it('shows the middle of the named ones, and rhythm leads where there are none', () => {
    expect(leadsToShow(['V1', 'V2', 'V3', 'V4', 'V5'], twelve)).toEqual(['V2', 'V3', 'V4'])
    expect(leadsToShow([], twelve)).toEqual(['II', 'V1', 'V5'])
    expect(leadsToShow(['III'], twelve)).toEqual(['III', 'II', 'V1'])
    expect(leadsToShow([], ['II', 'V1'])).toEqual(['II', 'V1'])
  })
})
