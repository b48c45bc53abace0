// The live sweep as arithmetic: a fixed page, new data from left to right, an erase bar ahead of the newest sample.
// Which pixels are cleared and which samples are drawn where. Playing out is playout.ts, the canvas is EcgSweep's.
export type SweepPage = Readonly<{ widthPx: number; pxPerSample: number }>

export const ERASE_MM = 3

/** A new piece of trace on the page: samples [first, end) from x. */
export type SweepPiece = Readonly<{ first: number; end: number; x: number }>

/** Columns to clear, in CSS px: [from, to). */
export type Wipe = Readonly<{ from: number; to: number }>

export const samplesPerPage = (page: SweepPage): number => Math.max(1, Math.floor(page.widthPx / page.pxPerSample))

export const eraseSamples = (page: SweepPage, pxPerMm: number): number =>
  Math.ceil((ERASE_MM * pxPerMm) / page.pxPerSample)

export const sweepX = (page: SweepPage, sample: number): number => (sample % samplesPerPage(page)) * page.pxPerSample

/**
 * The pieces for new samples: one, or two where the page turns. Each starts a sample early, to join the line. What is
 * older than the page, which is clear below sample `clear`, is left out.
 */
export function piecesFor(page: SweepPage, first: number, end: number, clear: number): readonly SweepPiece[] {
  const perPage = samplesPerPage(page)
  const oldest = clear - perPage
  const pieces: SweepPiece[] = []
  let at = Math.max(first, oldest)
  while (at < end) {
    const to = Math.min(end, (Math.floor(at / perPage) + 1) * perPage)
    const from = at % perPage > 0 && at > oldest ? at - 1 : at
    pieces.push({ first: from, end: to, x: sweepX(page, from) })
    at = to
  }
  return pieces
}

/** What is cleared when the erase bar moves on over samples [from, to): its neighbours begin where it ends. */
export function wipesFor(page: SweepPage, from: number, to: number): readonly Wipe[] {
  const perPage = samplesPerPage(page)
  if (to - from >= perPage) return [{ from: 0, to: page.widthPx }]
  const wipes: Wipe[] = []
  let at = from
  while (at < to) {
    const pageEnd = (Math.floor(at / perPage) + 1) * perPage
    wipes.push({ from: sweepX(page, at), to: to < pageEnd ? sweepX(page, to) : page.widthPx })
    at = Math.min(to, pageEnd)
  }
  return wipes
}
