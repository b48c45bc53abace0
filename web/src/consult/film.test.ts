import { describe, expect, it } from 'vitest'
import type { FilmNews, StageWord } from '../api/types.gen'
import { askedOf, readFilm } from './film'
import { openReplay, piecesAt } from './replay'

const news = (over: Partial<FilmNews>): FilmNews => ({
  kind: 'film',
  film: 'film_1',
  state: 'asked',
  by: 'usr_host',
  keep: 'short',
  waits_for: [],
  carried: ['usr_host'],
  refused: [],
  ...over,
})

describe('what the hub tells of a film', () => {
  it('is read only from the hub and only whole', () => {
    expect(readFilm('', news({}))).not.toBeNull()
    expect(readFilm('usr_1', news({}))).toBeNull()
    expect(readFilm('', { kind: 'film', film: 'x' })).toBeNull()
    expect(readFilm('', null)).toBeNull()
  })
  it('asks before it begins, and at the door of a room that is filmed already', () => {
    expect(askedOf(news({ waits_for: ['usr_a'] }), 'usr_a')).toBe('agree')
    expect(askedOf(news({}), 'usr_host')).toBeNull()
    expect(askedOf(news({ state: 'filming' }), 'usr_late')).toBe('door')
    expect(askedOf(news({ state: 'filming', refused: ['usr_late'] }), 'usr_late')).toBeNull()
    expect(askedOf(news({ state: 'kept' }), 'usr_late')).toBeNull()
  })
})

const view = (rev: number, first: number) => ({
  kind: 'view',
  ...{ recording: 'rec_1', layout: '12x1', first, end: first + 10, speed: 25, gain: 10, presenter: 'usr_h', rev },
})
const floor = (rev: number, source: string) => ({
  kind: 'floor',
  ...{ rev, host: 'usr_h', presenter: 'usr_h', speaker: '', screen: '', source, asks: [], hands: [], here: [] },
})
const mark = (id: string) => ({
  ...{ id, on: 'rec_1', shape: 'time', lead: 'II', by: 'usr_h' },
  points: [
    [1, 0],
    [2, 0],
  ],
})

describe('the stage of a film', () => {
  const words: StageWord[] = [
    { ms: 0, by: '', said: floor(1, 'ecg') },
    { ms: 0, by: '', said: { kind: 'marked', rev: 2, marks: [], gone: [], whole: true } },
    { ms: 500, by: 'usr_h', said: view(3, 100) },
    { ms: 900, by: 'usr_h', said: { kind: 'pointer', lead: 'II', sample: 120, uv: 0 } },
    { ms: 1500, by: '', said: { kind: 'marked', rev: 4, marks: [mark('m1')], gone: [], whole: false } },
    { ms: 2000, by: '', said: floor(5, 'board') },
    { ms: 2500, by: 'usr_h', said: { kind: 'pointer', lead: null, sample: null, uv: null } },
    { ms: 2600, by: 'usr_h', said: 'no body' },
  ]
  it('stands at each moment as it stood then', () => {
    const replay = openReplay(words, () => '王主任')
    replay.to(0)
    expect([replay.shared.floor.value.source, replay.link.view.value]).toEqual(['ecg', null])
    replay.to(1000)
    expect(replay.link.view.value?.first).toBe(100)
    expect(replay.link.pointers.value).toEqual([{ id: 'usr_h', name: '王主任', lead: 'II', strip: false, sample: 120 }])
    expect(replay.shared.marks.value).toEqual([])
    replay.to(3000)
    expect(replay.shared.floor.value.source).toBe('board')
    expect(replay.shared.marks.value.map(m => m.id)).toEqual(['m1'])
    expect(replay.link.pointers.value).toEqual([])
  })
  it('shows of each the piece of this moment, of two that overlap the later', () => {
    const part = (account: string, first_ms: number, last_ms: number) => ({ account, name: account, first_ms, last_ms })
    const parts = [part('a', 0, 1000), part('b', 200, 5000), part('a', 900, 2000)]
    const at = (ms: number) => piecesAt(parts, ms).map(p => p.now?.first_ms ?? null)
    expect([at(0), at(950), at(3000), at(9000)]).toEqual([
      [0, null],
      [900, 200],
      [null, 200],
      [null, null],
    ])
  })
})
