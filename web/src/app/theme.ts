// Light, dark, or by the hour: dark from 19:00 to 07:00 and on the screens made for a dim room. The user can pin.
import { computed, effect, signal } from '@preact/signals'
import { now } from './clock'
import { stored } from './storage'

export type ThemeChoice = 'light' | 'dark' | 'auto'

export const themeChoice = stored<ThemeChoice>('xinlian.theme', 'auto', raw =>
  raw === 'light' || raw === 'dark' || raw === 'auto' ? raw : null,
)
/** Set by the frame from the route: this screen prefers the dark. */
export const screenPrefersDark = signal(false)

export function themeAt(choice: ThemeChoice, prefersDark: boolean, hour: number): 'light' | 'dark' {
  if (choice !== 'auto') return choice
  return prefersDark || hour >= 19 || hour < 7 ? 'dark' : 'light'
}

const hour = computed(() => new Date(now.value).getHours())
export const theme = computed(() => themeAt(themeChoice.value, screenPrefersDark.value, hour.value))

export function applyTheme(): () => void {
  return effect(() => {
    document.documentElement.dataset.theme = theme.value
  })
}
