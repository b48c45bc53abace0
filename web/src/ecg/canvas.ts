// Canvas plumbing: sizes in device pixels, the size of an element as a hook, the grid kept on a canvas of its own.
import type { RefObject } from 'preact'
import { useLayoutEffect, useState } from 'preact/hooks'
import type { Colours } from './colours'
import { drawGrid } from './grid'

export type Size = Readonly<{ width: number; height: number; dpr: number }>

/** The size of an element in whole CSS px, with the device pixel ratio of the moment (zoom, other monitor). */
export function useSize(ref: RefObject<HTMLElement | null>): Size | null {
  const [size, setSize] = useState<Size | null>(null)
  useLayoutEffect(() => {
    const el = ref.current
    if (el === null) return
    const look = (): void => {
      const now = { width: Math.floor(el.clientWidth), height: Math.floor(el.clientHeight), dpr: devicePixelRatio || 1 }
      setSize(was =>
        was?.width === now.width && was.height === now.height && was.dpr === now.dpr ? was : now.width > 0 ? now : was,
      )
    }
    look()
    const watch = new ResizeObserver(look)
    watch.observe(el)
    addEventListener('resize', look)
    return () => {
      watch.disconnect()
      removeEventListener('resize', look)
    }
  }, [])
  return size
}

/** Fits the backing store and returns the pen, in device px. Resizing clears, so it happens only when it must. */
export function penOf(canvas: HTMLCanvasElement, size: Size, alpha: boolean): CanvasRenderingContext2D | null {
  const width = Math.max(1, Math.round(size.width * size.dpr))
  const height = Math.max(1, Math.round(size.height * size.dpr))
  if (canvas.width !== width) canvas.width = width
  if (canvas.height !== height) canvas.height = height
  canvas.style.width = `${size.width}px`
  canvas.style.height = `${size.height}px`
  return canvas.getContext('2d', { alpha })
}

/** One grid drawn once: blitted under every redraw, and piece by piece under a sweep. */
export class GridSheet {
  private key = ''
  readonly canvas = document.createElement('canvas')

  for(size: Size, pxPerMm: number, origin: { x: number; y: number }, c: Colours): HTMLCanvasElement {
    const key = [size.width, size.height, size.dpr, pxPerMm, origin.x, origin.y, c.paper, c.bold].join()
    if (key === this.key) return this.canvas
    this.key = key
    const pen = penOf(this.canvas, size, false)
    if (pen !== null) {
      const { width, height } = this.canvas
      const paper = { pxPerMm: pxPerMm * size.dpr, originX: origin.x * size.dpr, originY: origin.y * size.dpr }
      drawGrid(pen, { width, height }, paper, c)
    }
    return this.canvas
  }
}
