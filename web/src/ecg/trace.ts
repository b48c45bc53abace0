// A lead as a line. More than two samples a device pixel column: first, least, greatest, last of each column, never
// every n-th sample (pacing spikes and R peaks would vanish). Fewer: straight lines, no splines (they invent overshoot).
// NaN lifts the pen: a gap is a gap.

/** What a canvas context offers of a path; tests hand in a recorder. */
export type Pen = { moveTo(x: number, y: number): void; lineTo(x: number, y: number): void }

export type Stretch = Readonly<{
  first: number // [first, end) of the samples
  end: number
  x: number // device px of sample `first`
  pxPerSample: number
  baseline: number
  pxPerUv: number // negative draws inverted
}>

export function drawTrace(pen: Pen, uv: Float32Array, s: Stretch): void {
  if (s.pxPerSample * 2 < 1) drawColumns(pen, uv, s)
  else drawLines(pen, uv, s)
}

function drawLines(pen: Pen, uv: Float32Array, s: Stretch): void {
  let down = false
  const end = Math.min(s.end, uv.length)
  for (let i = Math.max(0, s.first); i < end; i++) {
    const value = uv[i] as number
    if (Number.isNaN(value)) {
      down = false
      continue
    }
    const x = s.x + (i - s.first) * s.pxPerSample
    const y = s.baseline - value * s.pxPerUv
    if (down) pen.lineTo(x, y)
    else pen.moveTo(x, y)
    down = true
  }
}

function drawColumns(pen: Pen, uv: Float32Array, s: Stretch): void {
  const end = Math.min(s.end, uv.length)
  let down = false
  let i = Math.max(0, s.first)
  while (i < end) {
    const column = Math.floor(s.x + (i - s.first) * s.pxPerSample)
    const next = Math.min(end, Math.max(i + 1, Math.ceil(s.first + (column + 1 - s.x) / s.pxPerSample)))
    const seen = leastAndGreatest(uv, i, next)
    if (seen === null) down = false
    else {
      // At their own places and in the order in which they came: the slope stays a slope, the peak a peak.
      const order = seen.leastAt <= seen.greatestAt ? [seen.leastAt, seen.greatestAt] : [seen.greatestAt, seen.leastAt]
      let before = -1
      for (const at of [seen.firstAt, ...order, seen.lastAt]) {
        if (at === before) continue
        before = at
        const x = s.x + (at - s.first) * s.pxPerSample
        const y = s.baseline - (uv[at] as number) * s.pxPerUv
        if (down) pen.lineTo(x, y)
        else pen.moveTo(x, y)
        down = true
      }
      if (seen.endsInGap) down = false
    }
    i = next
  }
}

type Seen = { firstAt: number; lastAt: number; leastAt: number; greatestAt: number; endsInGap: boolean }

function leastAndGreatest(uv: Float32Array, from: number, to: number): Seen | null {
  let seen: Seen | null = null
  for (let i = from; i < to; i++) {
    const value = uv[i] as number
    if (Number.isNaN(value)) {
      if (seen !== null) seen.endsInGap = true
      continue
    }
    if (seen === null) {
      seen = { firstAt: i, lastAt: i, leastAt: i, greatestAt: i, endsInGap: false }
      continue
    }
    seen.endsInGap = false
    seen.lastAt = i
    if (value < (uv[seen.leastAt] as number)) seen.leastAt = i
    if (value > (uv[seen.greatestAt] as number)) seen.greatestAt = i
  }
  return seen
}

/** 1 mV x 200 ms by the transform of the trace; `left` is where its flank rises, `width` what 200 ms take. */
export function drawPulse(
  pen: Pen,
  p: { x: number; left: number; width: number; end: number; baseline: number; height: number },
): void {
  pen.moveTo(p.x, p.baseline)
  pen.lineTo(p.left, p.baseline)
  pen.lineTo(p.left, p.baseline - p.height)
  pen.lineTo(p.left + p.width, p.baseline - p.height)
  pen.lineTo(p.left + p.width, p.baseline)
  pen.lineTo(p.end, p.baseline)
}

export const traceWidth = (pxPerMm: number): number => Math.max(1.1, 0.3 * pxPerMm)
