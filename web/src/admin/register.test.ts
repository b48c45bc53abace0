import { describe, expect, it } from 'vitest'
import type { DeviceView } from '../api/types.gen'
import { clockError } from '../clinic/deviceclock'
import { EVERYTHING, enrolCommand, keyFile, left_s, shown } from './register'

const device = (id: string, facts: Partial<DeviceView> = {}): DeviceView => ({
  id,
  org: 'hewan',
  model: 'ECG-1200',
  maker: '',
  serial: '',
  software: '',
  fs: 500,
  leads: [],
  state: 'offline',
  connected: false,
  active: true,
  added_at: '2026-11-22T00:00:00.000Z',
  last_seen_at: null,
  last_ecg_at: null,
  clock_offset_ms: null,
  clock_uncertainty_ms: null,
  clock_at: null,
  calibrated_on: null,
  refused: null,
  ...facts,
})
const under = (place: string, org: string): boolean => place === org || place === 'county'
const ids = (list: readonly DeviceView[]): string => list.map(d => d.id).join(' ')

describe('a clock', () => {
  it('is spoken of beyond two seconds only, with the side it is wrong to', () => {
    expect(clockError(device('a'))).toBeNull()
    expect(clockError(device('a', { clock_offset_ms: 2000 }))).toBeNull()
    expect(clockError(device('a', { clock_offset_ms: 2600 }))).toEqual({ side: 'slow', off_s: '2.6' })
    expect(clockError(device('a', { clock_offset_ms: -90_400 }))).toEqual({ side: 'fast', off_s: '90' })
  })
})

describe('the list', () => {
  it('shows what could not send first, then wrong clocks, and what is out of use last', () => {
    const all = [
      device('gone', { active: false, refused: 'wire.gain' }),
      device('well'),
      device('stuck', { state: 'upload_failed', refused: 'wire.gain' }),
      device('slow', { clock_offset_ms: 5000 }),
    ]
    expect(ids(shown(all, EVERYTHING, under))).toBe('stuck slow well gone')
  })

  it('is filtered by place with all below it, by state, by what is printed on the box', () => {
    const all = [
      device('a', { org: 'hewan', state: 'idle', serial: 'SN-9' }),
      device('b', { org: 'shimen' }),
      device('c', { org: 'shimen', state: 'idle', active: false }),
    ]
    const by = (filter: Partial<typeof EVERYTHING>): string => ids(shown(all, { ...EVERYTHING, ...filter }, under))
    expect(by({ org: 'county' })).toBe('a b c')
    expect(by({ org: 'shimen' })).toBe('b c')
    expect(by({ state: 'idle' })).toBe('a')
    expect(by({ state: 'revoked' })).toBe('c')
    expect(by({ words: ' sn-9 ' })).toBe('a')
    expect(by({ words: 'nothing' })).toBe('')
  })

  it('leaves the list it was given as it was', () => {
    const all = [device('b', { active: false }), device('a')]
    shown(all, EVERYTHING, under)
    expect(ids(all)).toBe('b a')
  })
})

describe('joining', () => {
  it('says the whole command with the address of this very page', () => {
    expect(enrolCommand('https://hub.qinghe:8080', 'ACDE-FGHJ')).toBe(
      'xinlian device enrol --hub https://hub.qinghe:8080 --code ACDE-FGHJ --key-file device.json',
    )
  })
  it('counts down by this page’s own clock and stops at nought', () => {
    expect(left_s(1_000, 900, 1_000)).toBe(900)
    expect(left_s(1_000, 900, 1_001)).toBe(900)
    expect(left_s(1_000, 900, 400)).toBe(900)
    expect(left_s(1_000, 900, 900_900)).toBe(1)
    expect(left_s(1_000, 900, 2_000_000)).toBe(0)
  })
  it('gives a key as the file that the device reads', () => {
    expect(JSON.parse(keyFile({ device: 'dev_1', key: 'AAA=' }))).toEqual({ device: 'dev_1', key: 'AAA=' })
  })
})
