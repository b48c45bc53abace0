// Every component and the viewer on one page, without a server: `npm run dev`, then /gallery.html.
//   ?show=reader|tall|sweep|table|parts  &theme=dark  &lang=en  &src=/dev/local/NAME.xlr (else a synthetic ECG)
// A copy of a recording may lie in dev/local (ignored by git). Not part of the production build.
import '../src/ui/tokens.css'
import '../src/ui/base.css'
import '../src/ui/ui.css'
import '../src/app/app.css'
import './gallery.css'
import { signal } from '@preact/signals'
import { render } from 'preact'
import { useEffect, useMemo } from 'preact/hooks'
import { startClock } from '../src/app/clock'
import { footerHints, startKeys } from '../src/app/keys'
import { applyTheme, themeChoice } from '../src/app/theme'
import {
  createViewer,
  type EcgRecording,
  EcgSheet,
  EcgStrip,
  EcgSweep,
  EcgTools,
  type EvidenceOf,
  leadOf,
  PlayOut,
  readRecording,
  samplesOf,
  useViewerKeys,
} from '../src/ecg'
import { toggleTool } from '../src/ecg/viewer'
import { keepLanguage, language } from '../src/i18n/catalogue'
import {
  AutoTag,
  Button,
  type Column,
  DataTable,
  Dot,
  Empty,
  ErrorLine,
  FieldRow,
  KeyHint,
  Measured,
  OfflineBar,
  Pane,
  type Priority,
  Segmented,
  Severity,
  Steps,
  Tag,
} from '../src/ui'
import { synth } from './synth'

const asked = new URLSearchParams(location.search)

function Reader({ recording, tall = false }: { recording: EcgRecording; tall?: boolean }) {
  const rows = ['V1', 'V2', 'V3', 'V4', 'V5', 'V6', 'I', 'II', 'III', 'aVR', 'aVL', 'aVF']
  const viewer = useMemo(() => createViewer(tall ? { layout: 'rows', leads: rows } : {}), [])
  const findings: EvidenceOf[] = [
    { id: 'a', words: '前壁 ST 段抬高 V1–V5', first: 3020, end: 3120, leads: ['V1', 'V2', 'V3'] },
    { id: 'b', words: '对应性 ST 段压低', first: 620, end: 720, leads: ['III', 'aVF'] },
    { id: 'c', words: '心房颤动', first: 0, end: 5000, leads: [] },
  ]
  const facts = {
    fs: recording.fs,
    samples: samplesOf(recording),
    findings,
    rPeaks: [616, 1068, 1519, 1962, 2410, 2851, 3295, 3740, 4181],
  }
  useViewerKeys(viewer, facts)
  useEffect(() => {
    const layout = asked.get('layout')
    if (layout === '6x2' || layout === '12x1' || layout === 'cabrera' || layout === '3x4+3')
      viewer.layout.value = layout
    if (asked.get('speed') === '50') viewer.speed.value = 50
    if (asked.get('tool') === 'time') setTimeout(() => toggleTool(viewer, 'time', facts), 200)
    if (asked.get('tool') === 'voltage') setTimeout(() => toggleTool(viewer, 'voltage', facts), 200)
    if (asked.has('march')) viewer.marching.value = true
    if (asked.has('e')) viewer.activeFinding.value = asked.get('e')
    if (asked.get('filter') === '40') viewer.filter.value = { lowPass40: true, notch50: false, baseline: true }
  }, [])
  const pointers = asked.has('peer') ? [{ id: 'm', name: '马春兰', lead: 'V3', strip: false, sample: 3100 }] : []
  return (
    <div class="gal-reader">
      {!tall && <EcgTools viewer={viewer} facts={facts} />}
      <EcgSheet
        recording={recording}
        viewer={viewer}
        findings={findings}
        rPeaks={facts.rPeaks}
        pointers={pointers}
        tall={tall}
        {...(tall ? { fitMm: 100 } : {})}
      />
      <footer class="foot">
        {footerHints.value.map(b => (
          <KeyHint key={b.id} chord={b.chord} words={b.words()} />
        ))}
      </footer>
    </div>
  )
}

function Sweep({ recording }: { recording: EcgRecording }) {
  const playOut = useMemo(() => new PlayOut(recording.fs, 12, 12), [])
  useEffect(() => {
    let at = 0
    const timer = setInterval(() => {
      if (asked.has('stall') && at > 2000) return
      const block = new Float32Array(50 * 12)
      for (let i = 0; i < 50; i++)
        for (let lead = 0; lead < 12; lead++)
          block[i * 12 + lead] = recording.signal[lead]?.[(at + i) % samplesOf(recording)] ?? Number.NaN
      playOut.push(at, block, performance.now())
      at += 50
    }, 100)
    return () => clearInterval(timer)
  }, [])
  return <EcgSweep playOut={playOut} leads={recording.leads} off={offLeads} pxPerMm={4} />
}
const offLeads = new Set(asked.has('off') ? ['V3'] : [])

type Row = {
  id: string
  priority: Priority
  wait: string
  name: string
  hint: string
  qtc: number
  uv: Float32Array | null
}
const selected = signal<string | null>('r2')
function Table({ recording }: { recording: EcgRecording }) {
  const uv = leadOf(recording, 'II')
  const rows = useMemo<Row[]>(
    () =>
      Array.from({ length: 10_000 }, (_, i) => ({
        id: `r${i}`,
        priority: i < 2 ? 'critical' : i < 4 ? 'urgent' : i < 7 ? 'soon' : 'routine',
        wait: `0${i % 10}:24`,
        name: ['马德福', '祁占海', '韩秀英', '阿卜杜拉·买买提江·托合提'][i % 4] ?? '',
        hint: '窦性心律，ST-T 改变，待与既往对比',
        qtc: 400 + (i % 90),
        uv,
      })),
    [uv],
  )
  const columns = useMemo<Column<Row>[]>(
    () => [
      { key: 'p', head: '优先级', width: '88px', cell: r => <Severity is={r.priority} /> },
      { key: 'w', head: '等待', width: '66px', num: true, cell: r => r.wait },
      { key: 'n', head: '患者', width: '150px', cell: r => <b class="name">{r.name}</b> },
      { key: 'h', head: '自动提示（未经医师确认）', cell: r => r.hint },
      { key: 's', head: 'II 导联 4 秒', width: '166px', show: 'pc', cell: r => <EcgStrip uv={r.uv} fs={500} /> },
      {
        key: 'q',
        head: 'QTc',
        width: '70px',
        num: true,
        arrowed: true,
        cell: r => <Measured value={r.qtc} side={r.qtc > 460 ? 'high' : null} />,
      },
    ],
    [],
  )
  return (
    <DataTable
      label="待读"
      rows={rows}
      rowKey={r => r.id}
      columns={columns}
      selected={selected.value}
      onSelect={key => {
        selected.value = key
      }}
      onOpen={() => {}}
      tone={r => (r.priority === 'critical' ? 'high' : null)}
    />
  )
}

const layout = signal('a')
const Parts = () => (
  <div class="gal-parts">
    <OfflineBar since="03:12:06" queued={2} />
    <Pane title="按钮" tools={<KeyHint chord="Shift+Slash" words="全部快捷键" />}>
      <div class="gal-row">
        <Button kind="primary" chord="Ctrl+Enter">
          签发
        </Button>
        <Button chord="KeyC">领取</Button>
        <Button kind="quiet" chord="KeyR">
          退回重采
        </Button>
        <Button kind="danger" chord="F2">
          我来处理
        </Button>
        <Button on icon="caliper">
          分规
        </Button>
        <Button disabled why="离线时不能签发">
          签发
        </Button>
        <Button kind="primary" size="large">
          上传
        </Button>
        <Segmented
          label="布局"
          value={layout.value}
          onChange={v => {
            layout.value = v
          }}
          choices={[
            { value: 'a', words: '优先级' },
            { value: 'b', words: '等待时间' },
          ]}
        />
      </div>
    </Pane>
    <Pane title="标记">
      <div class="gal-row">
        {(['critical', 'urgent', 'soon', 'routine'] as const).map(p => (
          <Severity key={p} is={p} />
        ))}
        {(['critical', 'urgent', 'soon', 'routine'] as const).map(p => (
          <Severity key={p} is={p} solid />
        ))}
        <AutoTag />
        <Tag tone="ok">已发送</Tag>
        <Tag tone="accent">沈亦舟</Tag>
        <Tag tone="med">超时</Tag>
        <Tag tone="high">未应答</Tag>
        <Tag>主诉</Tag>
        <Dot is="on" />
        <Dot is="off" />
        <Measured value={462} side="high" />
        <Measured value={null} />
      </div>
      <div class="gal-row">
        <Steps
          label="进度"
          steps={[
            { words: '采集', state: 'done' },
            { words: '上传', state: 'done' },
            { words: '阅图', state: 'now', note: '第 6 位' },
            { words: '报告', state: 'todo' },
          ]}
        />
      </div>
    </Pane>
    <Pane title="表单">
      <div class="gal-row gal-form">
        <FieldRow label="账号" hint="工号或手机号">
          {id => <input id={id} />}
        </FieldRow>
        <FieldRow label="密码" error="账号或密码不对，还可试 4 次">
          {id => <input id={id} type="password" />}
        </FieldRow>
      </div>
    </Pane>
    <ErrorLine error={null} sentence="报告没有签发：与服务器断开。草稿已存在本机，联网后可再签发。" retry={() => {}} />
    <Pane>
      <Empty title="没有待读" next="诊所采集后会在 1 分钟内出现" />
    </Pane>
  </div>
)

async function recordingOf(): Promise<EcgRecording> {
  const src = asked.get('src')
  if (src === null) return synth(10)
  const read = readRecording(await (await fetch(src)).arrayBuffer())
  if (read === null) throw new Error(`not a recording: ${src}`)
  return read
}

const theme = asked.get('theme')
themeChoice.value = theme === 'dark' ? 'dark' : 'light'
language.value = asked.get('lang') === 'en' ? 'en' : 'zh'
applyTheme()
keepLanguage()
startClock()
startKeys()
const recording = await recordingOf()
const shown = {
  reader: () => <Reader recording={recording} />,
  tall: () => <Reader recording={recording} tall />,
  sweep: () => <Sweep recording={recording} />,
  table: () => <Table recording={recording} />,
  parts: () => <Parts />,
}
const root = document.getElementById('app')
const show = asked.get('show') ?? 'parts'
const Shown = show in shown ? shown[show as keyof typeof shown] : shown.parts
if (root !== null) render(<Shown />, root)
