// Live samples on the wire of the page: a 32-byte little-endian header, then int16 sample by sample, lead by lead.
//   0 'XLS1' | 4 u16 leads | 6 u16 fs | 8 u64 first sample | 16 u32 samples | 20 f32 µV per step | 24 u64 stream
export type SampleBlock = Readonly<{
  stream: number
  fs: number
  leads: number
  firstSample: number
  samples: number
  gainUvPerLsb: number
  /** sample-major: values[sample * leads + lead], NO_SIGNAL where there was none */
  values: Int16Array
}>

export const NO_SIGNAL = -32768
const HEADER = 32
const MAGIC = 0x31534c58 // 'XLS1' read little-endian

/** null when the bytes are not a whole block: a torn message must not become a trace. */
export function readSamples(bytes: ArrayBuffer): SampleBlock | null {
  if (bytes.byteLength < HEADER) return null
  const view = new DataView(bytes)
  if (view.getUint32(0, true) !== MAGIC) return null
  const leads = view.getUint16(4, true)
  const samples = view.getUint32(16, true)
  if (leads === 0 || bytes.byteLength !== HEADER + samples * leads * 2) return null
  return {
    leads,
    fs: view.getUint16(6, true),
    firstSample: Number(view.getBigUint64(8, true)),
    samples,
    gainUvPerLsb: view.getFloat32(20, true),
    stream: Number(view.getBigUint64(24, true)),
    values: new Int16Array(bytes, HEADER, samples * leads),
  }
}
