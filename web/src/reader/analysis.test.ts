import { beforeEach, describe, expect, it } from 'vitest'
import { language } from '../i18n/catalogue'
import { type Analysis, doubtOf, evidenceLines, evidenceOf, readAnalysis } from './analysis'
import { citation, parted } from './changes'
import { doubtLines } from './doubts'
import { axisTurn, caliperValue } from './measurements'

const finding = (over: Partial<Analysis['findings'][number]> = {}): Analysis['findings'][number] => ({
  code: 'LONG_QT',
  urgency: 'urgent',
  grade: null,
  first: 0,
  end: 5000,
  leads: [],
  say: {},
  ...over,
})
const analysis = (over: Partial<Analysis> = {}): Analysis => ({
  fs: 500,
  samples: 5000,
  quality: { acceptable: true, leads: { I: 1, V3: 1 } },
  beats: { sample: [500, 1000, 1500], symbol: ['N', 'V', 'N'] },
  measurements: {
    vent_rate_bpm: 60,
    pr_ms: null,
    qrs_ms: null,
    qt_ms: null,
    qtc_ms: {},
    axis_deg: {},
    st_j60_mv: {},
  },
  findings: [],
  median: null,
  ...over,
})

beforeEach(() => {
  language.value = 'zh'
})

describe('what a finding rests on', () => {
  it('is its number against the limit, where, the rule with its version, and how sure', () => {
    const told = finding({ value: 512, limit: 500, rule: 'qt.long', profile: 'xinlian-safe 1', probability: 0.934 })
    expect(evidenceLines(told, analysis())).toEqual([
      '测得 512，界值 500',
      '整份记录',
      '规则 qt.long，方案 xinlian-safe 1',
      '把握 93%',
    ])
  })

  it('says nothing that the analysis did not', () => {
    expect(evidenceLines(finding({ first: 500, end: 1500, leads: ['V1', 'V2', 'V3'] }), analysis())).toEqual([
      '第 1.0–3.0 秒 · V1–V3',
    ])
  })

  it('is marked beat by beat where it rests on beats', () => {
    const all = analysis({ findings: [finding({ code: 'PVC', first: 400, end: 2000 }), finding()] })
    const [pvc, qt] = evidenceOf(all)
    expect(pvc?.spans).toEqual([{ first: 925, end: 1175 }])
    expect(qt?.spans).toBeUndefined()
  })
})

describe('where the analysis abstains', () => {
  it('names leads without a vote, stretches, and a recording to be taken again with the lead to mend', () => {
    const poor = analysis({
      quality: {
        acceptable: false,
        leads: { I: 1, V3: 0.2 },
        lead_off: ['V4'],
        unreadable: [{ first: 500, end: 1000 }],
      },
      findings: [finding({ code: 'POOR_QUALITY' })],
    })
    expect([...doubtOf(poor).leads]).toEqual(['V3', 'V4'])
    expect(doubtLines(poor)).toEqual(['请重新采集 · 检查 V3 V4 电极', '第 1.0–2.0 秒无法判读'])
  })

  it('names the worst leads where each has its vote and the whole is too poor', () => {
    const poor = analysis({ quality: { acceptable: false, leads: { I: 0.95, II: 0.62, V3: 0.6 } } })
    expect(doubtLines(poor)).toEqual(['请重新采集 · 检查 II V3 电极'])
  })

  it('says what is wrong with which lead, and which electrodes to look after', () => {
    const leads = { I: 0.2, III: 0.2, V3: 0.1, V4: 0.1 }
    const reasons = { I: 'mains', III: 'mains', V3: 'off', V4: 'something later' }
    const poor = analysis({ quality: { acceptable: false, leads, reasons, electrodes: ['LA', 'V3', 'V4'] } })
    expect(doubtLines(poor)).toEqual([
      '请重新采集 · 检查电极 左手、V3、V4',
      'I III 交流干扰；V3 脱落；V4 something later',
    ])
  })

  it('is silent where all was read', () => {
    expect(doubtLines(analysis())).toEqual([])
  })

  it('does not ask for another ECG for one lead', () => {
    expect(doubtLines(analysis({ quality: { acceptable: true, leads: { I: 1, V3: 0.2 } } }))).toEqual([
      'V3 质量差，不参与判断',
    ])
  })

  it('takes what an older analysis does not hold as nothing', () => {
    const old = readAnalysis({ findings: [], measurements: {}, quality: { acceptable: true } })
    expect(doubtOf(old)).toEqual({ spans: [], leads: new Set() })
  })
})

describe('the caliper', () => {
  it('is taken as an interval or a rate, and as nothing else', () => {
    const reading = { kind: 'time' as const, ms: 400, perMin: 150 }
    expect(caliperValue(reading, 'qt_ms')).toBe(400)
    expect(caliperValue(reading, 'vent_rate_bpm')).toBe(150)
    expect(caliperValue(reading, 'qrs_axis_deg')).toBeNull()
    expect(caliperValue({ kind: 'voltage', mv: 1 }, 'qt_ms')).toBeNull()
    expect(caliperValue(null, 'qt_ms')).toBeNull()
  })
})

describe('the comparison', () => {
  it('parts a sentence at its heading, in both languages', () => {
    expect(parted('新出现：心房颤动')).toEqual(['新出现', '心房颤动'])
    expect(parted('New: Atrial fibrillation')).toEqual(['New', 'Atrial fibrillation'])
    expect(parted('与既往心电图相比无明显变化')).toEqual(['与既往心电图相比无明显变化', ''])
  })

  it('is cited as one statement: the heart, not the electrodes, and nothing when they seem exchanged', () => {
    const say = [
      { about: 'findings' as const, zh: '新出现：心房颤动', en: 'New: Atrial fibrillation' },
      { about: 'numbers' as const, zh: '测量变化：PR', en: 'Measurements: PR' },
      { about: 't' as const, zh: 'T 波方向改变：V2', en: 'T wave changed its direction: V2' },
      { about: 'quality' as const, zh: 'V6 未比较', en: 'V6 not compared' },
    ]
    const day = '2026-05-01T08:00:00Z'
    const text = '与 2026-05-01 心电图比较，新出现：心房颤动。T 波方向改变：V2'
    expect(citation(day, say)).toEqual({ code: null, text })
    const whole = { about: 'whole' as const, zh: '与既往心电图相比无明显变化', en: 'No change' }
    expect(citation(day, [whole])?.text).toBe('与 2026-05-01 心电图比较，无明显变化')
    const swap = { about: 'swap' as const, zh: '疑似电极接错', en: 'Electrodes seem exchanged' }
    expect(citation(day, [swap, ...say])).toBeNull()
    expect(citation(day, say.slice(3))).toBeNull()
  })

  it('turns an axis the shorter way round', () => {
    expect([axisTurn(-170, 170), axisTurn(170, -170), axisTurn(40, 10), axisTurn(null, 10)]).toEqual([
      20,
      -20,
      30,
      null,
    ])
  })
})
