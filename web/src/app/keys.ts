// The keyboard layer: scopes of bindings, newest first. A binding is data (id, chord, words, act), so that the footer,
// the help of `?`, the keys printed on buttons and rebinding all read the same row.
// Letters match event.code (the place of the key, whatever the layout) and are silent in text fields and while an IME
// composes; chords with Ctrl or Alt, function keys and Escape speak everywhere.
import { computed, signal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { stored } from './storage'

export type Binding = Readonly<{
  id: string // 'reader.calipers': stays for ever, rebinding hangs on it
  chord: string // 'KeyM', 'Shift+KeyE', 'Ctrl+Enter', 'F2', 'Comma', 'Escape'
  words: () => string
  act: () => void
  hint?: boolean // printed in the footer
  repeat?: boolean // may fire while held (moving, never acting)
}>

export type Scope = Readonly<{ name: string; modal: boolean; bindings: () => readonly Binding[] }>

/** WCAG 2.1.4: single letters can be switched off, and moved. */
export const singleKeys = stored('xinlian.singleKeys', true, raw => (typeof raw === 'boolean' ? raw : null))
export const rebound = stored<Readonly<Record<string, string>>>('xinlian.keys', {}, raw =>
  typeof raw === 'object' && raw !== null && Object.values(raw).every(v => typeof v === 'string')
    ? (raw as Record<string, string>)
    : null,
)

export const DIALOG_SCOPE = 'dialog'
export const EVERYWHERE = 'everywhere' // the frame's own keys: last in the footer

const scopes = signal<readonly Scope[]>([])

/** Counts changes of what is bound inside scopes that stay open, so that footer and help follow. */
const revision = signal(0)

export const chordOf = (b: Binding): string => rebound.value[b.id] ?? b.chord

/** The scopes that can hear now: from the newest down to the first modal one. */
export function hearing(all: readonly Scope[]): readonly Scope[] {
  const heard: Scope[] = []
  for (let i = all.length - 1; i >= 0; i--) {
    const scope = all[i]
    if (scope === undefined) continue
    heard.push(scope)
    if (scope.modal) break
  }
  return heard
}

export const activeScopes = computed(() => hearing(scopes.value))
/** What the screen under a dialog can hear: the help of `?` is itself a dialog. */
export const screenScopes = computed(() => hearing(scopes.value.filter(scope => scope.name !== DIALOG_SCOPE)))
export const footerHints = computed(() => {
  void revision.value
  const standing = [...activeScopes.value].reverse()
  const ordered = [...standing.filter(s => s.name !== EVERYWHERE), ...standing.filter(s => s.name === EVERYWHERE)]
  return ordered.flatMap(scope => scope.bindings().filter(b => b.hint === true))
})

export function openScope(scope: Scope): () => void {
  scopes.value = [...scopes.value, scope]
  return () => {
    scopes.value = scopes.value.filter(s => s !== scope)
  }
}

/** Binds keys while the component stands. The newest `bindings` are used, whatever render made them. */
export function useKeys(
  name: string,
  bindings: readonly Binding[],
  options: { modal?: boolean; off?: boolean } = {},
): void {
  const latest = useRef(bindings)
  latest.current = bindings
  const { modal = false, off = false } = options
  // With the commit, children first: an effect after the paint may run before a child's, and what is below would lie on top.
  useLayoutEffect(() => {
    if (off) return
    return openScope({ name, modal, bindings: () => latest.current })
  }, [name, modal, off])
  const bound = bindings.map(b => `${b.id} ${b.chord} ${b.hint === true}`).join()
  useEffect(() => {
    revision.value = revision.peek() + 1
  }, [bound])
}

export type KeyPress = Readonly<{
  code: string
  ctrlKey: boolean
  altKey: boolean
  shiftKey: boolean
  metaKey: boolean
  isComposing: boolean
  repeat: boolean
  inText: boolean
}>

export function chordPressed(press: Pick<KeyPress, 'code' | 'ctrlKey' | 'altKey' | 'shiftKey' | 'metaKey'>): string {
  const code = press.code === 'NumpadEnter' ? 'Enter' : press.code
  return `${press.ctrlKey || press.metaKey ? 'Ctrl+' : ''}${press.altKey ? 'Alt+' : ''}${press.shiftKey ? 'Shift+' : ''}${code}`
}

const SPEAKS_IN_TEXT = /^(Ctrl\+|Alt\+)|^(Shift\+)?(F\d{1,2}|Escape)$/
const IS_SINGLE =
  /^(Shift\+)?(Key[A-Z]|Digit\d|Numpad\w+|Comma|Period|Slash|Minus|Equal|Bracket\w+|Semicolon|Quote|Backquote)$/

/** Which binding a press means, or null. Pure: the tests live on it. */
export function bindingFor(press: KeyPress, all: readonly Scope[], single: boolean): Binding | null {
  if (press.isComposing) return null
  const chord = chordPressed(press)
  if (press.inText && !SPEAKS_IN_TEXT.test(chord)) return null
  if (!single && IS_SINGLE.test(chord) && chord !== 'Shift+Slash') return null
  for (const scope of hearing(all)) {
    const found = scope.bindings().find(b => chordOf(b) === chord)
    if (found !== undefined) return press.repeat && found.repeat !== true ? null : found
  }
  return null
}

function inTextField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.isContentEditable || target.tagName === 'TEXTAREA' || target.tagName === 'SELECT') return true
  if (!(target instanceof HTMLInputElement)) return false
  return !['checkbox', 'radio', 'button', 'range', 'submit', 'reset'].includes(target.type)
}

/** Enter and Space belong to the button or link that has the focus. */
function belongsToControl(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.altKey || event.metaKey) return false
  if (event.code !== 'Enter' && event.code !== 'Space' && event.code !== 'NumpadEnter') return false
  return event.target instanceof HTMLElement && event.target.closest('button, a[href], summary, [role=button]') !== null
}

export function startKeys(): () => void {
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || belongsToControl(event)) return
    const { code, ctrlKey, altKey, shiftKey, metaKey, isComposing, repeat } = event
    const press = { code, ctrlKey, altKey, shiftKey, metaKey, isComposing, repeat, inText: inTextField(event.target) }
    const binding = bindingFor(press, scopes.value, singleKeys.value)
    if (binding === null) return
    event.preventDefault()
    binding.act()
  }
  addEventListener('keydown', onKeyDown)
  return () => removeEventListener('keydown', onKeyDown)
}

const NAMES: Readonly<Record<string, string>> = {
  Comma: ',',
  Period: '.',
  Slash: '/',
  Minus: '−',
  Equal: '+',
  BracketLeft: '[',
  BracketRight: ']',
  Escape: 'Esc',
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
  'Shift+Slash': '?',
}

/** A chord as it is printed on a button: 'Ctrl+KeyK' is "Ctrl K". */
export function chordWords(chord: string): string {
  const named = NAMES[chord]
  if (named !== undefined) return named
  return chord
    .split('+')
    .map(part => NAMES[part] ?? part.replace(/^Key|^Digit|^Numpad/, ''))
    .join(' ')
}
