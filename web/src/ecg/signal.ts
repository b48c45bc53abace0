// A stored recording as the pages hold it, and its reading from the server's bytes. No drawing here.
//   'XLR1' | 4 u32 header length | UTF-8 JSON {fs, leads, n, gain_uv_per_lsb} | padding to 4 | int16 lead after lead
export type EcgRecording = Readonly<{
  fs: number
  leads: readonly string[]
  /** One array a lead, microvolts, the same length; NaN where there was no signal. */
  signal: readonly Float32Array[]
}>

export const NO_SIGNAL = -32768
const MAGIC = 0x31524c58 // 'XLR1' read little-endian

type Header = Readonly<{ fs: number; leads: readonly string[]; n: number; gain_uv_per_lsb: number }>

function isHeader(told: unknown): told is Header {
  if (typeof told !== 'object' || told === null) return false
  const h = told as Partial<Record<keyof Header, unknown>>
  return (
    typeof h.fs === 'number' &&
    h.fs > 0 &&
    typeof h.n === 'number' &&
    typeof h.gain_uv_per_lsb === 'number' &&
    Array.isArray(h.leads) &&
    h.leads.every(name => typeof name === 'string')
  )
}

/** null when the bytes are not a whole recording: half a file must not become half a trace. */
export function readRecording(bytes: ArrayBuffer): EcgRecording | null {
  if (bytes.byteLength < 8) return null
  const view = new DataView(bytes)
  if (view.getUint32(0, true) !== MAGIC) return null
  const headerLength = view.getUint32(4, true)
  const start = Math.ceil((8 + headerLength) / 4) * 4
  if (start > bytes.byteLength) return null
  const header = readHeader(new Uint8Array(bytes, 8, headerLength))
  if (header === null || bytes.byteLength !== start + header.leads.length * header.n * 2) return null
  const signal = header.leads.map((_, lead) =>
    toMicrovolts(new Int16Array(bytes, start + lead * header.n * 2, header.n), header.gain_uv_per_lsb),
  )
  return { fs: header.fs, leads: header.leads, signal }
}

function readHeader(utf8: Uint8Array): Header | null {
  try {
    const told: unknown = JSON.parse(new TextDecoder().decode(utf8))
    return isHeader(told) ? told : null
  } catch {
    return null
  }
}

/** NO_SIGNAL becomes NaN, everything else gain times the step. */
export function toMicrovolts(steps: Int16Array, gain_uv_per_lsb: number): Float32Array {
  const uv = new Float32Array(steps.length)
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i] as number
    uv[i] = step === NO_SIGNAL ? Number.NaN : step * gain_uv_per_lsb
  }
  return uv
}

export const samplesOf = (r: EcgRecording): number => r.signal[0]?.length ?? 0

/** The samples of a lead by its name, or null when it was not recorded. */
export const leadOf = (r: EcgRecording, name: string): Float32Array | null => r.signal[r.leads.indexOf(name)] ?? null

/** A lead with no sample at all in [first, end): the electrode was off. */
export function isOff(uv: Float32Array, first = 0, end = uv.length): boolean {
  for (let i = first; i < end; i++) if (!Number.isNaN(uv[i])) return false
  return true
}

/**
 * One value from end to end: what some carts write for an electrode that was off. A heart at rest is never that still
 * (noise alone moves a lead by several steps), and drawn as a line it could be read as asystole.
 */
export function isFlat(uv: Float32Array): boolean {
  let value = Number.NaN
  for (const v of uv) {
    if (Number.isNaN(v)) continue
    if (Number.isNaN(value)) value = v
    else if (v !== value) return false
  }
  return true
}
