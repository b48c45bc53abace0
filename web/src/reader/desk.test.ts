import { describe, expect, it } from 'vitest'
import type { Recording, WorklistRow } from '../api/types.gen'
import { readAnalysis } from './analysis'
import { priorsOf } from './casework'
import { nextGrade } from './conclusion'
import { BLANK } from './draft'
import { holderOf, takesOnOpening } from './lease'
import { readValue, signed } from './measurements'
import { neighbour, placeOf } from './queue'
import { acceptable, seenWith } from './seen'
import { isLowered, isUnlocked, whereNext, whyOff } from './signflow'
import { leadsFirst } from './viewers'

const T = Date.parse('2026-11-22T03:00:00Z')
const claim = (by: string, minutes = 5) => ({ by, name: by, until_at: new Date(T + minutes * 60_000).toISOString() })
const row = (over: Partial<WorklistRow> = {}): WorklistRow =>
  ({
    recording: 'a',
    state: 'waiting',
    priority: 'routine',
    claim: null,
    alert: null,
    alert_state: null,
    ...over,
  }) as WorklistRow
const evidence = (id: string, leads: readonly string[]) => ({ id, words: id, first: 0, end: 100, leads })

describe('whose it is', () => {
  it('ends with the lease, and a critical one may have two readers', () => {
    expect(holderOf(row({ claim: claim('li') }), 'me', T)).toMatchObject({ kind: 'other', name: 'li' })
    expect(holderOf(row({ claim: claim('li', -1) }), 'me', T)).toEqual({ kind: 'free' })
    expect(holderOf(row({ claim: claim('li'), second: claim('me') }), 'me', T).kind).toBe('mine')
  })

  it('is taken on opening unless another reads it, but a critical one also beside him', () => {
    const other = holderOf(row({ claim: claim('li') }), 'me', T)
    expect(takesOnOpening(row(), { kind: 'free' })).toBe(true)
    expect(takesOnOpening(row(), other)).toBe(false)
    expect(takesOnOpening(row({ priority: 'critical' }), other)).toBe(true)
    expect(takesOnOpening(row({ state: 'reported' }), { kind: 'free' })).toBe(false)
  })
})

describe('signing', () => {
  const ready = {
    offline: false,
    mayWrite: true,
    holder: { kind: 'mine' as const, until_ms: T },
    state: 'claimed',
    draft: { ...BLANK, statements: [{ code: null, text: '正常心电图' }], grade: 'normal' as const },
  }

  it('is off with its reason, and on when nothing is missing', () => {
    expect(whyOff(ready)).toBeNull()
    expect(whyOff({ ...ready, offline: true })).toContain('离线')
    expect(whyOff({ ...ready, draft: BLANK })).toContain('结论')
    expect(whyOff({ ...ready, draft: { ...ready.draft, grade: 'unassessed' } })).toContain('分级')
    expect(whyOff({ ...ready, holder: { kind: 'other', name: '陆闻笙', until_ms: T } })).toContain('陆闻笙')
    expect(whyOff({ ...ready, state: 'reported' })).not.toBeNull()
  })

  it('asks why a critical proposal is graded lower, and who you are after 30 minutes', () => {
    expect(isLowered('critical', ready.draft)).toBe(true)
    expect(isLowered('warning', ready.draft)).toBe(false)
    expect(isUnlocked(new Date(T + 1).toISOString(), T)).toBe(true)
    expect(isUnlocked(new Date(T).toISOString(), T)).toBe(false)
    expect(isUnlocked(null, T)).toBe(false)
  })

  it('goes to the alert when the clinic is still to be told, else to the next, else to the list', () => {
    const open = row({ alert: 'al', alert_state: 'acknowledged' })
    expect(whereNext(open, true, 'b')).toBe('/alert/al')
    expect(whereNext(row({ alert: 'al', alert_state: 'acting' }), true, 'b')).toBe('/read/b')
    expect(whereNext(open, false, 'b')).toBe('/read/b')
    expect(whereNext(null, false, null)).toBe('/worklist')
  })

  it('changes the grade towards the graver first', () => {
    expect(nextGrade('unassessed')).toBe('critical')
    expect(nextGrade('critical')).toBe('warning')
  })
})

describe('accepting findings', () => {
  const found = [evidence('f1', ['V1', 'V2']), evidence('f2', []), evidence('f3', ['V9'])]

  it('copies the ticked whose leads were on the screen, no other', () => {
    const ticked = new Set(['f1', 'f2'])
    const some = seenWith(new Set(), ['I', 'II', 'V1'])
    expect(acceptable(found, ticked, some, ['V1', 'V2'])).toEqual({ ids: ['f2'], unseen: 1 })
    expect(acceptable(found, ticked, seenWith(some, ['V2']), ['V1', 'V2'])).toEqual({ ids: ['f1', 'f2'], unseen: 0 })
  })

  it('copies nothing before anything was drawn, and does not wait for a lead that was not recorded', () => {
    expect(acceptable(found, new Set(['f2']), new Set(), []).ids).toEqual([])
    expect(acceptable(found, new Set(['f3']), new Set(['I']), ['I']).ids).toEqual(['f3'])
  })

  it('shows a phone the leads of the first finding first, each once', () => {
    const order = leadsFirst([evidence('f1', ['V3', 'V2']), evidence('f2', ['II'])])
    expect(order.slice(0, 4)).toEqual(['V3', 'V2', 'II', 'I'])
    expect(order).toHaveLength(12)
  })
})

describe('numbers', () => {
  it('refuses a slip of the finger and takes an empty field as no value', () => {
    expect(readValue('qt_ms', '400')).toBe(400)
    expect(readValue('qt_ms', '40')).toBe('bad')
    expect(readValue('qt_ms', 'x')).toBe('bad')
    expect(readValue('qt_ms', ' ')).toBeNull()
  })

  it('writes a change with a true minus', () => {
    expect([signed(4), signed(-4, '°'), signed(0)]).toEqual(['+4', '−4°', '0'])
  })

  it('reads an analysis that is none as none', () => {
    expect(readAnalysis({ error: 'analysis.too_short' })).toBeNull()
    expect(readAnalysis(null)).toBeNull()
    expect(readAnalysis({ findings: [], measurements: {} })?.median).toBeNull()
  })
})

describe('the queue', () => {
  const queue = [row({ recording: 'a' }), row({ recording: 'b' })]

  it('knows the place and the neighbours, and none beyond its ends', () => {
    expect(placeOf(queue, 'b')).toEqual({ at: 2, of: 2 })
    expect(placeOf(queue, 'z')).toBeNull()
    expect(neighbour(queue, 'a', 1)).toBe('b')
    expect(neighbour(queue, 'b', 1)).toBeNull()
  })

  it('compares with earlier ECGs that have a trace, newest first', () => {
    const of = (id: string, started_at: string, state = 'reported') =>
      ({ id, started_at, opened_at: started_at, state }) as Recording
    const now = of('now', '2026-11-22')
    const all = [
      now,
      of('later', '2026-12-01'),
      of('x', '2026-03-08'),
      of('y', '2026-06-01'),
      of('z', '2026-01-01', 'receiving'),
    ]
    expect(priorsOf(all, now).map(r => r.id)).toEqual(['y', 'x'])
  })
})
