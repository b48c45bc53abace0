// Words of files: handing one over, what was odd about it, what came ahead of it, a time that was corrected.
import { catalogue } from './catalogue'

export const t = catalogue({
  // handing over
  'hand.act': { zh: '交来心电文件', en: 'Hand over ECG files' },
  'hand.told': {
    zh: '把导出的文件拖到本页，或点此选择。可一次多份，每份不超过 64 MB。',
    en: 'Drop exported files on this page, or choose them here. Several at once; each up to 64 MB.',
  },
  'hand.order': {
    zh: '心电图机不联网？导出文件后拖到本页，即归入这份申请。',
    en: 'The cart is not connected? Export its file and drop it here: it answers this request.',
  },
  'hand.drop': { zh: '松开即交来', en: 'Let go to hand over' },
  'hand.list': { zh: '交来的文件', en: 'Files handed over' },
  'hand.sum': {
    zh: '共 {all} 个：{there} 个已送达，{open} 个进行中，{lost} 个需要处理',
    en: '{all} files: {there} there, {open} under way, {lost} need you',
  },
  'hand.waiting': { zh: '排队', en: 'In line' },
  'hand.sending': { zh: '已发送 {percent}%', en: '{percent}% sent' },
  'hand.reading': { zh: '读取中', en: 'Being read' },
  'hand.read': { zh: '已送阅图中心', en: 'With the reading centre' },
  'hand.known': { zh: '已有此文件，没有重复保存', en: 'This file is here already; it is kept once' },
  'hand.known.refused': { zh: '已有此文件。{why}', en: 'This file is here already. {why}' },
  'hand.large': {
    zh: '{mb} MB，最多 64 MB，没有发送。请导出较短的一段。',
    en: '{mb} MB, at most 64 MB; not sent. Export a shorter stretch.',
  },
  'hand.parts': {
    zh: '缺少 {missing}，没有发送。请与 {name} 一起选择。',
    en: '{missing} is missing; not sent. Choose it together with {name}.',
  },
  'hand.failed': { zh: '没有发出。文件仍在本机，可再发。', en: 'Not sent. The file is still here; send it again.' },
  'hand.open': { zh: '打开', en: 'Open' },
  'hand.clear': { zh: '清除已完成', en: 'Clear finished' },

  // what a file is, and what was odd about it
  file: { zh: '文件', en: 'File' },
  'file.format': { zh: '格式', en: 'Format' },
  'file.original': { zh: '下载原文件', en: 'Download the original' },
  'file.derived': { zh: '推算导联', en: 'Derived leads' },
  'file.derived.how': { zh: '{leads}，由肢体导联计算', en: '{leads}, from the limb leads' },
  'file.this': { zh: '该文件', en: 'the file' },
  'notes.title': { zh: '读取文件时发现', en: 'Noticed while the file was read' },
  'notes.part': { zh: '不完整', en: 'Incomplete' },
  'notes.whole': { zh: '打开完整记录', en: 'Open the whole one' },
  replaced: { zh: '完整记录已到', en: 'The whole recording is here' },
  refused: { zh: '没有读成', en: 'Not read' },
  'refused.code': {
    zh: '这份心电图没有收下。请从设备重新发送；再次出现时把编号 {code} 告知管理员。',
    en: 'This ECG was not taken. Send it again from the device; should it recur, tell the administrator {code}.',
  },

  // a time that was corrected
  'clock.mark': { zh: '已校正', en: 'corrected' },
  'clock.file': { zh: '机器时间', en: "machine's time" },
  'clock.file.how': {
    zh: '此时间由心电图机写入文件，未与中心时钟核对',
    en: "The electrocardiograph wrote this time into the file; it was not compared with the hub's clock",
  },
  'clock.slow': {
    zh: '设备时钟慢 {by}，此时间已按中心时钟校正',
    en: "The device was {by} slow; corrected by the hub's clock",
  },
  'clock.fast': {
    zh: '设备时钟快 {by}，此时间已按中心时钟校正',
    en: "The device was {by} fast; corrected by the hub's clock",
  },
  'time.dh': { zh: '{a} 天 {b} 小时', en: '{a} d {b} h' },
  'time.hm': { zh: '{a} 小时 {b} 分', en: '{a} h {b} min' },
  'time.ms': { zh: '{a} 分 {b} 秒', en: '{a} min {b} s' },
  'time.s': { zh: '{a} 秒', en: '{a} s' },

  // what came ahead of it
  glance: { zh: '首帧速览', en: 'First glance' },
  'glance.told': {
    zh: '设备的自动判读，未经医师确认。完整心电图传到后自动换上。',
    en: "The device's own analysis, not confirmed by a doctor. The whole ECG takes its place once it is here.",
  },
  'glance.rate': { zh: '心率 {n} 次/分', en: 'Rate {n}/min' },
  'glance.none': { zh: '设备没有报告危急发现', en: 'The device reported nothing critical' },
  'glance.poor': { zh: '{leads} 信号差', en: '{leads} poor' },
  'glance.strip': {
    zh: '{lead} 导联 10 秒，概览，不用于测量',
    en: 'Lead {lead}, 10 s, an overview, not for measuring',
  },
  'coming.title': { zh: '心电图正在传来', en: 'The ECG is on its way' },
  'coming.next': { zh: '传到后自动显示', en: 'It shows by itself once it is here' },
})
