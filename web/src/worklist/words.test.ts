import { beforeEach, describe, expect, it } from 'vitest'
import type { MachineSummary } from '../api/types.gen'
import { language } from '../i18n/catalogue'
import { entries } from './statements'
import { machineWords } from './words'

const machine = (over: Partial<MachineSummary> = {}): MachineSummary => ({
  acceptable: true,
  findings: [],
  vent_rate_bpm: 70,
  pr_ms: null,
  qrs_ms: null,
  qt_ms: null,
  qtc_ms: null,
  bad_leads: [],
  strip: '',
  error: null,
  said: {},
  ...over,
})

beforeEach(() => {
  language.value = 'zh'
})

describe('the hint of a row', () => {
  it('says the first finding with its numbers and the others by name', () => {
    const said = { zh: '一度房室传导阻滞：PR 间期 220 ms', en: 'First-degree AV block: PR 220 ms' }
    const words = machineWords(machine({ findings: ['AVB_I', 'SINUS_RHYTHM'], said }), 'waiting')
    expect(words).toBe('一度房室传导阻滞：PR 间期 220 ms，SINUS_RHYTHM')
  })

  it('never calls normal what was not assessed', () => {
    expect(machineWords(machine(), 'waiting')).toBe('无自动提示，待核实')
  })

  it('asks for another ECG where it cannot be read, with the lead to mend', () => {
    const unread = machine({ acceptable: false, findings: ['UNREADABLE'], bad_leads: ['V2', 'V3'] })
    expect(machineWords(unread, 'waiting')).toBe('请重新采集，检查 V2 V3 电极')
  })

  it('names the electrodes where the analysis knows them', () => {
    const mend = { zh: '检查电极 左手、V3', en: 'check the electrodes left arm, V3' }
    const poor = machine({ acceptable: false, findings: ['POOR_QUALITY'], bad_leads: ['I', 'III', 'V3'], mend })
    expect(machineWords(poor, 'waiting')).toBe('请重新采集，检查电极 左手、V3')
  })

  it('does not hide a ventricular tachycardia behind a poor signal', () => {
    const name = (code: string, zh: string, urgency: string) => ({
      code,
      zh,
      en: code,
      initials: '',
      group: '',
      urgency,
    })
    entries.value = [name('VT', '室性心动过速', 'critical'), name('PVC', '室性早搏', 'routine')]
    const both = machine({ acceptable: false, findings: ['PVC', 'VT', 'POOR_QUALITY'], bad_leads: ['V2'] })
    expect(machineWords(both, 'waiting')).toBe('室性心动过速，请重新采集，检查 V2 电极，室性早搏')
    entries.value = []
  })

  it('knows a summary of an older version', () => {
    const { said: _, ...old } = machine({ findings: ['AFIB'] })
    expect(machineWords(old, 'waiting')).toBe('AFIB')
  })
})
