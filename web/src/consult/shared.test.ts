import { describe, expect, it, vi } from 'vitest'
import type { Seat } from './link'
import { inSight, NOBODY_LARGE, STRIP_MAX, stripOf, whoIsLarge } from './people'
import { type Floor, marked, NO_FLOOR, openShared, POINTS_MAX, readFloor, thinned } from './shared'

const floor = (over: Partial<Floor> = {}): Floor => ({ ...NO_FLOOR, rev: 1, ...over })
const seat = (account: string, over: Partial<Seat> = {}): Seat => ({
  account,
  state: 'connected',
  stream: null,
  mic: true,
  cam: true,
  net: null,
  ...over,
})
const mark = (id: string, over: object = {}) => ({
  id,
  on: 'rec_1',
  shape: 'box',
  lead: 'V3',
  points: [
    [1, 2],
    [3, 4],
  ],
  by: 'usr_a',
  ...over,
})

/** A room whose hub is this test: what it is told goes to `tell`. */
function room() {
  let rev = 0
  let hear = (_from: string, _body: unknown): void => {}
  const shared = openShared('room.c', 'usr_a', () => {}, {
    subscribe: (_topic, _since, on) => {
      const before = hear
      hear = (from, body) => {
        before(from, body)
        on.whisper?.(from, body)
      }
      return () => {}
    },
    whisper: () => {},
  })
  const here = [{ account: 'usr_a', role: 'requester' as const }]
  const tell = (over: Partial<Floor>): void => hear('', { kind: 'floor', ...floor({ here, ...over }), rev: ++rev })
  return { shared, tell }
}

describe('an observer', () => {
  it('only listens, but while he has the word or leads', () => {
    const { shared, tell } = room()
    const told = (over: Partial<Floor>): boolean => {
      tell({ here: [{ account: 'usr_a', role: 'observer' }], host: 'usr_b', presenter: 'usr_b', ...over })
      return shared.listens.value
    }
    expect(told({})).toBe(true)
    expect(told({ speaker: 'usr_a' })).toBe(false)
    expect(told({ presenter: 'usr_a' })).toBe(false)
    expect(told({ speaker: 'usr_c' })).toBe(true)
    expect(told({ here: [{ account: 'usr_a', role: 'scribe' }] })).toBe(false)
  })
})

describe('what is put on the stage', () => {
  it('is on this page alone when somebody came to lead before the hub heard it', () => {
    const { shared, tell } = room()
    const refused: string[] = []
    tell({})
    shared.show('image', () => refused.push('image'))
    tell({ hands: ['usr_b'] })
    expect(refused).toEqual([])
    tell({ host: 'usr_b', presenter: 'usr_b' })
    expect(refused).toEqual(['image'])
    tell({ host: 'usr_b', presenter: 'usr_b', hands: ['usr_b'] })
    expect(refused).toEqual(['image'])
  })

  it('stays with all when the hub heard it first, whoever leads afterwards', () => {
    const { shared, tell } = room()
    const refused: string[] = []
    shared.show('image', () => refused.push('image'))
    tell({ source: 'image' })
    tell({ source: 'board', presenter: 'usr_b' })
    expect(refused).toEqual([])
  })

  it('is forgotten after a while: a word lost with its line takes nobody off the common view later', () => {
    vi.useFakeTimers()
    const { shared, tell } = room()
    const refused: string[] = []
    shared.show('image', () => refused.push('image'))
    vi.advanceTimersByTime(6_000)
    tell({ presenter: 'usr_b' })
    expect(refused).toEqual([])
    vi.useRealTimers()
  })
})

describe('what the hub tells', () => {
  it('reads a whole floor and nothing else', () => {
    const told = { kind: 'floor', ...floor({ host: 'usr_a', here: [{ account: 'usr_a', role: 'host' }] }) }
    expect(readFloor(told)?.host).toBe('usr_a')
    expect(readFloor({ ...told, source: 'cinema' })).toBeNull()
    expect(readFloor({ ...told, here: [{ account: 'usr_a', role: 'king' }] })).toBeNull()
    expect(readFloor({ ...told, hands: 'usr_a' })).toBeNull()
    expect(readFloor('floor')).toBeNull()
  })

  it('keeps what is drawn, replaces by id, forgets what is gone, and begins anew when it is told the whole', () => {
    const one = marked({ rev: 0, marks: [] }, { kind: 'marked', rev: 1, marks: [mark('a'), mark('b')], gone: [] })
    const two = marked(one, { kind: 'marked', rev: 2, marks: [mark('c')], gone: ['a'] })
    expect(two.marks.map(m => m.id)).toEqual(['b', 'c'])
    expect(marked(two, { kind: 'marked', rev: 2, marks: [], gone: ['b'] })).toBe(two)
    const again = marked(two, { kind: 'marked', rev: 3, marks: [mark('b', { words: '看这里' })], gone: [] })
    expect(again.marks.map(m => [m.id, m.words])).toEqual([
      ['c', ''],
      ['b', '看这里'],
    ])
    const whole = marked(again, { kind: 'marked', rev: 4, marks: [mark('z')], gone: [], whole: true })
    expect(whole.marks.map(m => m.id)).toEqual(['z'])
    const bad = marked(whole, {
      kind: 'marked',
      rev: 5,
      marks: [
        mark('y', {
          points: [
            ['x', 1],
            [2, 3],
          ],
        }),
      ],
      gone: [],
    })
    expect(bad.marks.map(m => m.id)).toEqual(['z'])
  })

  it('sends a long stroke with its ends and a bounded number of points', () => {
    const long = Array.from({ length: 1000 }, (_, i): [number, number] => [i, i])
    const sent = thinned(long)
    expect([sent.length, sent[0], sent.at(-1)]).toEqual([POINTS_MAX, [0, 0], [999, 999]])
    expect(thinned(long.slice(0, 5))).toHaveLength(5)
  })
})

describe('forty people', () => {
  const seats = Array.from({ length: 39 }, (_, i) => seat(`usr_${i}`))

  it('shows who has the word large, seven in the strip: hands, who leads, the host, who asked, and counts the rest', () => {
    const here = [{ account: 'usr_37', role: 'requester' as const }]
    const told = floor({ speaker: 'usr_30', presenter: 'usr_1', host: 'usr_2', hands: ['usr_20', 'usr_10'], here })
    expect(whoIsLarge(seats, told, NOBODY_LARGE)?.account).toBe('usr_30')
    const { shown, more } = stripOf(seats, told, NOBODY_LARGE)
    const first = ['usr_20', 'usr_10', 'usr_1', 'usr_2', 'usr_37', 'usr_0']
    expect(shown.slice(0, 6).map(s => s.account)).toEqual(first)
    expect([shown.length, more]).toEqual([STRIP_MAX, 31])
  })

  it('falls back to who leads, the host, the first', () => {
    expect(whoIsLarge(seats, floor({ presenter: 'usr_5', host: 'usr_6' }), NOBODY_LARGE)?.account).toBe('usr_5')
    expect(whoIsLarge(seats, floor({ host: 'usr_6' }), NOBODY_LARGE)?.account).toBe('usr_6')
    expect(
      whoIsLarge([seat('usr_9', { state: 'left' }), seat('usr_8')], floor({ host: 'usr_9' }), NOBODY_LARGE)?.account,
    ).toBe('usr_9')
    expect(whoIsLarge([], floor(), NOBODY_LARGE)).toBeNull()
    expect(stripOf([seat('usr_8')], floor(), NOBODY_LARGE).shown).toEqual([])
  })

  it('enlarges whom this page has pinned, else who speaks, and asks for nobody out of sight', () => {
    const told = floor({ host: 'usr_1', screen: 'usr_38' })
    const speaks = { pinned: null, lead: 'usr_7' }
    expect(whoIsLarge(seats, told, speaks)?.account).toBe('usr_7')
    expect(whoIsLarge(seats, floor({ speaker: 'usr_3' }), speaks)?.account).toBe('usr_3')
    expect(whoIsLarge(seats, floor({ speaker: 'usr_3' }), { ...speaks, pinned: 'usr_9' })?.account).toBe('usr_9')
    const { accounts, large } = inSight(seats, told, speaks)
    expect([large, accounts.slice(0, 2), accounts.length]).toEqual(['usr_38', ['usr_38', 'usr_7'], STRIP_MAX + 2])
    expect(inSight(seats, floor(), speaks).large).toBe('usr_7')
  })
})
