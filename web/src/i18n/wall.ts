// Words of the live page: all recordings that are arriving now, side by side.
import { catalogue } from './catalogue'

export const t = catalogue({
  tab: { zh: '实时', en: 'Live' },
  title: { zh: '实时心电', en: 'Live ECGs' },
  count: { zh: '正在传来 {n} 份', en: '{n} arriving' },
  list: { zh: '正在传来的心电图', en: 'ECGs that are arriving' },
  leads: { zh: '导联', en: 'Leads' },
  'leads.12': { zh: '全部', en: 'All' },
  'leads.1': { zh: '节律', en: 'Rhythm' },
  ended: { zh: '已传完', en: 'Complete' },
  more: { zh: '这里最多 {n} 份，其余在各自的页面上', en: 'At most {n} stand here; the others have their own pages' },
  empty: { zh: '现在没有实时心电', en: 'No live ECG now' },
  'empty.next': {
    zh: '设备开始采集后，心电图会自己出现在这里',
    en: 'As soon as a device records, its ECG appears here by itself',
  },
  'key.next': { zh: '下一份', en: 'Next' },
  'key.previous': { zh: '上一份', en: 'Previous' },
  'key.leads': { zh: '换导联', en: 'Change leads' },
})
