// Which rows of a long list are in the DOM. Pure.
export type Window = Readonly<{ first: number; end: number }>

const SPARE_ROWS = 4

/** Rows [first, end) that a viewport of `height` px at `scrollTop` needs, with a few spare on both sides. */
export function windowOf(scrollTop: number, height: number, rowHeight: number, rows: number): Window {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - SPARE_ROWS)
  const end = Math.min(rows, Math.ceil((scrollTop + height) / rowHeight) + SPARE_ROWS)
  // First a multiple of two: odd and even rows keep their elements while scrolling by one.
  return { first: Math.min(first - (first % 2), Math.max(0, rows - 1)), end: Math.max(end, Math.min(rows, 1)) }
}

/** Where to scroll so that `row` stands whole between the sticky head and the foot; null when it does already. */
export function scrollFor(
  row: number,
  scrollTop: number,
  height: number,
  rowHeight: number,
  head: number,
): number | null {
  const top = row * rowHeight
  const visible = height - head
  if (top < scrollTop) return top
  if (top + rowHeight > scrollTop + visible) return top + rowHeight - visible
  return null
}
