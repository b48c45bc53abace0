// Frames as they come from the hub (grey as XLF1, laid down in server/images/frames.py; colour as PNG or JPEG), unpacked
// and kept as long as there is room. Drawing is paint.ts.
import { ApiError, api } from '../api/client'
import type { Image } from '../api/types.gen'

export type Samples = Uint8Array | Int8Array | Uint16Array | Int16Array
export type Frame =
  | { kind: 'grey'; columns: number; rows: number; samples: Samples }
  | { kind: 'colour'; columns: number; rows: number; bitmap: ImageBitmap }

const HEAD = 12
const MAGIC = 0x31464c58 // "XLF1", little endian

async function inflate(packed: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

const isXlf = (bytes: ArrayBuffer): boolean =>
  bytes.byteLength >= HEAD && new DataView(bytes).getUint32(0, true) === MAGIC

/** Throws ApiError `image.broken` where the bytes are not a frame. */
export async function unpackFrame(bytes: ArrayBuffer): Promise<Frame> {
  try {
    return isXlf(bytes) ? await grey(bytes) : await colour(bytes)
  } catch {
    throw new ApiError('image.broken', 422, { name: '' })
  }
}

async function colour(bytes: ArrayBuffer): Promise<Frame> {
  const bitmap = await createImageBitmap(new Blob([bytes]))
  return { kind: 'colour', columns: bitmap.width, rows: bitmap.height, bitmap }
}

async function grey(bytes: ArrayBuffer): Promise<Frame> {
  const head = new DataView(bytes)
  const columns = head.getUint16(4, true)
  const rows = head.getUint16(6, true)
  const size = head.getUint8(9)
  const signed = head.getUint8(10) === 1
  const body = await inflate(new Uint8Array(bytes, HEAD))
  const count = columns * rows
  if (body.length !== count * size || head.getUint8(8) !== 1) throw new RangeError('another length than it says')
  const high = size === 2 ? body.subarray(count) : null
  const samples = size === 2 ? new Uint16Array(count) : new Uint8Array(count)
  for (let row = 0, i = 0; row < rows; row++) {
    let value = 0 // the array keeps it modulo 2^bits, as the differences are
    for (let column = 0; column < columns; column++, i++) {
      value += (body[i] ?? 0) + ((high?.[i] ?? 0) << 8)
      samples[i] = value
    }
  }
  if (!signed) return { kind: 'grey', columns, rows, samples }
  return {
    kind: 'grey',
    columns,
    rows,
    samples: size === 2 ? new Int16Array(samples.buffer) : new Int8Array(samples.buffer),
  }
}

const KEPT_BYTES_MAX = 256 * 1024 * 1024

const bytesOf = (f: Frame): number => f.columns * f.rows * (f.kind === 'grey' ? f.samples.BYTES_PER_ELEMENT : 4)

/** How frame `number` of an image is had, packed. */
export type Fetch = (number: number) => Promise<ArrayBuffer>

const fromHub =
  (image: Image): Fetch =>
  number =>
    api.bytes(`/api/images/${encodeURIComponent(image.id)}/frames/${number}`)

/** The frames of one image. `get` asks once for each; the longest unused go where there are too many. */
export class FrameStore {
  private readonly kept = new Map<number, Frame>()
  private readonly asked = new Map<number, Promise<Frame>>()
  private bytes = 0

  private readonly fetch: Fetch

  constructor(image: Image, fetch: Fetch | undefined) {
    this.fetch = fetch ?? fromHub(image)
  }

  here(number: number): Frame | null {
    const frame = this.kept.get(number)
    if (frame === undefined) return null
    this.kept.delete(number)
    this.kept.set(number, frame)
    return frame
  }

  get(number: number): Promise<Frame> {
    const frame = this.here(number)
    if (frame !== null) return Promise.resolve(frame)
    const before = this.asked.get(number)
    if (before !== undefined) return before
    const asking = this.load(number).finally(() => this.asked.delete(number))
    this.asked.set(number, asking)
    return asking
  }

  close(): void {
    for (const frame of this.kept.values()) if (frame.kind === 'colour') frame.bitmap.close()
    this.kept.clear()
    this.bytes = 0
  }

  private async load(number: number): Promise<Frame> {
    const frame = await unpackFrame(await this.fetch(number))
    this.kept.set(number, frame)
    this.bytes += bytesOf(frame)
    for (const [old, gone] of this.kept) {
      if (this.bytes <= KEPT_BYTES_MAX || this.kept.size === 1) break
      this.bytes -= bytesOf(gone)
      this.kept.delete(old)
    }
    return frame
  }
}
