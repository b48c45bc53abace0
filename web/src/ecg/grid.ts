// The millimetre grid in device pixels: every line whole pixels wide at a whole pixel, so nothing is anti-aliased.
// Under 3 device px a millimetre the fine lines are left out.
export type GridLine = Readonly<{ at: number; width: number; bold: boolean }>

/** Lines along one axis of `length` device px; 5-mm lines pass through `origin`. */
export function gridLines(length: number, pxPerMm: number, origin: number): readonly GridLine[] {
  const fine = pxPerMm >= 3
  const bold = pxPerMm >= 9 ? 2 : 1
  const lines: GridLine[] = []
  const from = Math.ceil(-origin / pxPerMm)
  const to = Math.floor((length - origin) / pxPerMm)
  for (let k = from; k <= to; k++) {
    const isBold = k % 5 === 0
    if (isBold || fine) lines.push({ at: Math.round(origin + k * pxPerMm), width: isBold ? bold : 1, bold: isBold })
  }
  return lines
}

export type GridColours = Readonly<{ paper: string; fine: string; bold: string }>

/** Fine lines first, then bold ones over them. Everything in device px. */
export function drawGrid(
  pen: Pick<CanvasRenderingContext2D, 'fillRect' | 'fillStyle' | 'globalAlpha'>,
  size: { width: number; height: number },
  paper: { pxPerMm: number; originX: number; originY: number },
  colours: GridColours,
): void {
  pen.fillStyle = colours.paper
  pen.fillRect(0, 0, size.width, size.height)
  const across = gridLines(size.width, paper.pxPerMm, paper.originX)
  const down = gridLines(size.height, paper.pxPerMm, paper.originY)
  // On small paper (previews) bold lines stand close: paler, so that the grid stays quieter than the trace.
  pen.globalAlpha = paper.pxPerMm < 3 ? 0.6 : 1
  for (const bold of [false, true]) {
    pen.fillStyle = bold ? colours.bold : colours.fine
    for (const line of across) if (line.bold === bold) pen.fillRect(line.at, 0, line.width, size.height)
    for (const line of down) if (line.bold === bold) pen.fillRect(0, line.at, size.width, line.width)
  }
  pen.globalAlpha = 1
}
