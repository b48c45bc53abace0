// What the analysis could not read: leads without a vote and stretches in which nothing can be read, as hatched boxes on
// the sheet; and the symbols of beats that are not ordinary, over the strip. Pure: where things stand, no strokes.
import type { Span } from './evidence'
import { type Cell, type Sheet, xOf } from './layout'

export type Doubt = Readonly<{ spans: readonly Span[]; leads: ReadonlySet<string> }>
export type Box = Readonly<{ x: number; width: number; top: number; height: number }>

/** The whole cell of a lead that has no vote, else the stretches that it shows. */
export function hatchesOf(doubt: Doubt, sheet: Sheet): readonly Box[] {
  return sheet.cells.flatMap(cell => {
    const box = (span: Span): Box[] => {
      const from = Math.max(span.first, cell.first)
      const to = Math.min(span.end, cell.end)
      if (to <= from) return []
      return [{ x: xOf(sheet, cell, from), width: (to - from) * sheet.pxPerSample, top: cell.top, height: cell.height }]
    }
    return doubt.leads.has(cell.lead) ? box(cell) : doubt.spans.flatMap(box)
  })
}

export type BeatSymbol = Readonly<{ sample: number; symbol: string }>
export type PlacedSymbol = Readonly<{ x: number; top: number; symbol: string }>

/** Ordinary beats carry no letter: what differs is what the eye looks for. */
const ORDINARY: ReadonlySet<string> = new Set(['N', '.', '~'])

/** On the first strip, or on the lead that stands for it. */
export function symbolsOf(beats: readonly BeatSymbol[], sheet: Sheet): readonly PlacedSymbol[] {
  const cell: Cell | undefined = sheet.cells.find(c => c.strip) ?? sheet.cells.find(c => c.lead === 'II')
  if (cell === undefined) return []
  return beats
    .filter(beat => !ORDINARY.has(beat.symbol) && beat.sample >= cell.first && beat.sample < cell.end)
    .map(beat => ({ x: xOf(sheet, cell, beat.sample), top: cell.top, symbol: beat.symbol }))
}
