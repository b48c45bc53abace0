// Drawing by hand over the stage: a stroke, or a box by drag or by two clicks. Knows nothing of leads or of the board:
// `place` says what stands under the pointer. What is finished goes to the hub and is shown when it comes back.
import type { Signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
import { t } from '../i18n/consult'
import { Button, Segmented } from '../ui'
import type { Point, Shape } from './shared'

export type Tool = 'none' | 'pen' | 'box'
export type Under = Readonly<{ lead: string; point: Point }>
export type Draft = Readonly<{ shape: Shape; lead: string; points: readonly Point[] }>

const CLICK_PX = 6

type LayerProps = Readonly<{
  tool: Tool
  /** What is under the pointer; `lead`: stay in this one, wherever the pointer has gone. */
  place: (x: number, y: number, lead: string | null) => Under | null
  draft: Signal<Draft | null>
  onDone: (drawn: Draft) => void
  children?: ComponentChildren
}>

export function DrawLayer(p: LayerProps) {
  const begun = useRef<{ x: number; y: number; second: boolean } | null>(null)
  const at = (event: PointerEvent): Under | null => p.place(event.clientX, event.clientY, p.draft.peek()?.lead ?? null)

  const done = (): void => {
    const drawn = p.draft.peek()
    begun.current = null
    p.draft.value = null
    if (drawn !== null && drawn.points.length > 1) p.onDone(drawn)
  }
  const down = (event: PointerEvent): void => {
    if (event.button !== 0) return
    const under = at(event)
    if (under === null) return
    ;(event.currentTarget as HTMLElement).setPointerCapture(event.pointerId)
    const open = p.draft.peek()
    if (begun.current !== null && open !== null) {
      begun.current = { ...begun.current, second: true }
      return
    }
    begun.current = { x: event.clientX, y: event.clientY, second: false }
    p.draft.value = { shape: p.tool === 'box' ? 'box' : 'pen', lead: under.lead, points: [under.point] }
  }
  const move = (event: PointerEvent): void => {
    const open = p.draft.peek()
    const under = begun.current === null ? null : at(event)
    if (open === null || under === null) return
    const [first] = open.points
    if (first === undefined) return
    p.draft.value = { ...open, points: open.shape === 'box' ? [first, under.point] : [...open.points, under.point] }
  }
  const up = (event: PointerEvent): void => {
    const start = begun.current
    if (start === null) return
    const moved = Math.hypot(event.clientX - start.x, event.clientY - start.y) > CLICK_PX
    if (p.tool === 'box' && !moved && !start.second) return // the other corner comes with the next click
    move(event)
    done()
  }
  return (
    <div
      class="draw-layer"
      data-testid="draw-layer"
      onPointerDown={down}
      onPointerMove={move}
      onPointerUp={up}
      onPointerCancel={() => {
        begun.current = null
        p.draft.value = null
      }}
    >
      {p.children}
    </div>
  )
}

type ToolsProps = Readonly<{
  tool: Signal<Tool>
  mayClear: boolean
  label: { open: boolean; value: string; put: (words: string) => void; done: () => void }
  undo: () => void
  clear: () => void
}>

/** Pen, box, undo, clear; and after a box a few words for it. */
export function DrawTools(p: ToolsProps) {
  return (
    <div class="draw-tools row" role="toolbar" aria-label={t('draw.label')}>
      <Segmented<Tool>
        label={t('draw.label')}
        value={p.tool.value}
        onChange={tool => {
          p.tool.value = tool
        }}
        choices={[
          { value: 'pen', words: t('draw.pen') },
          { value: 'box', words: t('draw.box'), title: t('draw.box.told') },
        ]}
      />
      {p.label.open && (
        <form
          class="row"
          onSubmit={event => {
            event.preventDefault()
            p.label.done()
          }}
        >
          <input
            class="input draw-words"
            name="mark-words"
            maxLength={80}
            aria-label={t('draw.words')}
            placeholder={t('draw.words')}
            value={p.label.value}
            onInput={event => p.label.put(event.currentTarget.value)}
          />
        </form>
      )}
      <Button kind="quiet" icon="undo" label={t('draw.undo')} onClick={p.undo} />
      {p.mayClear && (
        <Button kind="quiet" onClick={p.clear}>
          {t('draw.clear')}
        </Button>
      )}
    </div>
  )
}
