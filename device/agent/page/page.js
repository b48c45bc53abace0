// The agent's page: asks for the status each second and shows it. All text from files is set as text, never as markup.

const WORDS = {
  zh: {
    title: '上传代理', other: 'English', files: '最近的文件', from: '文件来源', empty: '还没有文件。心电图机保存的文件会出现在这里。',
    heads: ['文件', '时间', '状态', '检查结果'],
    connected: '已连接中心', away: '未连接中心', retry: (s) => `${s} 秒后重试`, safe: '文件保存在本机，网络恢复后自动发送',
    waiting: '等待', sending: '发送中', received: '已送达', refused: '被拒绝', oldest: '最久等待', none: '无',
    full: '队列已满，新文件留在原文件夹', speed: '上传速度', clock: (s) => `本机时钟比中心${s > 0 ? '慢' : '快'} ${Math.abs(s)} 秒`,
    state: { waiting: '等待发送', sending: '发送中', received: '已送达', refused: '被拒绝' }, again: '重新发送',
    level: { good: '信号良好', doubtful: '已读取，请核对', mend: '请处理后重做', urgent: '危急，已优先发送', unreadable: '本机不能识别' },
    kind: { folder: '文件夹', socket: '网络端口', serial: '串口', post: '本机程序' }, taken: (n) => `已取 ${n} 个`,
    rate: '次/分', gone: '代理程序没有应答。请确认它在运行。',
  },
  en: {
    title: 'Upload agent', other: '中文', files: 'Latest files', from: 'Where files come from', empty: 'No file yet. Files that the electrocardiograph saves appear here.',
    heads: ['File', 'Time', 'State', 'Check'],
    connected: 'Connected to the hub', away: 'Not connected to the hub', retry: (s) => `trying again in ${s} s`, safe: 'Files are safe on this machine and go out when the line is back',
    waiting: 'Waiting', sending: 'Sending', received: 'Received', refused: 'Refused', oldest: 'Oldest', none: 'none',
    full: 'The queue is full; new files stay in their folder', speed: 'Upload', clock: (s) => `This machine's clock is ${Math.abs(s)} s ${s > 0 ? 'behind' : 'ahead'}`,
    state: { waiting: 'waiting', sending: 'sending', received: 'received', refused: 'refused' }, again: 'Send again',
    level: { good: 'Good signal', doubtful: 'Read; please compare', mend: 'Mend and record again', urgent: 'Critical, sent first', unreadable: 'Not readable here' },
    kind: { folder: 'Folder', socket: 'Port', serial: 'Serial line', post: 'Program here' }, taken: (n) => `${n} taken`,
    rate: 'bpm', gone: 'The agent does not answer. Check that it is running.',
  },
}
const COLOUR = { good: 'good', doubtful: 'warn', mend: 'warn', urgent: 'bad', unreadable: 'warn' }
const STATE_COLOUR = { waiting: 'quiet', sending: 'blue', received: 'good', refused: 'bad' }
const VERDICT_S = 600

let language = localStorage.getItem('language')
let last = null

const at = (id) => document.getElementById(id)
const words = () => WORDS[language]

function element(tag, text, classes) {
  const made = document.createElement(tag)
  if (text !== undefined) made.textContent = text
  if (classes) made.className = classes
  return made
}

function age(seconds) {
  if (seconds === null) return words().none
  const units = language === 'zh' ? ['秒', '分', '时', '天'] : ['s', 'min', 'h', 'd']
  if (seconds < 90) return `${Math.round(seconds)} ${units[0]}`
  if (seconds < 5400) return `${Math.round(seconds / 60)} ${units[1]}`
  return seconds < 129600 ? `${Math.round(seconds / 3600)} ${units[2]}` : `${Math.round(seconds / 86400)} ${units[3]}`
}

function showLine(status) {
  const line = status.line
  const box = at('line')
  box.className = line.connected ? 'good' : line.refused && status.waiting ? 'bad' : 'warn'
  const parts = [element('span', line.connected ? words().connected : words().away)]
  if (!line.connected) {
    parts.push(element('p', `${words().retry(Math.ceil(line.next_try_in_s))} · ${words().safe}`))
    if (line.refused) parts.push(element('p', `${line.refused[language]} (${line.refused.code})`, 'bad'))
  } else {
    const said = [status.hub]
    if (line.bytes_s) said.push(`${words().speed} ${(line.bytes_s / 1024).toFixed(1)} KiB/s`)
    parts.push(element('p', said.join(' · ')))
    const offset = Math.round(line.clock_offset_ms / 1000)
    if (Math.abs(offset) >= 2) parts.push(element('p', words().clock(offset), 'warn'))
  }
  if (status.full) parts.push(element('p', `${words().full}: ${status.full[language]}`, 'bad'))
  box.replaceChildren(...parts)
}

function showNumbers(status) {
  const w = words()
  const numbers = [[status.waiting - status.sending, w.waiting], [status.sending, w.sending], [status.received, w.received], [status.refused, w.refused], [age(status.oldest_age_s), w.oldest]]
  at('numbers').replaceChildren(
    ...numbers.map(([value, name], place) => {
      const box = element('div', name, 'quiet')
      box.prepend(element('b', `${value}`, place === 3 && value ? 'bad' : ''))
      return box
    }),
  )
}

function showVerdict(status) {
  const box = at('verdict')
  const item = status.items[0]
  const level = item?.verdict.level
  if (!level || level === 'good' || status.now_ms - item.taken_ms > VERDICT_S * 1000) {
    box.replaceChildren()
    box.className = ''
    return
  }
  box.className = COLOUR[level]
  const says = (item.verdict.says ?? []).map((say) => say[language])
  box.replaceChildren(element('span', says[0] ?? words().level[level], COLOUR[level]), ...says.slice(1).map((say) => element('p', say)), element('p', item.name))
}

function row(item) {
  const w = words()
  const line = element('tr')
  line.append(element('td', item.name), element('td', new Date(item.taken_ms).toLocaleTimeString(language === 'zh' ? 'zh-CN' : 'en-GB')))
  const state = element('td', w.state[item.state], STATE_COLOUR[item.state])
  if (item.state === 'sending') {
    const bar = element('progress')
    bar.value = item.sent
    state.append(bar)
  }
  if (item.state === 'refused') {
    state.append(` ${item.code} `)
    const button = element('button', w.again)
    button.type = 'button'
    button.onclick = () => fetch(`/api/items/${item.uid}/again`, { method: 'POST' }).then(look)
    state.append(button)
  }
  const verdict = item.verdict
  const check = element('td', verdict.level ? w.level[verdict.level] : '', COLOUR[verdict.level] ?? 'quiet')
  if (verdict.rate_bpm) check.append(element('span', ` ${Math.round(verdict.rate_bpm)} ${w.rate}`, 'quiet'))
  for (const say of verdict.says ?? []) check.append(element('div', say[language], 'quiet'))
  line.append(state, check)
  return line
}

function show(status) {
  last = status
  language ??= status.language
  const w = words()
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
  document.title = `${language === 'zh' ? '心联' : 'XinLian'} · ${w.title}`
  at('title').textContent = w.title
  at('language').textContent = w.other
  at('device').textContent = status.clinic === '' ? status.device : `${status.clinic} · ${status.device}`
  at('files').textContent = w.files
  at('from').textContent = w.from
  at('empty').textContent = status.items.length ? '' : w.empty
  at('heads').replaceChildren(...w.heads.map((head) => element('th', head)))
  showLine(status)
  showNumbers(status)
  showVerdict(status)
  at('items').replaceChildren(...status.items.map(row))
  at('sources').replaceChildren(
    ...status.sources.map((source) => {
      const line = element('li', `${w.kind[source.kind]} ${source.name} `)
      line.append(element('span', w.taken(source.taken), 'quiet'))
      if (source.error) line.append(element('p', `${source.error[language]} (${source.error.code})`, 'bad'))
      return line
    }),
  )
}

async function look() {
  try {
    show(await (await fetch('/api/status')).json())
  } catch {
    language ??= 'zh'
    at('line').className = 'bad'
    at('line').replaceChildren(element('span', words().gone))
  }
}

at('language').onclick = () => {
  language = language === 'zh' ? 'en' : 'zh'
  localStorage.setItem('language', language)
  if (last) show(last)
}
look()
setInterval(look, 1000)
