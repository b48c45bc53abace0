import { describe, expect, it } from 'vitest'
import { age, clockTime, day, wait } from './clock'
import { themeAt } from './theme'

describe('the theme by the hour', () => {
  it('is dark from 19 to 7 and on screens for a dim room, unless pinned', () => {
    expect([18, 19, 6, 7].map(hour => themeAt('auto', false, hour))).toEqual(['light', 'dark', 'dark', 'light'])
    expect(themeAt('auto', true, 12)).toBe('dark')
    expect(themeAt('light', true, 23)).toBe('light')
    expect(themeAt('dark', false, 12)).toBe('dark')
  })
})

describe('times in words', () => {
  it('a wait is mm:ss to 59:59, then hours', () => {
    expect(wait(0)).toBe('00:00')
    expect(wait(3599)).toBe('59:59')
    expect(wait(3600 + 5 * 60)).toBe('1 小时 05')
    expect(wait(-3)).toBe('00:00')
  })
  it('an age takes the unit that fits', () => {
    expect([2, 59, 60, 7200, 172_799, 172_800].map(age)).toEqual([
      '2 秒',
      '59 秒',
      '1 分钟',
      '2 小时',
      '47 小时',
      '2 天',
    ])
  })
  it('clinical acts carry seconds, days the ISO order', () => {
    const at = new Date(2026, 10, 22, 3, 12, 6)
    expect(clockTime(at)).toBe('03:12:06')
    expect(day(at)).toBe('2026-11-22')
  })
})
