// From a frame's samples to what is seen: a table of 256 greys for each stored value, then one pass over the frame.
import type { ImageFacts } from '../api/types.gen'
import type { Frame, Samples } from './frames'
import { greyOf, type ImageView } from './view'

/** Grey 0..255 of each stored value, by its bits (65536 or 256 entries). */
export function greyTable(samples: Samples, view: ImageView, facts: ImageFacts): Uint8ClampedArray {
  const bits = samples.BYTES_PER_ELEMENT * 8
  const entries = 2 ** bits
  const signed = samples instanceof Int8Array || samples instanceof Int16Array
  const table = new Uint8ClampedArray(entries)
  const curve = view.grey === null ? (facts.curve ?? null) : null
  const { centre, width } = greyOf(view, facts)
  const slope = facts.slope ?? 1
  const intercept = facts.intercept ?? 0
  const inverted = (facts.inverted ?? false) !== view.inverted
  for (let raw = 0; raw < entries; raw++) {
    const stored = signed && raw >= entries / 2 ? raw - entries : raw
    const value = slope * stored + intercept
    const grey =
      curve === null
        ? ((value - (centre - width / 2)) / width) * 255
        : (curve.grey[Math.min(curve.grey.length - 1, Math.max(0, Math.round((value - curve.first) / curve.step)))] ??
          0)
    table[raw] = inverted ? 255 - Math.min(255, Math.max(0, grey)) : grey
  }
  return table
}

/** Draws the frame into a canvas of its own size. */
export function paint(canvas: HTMLCanvasElement, frame: Frame, view: ImageView, facts: ImageFacts): void {
  if (canvas.width !== frame.columns) canvas.width = frame.columns
  if (canvas.height !== frame.rows) canvas.height = frame.rows
  const pen = canvas.getContext('2d', { alpha: false })
  if (pen === null) return
  if (frame.kind === 'colour') {
    pen.filter = view.inverted ? 'invert(1)' : 'none'
    pen.drawImage(frame.bitmap, 0, 0)
    return
  }
  const picture = pen.createImageData(frame.columns, frame.rows)
  const out = new Uint32Array(picture.data.buffer)
  grey(out, frame.samples, greyTable(frame.samples, view, facts))
  pen.putImageData(picture, 0, 0)
}

function grey(out: Uint32Array, samples: Samples, table: Uint8ClampedArray): void {
  const mask = table.length - 1
  const packed = Uint32Array.from(table, g => (0xff000000 | (g << 16) | (g << 8) | g) >>> 0)
  for (let i = 0; i < out.length; i++) out[i] = packed[(samples[i] ?? 0) & mask] ?? 0
}
