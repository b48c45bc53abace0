// Files as they are dropped become parcels to send: each by itself, the files of a WFDB record packed as one ZIP, stored
// and not compressed. What cannot be sent says why before anything goes over a slow line.

export const FILE_BYTES_MAX = 64 * 1024 * 1024
const NAME_MAX = 128

export type Chosen = Readonly<{ name: string; size: number; bytes: () => Promise<ArrayBuffer>; blob: Blob }>
export type Parcel =
  | Readonly<{ kind: 'ready'; name: string; blob: Blob }>
  | Readonly<{ kind: 'large'; name: string; bytes: number }>
  | Readonly<{ kind: 'parts'; name: string; missing: readonly string[] }>

export const chosenOf = (file: File): Chosen => ({
  name: file.name,
  size: file.size,
  bytes: () => file.arrayBuffer(),
  blob: file,
})

/** A header goes with the signal files it names; everything else goes by itself, in the order it was chosen. */
export async function parcelsOf(files: readonly Chosen[]): Promise<readonly Parcel[]> {
  const taken = new Set<Chosen>()
  const packed = new Map<Chosen, Parcel>()
  for (const header of files.filter(f => f.name.toLowerCase().endsWith('.hea') && f.size <= FILE_BYTES_MAX)) {
    const named = signalFiles(new TextDecoder().decode(await header.bytes()))
    const found = named.map(name => files.find(f => f.name === name))
    const missing = named.filter((_, i) => found[i] === undefined)
    const parts = [header, ...found.filter(f => f !== undefined)]
    for (const part of parts) taken.add(part)
    packed.set(header, await recordOf(header.name, parts, missing))
  }
  return files.flatMap(file => {
    const record = packed.get(file)
    if (record !== undefined) return [record]
    return taken.has(file) ? [] : [single(file.name, file.size, file.blob)]
  })
}

async function recordOf(header: string, parts: readonly Chosen[], missing: readonly string[]): Promise<Parcel> {
  if (missing.length > 0) return { kind: 'parts', name: header, missing }
  const name = header.replace(/\.hea$/i, '.zip')
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  if (size > FILE_BYTES_MAX) return { kind: 'large', name, bytes: size }
  const entries = await Promise.all(
    parts.map(async part => ({ name: part.name, bytes: new Uint8Array(await part.bytes()) })),
  )
  return single(name, size, new Blob(zipOf(entries)))
}

const single = (name: string, bytes: number, blob: Blob): Parcel =>
  bytes > FILE_BYTES_MAX ? { kind: 'large', name, bytes } : { kind: 'ready', name: name.slice(-NAME_MAX), blob }

/** The signal files that the lines behind a WFDB header's first line name. */
export function signalFiles(header: string): readonly string[] {
  const lines = header.split(/\r?\n/).filter(line => line.trim() !== '' && !line.startsWith('#'))
  const signals = Number(lines[0]?.trim().split(/\s+/)[1] ?? 0)
  const names = lines.slice(1, 1 + (Number.isFinite(signals) ? signals : 0)).map(line => line.trim().split(/\s+/)[0])
  return [...new Set(names.filter(name => name !== undefined && name !== '~'))] as string[]
}

type Entry = Readonly<{ name: string; bytes: Uint8Array<ArrayBuffer> }>

const DATE_1980 = 0x21 // the least a ZIP can say; no reader of ECGs looks at it
const UTF8 = 0x800

/** A ZIP archive whose entries are stored as they are (APPNOTE.TXT 6.3). */
export function zipOf(entries: readonly Entry[]): Uint8Array<ArrayBuffer>[] {
  const parts: Uint8Array<ArrayBuffer>[] = []
  const directory: Uint8Array<ArrayBuffer>[] = []
  let at = 0
  for (const { name, bytes } of entries) {
    const label = new TextEncoder().encode(name)
    const crc = crc32(bytes)
    const facts = [20, UTF8, 0, 0, DATE_1980] as const
    const sizes = [crc, bytes.length, bytes.length] as const
    const local = packed([0x04034b50], facts, sizes, [label.length, 0], label)
    directory.push(packed([0x02014b50], [20, ...facts], sizes, [label.length, 0, 0, 0, 0], label, [0, at]))
    parts.push(local, bytes)
    at += local.length + bytes.length
  }
  const size = directory.reduce((sum, line) => sum + line.length, 0)
  const count = entries.length
  const end = packed([0x06054b50], [0, 0, count, count], [size, at], [0], new Uint8Array(0))
  return [...parts, ...directory, end]
}

/** u32, u16, u32, u16 little-endian, then u32 more, then a name: the shape that all three records of a ZIP share. */
function packed(
  sign: readonly number[],
  short: readonly number[],
  long: readonly number[],
  last: readonly number[],
  name: Uint8Array,
  more: readonly number[] = [],
): Uint8Array<ArrayBuffer> {
  const fixed = 4 * (sign.length + long.length + more.length) + 2 * (short.length + last.length)
  const bytes = new Uint8Array(fixed + name.length)
  const view = new DataView(bytes.buffer)
  let at = 0
  const put = (numbers: readonly number[], width: 2 | 4): void => {
    for (const n of numbers) {
      if (width === 2) view.setUint16(at, n, true)
      else view.setUint32(at, n, true)
      at += width
    }
  }
  put(sign, 4)
  put(short, 2)
  put(long, 4)
  put(last, 2)
  put(more, 4)
  bytes.set(name, at)
  return bytes
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
  return c
})

export function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff
  for (const byte of bytes) c = (CRC_TABLE[(c ^ byte) & 0xff] as number) ^ (c >>> 8)
  return (c ^ 0xffffffff) >>> 0
}
