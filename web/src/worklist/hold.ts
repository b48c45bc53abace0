// Keeps what the eye rests on in its place: when rows are put in or taken out above it, the table scrolls by as much.
import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { keyOf, type Line } from './rows'

/** How far to scroll so that the row that was on top stays there; 0 when it is gone or already on top of the list. */
export function shiftOf(lines: readonly Line[], topKey: string | null, wasAt: number, rowHeight: number): number {
  if (topKey === null || wasAt <= 0) return 0
  const at = lines.findIndex(line => keyOf(line) === topKey)
  return at < 0 ? 0 : (at - wasAt) * rowHeight
}

/** `onLook(first, end)`: which rows are on the screen, whenever that changes. */
export function useHeldScroll(
  box: RefObject<HTMLElement | null>,
  lines: readonly Line[],
  rowHeight: number,
  onLook: (first: number, end: number) => void,
): void {
  const top = useRef<{ key: string | null; at: number }>({ key: null, at: 0 })
  const seen = useRef(lines)
  seen.current = lines
  const look = useRef(() => {})
  look.current = () => {
    const table = box.current?.querySelector('.table-box')
    if (table === null || table === undefined) return
    const at = Math.floor(table.scrollTop / rowHeight)
    const line = seen.current[at]
    top.current = { key: line === undefined ? null : keyOf(line), at }
    onLook(at, at + Math.ceil(table.clientHeight / rowHeight) + 1)
  }
  useLayoutEffect(() => {
    const table = box.current?.querySelector('.table-box')
    if (table === null || table === undefined) return
    const by = shiftOf(lines, top.current.key, top.current.at, rowHeight)
    if (by !== 0) table.scrollTop += by
    look.current()
  }, [lines, rowHeight])
  useEffect(() => {
    const el = box.current
    if (el === null) return
    let asked = 0
    const onScroll = (): void => {
      asked ||= requestAnimationFrame(() => {
        asked = 0
        look.current()
      })
    }
    el.addEventListener('scroll', onScroll, { passive: true, capture: true }) // the table scrolls, scroll does not bubble
    return () => {
      el.removeEventListener('scroll', onScroll, { capture: true })
      cancelAnimationFrame(asked)
    }
  }, [])
}
