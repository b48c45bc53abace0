import { afterEach, describe, expect, it } from 'vitest'
import type { Recording } from '../api/types.gen'
import { hereWords, tally } from '../clinic/handover'
import { type Chosen, crc32, FILE_BYTES_MAX, parcelsOf, signalFiles, zipOf } from '../clinic/parcels'
import { progressOf } from '../clinic/progress'
import { language } from '../i18n/catalogue'
import { refusal, timeMark, warnings } from './known'

const recording = (over: Partial<Recording>): Recording =>
  ({
    state: 'waiting',
    return_reason: null,
    notes: [],
    file: '',
    time_from: 'device',
    clock_offset_ms: null,
    clock_uncertainty_ms: null,
    interrupted: false,
    replaced_by: null,
    patient: { identity: 'known' },
    ...over,
  }) as Recording

const broken = {
  state: 'rejected',
  return_reason: 'ecg.file_truncated',
  file: 'a.scp',
  notes: [{ code: 'ecg.file_truncated', facts: { where: 'section 6' } }],
}

afterEach(() => {
  language.value = 'zh'
})

describe('what is said of a file', () => {
  it('is a sentence with its facts in both languages, never a code', () => {
    expect(refusal(recording(broken))).toMatch(/^a\.scp 不完整：section 6。/)
    language.value = 'en'
    expect(refusal(recording(broken))).toMatch(/^a\.scp is cut short: section 6\./)
  })

  it('says of an incomplete recording how much came, and of one that was sent whole since that it was', () => {
    const part = { interrupted: true, notes: [{ code: 'recording.interrupted', facts: { came_s: 6 } }] }
    expect(warnings(recording(part))[0]).toContain('设备在 6 秒后中断')
    expect(progressOf(recording(part)).say).toEqual({ kind: 'waiting_part' })
    const replaced = { ...part, state: 'rejected', return_reason: 'recording.replaced', replaced_by: 'rec_2' }
    expect(refusal(recording(replaced))).toContain('完整的记录已经到达')
    expect(progressOf(recording(replaced)).say).toEqual({ kind: 'replaced' })
  })

  it('words the reason of the hub in the language of the page', () => {
    const facts = { where: 'section 6', where_code: 'section_n', where_zh: '第 6 节' }
    const cut = recording({ ...broken, notes: [{ code: 'ecg.file_truncated', facts }] })
    expect(refusal(cut)).toContain('第 6 节')
    expect(refusal(cut)).not.toContain('section')
    language.value = 'en'
    expect(refusal(cut)).toContain('section 6')
  })

  it('has no holes where a device left no facts, and is silent where a person rejected it', () => {
    const said = refusal(recording({ state: 'rejected', return_reason: 'wire.file' }))
    expect(said).toContain('wire.file')
    expect(said).not.toMatch(/\{/)
    expect(refusal(recording({ state: 'rejected', return_reason: 'artefact' }))).toBeNull()
    expect(refusal(recording({ state: 'returned', return_reason: 'wire.checksum' }))).toBeNull()
  })

  it('names what was odd about one that was read', () => {
    const note = { code: 'ecg.warn_fewer_samples', facts: { promised: 5000, got: 4200 } }
    expect(warnings(recording({ notes: [note] }))[0]).toContain('5000')
    expect(warnings(recording(broken))).toEqual([])
  })

  it('says where it stands, and that it was there already', () => {
    expect(hereWords(recording({ state: 'receiving', file: 'a' }), false)).toBe('读取中')
    expect(hereWords(recording({ file: 'a' }), false)).toBe('已送阅图中心')
    expect(hereWords(recording({ file: 'a' }), true)).toContain('已有此文件')
    expect(hereWords(recording(broken), true)).toMatch(/^已有此文件。该文件不完整/)
    expect(progressOf(recording(broken)).act).toBe('again')
    const nobody = { identity: 'pending' } as Recording['patient']
    expect(progressOf(recording({ ...broken, patient: nobody })).act).toBe('open') // no form that could be sent again
    expect(progressOf(recording({ state: 'receiving', file: 'a' })).say).toEqual({ kind: 'reading' })
  })
})

describe('more files than are in sight', () => {
  it('are summed up: at the hub, on the way, in need of a person', () => {
    const here = (over: Partial<Recording>) => ({ kind: 'here', recording: recording(over), known: false }) as const
    const states = [
      here({}),
      here({ state: 'receiving' }),
      here(broken),
      { kind: 'waiting' },
      { kind: 'sending', part: 0.5 },
      { kind: 'failed', error: new Error('line') },
      { kind: 'unfit', why: () => 'large' },
    ] as const
    const list = states.map((state, place) => ({ key: `${place}`, name: `${place}.scp`, state }))
    expect(tally(list)).toEqual({ all: 7, there: 1, open: 3, lost: 3 })
  })
})

describe('a time', () => {
  const off = (clock_offset_ms: number, clock_uncertainty_ms = 20, over: Partial<Recording> = {}) =>
    timeMark(recording({ clock_offset_ms, clock_uncertainty_ms, time_from: 'device', ...over }))?.words ?? null

  it('is marked when the clock was further off than its own uncertainty', () => {
    expect(off(3_720_000)).toContain('慢 1 小时 2 分')
    expect(off(-90_061_000)).toContain('快 1 天 1 小时')
    expect(off(1500)).toBeNull()
    expect(off(5000, 9000)).toBeNull()
    expect(off(3_720_000, 20, { time_from: '' })).toContain('慢 1 小时') // written before this was noted
  })

  it('of a file is marked too: corrected where the agent wrote it, else as the word of the machine', () => {
    expect(off(3_720_000, 20, { file: 'a.csv' })).toContain('慢 1 小时 2 分')
    expect(off(3_720_000, 20, { file: 'a.scp', time_from: 'file' })).toContain('未与中心时钟核对')
    expect(off(0, 20, { file: 'a.scp', time_from: '' })).toBeNull()
  })
})

const chosen = (name: string, text: string, size = text.length): Chosen => ({
  name,
  size,
  blob: new Blob([text]),
  bytes: () => new Blob([text]).arrayBuffer(),
})

describe('what is sent', () => {
  const header = '100 2 360 650000\n# by hand\n100.dat 212 200 11 1024 MLII\n100.dat 212 200 11 1024 V5\n'

  it('packs a header with the signal files it names and leaves the others alone', async () => {
    expect(signalFiles(header)).toEqual(['100.dat'])
    const told = await parcelsOf([chosen('a.csv', 'x'), chosen('100.dat', 'SAMPLES'), chosen('100.hea', header)])
    expect(told.map(p => [p.kind, p.name])).toEqual([
      ['ready', 'a.csv'],
      ['ready', '100.zip'],
    ])
    const zip = told[1]?.kind === 'ready' ? await told[1].blob.text() : ''
    expect(zip.startsWith('PK')).toBe(true)
    expect(zip).toContain('SAMPLES')
  })

  it('says before sending what is too large and what is missing', async () => {
    const told = await parcelsOf([chosen('big.scp', 'x', FILE_BYTES_MAX + 1), chosen('100.hea', header)])
    expect(told[0]).toEqual({ kind: 'large', name: 'big.scp', bytes: FILE_BYTES_MAX + 1 })
    expect(told[1]).toEqual({ kind: 'parts', name: '100.hea', missing: ['100.dat'] })
  })

  it('is an archive byte for byte as the format has it', () => {
    const bytes = new TextEncoder().encode('123456789')
    expect(crc32(bytes)).toBe(0xcbf43926) // the check value of CRC-32
    const parts = zipOf([{ name: 'a', bytes }])
    const whole = Uint8Array.from(parts.flatMap(part => [...part]))
    const view = new DataView(whole.buffer)
    const end = whole.length - 22
    expect(view.getUint32(end, true)).toBe(0x06054b50)
    const directory = view.getUint32(end + 16, true)
    expect(view.getUint32(directory, true)).toBe(0x02014b50)
    expect(view.getUint32(directory + 16, true)).toBe(0xcbf43926)
    expect(view.getUint32(directory + 42, true)).toBe(0)
    expect(view.getUint32(end + 12, true)).toBe(end - directory)
  })
})
