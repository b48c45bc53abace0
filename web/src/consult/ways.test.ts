// Which way a connection took, from what browsers say of it. Real ones: tests/journey/test_room_relay.py, tests/line.
import { expect, it } from 'vitest'
import { addressOf, wayOf } from './ways'

const pair = { id: 'p', type: 'candidate-pair', state: 'succeeded', nominated: true, localCandidateId: 'l' }
const by = (local: object) => wayOf([{ id: 'l', type: 'local-candidate', ...local }, pair])

it('names the way of the pair that was chosen', () => {
  expect(by({ candidateType: 'host' })).toBe('direct')
  expect(by({ candidateType: 'prflx' })).toBe('direct')
  expect(by({ candidateType: 'relay', relayProtocol: 'udp' })).toBe('turn_udp')
  expect(by({ candidateType: 'relay', relayProtocol: 'tcp' })).toBe('turn_tcp')
  expect(by({ candidateType: 'relay', relayProtocol: 'tls' })).toBe('turn_tls')
  expect(wayOf([{ ...pair, nominated: false }])).toBeNull()
})

it('reads where the hub takes sound and picture', () => {
  expect(addressOf('a=mid:0\r\na=candidate:1 1 udp 213 10.0.0.5 8444 typ host\r\n')).toBe('10.0.0.5:8444')
  expect(addressOf('a=candidate:1 1 udp 213 fd00::5 8444 typ host')).toBe('[fd00::5]:8444')
  expect(addressOf('v=0')).toBe('')
})
