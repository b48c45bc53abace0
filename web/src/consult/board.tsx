// The whiteboard: an empty stage to draw on, 1000 wide and 600 high on every screen.
import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { t } from '../i18n/consult'
import { type Draft, DrawLayer, type Tool } from './drawing'
import { BOARD, type Mark, type Point, type Shared } from './shared'

export const WIDE = 1000
export const HIGH = 600

type Props = Readonly<{ shared: Shared | null; tool: Tool; nameOf: (account: string) => string }>

export function Board(p: Props) {
  const svg = useRef<SVGSVGElement>(null)
  const draft = useSignal<Draft | null>(null)
  const place = (x: number, y: number): { lead: string; point: Point } | null => {
    const to = svg.current?.getScreenCTM()?.inverse()
    if (to === undefined) return null
    const at = new DOMPoint(x, y).matrixTransform(to)
    return { lead: '', point: [Math.max(0, Math.min(WIDE, at.x)), Math.max(0, Math.min(HIGH, at.y))] }
  }
  const marks = (p.shared?.marks.value ?? []).filter(m => m.on === BOARD)
  const open = draft.value
  const paper = (
    <svg ref={svg} class="board" viewBox={`0 0 ${WIDE} ${HIGH}`} role="img" aria-label={t('board.label')}>
      {marks.map(m => (
        <Drawn key={m.id} mark={m} name={p.nameOf(m.by)} />
      ))}
      {open !== null && <Line shape={open.shape} points={open.points} />}
    </svg>
  )
  return (
    <div class="board-stage" data-testid="board" data-marks={marks.length}>
      {p.tool === 'none' || p.shared === null ? (
        paper
      ) : (
        <DrawLayer
          tool={p.tool}
          place={place}
          draft={draft}
          onDone={d => p.shared?.draw({ on: BOARD, shape: d.shape, lead: '', points: d.points })}
        >
          {paper}
        </DrawLayer>
      )}
      {marks.length === 0 && open === null && <p class="board-none muted">{t('board.none')}</p>}
    </div>
  )
}

function Drawn({ mark, name }: { mark: Mark; name: string }) {
  const [x, y] = mark.points.at(-1) ?? [0, 0]
  return (
    <g>
      <Line shape={mark.shape} points={mark.points} />
      <text x={Math.min(x + 6, WIDE - 80)} y={Math.min(y + 16, HIGH - 6)}>
        {name}
      </text>
    </g>
  )
}

function Line({ shape, points }: { shape: Mark['shape']; points: readonly Point[] }) {
  const [a, b] = points
  if (shape === 'box' && a !== undefined && b !== undefined)
    return (
      <rect
        x={Math.min(a[0], b[0])}
        y={Math.min(a[1], b[1])}
        width={Math.abs(b[0] - a[0])}
        height={Math.abs(b[1] - a[1])}
        rx={4}
      />
    )
  return <polyline points={points.map(([x, y]) => `${x},${y}`).join(' ')} />
}
