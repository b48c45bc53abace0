import { describe, expect, it, vi } from 'vitest'
import type { Consult, SharedView } from '../api/types.gen'
import { completeness, written } from './checklist'
import { lacks, NO_CONSENT } from './consent'
import { soon } from './count'
import { throttled } from './link'
import { inOrder } from './list'
import { ignores, isPolite, peerState, readSignal, restarts } from './negotiation'
import { judge, readView, sameStretch } from './view'

const view = (over: Partial<SharedView> = {}): SharedView => ({
  recording: 'r1',
  layout: '3x4+1',
  first: 0,
  end: 5000,
  speed: 25,
  gain: 10,
  presenter: 'usr_b',
  rev: 10,
  ...over,
})

describe('the shared view', () => {
  it('takes the higher revision and nothing older', () => {
    const state = { rev: 9, sentAt_ms: null }
    const first = judge(state, view({ rev: 10 }), 'usr_a', 0)
    expect(first.verdict).toBe('apply')
    expect(judge(first.state, view({ rev: 10 }), 'usr_a', 0).verdict).toBe('old')
    expect(judge(first.state, view({ rev: 9 }), 'usr_a', 0).verdict).toBe('old')
  })

  it('settles a clash on one screenful: the smaller id says its view again, the other takes it', () => {
    const sent = { rev: 9, sentAt_ms: 5_000 }
    expect(judge(sent, view({ presenter: 'usr_b', rev: 11 }), 'usr_a', 5_200).verdict).toBe('say_again')
    expect(judge(sent, view({ presenter: 'usr_a', rev: 10 }), 'usr_b', 5_200).verdict).toBe('apply')
    expect(judge(sent, view({ presenter: 'usr_b', rev: 11 }), 'usr_a', 6_500).verdict).toBe('apply')
  })

  it('reads only a whole view and compares what the eye sees', () => {
    expect(readView({ kind: 'view', ...view() })?.rev).toBe(10)
    expect(readView({ ...view(), first: Number.NaN })).toBeNull()
    expect(readView('view')).toBeNull()
    expect(sameStretch(view(), view({ rev: 99, presenter: 'usr_c', end: 4000 }))).toBe(true)
    expect(sameStretch(view(), view({ first: 500 }))).toBe(false)
  })
})

describe('perfect negotiation', () => {
  it('makes exactly one of two sides polite', () => {
    expect(isPolite('usr_b', 'usr_a')).toBe(true)
    expect(isPolite('usr_a', 'usr_b')).toBe(false)
  })

  it('lets the impolite side ignore an offer that meets its own, and nothing else', () => {
    const clash = { making: true, stable: true }
    expect(ignores({ polite: false, ...clash }, 'offer')).toBe(true)
    expect(ignores({ polite: true, ...clash }, 'offer')).toBe(false)
    expect(ignores({ polite: false, making: false, stable: false }, 'offer')).toBe(true)
    expect(ignores({ polite: false, making: false, stable: true }, 'offer')).toBe(false)
    expect(ignores({ polite: false, ...clash }, 'answer')).toBe(false)
  })

  it('reads signals of a known shape only', () => {
    const marks = { session: 's1', to: 's2' }
    expect(readSignal({ kind: 'signal', description: { type: 'offer', sdp: 'v=0', offer: 3, ...marks } })).toEqual({
      kind: 'description',
      ...marks,
      description: { type: 'offer', sdp: 'v=0', offer: 3 },
    })
    expect(readSignal({ kind: 'signal', candidate: { candidate: 'c', sdpMid: '0', ...marks } })).toEqual({
      kind: 'candidate',
      ...marks,
      candidate: { candidate: 'c', sdpMid: '0' },
    })
    expect(readSignal({ kind: 'signal', description: { type: 'here', session: 's1', mic: true } })).toEqual({
      kind: 'here',
      here: { type: 'here', session: 's1', mic: true, cam: false, ask: false },
    })
    expect(readSignal({ kind: 'signal', description: { type: 'offer', sdp: 'v=0' } })).toBeNull()
    expect(readSignal({ kind: 'signal', description: { type: 'evil', sdp: '', ...marks } })).toBeNull()
    expect(readSignal(null)).toBeNull()
  })

  it('waits out a short break, restarts what failed, and says "left" only after 30 s', () => {
    expect(restarts('disconnected', false)).toBe(false)
    expect(restarts('disconnected', true)).toBe(true)
    expect(restarts('failed', false)).toBe(true)
    expect(restarts('connected', true)).toBe(false)
    expect(peerState('disconnected', 5_000)).toBe('reconnecting')
    expect(peerState('failed', 31_000)).toBe('left')
    expect(peerState('connecting', null)).toBe('connecting')
    expect(peerState('connecting', 4_000)).toBe('reconnecting')
  })
})

describe('what is sent often', () => {
  it('goes at most once in the interval, and the last one always goes', () => {
    vi.useFakeTimers()
    const told: number[] = []
    const send = throttled(100, (n: number) => told.push(n))
    for (const n of [1, 2, 3]) send(n)
    expect(told).toEqual([1])
    vi.advanceTimersByTime(100)
    expect(told).toEqual([1, 3])
    vi.useRealTimers()
  })
})

describe('the list', () => {
  it('puts emergencies first and what has ended last', () => {
    const c = (id: string, over: Partial<Consult>): Consult =>
      ({ id, state: 'submitted', priority: 'routine', requested_at: '2026-11-22T03:00:00Z', ...over }) as Consult
    const rows = [
      c('done', { state: 'concluded', priority: 'emergency' }),
      c('old', { requested_at: '2026-11-22T01:00:00Z' }),
      c('new', {}),
      c('now', { priority: 'emergency' }),
    ]
    expect(inOrder(rows).map(r => r.id)).toEqual(['now', 'new', 'old', 'done'])
  })
})

describe('the papers of a request', () => {
  const needs = ['history', 'vitals', 'medication'] as const
  it('are counted as the hub counts them', () => {
    const none = completeness(needs, {}, { summary: true, consent: false })
    expect(none).toEqual({ percent: 33, missing: ['history', 'vitals', 'medication', 'consent'] })
    const some = completeness(needs, { history: 'x', vitals: ' ' }, { summary: true, consent: true })
    expect(some).toEqual({ percent: 66, missing: ['vitals', 'medication'] })
    const all = { history: 'x', vitals: 'y', medication: 'z' }
    expect(completeness(needs, all, { summary: true, consent: true })).toEqual({ percent: 100, missing: [] })
    expect(completeness(needs, all, { summary: false, consent: true }).percent).toBeLessThan(100)
  })

  it('go without what is empty', () => {
    expect(written({ history: ' a ', vitals: '  ' })).toEqual([{ kind: 'history', text: 'a' }])
  })

  it('need who signed, and on the screen a line', () => {
    expect(lacks(NO_CONSENT)).toEqual(['by'])
    const screen = { ...NO_CONSENT, by: '王小红', form: 'screen' } as const
    expect(lacks(screen)).toEqual(['signature'])
    expect(
      lacks({
        ...screen,
        strokes: [
          [
            [1, 1],
            [4, 4],
          ],
        ],
      }),
    ).toEqual([])
  })
})

it('a consultation that begins within a quarter of an hour stands on the tab of its members', () => {
  const c = { state: 'scheduled', scheduled_at: '2026-11-22T06:00:00.000Z', events: ['enter'] }
  expect(soon(c, Date.parse('2026-11-22T05:44:59Z'))).toBe(false)
  expect(soon(c, Date.parse('2026-11-22T05:45:00Z'))).toBe(true)
  expect(soon({ ...c, events: [] }, Date.parse('2026-11-22T05:50:00Z'))).toBe(false)
  expect(soon({ ...c, state: 'in_progress' }, Date.parse('2026-11-22T05:50:00Z'))).toBe(false)
})
