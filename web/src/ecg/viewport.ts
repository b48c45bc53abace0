// Which sample stands at which pixel, and back. Pure: no DOM, no signals, no clock.
export type Viewport = Readonly<{ firstSample: number; samplesPerPx: number; uvPerPx: number; widthPx: number }>

export const sampleAt = (v: Viewport, x: number): number => v.firstSample + x * v.samplesPerPx
export const pxAt = (v: Viewport, sample: number): number => (sample - v.firstSample) / v.samplesPerPx

/** Zoom about the pixel under the pointer: the sample there stays where it is. */
export function zoomAt(v: Viewport, x: number, factor: number): Viewport {
  const samplesPerPx = v.samplesPerPx / factor
  return { ...v, samplesPerPx, firstSample: sampleAt(v, x) - x * samplesPerPx }
}

/** Moves within [0, samples): the page never shows more than a page of nothing. */
export function clampFirst(first: number, shown: number, samples: number): number {
  return Math.round(Math.max(0, Math.min(first, Math.max(0, samples - shown))))
}
