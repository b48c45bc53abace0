// Words of a conclusion: its skeleton, its versions, its paper in the record, who has read it.
import { catalogue } from './catalogue'

export const t = catalogue({
  text: { zh: '诊断意见', en: 'Assessment' },
  'text.hint': { zh: '诊断判断和依据，是否转院', en: 'What it is and why, whether to transfer' },
  'text.missing': { zh: '写下诊断意见再签署', en: 'Write the assessment before signing' },
  advice: { zh: '处置建议', en: 'Advice' },
  'advice.hint': { zh: '一行一条，随访时逐条核对', en: 'One a line; each is ticked off at follow-up' },
  follow_up: { zh: '随访', en: 'Follow-up' },
  'follow_up.hint': { zh: '何时复查什么', en: 'What to check again, and when' },
  warning_signs: { zh: '立即就诊的情况', en: 'Come back at once if' },
  'warning_signs.hint': { zh: '患者和家属需要知道', en: 'What patient and family must know' },
  reason: { zh: '更正理由', en: 'Reason for the correction' },
  'reason.hint': { zh: '印在新版上，原版一并保留', en: 'Printed on the new version; the earlier one stays' },
  'reason.missing': { zh: '写明理由再签署', en: 'Give the reason before signing' },
  amend: { zh: '更正', en: 'Correct' },
  version: { zh: '第 {n} 版', en: 'Version {n}' },
  corrected: { zh: '更正：{why}', en: 'Corrected: {why}' },
  earlier: { zh: '以前的版本', en: 'Earlier versions' },
  stands: { zh: '会签前仍以第 {n} 版为准', en: 'Version {n} stands until this one is countersigned' },
  paper: { zh: '会诊意见书', en: 'Consultation report' },
  'paper.open': { zh: '打开和打印意见书', en: 'Open or print the report' },
  'paper.delivered': { zh: '意见书 {time} 归入病历', en: 'In the record since {time}' },
  read: { zh: '已阅', en: 'I have read it' },
  'read.by': { zh: '{name} 于 {time} 阅读', en: 'Read by {name}, {time}' },
  'read.none': { zh: '申请方还没有阅读', en: 'The asking side has not read it yet' },
})
