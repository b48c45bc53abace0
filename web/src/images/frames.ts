// Frames as they come from the hub (XLF1, laid down in server/images/frames.py; a photo as JPEG or PNG), unpacked and kept
// as long as there is room. Drawing is paint.ts.
import { ApiError, api } from '../api/client'
import type { Image } from '../api/types.gen'

export type Samples = Uint8Array | Int8Array | Uint16Array | Int16Array
export type Frame =
  | { kind: 'grey'; columns: number; rows: number; samples: Samples }
  | { kind: 'colour'; columns: number; rows: number; planes: Uint8Array }
  | { kind: 'photo'; columns: number; rows: number; bitmap: ImageBitmap }

const HEAD = 12
const MAGIC = 0x31464c58 // "XLF1", little endian

async function inflate(packed: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/** Throws ApiError `image.broken` where the bytes are not a frame. */
export async function unpackFrame(bytes: ArrayBuffer): Promise<Frame> {
  const broken = (): ApiError => new ApiError('image.broken', 422, { name: '' })
  if (bytes.byteLength < HEAD) throw broken()
  const head = new DataView(bytes)
  if (head.getUint32(0, true) !== MAGIC) throw broken()
  const columns = head.getUint16(4, true)
  const rows = head.getUint16(6, true)
  const channels = head.getUint8(8)
  const size = head.getUint8(9)
  const signed = head.getUint8(10) === 1
  const body = await inflate(new Uint8Array(bytes, HEAD)).catch(() => {
    throw broken()
  })
  const count = columns * rows
  if (body.length !== count * channels * size) throw broken()
  if (channels === 3 && size === 1) {
    for (let channel = 0; channel < 3; channel++) sum8(body.subarray(channel * count, (channel + 1) * count), columns)
    return { kind: 'colour', columns, rows, planes: body }
  }
  if (channels !== 1) throw broken()
  if (size === 1) {
    sum8(body, columns)
    return { kind: 'grey', columns, rows, samples: signed ? new Int8Array(body.buffer) : body }
  }
  const samples = new Uint16Array(count)
  for (let row = 0, i = 0; row < rows; row++) {
    let value = 0
    for (let column = 0; column < columns; column++, i++) {
      value = (value + (body[i] ?? 0) + ((body[count + i] ?? 0) << 8)) & 0xffff
      samples[i] = value
    }
  }
  return { kind: 'grey', columns, rows, samples: signed ? new Int16Array(samples.buffer) : samples }
}

/** Differences to the left neighbour become values again, modulo 256. */
function sum8(plane: Uint8Array, columns: number): void {
  for (let i = 0; i < plane.length; i++) if (i % columns !== 0) plane[i] = (plane[i] ?? 0) + (plane[i - 1] ?? 0)
}

const KEPT_BYTES_MAX = 256 * 1024 * 1024

const bytesOf = (f: Frame): number => f.columns * f.rows * (f.kind === 'grey' ? f.samples.BYTES_PER_ELEMENT : 4)

/** The frames of one image. `get` asks once for each; the longest unused go where there are too many. */
export class FrameStore {
  private readonly kept = new Map<number, Frame>()
  private readonly asked = new Map<number, Promise<Frame>>()
  private bytes = 0

  constructor(private readonly image: Image) {}

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
    for (const frame of this.kept.values()) if (frame.kind === 'photo') frame.bitmap.close()
    this.kept.clear()
    this.bytes = 0
  }

  private async load(number: number): Promise<Frame> {
    const bytes = await api.bytes(`/api/images/${encodeURIComponent(this.image.id)}/frames/${number}`)
    const frame = this.image.kind === 'photo' ? await photo(bytes) : await unpackFrame(bytes)
    this.kept.set(number, frame)
    this.bytes += bytesOf(frame)
    for (const [old, { columns, rows }] of this.kept) {
      if (this.bytes <= KEPT_BYTES_MAX || this.kept.size === 1) break
      const gone = this.kept.get(old)
      this.bytes -= gone === undefined ? columns * rows : bytesOf(gone)
      this.kept.delete(old)
    }
    return frame
  }
}

async function photo(bytes: ArrayBuffer): Promise<Frame> {
  const bitmap = await createImageBitmap(new Blob([bytes]))
  return { kind: 'photo', columns: bitmap.width, rows: bitmap.height, bitmap }
}
