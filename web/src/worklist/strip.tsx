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

const KEPT_MAX = 400
const kept = new Map<string, Float32Array | null>()

function unpackOnce(base64: string): Float32Array | null {
  const before = kept.get(base64)
  if (before !== undefined) return before
  if (kept.size >= KEPT_MAX) kept.clear()
  const uv = unpackStrip(base64)
  kept.set(base64, uv)
  return uv
}

export const Miniature = ({ strip }: { strip: string }) => {
  const uv = unpackOnce(strip)
  return uv === null ? <span class="dim">–</span> : <EcgStrip uv={uv} fs={STRIP_FS} width={136} height={28} />
}
