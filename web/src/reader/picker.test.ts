import { describe, expect, it } from 'vitest'
import type { CatalogueEntry } from '../api/types.gen'
import { search } from './picker'

const entry = (code: string, zh: string, en: string, initials: string): CatalogueEntry => ({
  code,
  zh,
  en,
  initials,
  group: 'rhythm',
  urgency: 'routine',
})
const CATALOGUE = [
  entry('VT_NONSUSTAINED', '非持续性室性心动过速', 'Non-sustained ventricular tachycardia', 'fcxxsxxdgs dzss'),
  entry('AFIB_RVR', '心房颤动伴快速心室率', 'Atrial fibrillation with rapid ventricular response', 'xfcdbksxsl kfc'),
  entry('AFIB', '心房颤动', 'Atrial fibrillation', 'xfcd fc'),
  entry('AFLUTTER', '心房扑动', 'Atrial flutter', 'xfpd fp'),
  entry('NORMAL_ECG', '正常心电图', 'Normal ECG', 'zcxdt'),
  entry('SINUS_RHYTHM', '窦性心律', 'Sinus rhythm', 'dxxl dl'),
  entry('CRBBB', '完全性右束支传导阻滞', 'Complete right bundle branch block', 'wqxyszcdzz yz'),
  entry('PAC', '房性期前收缩', 'Premature atrial contraction', 'fxqqss fz'),
]
const first = (typed: string, recent: readonly string[] = []) => search(CATALOGUE, typed, recent)[0]?.code

describe('the picker', () => {
  it('finds by pinyin initials of the full and of the spoken name', () => {
    expect(first('fc')).toBe('AFIB')
    expect(first('xfcd')).toBe('AFIB')
    expect(first('zc')).toBe('NORMAL_ECG')
    expect(first('DXXL')).toBe('SINUS_RHYTHM')
  })

  it('finds by code, by English words and their first letters, by Chinese', () => {
    expect(first('afib_r')).toBe('AFIB_RVR')
    expect(first('flutter')).toBe('AFLUTTER')
    expect(first('crbbb')).toBe('CRBBB')
    expect(first('afw')).toBe('AFIB_RVR')
    expect(first('右束支')).toBe('CRBBB')
    expect(first('房颤')).toBe('AFIB')
  })

  it('puts what this reader used last first among equals, and never before a better fit', () => {
    const rows = [entry('A', '甲', 'Left one', 'zz1'), entry('B', '乙', 'Left two', 'zz2')]
    expect(search(rows, 'zz', ['B'])[0]?.code).toBe('B')
    expect(first('fc', ['VT_NONSUSTAINED'])).toBe('AFIB')
  })

  it('finds nothing for nothing and for nonsense: free text stays the way', () => {
    expect(search(CATALOGUE, '  ')).toEqual([])
    expect(search(CATALOGUE, 'qqqq')).toEqual([])
  })
})
