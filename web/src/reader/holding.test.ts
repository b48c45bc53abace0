import { describe, expect, it } from 'vitest'
import { due, failed, HOLD_MS, hold, nextDue_ms, sending, signed, undo, type Wish } from './holding'

const wish = (recording: string, grade: Wish['body']['grade'] = 'normal', text = '窦性心律'): Wish => ({
  recording,
  who: recording,
  body: { statements: [{ code: null, text }], grade },
  key: `key ${recording}`,
})

describe('ten seconds to think again', () => {
  it('holds a report ten seconds, then it is due', () => {
    const all = hold([], wish('a'), 1000)
    expect(due(all, 1000 + HOLD_MS - 1)).toEqual([])
    expect(due(all, 1000 + HOLD_MS).map(h => h.recording)).toEqual(['a'])
    expect(nextDue_ms(all)).toBe(1000 + HOLD_MS)
  })

  it('never holds a critical one', () => {
    expect(due(hold([], wish('a', 'critical'), 1000), 1000)).toHaveLength(1)
  })

  it('takes back the last one only, and nothing that is on its way', () => {
    const two = hold(hold([], wish('a'), 0), wish('b'), 4000)
    const { taken, left } = undo(two)
    expect(taken?.recording).toBe('b')
    expect(left.map(h => h.recording)).toEqual(['a'])
    expect(undo(sending(left, 'a')).taken).toBeNull()
    expect(undo([]).taken).toBeNull()
  })

  it('holds one recording once, with the newer words', () => {
    const all = hold(hold([], wish('a'), 0), wish('a', 'normal', '正常心电图'), 3000)
    expect(all).toHaveLength(1)
    expect(all[0]?.body.statements[0]?.text).toBe('正常心电图')
    expect(nextDue_ms(all)).toBe(3000 + HOLD_MS)
  })

  it('keeps a refused one until it is signed, and never sends it by itself', () => {
    const refused = failed(sending(hold([], wish('a'), 0), 'a'), 'a', new Error('locked'))
    expect(due(refused, 1e9)).toEqual([])
    expect(nextDue_ms(refused)).toBeNull()
    expect(refused[0]?.key).toBe('key a')
    expect(signed(refused, 'a')).toEqual([])
  })
})
