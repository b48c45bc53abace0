// EcgStrip: the miniature of a list. One lead, four seconds, no grid; 26 of them on a page.
import { useLayoutEffect, useRef } from 'preact/hooks'
import { t } from '../i18n/ecg'
import { penOf } from './canvas'
import { colours } from './colours'
import { isFlat } from './signal'
import { drawTrace } from './trace'

export type EcgStripProps = Readonly<{
  uv: Float32Array | null // microvolts, NaN gaps; the server sends 125 Hz
  fs: number
  lead?: string
  seconds?: number
  width?: number
  height?: number
  gain?: number // mm/mV
  pxPerMm?: number
}>

export function EcgStrip(p: EcgStripProps) {
  const { width = 150, height = 28, seconds = 4, gain = 7, lead = 'II' } = p
  const canvas = useRef<HTMLCanvasElement>(null)
  const ink = colours.value
  useLayoutEffect(() => {
    if (canvas.current === null) return
    const dpr = devicePixelRatio || 1
    const pen = penOf(canvas.current, { width, height, dpr }, true)
    if (pen === null) return
    pen.clearRect(0, 0, canvas.current.width, canvas.current.height)
    if (p.uv === null) return
    const mm = p.pxPerMm ?? width / (seconds * 25)
    const end = Math.min(p.uv.length, Math.round(seconds * p.fs))
    pen.strokeStyle = ink.trace
    pen.lineWidth = 1.15 * dpr
    pen.lineJoin = 'round'
    pen.setLineDash(isFlat(p.uv) ? [4 * dpr, 4 * dpr] : [])
    pen.beginPath()
    drawTrace(pen, p.uv, {
      first: 0,
      end,
      x: 0,
      pxPerSample: (width * dpr) / (seconds * p.fs),
      baseline: height * 0.68 * dpr,
      pxPerUv: (gain * mm * dpr) / 1000,
    })
    pen.stroke()
  }, [p.uv, p.fs, width, height, seconds, gain, p.pxPerMm, ink])
  return <canvas ref={canvas} class="ecg-strip" role="img" aria-label={t('strip.plain', { lead })} />
}
