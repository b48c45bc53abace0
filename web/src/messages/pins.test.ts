import { describe, expect, it } from 'vitest'
import type { Message } from '../api/types.gen'
import { pinnedOf, type Quote, quoteAround } from './pins'

const quote: Quote = { recording: 'rec_1', lead: 'V3', first: 100, end: 500 }
const message = (id: string, over: Partial<Message> = {}): Message => ({
  id,
  thread: 'rec_1',
  client_id: id,
  author: 'usr_a',
  author_name: '沈亦舟',
  at: '2026-11-23T00:00:00.000Z',
  text: '这是 P 波吗',
  quote,
  seq: 1,
  version: 1,
  edited_at: null,
  withdrawn_at: null,
  withdraw_reason: '',
  mentions: [],
  files: [],
  ...over,
})

describe('questions pinned on the trace', () => {
  it('are one for each place, with their answers counted', () => {
    const other = { ...quote, lead: 'II' }
    const all = [
      message('a'),
      message('b', { quote: null }),
      message('c', { text: '是' }),
      message('d', { quote: other, text: '长'.repeat(40) }),
      message('e', { quote: { ...quote, first: 1 }, withdrawn_at: '2026-11-23T00:00:00.000Z' }),
      message('f', { quote: { ...quote, recording: 'rec_2' } }),
    ]
    const pinned = pinnedOf(all, 'rec_1')
    expect(pinned.map(p => [p.id, p.answers])).toEqual([
      ['a', 1],
      ['d', 0],
    ])
    expect(pinned[1]?.words).toBe(`${'长'.repeat(18)}…`)
  })

  it('stay within the recording', () => {
    expect(quoteAround('rec_1', 'V3', 1000, 500, 5000)).toEqual({ ...quote, first: 800, end: 1200 })
    expect(quoteAround('rec_1', 'V3', 10, 500, 5000).first).toBe(0)
    expect(quoteAround('rec_1', 'V3', 4999, 500, 5000).end).toBe(5000)
  })
})
