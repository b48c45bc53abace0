// The miniature of a row: four seconds of lead II as the server packs them, 125 Hz int8 of 20 µV in base64.
import { EcgStrip } from '../ecg'

const UV_PER_STEP = 20
export const STRIP_FS = 125

/** null when it cannot be read: an empty cell, never a flat line. */
export function unpackStrip(base64: string): Float32Array | null {
  if (base64 === '') return null
  let packed: string
  try {
    packed = atob(base64)
  } catch {
    return null
  }
  const uv = new Float32Array(packed.length)
  for (let i = 0; i < packed.length; i++) {
    const byte = packed.charCodeAt(i)
    uv[i] = (byte > 127 ? byte - 256 : byte) * UV_PER_STEP
  }
  return uv
}

/** How a strip stands in its cell: nothing of it may be cut, so a deep one moves up and a tall one shrinks. */
export type Fitted = Readonly<{ uv: Float32Array; gain: number }>

const WIDTH = 136
const HEIGHT = 28
const BASELINE = 0.68 // EcgStrip's
const AIR = 1.5
const MINIATURE: Box = { width: WIDTH, height: HEIGHT, gain: 7, mmWide: 100 } // 7 mm/mV as on others; four seconds

/** `mmWide`: how many millimetres of paper the width stands for. */
export type Box = Readonly<{ width: number; height: number; gain: number; mmWide: number }>

export function fitted(uv: Float32Array, box: Box = MINIATURE): Fitted {
  const pxPerUvAndGain = box.width / box.mmWide / 1000
  const baseline = BASELINE * box.height
  let low = 0
  let high = 0
  for (const v of uv) {
    if (v < low) low = v
    if (v > high) high = v
  }
  const room = box.height - 2 * AIR
  const gain = Math.min(box.gain, room / Math.max(1, (high - low) * pxPerUvAndGain))
  const px = gain * pxPerUvAndGain
  const tooDeep = -low * px - (box.height - AIR - baseline)
  const tooTall = high * px - (baseline - AIR)
  const move = tooDeep > 0 ? tooDeep / px : tooTall > 0 ? -tooTall / px : 0
  return { uv: move === 0 ? uv : uv.map(v => v + move), gain }
}

const KEPT_MAX = 400
const kept = new Map<string, Fitted | null>()

function unpackOnce(base64: string): Fitted | null {
  const before = kept.get(base64)
  if (before !== undefined) return before
  if (kept.size >= KEPT_MAX) kept.clear()
  const uv = unpackStrip(base64)
  const strip = uv === null ? null : fitted(uv)
  kept.set(base64, strip)
  return strip
}

export const Miniature = ({ strip }: { strip: string }) => {
  const it = unpackOnce(strip)
  if (it === null) return <span class="dim">–</span>
  return <EcgStrip uv={it.uv} fs={STRIP_FS} gain={it.gain} width={WIDTH} height={HEIGHT} />
}
