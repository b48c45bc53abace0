// Buttons. One primary a screen; `danger` only on an unanswered critical value. Keys are printed on them.
import type { ComponentChildren } from 'preact'
import { chordWords } from '../app/keys'
import { Icon, type IconName } from './icon'

type ButtonProps = Readonly<{
  children?: ComponentChildren
  kind?: 'primary' | 'plain' | 'quiet' | 'danger'
  size?: 'normal' | 'large' | 'huge' // 32, 44, 60 px
  chord?: string // printed; the screen binds it with useKeys
  icon?: IconName
  on?: boolean // a toggle that is pressed
  disabled?: boolean
  why?: string // why it is disabled, said on hover and to screen readers
  busy?: boolean
  submit?: boolean
  label?: string // for a button that shows only an icon
  wide?: boolean
  onClick?: () => void
}>

export function Button(p: ButtonProps) {
  const { kind = 'plain', size = 'normal', on, busy = false } = p
  const off = p.disabled === true || busy
  return (
    <button
      type={p.submit === true ? 'submit' : 'button'}
      class={`btn btn-${kind} btn-${size}${on === true ? ' on' : ''}${p.wide === true ? ' wide' : ''}`}
      // aria-disabled keeps the focus and lets the reason be read
      aria-disabled={off || undefined}
      aria-pressed={on}
      aria-label={p.label}
      aria-busy={busy || undefined}
      aria-keyshortcuts={p.chord === undefined ? undefined : chordWords(p.chord).replaceAll(' ', '+')}
      title={off ? p.why : p.label}
      onClick={event => {
        if (off) event.preventDefault()
        else p.onClick?.()
      }}
    >
      {p.icon !== undefined && <Icon name={p.icon} />}
      {p.children}
      {p.chord !== undefined && <kbd aria-hidden="true">{chordWords(p.chord)}</kbd>}
    </button>
  )
}

export type Choice<V> = Readonly<{ value: V; words: string; chord?: string; title?: string }>

/** One of a few, all visible. Arrow keys move, as in a radio group. */
export function Segmented<V extends string | number>(p: {
  label: string
  choices: readonly Choice<V>[]
  value: V
  onChange: (value: V) => void
}) {
  const move = (step: number): void => {
    const at = p.choices.findIndex(c => c.value === p.value)
    const next = p.choices[(at + step + p.choices.length) % p.choices.length]
    if (next !== undefined) p.onChange(next.value)
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.code]
    if (step === undefined) return
    event.preventDefault()
    event.stopPropagation()
    move(step)
    const group = event.currentTarget
    requestAnimationFrame(() => {
      if (group instanceof HTMLElement) group.querySelector<HTMLElement>('[aria-checked=true]')?.focus()
    })
  }
  return (
    <div class="segmented" role="radiogroup" aria-label={p.label} onKeyDown={onKeyDown}>
      {p.choices.map(c => (
        // biome-ignore lint/a11y/useSemanticElements: a row of radio inputs cannot look pressed in Firefox 115 without :has
        <button
          type="button"
          role="radio"
          key={c.value}
          title={c.title}
          aria-checked={c.value === p.value}
          tabIndex={c.value === p.value ? 0 : -1}
          onClick={() => p.onChange(c.value)}
        >
          {c.words}
          {c.chord !== undefined && <kbd aria-hidden="true">{chordWords(c.chord)}</kbd>}
        </button>
      ))}
    </div>
  )
}
