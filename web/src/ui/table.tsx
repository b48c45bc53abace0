// DataTable: the list of the product. Real <tr>, windowed, J/K and Enter, marks with X; 10,000 rows stay under 1,000
// nodes. Which rows are drawn is window.ts's business. Rows keep their identity (rowKey) when new ones arrive above.
import type { ComponentChildren, VNode } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { type Binding, useKeys } from '../app/keys'
import { t } from '../i18n/ui'
import { scrollFor, windowOf } from './window'

export type Column<Row> = Readonly<{
  key: string
  head: ComponentChildren
  cell: (row: Row) => ComponentChildren
  width?: string // '78px'; the columns without one share the rest
  num?: boolean // right-aligned
  arrowed?: boolean // its cells are <Measured>: the head leaves the room of the arrow
  show?: 'always' | 'pc' | 'wide' // pc: from 700 px; wide: from 1500 px
}>

export type DataTableProps<Row> = Readonly<{
  label: string
  rows: readonly Row[]
  rowKey: (row: Row) => string
  columns: readonly Column<Row>[]
  selected: string | null
  onSelect: (key: string) => void
  onOpen?: (key: string) => void
  marked?: ReadonlySet<string>
  onMark?: (key: string) => void
  tone?: (row: Row) => 'high' | 'dim' | null // an unanswered critical row is tinted
  rowHeight?: number
  empty?: ComponentChildren
  keys?: boolean // false where another list on the screen has J/K
}>

const HEAD_PX = 30

export function DataTable<Row>(p: DataTableProps<Row>) {
  const rowHeight = p.rowHeight ?? 32
  const box = useRef<HTMLElement>(null)
  const [seen, setSeen] = useState({ top: 0, height: 900 })
  const { first, end } = windowOf(seen.top, seen.height, rowHeight, p.rows.length)
  const at = p.selected === null ? -1 : p.rows.findIndex(row => p.rowKey(row) === p.selected)
  const drawn = useDrawnRows(p)

  const isEmpty = p.rows.length === 0 && p.empty !== undefined
  useLayoutEffect(() => {
    const el = box.current
    if (el === null) return
    const look = (): void => setSeen({ top: el.scrollTop, height: el.clientHeight })
    let asked = 0
    const onScroll = (): void => {
      if (asked === 0)
        asked = requestAnimationFrame(() => {
          asked = 0
          look()
        })
    }
    const watch = new ResizeObserver(look)
    watch.observe(el)
    el.addEventListener('scroll', onScroll, { passive: true })
    look()
    return () => {
      watch.disconnect()
      el.removeEventListener('scroll', onScroll)
      cancelAnimationFrame(asked)
    }
  }, [isEmpty])

  const select = (index: number): void => {
    const row = p.rows[Math.max(0, Math.min(p.rows.length - 1, index))]
    if (row === undefined) return
    p.onSelect(p.rowKey(row))
    const el = box.current
    const to = el === null ? null : scrollFor(p.rows.indexOf(row), el.scrollTop, el.clientHeight, rowHeight, HEAD_PX)
    if (el !== null && to !== null) el.scrollTop = to
  }
  const onSelected = (act: ((key: string) => void) | undefined) => (): void => {
    if (p.selected !== null && at >= 0) act?.(p.selected)
  }
  const page = Math.max(1, Math.floor((seen.height - HEAD_PX) / rowHeight) - 1)
  useKeys(`table ${p.label}`, tableKeys({ at, page, last: p.rows.length - 1, select, onSelected, p }), {
    off: p.keys === false,
  })

  if (isEmpty) return <div class="table-box">{p.empty}</div>
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must take the focus (WCAG 2.1.1)
    <section class="table-box" ref={box} tabIndex={0} aria-label={p.label}>
      <table class="table" aria-rowcount={p.rows.length + 1}>
        <colgroup>
          {p.columns.map(c => (
            <col key={c.key} class={showClass(c.show)} style={c.width === undefined ? undefined : { width: c.width }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {p.columns.map(c => (
              <th
                key={c.key}
                scope="col"
                class={`${c.num === true ? 'num ' : ''}${c.arrowed === true ? 'arrowed ' : ''}${showClass(c.show)}`}
              >
                {c.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr class="table-spacer" aria-hidden="true" style={{ height: `${first * rowHeight}px` }} />
          {p.rows.slice(first, end).map((row, i) => drawn(row, first + i, rowHeight))}
          <tr class="table-spacer" aria-hidden="true" style={{ height: `${(p.rows.length - end) * rowHeight}px` }} />
        </tbody>
      </table>
    </section>
  )
}

const showClass = (show: Column<unknown>['show']): string =>
  show === undefined || show === 'always' ? '' : `show-${show}`

type Drawn<Row> = { row: Row; index: number; selected: boolean; marked: boolean; vnode: VNode }

/** Draws a row, or hands out the one drawn before: the same vnode is skipped by Preact, which is what keeps 60 fps. */
function useDrawnRows<Row>(p: DataTableProps<Row>) {
  const latest = useRef(p)
  latest.current = p
  const kept = useRef({ columns: p.columns, rows: new Map<string, Drawn<Row>>() })
  if (kept.current.columns !== p.columns) kept.current = { columns: p.columns, rows: new Map() }
  const cache = kept.current.rows
  if (cache.size > 400) cache.clear()
  return (row: Row, index: number, rowHeight: number): VNode => {
    const key = p.rowKey(row)
    const selected = key === p.selected
    const marked = p.marked?.has(key) === true
    const before = cache.get(key)
    if (before?.row === row && before.index === index && before.selected === selected && before.marked === marked)
      return before.vnode
    const tone = p.tone?.(row) ?? null
    const vnode = (
      <tr
        key={key}
        aria-rowindex={index + 2}
        aria-selected={selected}
        class={`${selected ? 'on ' : ''}${marked ? 'marked ' : ''}${tone === null ? '' : `tone-${tone}`}`}
        style={{ height: `${rowHeight}px` }}
        onClick={() => latest.current.onSelect(key)}
        onDblClick={() => latest.current.onOpen?.(key)}
      >
        {p.columns.map(c => (
          <td key={c.key} class={`${c.num === true ? 'num ' : ''}${showClass(c.show)}`}>
            {c.cell(row)}
          </td>
        ))}
      </tr>
    )
    cache.set(key, { row, index, selected, marked, vnode })
    return vnode
  }
}

function tableKeys<Row>(k: {
  at: number
  page: number
  last: number
  select: (index: number) => void
  onSelected: (act: ((key: string) => void) | undefined) => () => void
  p: DataTableProps<Row>
}): readonly Binding[] {
  const move = (id: string, chord: string, words: () => string, to: () => number, hint = false): Binding => ({
    id,
    chord,
    words,
    hint,
    repeat: true,
    act: () => k.select(to()),
  })
  const keys: Binding[] = [
    move(
      'table.down',
      'KeyJ',
      () => t('table.down'),
      () => k.at + 1,
      true,
    ),
    move(
      'table.up',
      'KeyK',
      () => t('table.up'),
      () => Math.max(0, k.at - 1),
      true,
    ),
    move(
      'table.down.arrow',
      'ArrowDown',
      () => t('table.down'),
      () => k.at + 1,
    ),
    move(
      'table.up.arrow',
      'ArrowUp',
      () => t('table.up'),
      () => Math.max(0, k.at - 1),
    ),
    move(
      'table.page.down',
      'PageDown',
      () => t('table.down'),
      () => k.at + k.page,
    ),
    move(
      'table.page.up',
      'PageUp',
      () => t('table.up'),
      () => Math.max(0, k.at - k.page),
    ),
    move(
      'table.first',
      'Home',
      () => t('table.first'),
      () => 0,
    ),
    move(
      'table.last',
      'End',
      () => t('table.last'),
      () => k.last,
    ),
  ]
  if (k.p.onOpen !== undefined)
    keys.push({
      id: 'table.open',
      chord: 'Enter',
      words: () => t('table.open'),
      hint: true,
      act: k.onSelected(k.p.onOpen),
    })
  if (k.p.onMark !== undefined)
    keys.push({
      id: 'table.mark',
      chord: 'KeyX',
      words: () => t('table.mark'),
      hint: true,
      act: k.onSelected(k.p.onMark),
    })
  return keys
}
