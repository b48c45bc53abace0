// The one clock of the page: `now` ticks once a second, ages and waits hang on it. No timers per row.
import { signal } from '@preact/signals'
import { t } from '../i18n/app'

export const now = signal(Date.now())

export function startClock(): () => void {
  const timer = setInterval(() => {
    now.value = Date.now()
  }, 1000)
  return () => clearInterval(timer)
}

const two = (n: number) => String(n).padStart(2, '0')

/** 03:12:06, the 24-h clock of clinical acts. */
export function clockTime(at: number | string | Date): string {
  const d = new Date(at)
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`
}

export function day(at: number | string | Date): string {
  const d = new Date(at)
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`
}

/** mm:ss to 59:59, then "2 小时 05". */
export function wait(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  if (s < 3600) return `${two(Math.floor(s / 60))}:${two(s % 60)}`
  return t('wait.hours', { h: Math.floor(s / 3600), mm: two(Math.floor((s % 3600) / 60)) })
}

/** "12 秒", "4 分钟", "3 小时", from two days on "5 天": how old something is. */
export function age(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  if (s < 60) return t('age.seconds', { n: s })
  if (s < 3600) return t('age.minutes', { n: Math.floor(s / 60) })
  if (s < 172_800) return t('age.hours', { n: Math.floor(s / 3600) })
  return t('age.days', { n: Math.floor(s / 86_400) })
}
