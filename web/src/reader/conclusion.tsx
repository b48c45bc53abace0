// The conclusion: numbered statements in the reader's words, the picker under them, the grade. Keyboard only if wished:
// / types, arrows choose, Enter adds, G changes the grade. Finding a statement is picker.ts.
import { useMemo, useRef, useState } from 'preact/hooks'
import type { CatalogueEntry, Statement } from '../api/types.gen'
import { language } from '../i18n/catalogue'
import { t } from '../i18n/reader'
import { Icon, Segmented, Severity, Tag } from '../ui'
import { entries, entryOf } from '../worklist/statements'
import type { Grade } from './draft'
import { search } from './picker'
import './conclusion.css'

const RECENT_MAX = 20
const recent: string[] = []

export type ConclusionProps = Readonly<{
  statements: readonly Statement[]
  grade: Grade
  machineGrade: string | null
  pickerRef: { current: HTMLInputElement | null }
  onStatements: (statements: readonly Statement[]) => void
  onGrade: (grade: Grade) => void
}>

export function Conclusion(p: ConclusionProps) {
  return (
    <>
      <div class="rd-box">
        <ol>
          {p.statements.map((statement, i) => (
            <Line
              key={`${i} ${statement.code ?? statement.text}`}
              n={i + 1}
              statement={statement}
              onText={text => p.onStatements(p.statements.map((s, at) => (at === i ? { ...s, text } : s)))}
              onRemove={() => p.onStatements(p.statements.filter((_, at) => at !== i))}
            />
          ))}
        </ol>
        <Picker field={p.pickerRef} onPick={statement => p.onStatements([...p.statements, statement])} />
      </div>
      <GradePicker grade={p.grade} machineGrade={p.machineGrade} onGrade={p.onGrade} />
    </>
  )
}

export const statementOf = (entry: CatalogueEntry): Statement => ({
  code: entry.code,
  text: language.value === 'zh' ? entry.zh : entry.en,
})

function Line(p: { n: number; statement: Statement; onText: (text: string) => void; onRemove: () => void }) {
  const [editing, setEditing] = useState(false)
  const urgency = p.statement.code === null ? null : (entryOf(p.statement.code)?.urgency ?? null)
  return (
    <li class="rd-statement">
      <span class="dim rd-statement-n">{p.n}</span>
      {editing ? (
        <input
          class="rd-statement-text"
          value={p.statement.text}
          maxLength={500}
          aria-label={t('statement.edit', { n: p.n })}
          ref={el => {
            if (el !== null && document.activeElement !== el) el.focus()
          }}
          onKeyDown={event => {
            if (event.isComposing || (event.code !== 'Enter' && event.code !== 'Escape') || event.ctrlKey) return
            event.preventDefault()
            event.stopPropagation()
            if (event.code === 'Escape') event.currentTarget.value = p.statement.text
            event.currentTarget.blur()
          }}
          onBlur={event => {
            const text = event.currentTarget.value.trim()
            setEditing(false)
            if (text !== '' && text !== p.statement.text) p.onText(text)
          }}
        />
      ) : (
        <button
          type="button"
          class="rd-statement-text"
          title={t('statement.edit', { n: p.n })}
          onClick={() => setEditing(true)}
        >
          {p.statement.text}
        </button>
      )}
      {urgency === 'critical' && <Severity is="critical" />}
      {urgency === 'urgent' && <Severity is="urgent" />}
      <button type="button" class="rd-remove" aria-label={t('statement.remove', { n: p.n })} onClick={p.onRemove}>
        <Icon name="cross" size={14} />
      </button>
    </li>
  )
}

/** A combobox: what fits stands above the field's own words, which are always the last choice. */
function Picker(p: { field: { current: HTMLInputElement | null }; onPick: (statement: Statement) => void }) {
  const [typed, setTyped] = useState('')
  const [at, setAt] = useState(0)
  const list = useRef<HTMLUListElement>(null)
  const found = useMemo(() => search(entries.value, typed, recent), [typed, entries.value])
  const text = typed.trim()
  const count = text === '' ? 0 : found.length + 1
  const pick = (index: number): void => {
    if (text === '') return
    const entry = found[index]
    if (entry !== undefined) {
      const before = recent.indexOf(entry.code)
      if (before >= 0) recent.splice(before, 1)
      recent.unshift(entry.code)
      recent.length = Math.min(recent.length, RECENT_MAX)
    }
    p.onPick(entry === undefined ? { code: null, text } : statementOf(entry))
    setTyped('')
    setAt(0)
    if (p.field.current !== null) p.field.current.value = ''
  }
  const move = (by: number): void => {
    if (count > 0) setAt((at + by + count) % count)
  }
  return (
    <div class="rd-picker">
      <input
        ref={p.field}
        role="combobox"
        aria-label={t('picker')}
        aria-expanded={count > 0}
        aria-controls="rd-found"
        aria-autocomplete="list"
        aria-activedescendant={count > 0 ? `rd-found-${at}` : undefined}
        placeholder={t('picker.hint')}
        autocomplete="off"
        spellcheck={false}
        maxLength={500}
        onInput={event => {
          setTyped(event.currentTarget.value)
          setAt(0)
        }}
        onKeyDown={event => {
          if (event.isComposing || event.ctrlKey || event.altKey) return
          if (event.code === 'ArrowDown') move(1)
          else if (event.code === 'ArrowUp') move(-1)
          else if (event.code === 'Enter' || event.code === 'NumpadEnter') pick(at)
          else if (event.code === 'Escape') {
            event.currentTarget.value = ''
            setTyped('')
            event.currentTarget.blur()
          } else return
          event.preventDefault()
          event.stopPropagation()
        }}
      />
      <kbd aria-hidden="true">/</kbd>
      <ul
        class={`rd-found${count === 0 ? ' rd-found-none' : ''}`}
        id="rd-found"
        ref={list}
        // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: the list of a combobox
        role="listbox"
        aria-label={t('picker.list')}
      >
        {count > 0 &&
          found.map((entry, i) => (
            <Choice key={entry.code} index={i} on={i === at} pick={pick}>
              <span class="grow">{statementOf(entry).text}</span>
              {entry.urgency === 'critical' && <Severity is="critical" />}
              {entry.urgency === 'urgent' && <Severity is="urgent" />}
              <span class="dim f12">{entry.initials === '' ? entry.code : entry.initials.split(' ').at(-1)}</span>
            </Choice>
          ))}
        {count > 0 && (
          <Choice index={found.length} on={at === found.length} pick={pick}>
            <span class="grow muted">{t('picker.free', { text })}</span>
          </Choice>
        )}
      </ul>
    </div>
  )
}

const Choice = (p: {
  index: number
  on: boolean
  pick: (index: number) => void
  children: preact.ComponentChildren
}) => (
  // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the field (aria-activedescendant)
  // biome-ignore lint/a11y/useKeyWithClickEvents: the field hears the keys
  <li
    // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: an option of a combobox
    role="option"
    id={`rd-found-${p.index}`}
    aria-selected={p.on}
    class="rd-choice"
    onMouseDown={event => {
      event.preventDefault() // the focus stays in the field
    }}
    onClick={() => p.pick(p.index)}
  >
    {p.children}
  </li>
)

const GRADES = ['critical', 'warning', 'normal'] as const

function GradePicker(p: { grade: Grade; machineGrade: string | null; onGrade: (grade: Grade) => void }) {
  return (
    <div class="rd-grade">
      <span class="label">{t('grade')}</span>
      <Segmented<Grade>
        label={t('grade')}
        value={p.grade}
        onChange={p.onGrade}
        choices={GRADES.map(grade => ({ value: grade, words: t(`grade.${grade}`) }))}
      />
      <span class="grow" />
      {(p.machineGrade === 'critical' || p.machineGrade === 'warning') && (
        <Tag tone="auto">{t('grade.machine', { grade: t(`grade.${p.machineGrade}`) })}</Tag>
      )}
    </div>
  )
}

/** G: the next grade, from none to the gravest first: a slip must not make it lighter. */
export function nextGrade(grade: Grade): Grade {
  const at = (GRADES as readonly Grade[]).indexOf(grade)
  return GRADES[(at + 1) % GRADES.length] ?? 'critical'
}
