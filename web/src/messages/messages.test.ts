import { describe, expect, it } from 'vitest'
import type { Message, Messages } from '../api/types.gen'
import { merged, type Outgoing, pieces, withEarlier, withNewest, withRead } from './outgoing'

const message = (seq: number, over: Partial<Message> = {}): Message =>
  ({ id: `m${seq}`, client_id: `c${seq}`, seq, author: 'x', text: `${seq}`, ...over }) as Message
const page = (seqs: readonly number[], more = false): Messages =>
  ({ messages: seqs.map(s => message(s)), readers: [], cursor: 0, more }) as Messages
const seqs = (shown: { messages: readonly Message[] }) => shown.messages.map(m => m.seq)

describe('messages', () => {
  it('show a message once, whether on its way or stored', () => {
    const sent = { client_id: 'c1', text: '1', state: 'sent' } as Outgoing
    expect(merged([message(1)], [sent], 'x')).toHaveLength(1)
    expect(merged([], [sent], 'x')).toHaveLength(1)
    expect(merged([message(1)], [sent], 'y')).toHaveLength(2) // another person's own id may be the same
  })

  it('stand once and in order, however the pages overlap', () => {
    const first = withNewest(null, page([3, 4, 5], true))
    const next = withNewest(first, page([4, 5, 6]))
    expect(seqs(next)).toEqual([3, 4, 5, 6])
    expect(next.more).toBe(true)
    const whole = withEarlier(next, page([1, 2, 3]))
    expect(seqs(whole)).toEqual([1, 2, 3, 4, 5, 6])
    expect(whole.more).toBe(false)
  })

  it('begin anew where a part between is not known, and take the newer text', () => {
    expect(seqs(withNewest(page([1, 2]), page([7, 8], true)))).toEqual([7, 8])
    const changed = { ...page([2]), messages: [message(2, { text: 'new' })] }
    expect(withNewest(page([1, 2]), changed).messages.map(m => m.text)).toEqual(['1', 'new'])
  })

  it('move a reader on without asking, never back, and ask where he is not known', () => {
    const shown = { ...page([1, 2, 3]), readers: [{ account: 'a', name: 'A', read: 2, received: 2 }] }
    expect(withRead(shown, 'a', 'm3')?.readers).toEqual([{ account: 'a', name: 'A', read: 3, received: 3 }])
    expect(withRead(shown, 'a', 'm1')?.readers).toEqual(shown.readers)
    expect(withRead(shown, 'b', 'm3')).toBeNull()
    expect(withRead(shown, 'a', 'm9')).toBeNull()
  })

  it('set names off and leave everything else as it is', () => {
    expect(pieces('请 @顾阅图 看', ['顾阅图'])).toEqual([
      { text: '请 ', isName: false },
      { text: '@顾阅图', isName: true },
      { text: ' 看', isName: false },
    ])
    expect(pieces('<b>@', [''])).toEqual([{ text: '<b>@', isName: false }])
    expect(
      pieces('@王 @王五', ['王', '王五'])
        .filter(p => p.isName)
        .map(p => p.text),
    ).toEqual(['@王', '@王五'])
  })
})
