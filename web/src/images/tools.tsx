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
  alt?: boolean // in a room, whose own keys are plain letters
}>

const chordFor =
  (p: ToolProps) =>
  (key: string): string =>
    p.alt === true ? `Alt+${key}` : key

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
  const chord = chordFor(p)
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
          ...(facts.colour === true ? [] : [{ value: 'grey' as const, words: t('tool.grey'), chord: chord('KeyW') }]),
          { value: 'pan', words: t('tool.pan'), chord: chord('KeyG') },
          ...(measures ? [{ value: 'ruler' as const, words: t('tool.ruler'), chord: chord('KeyL') }] : []),
        ]}
      />
      {!measures && image.kind !== 'pdf' && (
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
        chord={chord('KeyI')}
        onClick={() => onView({ ...view, inverted: !view.inverted })}
      >
        {t('act.invert')}
      </Button>
      <Button kind="quiet" chord={chord('KeyR')} onClick={() => onView(turned(view))}>
        {t('act.turn')}
      </Button>
      <Button kind="quiet" on={view.flip} chord={chord('KeyH')} onClick={() => onView({ ...view, flip: !view.flip })}>
        {t('act.flip')}
      </Button>
      <Button kind="quiet" chord={chord('KeyF')} onClick={() => onView(fitted(view, facts))}>
        {t('act.fit')}
      </Button>
      {view.marks.length > 0 && (
        <Button kind="quiet" onClick={() => onView({ ...view, marks: [] })}>
          {t('act.clear')}
        </Button>
      )}
      {many && image.kind === 'pdf' && <Pages {...p} />}
      {many && image.kind !== 'pdf' && (
        <span class="row imgtools-frames">
          <Button
            on={p.playing}
            {...(p.alt === true ? {} : { chord: 'Space' })}
            onClick={() => p.onPlaying(!p.playing)}
          >
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

function Pages({ image, view, onView }: ToolProps) {
  const all = image.facts.frames ?? 1
  return (
    <span class="row">
      <Button
        kind="quiet"
        icon="left"
        label={t('act.page.before')}
        disabled={view.frame === 0}
        onClick={() => onView(toFrame(view, image.facts, view.frame - 1))}
      />
      <span class="f13 nw">{t('legend.page', { n: view.frame + 1, all })}</span>
      <Button
        kind="quiet"
        icon="right"
        label={t('act.page.next')}
        disabled={view.frame + 1 >= all}
        onClick={() => onView(toFrame(view, image.facts, view.frame + 1))}
      />
    </span>
  )
}

export function useImageKeys(p: ToolProps, more: readonly Binding[] = []): void {
  const { image, view, onView } = p
  const facts = image.facts
  const own = chordFor(p)
  const key = (id: string, chord: string, words: () => string, act: () => void, repeat = false): Binding => ({
    id: `image.${id}`,
    chord,
    words,
    act,
    repeat,
  })
  const play = (): void => {
    if ((facts.frames ?? 1) > 1) p.onPlaying(!p.playing)
  }
  const step = (by: number) => () => onView(toFrame(view, facts, view.frame + by))
  useKeys('image', [
    ...more,
    key(
      'grey',
      own('KeyW'),
      () => t('tool.grey'),
      () => facts.colour !== true && p.onTool('grey'),
    ),
    key(
      'pan',
      own('KeyG'),
      () => t('tool.pan'),
      () => p.onTool('pan'),
    ),
    key(
      'ruler',
      own('KeyL'),
      () => t('tool.ruler'),
      () => facts.row_mm != null && p.onTool('ruler'),
    ),
    key(
      'invert',
      own('KeyI'),
      () => t('act.invert'),
      () => onView({ ...view, inverted: !view.inverted }),
    ),
    key(
      'turn',
      own('KeyR'),
      () => t('act.turn'),
      () => onView(turned(view)),
    ),
    key(
      'flip',
      own('KeyH'),
      () => t('act.flip'),
      () => onView({ ...view, flip: !view.flip }),
    ),
    key(
      'fit',
      own('KeyF'),
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
    ...(p.alt === true ? [] : [key('play', 'Space', () => t('act.play'), play)]), // in a room Space is push to talk
    key('next', 'ArrowRight', () => t('act.next'), step(1), true),
    key('before', 'ArrowLeft', () => t('act.before'), step(-1), true),
  ])
}
