import { describe, expect, it } from 'vitest'
import { type Binding, bindingFor, chordPressed, chordWords, type KeyPress, type Scope } from './keys'

const press = (code: string, over: Partial<KeyPress> = {}): KeyPress => ({
  code,
  ctrlKey: false,
  altKey: false,
  shiftKey: false,
  metaKey: false,
  isComposing: false,
  repeat: false,
  inText: false,
  ...over,
})
const bind = (id: string, chord: string, over: Partial<Binding> = {}): Binding => ({
  id,
  chord,
  words: () => id,
  act: () => {},
  ...over,
})
const scope = (name: string, bindings: Binding[], modal = false): Scope => ({ name, modal, bindings: () => bindings })
const page = scope('page', [bind('down', 'KeyJ', { repeat: true }), bind('sign', 'Ctrl+Enter'), bind('answer', 'F2')])

describe('the keyboard layer', () => {
  it('lets the newest scope answer, and nothing pass a modal one', () => {
    const menu = scope('menu', [bind('menu.j', 'KeyJ')])
    expect(bindingFor(press('KeyJ'), [page, menu], true)?.id).toBe('menu.j')
    expect(bindingFor(press('F2'), [page, menu], true)?.id).toBe('answer')
    expect(bindingFor(press('F2'), [page, scope('dialog', [], true)], true)).toBeNull()
  })

  it('keeps letters out of text fields and of IME composition, but not Ctrl chords and F2', () => {
    expect(bindingFor(press('KeyJ', { inText: true }), [page], true)).toBeNull()
    expect(bindingFor(press('F2', { inText: true }), [page], true)?.id).toBe('answer')
    expect(bindingFor(press('Enter', { inText: true, ctrlKey: true }), [page], true)?.id).toBe('sign')
    expect(bindingFor(press('KeyJ', { isComposing: true }), [page], true)).toBeNull()
  })

  it('repeats only what moves: a held key never signs', () => {
    expect(bindingFor(press('KeyJ', { repeat: true }), [page], true)?.id).toBe('down')
    expect(bindingFor(press('Enter', { ctrlKey: true, repeat: true }), [page], true)).toBeNull()
  })

  it('can switch single letters off without losing chords', () => {
    expect(bindingFor(press('KeyJ'), [page], false)).toBeNull()
    expect(bindingFor(press('F2'), [page], false)?.id).toBe('answer')
  })

  it('prints chords as they stand on the keys', () => {
    expect(chordWords('Ctrl+KeyK')).toBe('Ctrl K')
    expect(chordWords('Comma')).toBe(',')
    expect(chordWords('Shift+Slash')).toBe('?')
    expect(chordPressed(press('KeyE', { shiftKey: true }))).toBe('Shift+KeyE')
  })
})
