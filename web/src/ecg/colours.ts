// The colours of paper and trace, read from tokens.css whenever the theme changes: a canvas does not follow CSS.
import { computed } from '@preact/signals'
import { theme } from '../app/theme'

const NAMES = {
  paper: '--paper',
  fine: '--grid-1',
  bold: '--grid-5',
  trace: '--trace',
  prior: '--trace-prior',
  evidence: '--evidence',
  wash: '--evidence-wash',
  caliper: '--caliper',
  peer: '--peer',
  quiet: '--text-3',
  second: '--text-2',
} as const

export type Colours = Readonly<Record<keyof typeof NAMES, string>> & Readonly<{ sans: string }>

export const colours = computed<Colours>(() => {
  // Set here too: this may be asked before the effect of theme.ts ran, and would then read the other theme's colours.
  document.documentElement.dataset.theme = theme.value
  const css = getComputedStyle(document.documentElement)
  const read = (name: string): string => css.getPropertyValue(name).trim()
  const found = Object.fromEntries(Object.entries(NAMES).map(([key, name]) => [key, read(name)]))
  return { ...(found as Record<keyof typeof NAMES, string>), sans: read('--sans') }
})
