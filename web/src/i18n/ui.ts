// Words inside the shared components of src/ui.
import { catalogue } from './catalogue'

export const t = catalogue({
  'severity.critical': { zh: '危急', en: 'Critical' },
  'severity.urgent': { zh: '紧急', en: 'Urgent' },
  'severity.soon': { zh: '优先', en: 'Soon' },
  'severity.routine': { zh: '常规', en: 'Routine' },
  'tag.auto': { zh: '自动', en: 'Auto' },
  'value.high': { zh: '偏高', en: 'high' },
  'value.low': { zh: '偏低', en: 'low' },
  'table.down': { zh: '下一行', en: 'Next row' },
  'table.up': { zh: '上一行', en: 'Previous row' },
  'table.move': { zh: '上下', en: 'Up, down' },
  'table.open': { zh: '打开', en: 'Open' },
  'table.mark': { zh: '多选', en: 'Mark' },
  'table.first': { zh: '第一行', en: 'First row' },
  'table.last': { zh: '最后一行', en: 'Last row' },
  'step.done': { zh: '已完成', en: 'done' },
  'step.now': { zh: '进行中', en: 'now' },
  'step.todo': { zh: '未开始', en: 'to do' },
})
