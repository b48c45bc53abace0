import { describe, expect, it } from 'vitest'
import type { Draft } from '../api/types.gen'
import { adviceOf, left, readKept, shown, toSign, unanswered } from './skeleton'

const DRAFT: Draft = {
  rev: 3,
  questions: [{ text: '是否溶栓', answered: false }],
  text: '下壁 STEMI',
  advice: '',
  follow_up: '',
  warning_signs: '',
  saved_name: '沈一线',
  saved_at: null,
  began_at: null,
}

describe('the skeleton of a conclusion', () => {
  it('takes advice line by line and signs without edges', () => {
    expect(adviceOf(' 阿司匹林 \n\n转运\n')).toEqual(['阿司匹林', '转运'])
    expect(toSign({ text: ' 好 ', advice: '休息', follow_up: ' ', warning_signs: '', reason: '' })).toEqual({
      text: '好',
      advice: ['休息'],
      follow_up: '',
      warning_signs: '',
      reason: '',
    })
  })

  it('shows what is typed here over what the hub has, and the rest as it comes', () => {
    const seen = shown(DRAFT, { advice: '转运' })
    expect([seen.text, seen.advice]).toEqual(['下壁 STEMI', '转运'])
  })

  it('keeps a field that was typed again while it was being saved', () => {
    expect(left({ text: '甲乙', advice: '休息' }, { text: '甲', advice: '休息' })).toEqual({ text: '甲乙' })
    expect(left({ text: '甲' }, { text: '甲' })).toEqual({})
  })

  it('counts what is not answered yet', () => {
    expect(unanswered([...DRAFT.questions, { text: '何时', answered: true }])).toBe(1)
  })

  it.each([
    [null, {}],
    ['直接转运', { text: '直接转运' }],
    ['12', { text: '12' }],
    ['{"text":"甲","advice":3,"other":"x"}', { text: '甲' }],
  ])('reads a kept draft %s', (raw, expected) => {
    expect(readKept(raw)).toEqual(expected)
  })
})
