// The tools of an image and its keys. Every act gives a new view; nothing is kept here but which tool the hand holds.
import type { Image } from '../api/types.gen'
import { type Binding, useKeys } from '../app/keys'
import { t } from '../i18n/images'
import { Button, Segmented } from '../ui'
import type { Tool } from './stage'
import { fitted, type ImageView, type Preset, presetsOf, toFrame, ZOOM_MAX, ZOOM_MIN } from './view'

export type ToolProps = Readonly<{
  image: Image
  view: ImageView
  onView: (view: ImageView) => void
  tool: Tool
  onTool: (tool: Tool) => void
  playing: boolean
  onPlaying: (playing: boolean) => void
}>

const STEP = 1.25
const zoomed = (view: ImageView, factor: number): ImageView => ({
  ...view,
  zoom: Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, view.zoom * factor)),
})
const turned = (view: ImageView): ImageView => ({ ...view, turn: ((view.turn + 1) % 4) as ImageView['turn'] })

const wordsOf = (p: Preset): string => p.name || t(`preset.${p.key}`)
const shows = (view: ImageView, p: Preset): boolean =>
  p.grey === null ? view.grey === null : view.grey?.centre === p.grey.centre && view.grey.width === p.grey.width

export function ImageTools(p: ToolProps) {
  const { image, view, onView } = p
  const facts = image.facts
  const measures = facts.row_mm != null
  const presets = presetsOf(facts)
  const many = (facts.frames ?? 1) > 1
  return (
    <div class="imgtools" role="toolbar" aria-label={t('tools')}>
      <Segmented<Tool>
        label={t('tools')}
        value={p.tool}
        onChange={p.onTool}
        choices={[
          ...(facts.colour === true ? [] : [{ value: 'grey' as const, words: t('tool.grey'), chord: 'KeyW' }]),
          { value: 'pan', words: t('tool.pan'), chord: 'KeyG' },
          ...(measures ? [{ value: 'ruler' as const, words: t('tool.ruler'), chord: 'KeyL' }] : []),
        ]}
      />
      {!measures && (
        <span class="muted f12" data-testid="ruler-none">
          {t('ruler.none')}
        </span>
      )}
      {presets.length > 1 && (
        <fieldset class="row imgtools-presets" aria-label={t('presets')}>
          {presets.map((preset, n) => (
            <Button
              key={`${preset.key}${n}`}
              kind="quiet"
              on={shows(view, preset)}
              onClick={() => onView({ ...view, grey: preset.grey })}
            >
              {wordsOf(preset)}
            </Button>
          ))}
        </fieldset>
      )}
      <Button
        kind="quiet"
        on={view.inverted}
        chord="KeyI"
        onClick={() => onView({ ...view, inverted: !view.inverted })}
      >
        {t('act.invert')}
      </Button>
      <Button kind="quiet" chord="KeyR" onClick={() => onView(turned(view))}>
        {t('act.turn')}
      </Button>
      <Button kind="quiet" on={view.flip} chord="KeyH" onClick={() => onView({ ...view, flip: !view.flip })}>
        {t('act.flip')}
      </Button>
      <Button kind="quiet" chord="KeyF" onClick={() => onView(fitted(view, facts))}>
        {t('act.fit')}
      </Button>
      {view.marks.length > 0 && (
        <Button kind="quiet" onClick={() => onView({ ...view, marks: [] })}>
          {t('act.clear')}
        </Button>
      )}
      {many && (
        <span class="row imgtools-frames">
          <Button on={p.playing} chord="Space" onClick={() => p.onPlaying(!p.playing)}>
            {t(p.playing ? 'act.stop' : 'act.play')}
          </Button>
          <input
            type="range"
            min={0}
            max={(facts.frames ?? 1) - 1}
            value={view.frame}
            aria-label={t('frame')}
            onInput={e => onView(toFrame(view, facts, Number(e.currentTarget.value)))}
          />
        </span>
      )}
    </div>
  )
}

export function useImageKeys(p: ToolProps, more: readonly Binding[] = []): void {
  const { image, view, onView } = p
  const facts = image.facts
  const key = (id: string, chord: string, words: () => string, act: () => void, repeat = false): Binding => ({
    id: `image.${id}`,
    chord,
    words,
    act,
    repeat,
  })
  const step = (by: number) => () => onView(toFrame(view, facts, view.frame + by))
  useKeys('image', [
    ...more,
    key(
      'grey',
      'KeyW',
      () => t('tool.grey'),
      () => facts.colour !== true && p.onTool('grey'),
    ),
    key(
      'pan',
      'KeyG',
      () => t('tool.pan'),
      () => p.onTool('pan'),
    ),
    key(
      'ruler',
      'KeyL',
      () => t('tool.ruler'),
      () => facts.row_mm != null && p.onTool('ruler'),
    ),
    key(
      'invert',
      'KeyI',
      () => t('act.invert'),
      () => onView({ ...view, inverted: !view.inverted }),
    ),
    key(
      'turn',
      'KeyR',
      () => t('act.turn'),
      () => onView(turned(view)),
    ),
    key(
      'flip',
      'KeyH',
      () => t('act.flip'),
      () => onView({ ...view, flip: !view.flip }),
    ),
    key(
      'fit',
      'KeyF',
      () => t('act.fit'),
      () => onView(fitted(view, facts)),
    ),
    key(
      'in',
      'Equal',
      () => t('act.in'),
      () => onView(zoomed(view, STEP)),
      true,
    ),
    key(
      'out',
      'Minus',
      () => t('act.out'),
      () => onView(zoomed(view, 1 / STEP)),
      true,
    ),
    key(
      'play',
      'Space',
      () => t('act.play'),
      () => (facts.frames ?? 1) > 1 && p.onPlaying(!p.playing),
    ),
    key('next', 'ArrowRight', () => t('act.next'), step(1), true),
    key('before', 'ArrowLeft', () => t('act.before'), step(-1), true),
  ])
}
