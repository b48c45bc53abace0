import { describe, expect, it } from 'vitest'
import { Guard, isBearable, readCandidate, SDP_CHARS_MAX } from './guard'
import { readSignal } from './negotiation'
import { marked, readFloor } from './shared'
import { readView } from './view'

const candidate = { candidate: 'candidate:1 1 udp 1 10.0.0.1 9 typ host', sdpMid: '0', sdpMLineIndex: 0 }

describe('what another member sends to this page', () => {
  it('is not handed to the browser when it is too heavy', () => {
    const row = 'a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n'
    expect(isBearable(`v=0\r\nm=audio 9 x 1\r\n${row.repeat(30)}`)).toBe(true)
    expect(isBearable(row.repeat(10_000))).toBe(false)
    expect(isBearable('m=audio\r\n'.repeat(9))).toBe(false)
    expect(isBearable('\n'.repeat(2_000))).toBe(false)
    const offer = { type: 'offer', session: 's', to: 't', sdp: 'x'.repeat(SDP_CHARS_MAX + 1) }
    expect(readSignal({ kind: 'signal', description: offer })).toBe(null)
    expect(readSignal({ kind: 'signal', description: { ...offer, sdp: 'v=0' } })?.kind).toBe('description')
    expect(readSignal({ kind: 'signal', description: { ...offer, sdp: 'v=0', session: 'x'.repeat(99) } })).toBe(null)
  })

  it('is a candidate only when it looks like one, and nothing else goes with it', () => {
    expect(readCandidate({ ...candidate, session: 's', toString: 'x' })).toEqual(candidate)
    for (const wrong of [
      { ...candidate, candidate: 7 },
      { ...candidate, candidate: 'x'.repeat(501) },
      { candidate: candidate.candidate },
      { candidate: candidate.candidate, sdpMLineIndex: 99 },
      { candidate: candidate.candidate, sdpMLineIndex: '0' },
    ])
      expect(readCandidate(wrong)).toBe(null)
    expect(readSignal({ candidate: { ...candidate, session: 's', to: 't', candidate: {} } })).toBe(null)
  })

  it('of any other shape is nothing to anybody who reads it', () => {
    const deep = JSON.parse(`${'['.repeat(500)}${']'.repeat(500)}`) as unknown
    const wrong = [null, 7, 'x', [], deep, { kind: 'view' }, { kind: 'floor', rev: '1' }, { kind: 'marked', rev: 2 }]
    const before = { rev: 1, marks: [] }
    for (const body of wrong) {
      expect(readSignal(body)).toBe(null)
      expect(readView(body)).toBe(null)
      expect(readFloor(body)).toBe(null)
      expect(marked(before, body)).toBe(before)
    }
  })
})

describe('a member who never stops', () => {
  it('is answered now and then, and nobody else waits for it', () => {
    const guard = new Guard()
    const answered = Array.from({ length: 1_000 }, (_, i) => guard.takes('bad', 'answer', i)).filter(Boolean)
    expect(answered.length).toBeLessThanOrEqual(6)
    expect(guard.takes('good', 'answer', 1_000)).toBe(true)
    expect(guard.takes('bad', 'candidate', 1_000)).toBe(true)
    expect(guard.takes('bad', 'answer', 5_000)).toBe(true)
    expect(guard.takes('bad', 'answer', 0)).toBe(true) // a clock set back takes nothing away
  })
})
