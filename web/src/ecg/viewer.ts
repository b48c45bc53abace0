// The state of one viewer as signals, and its keys as data. Sheets only show it: two sheets that share a viewer are
// linked (compare), and a room sends it to others. No drawing and no DOM.
import { type Signal, signal } from '@preact/signals'
import type { Binding } from '../app/keys'
import { t } from '../i18n/ecg'
import { arrowStep, type Caliper, firstCaliper, type Leg, moveLeg } from './calipers'
import { type EvidenceOf, firstSampleFor, stepFinding } from './evidence'
import { type DisplayFilter, UNFILTERED } from './filters'
import type { LayoutName, Sheet } from './layout'

export const SPEEDS = [12.5, 25, 50] as const
export const GAINS = [5, 10, 20] as const
export type Speed = (typeof SPEEDS)[number]
export type Gain = (typeof GAINS)[number]
export const LAYOUTS = ['3x4+1', '6x2', '12x1', 'cabrera', '3x4+3'] as const satisfies readonly LayoutName[]

export type Viewer = Readonly<{
  layout: Signal<LayoutName>
  leads: Signal<readonly string[]> // for the layout 'rows'
  speed: Signal<Speed>
  gain: Signal<Gain>
  filter: Signal<DisplayFilter>
  first: Signal<number> // first sample shown
  sync: Signal<boolean>
  tool: Signal<'none' | Caliper['kind']>
  caliper: Signal<Caliper | null>
  leg: Signal<Leg>
  marching: Signal<boolean>
  activeFinding: Signal<string | null>
  pointedFinding: Signal<string | null> // under the pointer or the focus; goes before the active one while it lasts
  evidenceHidden: Signal<boolean>
  lens: Signal<boolean> // 3 x under the pointer
  beat: Signal<number | null> // the spoken cursor: index into the R peaks
  sheet: Signal<Sheet | null> // as last laid out: for keys that start where the eye is
}>

export function createViewer(start: { layout?: LayoutName; leads?: readonly string[] } = {}): Viewer {
  return {
    layout: signal<LayoutName>(start.layout ?? '3x4+1'),
    leads: signal<readonly string[]>(start.leads ?? []),
    speed: signal<Speed>(25),
    gain: signal<Gain>(10),
    filter: signal(UNFILTERED),
    first: signal(0),
    sync: signal(false),
    tool: signal<'none' | Caliper['kind']>('none'),
    caliper: signal<Caliper | null>(null),
    leg: signal<Leg>('b'),
    marching: signal(false),
    activeFinding: signal<string | null>(null),
    pointedFinding: signal<string | null>(null),
    evidenceHidden: signal(false),
    lens: signal(false),
    beat: signal<number | null>(null),
    sheet: signal<Sheet | null>(null),
  }
}

/** The next of a row of values, staying at the ends. */
export function step<V>(values: readonly V[], value: V, by: 1 | -1): V {
  const at = values.indexOf(value)
  return values[Math.max(0, Math.min(values.length - 1, at + by))] ?? value
}

export type ViewerFacts = Readonly<{
  fs: number
  samples: number
  findings: readonly EvidenceOf[]
  rPeaks: readonly number[]
}>

/** M and Shift+M: takes the tool, sets legs if there are none of its kind, puts it away when it was out. */
export function toggleTool(v: Viewer, kind: Caliper['kind'], facts: ViewerFacts): void {
  if (v.tool.value === kind) {
    putAway(v)
    return
  }
  v.tool.value = kind
  if (v.caliper.value?.kind === kind) return
  const sheet = v.sheet.value
  const cell = sheet?.cells.find(c => c.strip) ?? sheet?.cells[0]
  v.caliper.value = cell === undefined ? null : firstCaliper(kind, cell, facts.rPeaks, facts.fs)
  v.leg.value = 'b'
}

export function putAway(v: Viewer): void {
  v.tool.value = 'none'
  v.caliper.value = null
  v.marching.value = false
}

export function moveActiveLeg(v: Viewer, by: number, samples: number): void {
  if (v.caliper.value !== null) v.caliper.value = moveLeg(v.caliper.value, v.leg.value, by, samples)
}

export const shownFinding = (v: Viewer): string | null => v.pointedFinding.value ?? v.activeFinding.value

export function showFinding(v: Viewer, id: string | null, findings: readonly EvidenceOf[]): void {
  v.activeFinding.value = id
  v.evidenceHidden.value = false
  const finding = findings.find(f => f.id === id)
  const sheet = v.sheet.value
  const to = finding === undefined || sheet === null ? null : firstSampleFor(finding, sheet)
  if (to !== null) v.first.value = to
}

/** The viewer's keys. In a room the colliding ones are taken with Alt (`alt`): single letters belong to the room. */
export function viewerKeys(v: Viewer, facts: ViewerFacts, options: { alt?: boolean } = {}): readonly Binding[] {
  const alt = options.alt === true ? 'Alt+' : ''
  const key = (
    id: string,
    chord: string,
    words: () => string,
    act: () => void,
    more: Partial<Binding> = {},
  ): Binding => ({
    id: `viewer.${id}`,
    chord,
    words,
    act,
    ...more,
  })
  const layouts = LAYOUTS.map((layout, i) =>
    key(
      `layout.${i + 1}`,
      `${alt}Digit${i + 1}`,
      () => `${t('layout')} ${t(`layout.${layout}`)}`,
      () => {
        v.layout.value = layout
      },
    ),
  )
  const gain = (by: 1 | -1) => (): void => {
    v.gain.value = step(GAINS, v.gain.value, by)
  }
  const page = (by: 1 | -1) => (): void => {
    const shown = v.sheet.value?.shown ?? 0
    v.first.value = Math.max(
      0,
      Math.min(Math.max(0, facts.samples - shown), v.first.value + by * Math.round(shown * 0.8)),
    )
  }
  return [
    ...layouts,
    key(
      'speed',
      'KeyS',
      () => t('speed'),
      () => {
        v.speed.value = SPEEDS[(SPEEDS.indexOf(v.speed.value) + 1) % SPEEDS.length] ?? 25
      },
      { hint: true },
    ),
    key('gain.more', 'Equal', () => t('gain.more'), gain(1), { hint: true }),
    key('gain.more.shift', 'Shift+Equal', () => t('gain.more'), gain(1)),
    key('gain.more.pad', 'NumpadAdd', () => t('gain.more'), gain(1)),
    key('gain.less', 'Minus', () => t('gain.less'), gain(-1)),
    key('gain.less.pad', 'NumpadSubtract', () => t('gain.less'), gain(-1)),
    key(
      'caliper',
      `${alt}KeyM`,
      () => t('caliper'),
      () => toggleTool(v, 'time', facts),
      { hint: true },
    ),
    key(
      'caliper.voltage',
      `${alt}Shift+KeyM`,
      () => t('caliper.voltage'),
      () => toggleTool(v, 'voltage', facts),
    ),
    key(
      'march',
      'Comma',
      () => t('caliper.march'),
      () => {
        if (v.caliper.value?.kind !== 'time') toggleTool(v, 'time', facts)
        v.marching.value = !v.marching.value
      },
    ),
    key(
      'evidence.next',
      'KeyE',
      () => t('evidence.next'),
      () => showFinding(v, stepFinding(facts.findings, v.activeFinding.value, 1), facts.findings),
      { hint: true, repeat: true },
    ),
    key(
      'evidence.prev',
      'Shift+KeyE',
      () => t('evidence.prev'),
      () => showFinding(v, stepFinding(facts.findings, v.activeFinding.value, -1), facts.findings),
      { repeat: true },
    ),
    key(
      'evidence.hide',
      `${alt}KeyH`,
      () => t('evidence.hide'),
      () => {
        v.evidenceHidden.value = !v.evidenceHidden.value
      },
    ),
    key(
      'lens',
      'KeyZ',
      () => t('lens'),
      () => {
        v.lens.value = !v.lens.value
      },
    ),
    key('page.later', 'PageDown', () => t('page.later'), page(1), { repeat: true }),
    key('page.earlier', 'PageUp', () => t('page.earlier'), page(-1), { repeat: true }),
    ...(v.tool.value === 'none' ? beatKeys(v, facts, key) : caliperKeys(v, facts, key)),
  ]
}

/** Arrows move a cursor from beat to beat, which is drawn on the strip and spoken: for who cannot see the trace. */
function beatKeys(
  v: Viewer,
  facts: ViewerFacts,
  key: (id: string, chord: string, words: () => string, act: () => void, more?: Partial<Binding>) => Binding,
): readonly Binding[] {
  if (facts.rPeaks.length === 0) return []
  const last = facts.rPeaks.length - 1
  const move = (by: 1 | -1) => (): void => {
    const at = v.beat.value
    v.beat.value = at === null ? (by === 1 ? 0 : last) : Math.max(0, Math.min(last, at + by))
  }
  return [
    key('beat.next', 'ArrowRight', () => t('beat.next'), move(1), { repeat: true }),
    key('beat.prev', 'ArrowLeft', () => t('beat.prev'), move(-1), { repeat: true }),
  ]
}

function caliperKeys(
  v: Viewer,
  facts: ViewerFacts,
  key: (id: string, chord: string, words: () => string, act: () => void, more?: Partial<Binding>) => Binding,
): readonly Binding[] {
  const move = (sign: 1 | -1, shift: boolean) => (): void => {
    const kind = v.caliper.value?.kind
    if (kind !== undefined) moveActiveLeg(v, sign * arrowStep(kind, shift, facts.fs), facts.samples)
  }
  const held = { repeat: true }
  const other = key(
    'caliper.other',
    'Backquote',
    () => t('caliper.other'),
    () => {
      v.leg.value = v.leg.value === 'a' ? 'b' : 'a'
    },
  )
  const off = key(
    'caliper.off',
    'Escape',
    () => t('caliper.off'),
    () => putAway(v),
  )
  if (v.tool.value === 'voltage') {
    return [
      key('caliper.up', 'ArrowUp', () => t('caliper.up'), move(1, false), held),
      key('caliper.down', 'ArrowDown', () => t('caliper.down'), move(-1, false), held),
      key('caliper.up10', 'Shift+ArrowUp', () => t('caliper.up'), move(1, true), held),
      key('caliper.down10', 'Shift+ArrowDown', () => t('caliper.down'), move(-1, true), held),
      other,
      off,
    ]
  }
  return [
    key('caliper.left', 'ArrowLeft', () => t('caliper.left'), move(-1, false), held),
    key('caliper.right', 'ArrowRight', () => t('caliper.right'), move(1, false), held),
    key('caliper.left10', 'Shift+ArrowLeft', () => t('caliper.left10'), move(-1, true), held),
    key('caliper.right10', 'Shift+ArrowRight', () => t('caliper.right10'), move(1, true), held),
    other,
    off,
  ]
}
