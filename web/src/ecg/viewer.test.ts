import { describe, expect, it } from 'vitest'
import { layOut } from './layout'
import { createViewer, toggleTool, type ViewerFacts, viewerKeys } from './viewer'

const facts: ViewerFacts = {
  fs: 500,
  samples: 5000,
  findings: [{ id: 'a', words: '', first: 0, end: 10, leads: ['I'] }],
  rPeaks: [2300, 2700],
}
function viewer() {
  const v = createViewer()
  v.sheet.value = layOut({
    layout: '3x4+1', speed: 25, gain: 10, fs: 500, samples: 5000, first: 0, sync: false, width: 1100, height: 700, pxPerMm: 4,
  }) // biome-ignore format: one wish
  return v
}
const pressed = (v: ReturnType<typeof viewer>, chord: string, alt = false): void =>
  viewerKeys(v, facts, { alt })
    .find(b => b.chord === chord)
    ?.act()

describe('the keys of the viewer', () => {
  it('1 to 5 choose the layout, S the speed, + and − the gain within their ends', () => {
    const v = viewer()
    for (const [i, layout] of ['3x4+1', '6x2', '12x1', 'cabrera', '3x4+3'].entries()) {
      pressed(v, `Digit${i + 1}`)
      expect(v.layout.value).toBe(layout)
    }
    pressed(v, 'KeyS')
    expect(v.speed.value).toBe(50)
    for (let i = 0; i < 4; i++) pressed(v, 'Equal')
    expect(v.gain.value).toBe(20)
    for (let i = 0; i < 4; i++) pressed(v, 'Minus')
    expect(v.gain.value).toBe(5)
  })
  it('M sets legs on an R-R, arrows move one by a sample, M again puts it away', () => {
    const v = viewer()
    pressed(v, 'KeyM')
    expect(v.caliper.value).toMatchObject({ kind: 'time', lead: 'II', strip: true, a: 2300, b: 2700 })
    pressed(v, 'ArrowRight')
    pressed(v, 'Shift+ArrowRight')
    expect(v.caliper.value).toMatchObject({ b: 2706 })
    pressed(v, 'KeyM')
    expect(v.caliper.value).toBeNull()
  })
  it('changes from time to voltage without a click', () => {
    const v = viewer()
    toggleTool(v, 'time', facts)
    pressed(v, 'Shift+KeyM')
    expect(v.caliper.value?.kind).toBe('voltage')
  })
  it('leaves the letters of a room to the room: there they take Alt', () => {
    const chords = viewerKeys(viewer(), facts, { alt: true }).map(b => b.chord)
    for (const chord of ['KeyM', 'KeyH', 'Digit1', 'Shift+KeyM']) expect(chords).not.toContain(chord)
    for (const chord of ['Alt+KeyM', 'Alt+KeyH', 'Alt+Digit5', 'Alt+Shift+KeyM']) expect(chords).toContain(chord)
  })
  it('arrows go from beat to beat while no caliper is out, and stay on the recording', () => {
    const v = viewer()
    for (let i = 0; i < 5; i++) pressed(v, 'ArrowRight')
    expect(v.beat.value).toBe(1)
    for (let i = 0; i < 5; i++) pressed(v, 'ArrowLeft')
    expect(v.beat.value).toBe(0)
  })
  it('binds no chord twice', () => {
    const v = viewer()
    toggleTool(v, 'time', facts)
    const chords = viewerKeys(v, facts).map(b => b.chord)
    expect(new Set(chords).size).toBe(chords.length)
  })
})
