// The live sweep as arithmetic: a fixed page, new data from left to right, an erase bar ahead of the newest sample.
// Which pixels change for samples [first, end). Playing out is playout.ts, the canvas is EcgSweep's.
export type SweepPage = Readonly<{ widthPx: number; pxPerSample: number }>

export const ERASE_MM = 3

/** One new piece of trace on the page: clear [clearFrom, clearTo), then draw samples [first, end) from x. */
export type SweepPiece = Readonly<{ first: number; end: number; x: number; clearFrom: number; clearTo: number }>

export const samplesPerPage = (page: SweepPage): number => Math.max(1, Math.floor(page.widthPx / page.pxPerSample))

export const sweepX = (page: SweepPage, sample: number): number => (sample % samplesPerPage(page)) * page.pxPerSample

/** The pieces for new samples: one, or two where the page turns. Each starts a sample early, to join the line. */
export function piecesFor(page: SweepPage, first: number, end: number, pxPerMm: number): readonly SweepPiece[] {
  const perPage = samplesPerPage(page)
  const from = Math.max(first, end - perPage + 1)
  const pieces: SweepPiece[] = []
  let at = from
  while (at < end) {
    const pageEnd = (Math.floor(at / perPage) + 1) * perPage
    const to = Math.min(end, pageEnd)
    const joins = at % perPage > 0
    const x = sweepX(page, joins ? at - 1 : at)
    const head = ((to - 1) % perPage) * page.pxPerSample
    pieces.push({
      first: joins ? at - 1 : at,
      end: to,
      x,
      clearFrom: joins ? x + 1 : 0,
      clearTo: Math.min(page.widthPx, head + ERASE_MM * pxPerMm),
    })
    at = to
  }
  return pieces
}
