// Paper units. One number: CSS px a millimetre. Everything the viewer draws is millimetres times it.
// Fit mode lets 262 mm (12 mm pulse + 10 s) into the width; true scale comes from a bank or ID card held to the screen.
export type Paper = Readonly<{ pxPerMm: number; trueScale: boolean }>

export const PULSE_MM = 12 // room for the calibration pulse at the left of each row
export const PAGE_MM = PULSE_MM + 250 // and 10 s at 25 mm/s
const CARD_MM = { width: 85.6, height: 53.98 } as const // ISO/IEC 7810 ID-1

/** The largest scale that fits `mm` into `widthPx`, rounded down to half a device pixel a millimetre. */
export function fitScale(widthPx: number, dpr: number, mm: number = PAGE_MM): number {
  const halves = Math.floor((widthPx / mm) * dpr * 2)
  return Math.max(1, halves) / 2 / dpr
}

export type CardCheck = { kind: 'matched'; pxPerMm: number } | { kind: 'disagree'; byPercent: number }

/** The card's long side sets the scale; its short side must agree within 1 %, or one of them was set badly. */
export function scaleFromCard(widthPx: number, heightPx: number): CardCheck {
  const long = widthPx / CARD_MM.width
  const short = heightPx / CARD_MM.height
  const off = Math.abs(short / long - 1)
  return off <= 0.01 ? { kind: 'matched', pxPerMm: long } : { kind: 'disagree', byPercent: Math.round(off * 1000) / 10 }
}

/** What a calibration holds for: this browser (its storage), this screen, this zoom. */
export type ScreenMark = Readonly<{ width: number; height: number; dpr: number }>
export type Calibration = ScreenMark & Readonly<{ pxPerMm: number; at: string }>

/** Dropped when the screen or the zoom is another: a wrong "true scale" is worse than none. */
export function calibrationFor(kept: Calibration | null, screen: ScreenMark): Calibration | null {
  if (kept === null) return null
  const same = kept.width === screen.width && kept.height === screen.height && kept.dpr === screen.dpr
  return same ? kept : null
}

export function readCalibration(raw: unknown): Calibration | null {
  if (typeof raw !== 'object' || raw === null) return null
  const c = raw as Partial<Record<keyof Calibration, unknown>>
  const numbers = [c.width, c.height, c.dpr, c.pxPerMm]
  if (!numbers.every(v => typeof v === 'number' && v > 0) || typeof c.at !== 'string') return null
  return raw as Calibration
}

/** "25 mm/s 10 mm/mV": the scales are always on the paper. */
export const msToMm = (ms: number, speed: number): number => (ms * speed) / 1000
export const mvToMm = (mv: number, gain: number): number => mv * gain
