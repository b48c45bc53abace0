// Words of signing in.
import { catalogue } from './catalogue'

export const t = catalogue({
  title: { zh: '登录', en: 'Sign in' },
  product: { zh: '心联远程心电', en: 'XinLian tele-ECG' },
  account: { zh: '账号', en: 'Account' },
  password: { zh: '密码', en: 'Password' },
  show: { zh: '显示', en: 'Show' },
  hide: { zh: '隐藏', en: 'Hide' },
  version: { zh: '版本 {n}', en: 'Version {n}' },
  enter: { zh: '登录', en: 'Sign in' },
  'missing.account': { zh: '填写账号', en: 'Enter your account' },
  'missing.password': { zh: '填写密码', en: 'Enter your password' },
  wrong: { zh: '账号或密码不对', en: 'Account or password is not right' },
  'wrong.left': { zh: '账号或密码不对，还可试 {n} 次', en: 'Account or password is not right, {n} tries left' },
  'hub.asking': { zh: '正在连接中心', en: 'Reaching the hub' },
  'hub.there': { zh: '中心在线', en: 'Hub online' },
  'hub.away': { zh: '没有连上中心，正在重试', en: 'Hub not reached, trying again' },
  'demo.title': { zh: '演示账号', en: 'Demo accounts' },
  'demo.note': {
    zh: '演示中心：人和地点均为虚构。点一个账号即填好。',
    en: 'Demonstration hub: people and places are invented. Choose one to fill it in.',
  },
})
