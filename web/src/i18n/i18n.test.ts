import { describe, expect, it } from 'vitest'
import { catalogue, type Entry, fill, language } from './catalogue'
import { ERRORS } from './errors.gen'

const areas = import.meta.glob<{ t?: { entries: Record<string, Entry> } }>(['./*.ts', '!./*.test.ts'], { eager: true })
const words: [string, Entry][] = Object.entries(areas).flatMap(([file, area]) =>
  Object.entries(area.t?.entries ?? {}).map(([key, entry]): [string, Entry] => [`${file} ${key}`, entry]),
)
const all = [...words, ...Object.entries(ERRORS)]
const facts = (sentence: string) => [...sentence.matchAll(/\{(\w+)\}/g)].map(m => m[1]).sort()

describe('the catalogue', () => {
  it.each(all)('%s has both languages with the same facts', (_, entry) => {
    expect(entry.zh.trim()).not.toBe('')
    expect(entry.en.trim()).not.toBe('')
    expect(facts(entry.en)).toEqual(facts(entry.zh))
  })

  // The sentences of ERRORS are written in the server's catalogues and held to their tone there.
  it.each(words)('%s puts a space between Chinese and Latin and raises no voice', (_, entry) => {
    const plain = entry.zh.replace(/\{\w+\}/g, '·') // a fact may be a number or Chinese words
    expect(plain).not.toMatch(/[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u4e00-\u9fff]/)
    expect(plain).not.toMatch(/[!！]|您|请稍候/)
  })

  it('follows the language signal and keeps a missing fact visible', () => {
    const t = catalogue({ tries: { zh: '还可试 {n} 次', en: '{n} tries left' } })
    language.value = 'zh'
    expect(t('tries', { n: 4 })).toBe('还可试 4 次')
    language.value = 'en'
    expect(t('tries', { n: 4 })).toBe('4 tries left')
    language.value = 'zh'
    expect(fill('差 {a}', {})).toBe('差 {a}')
  })
})
