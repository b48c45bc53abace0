// EcgTools: the row over the paper. Each control is a signal of the viewer; keys are printed where they save time.
import { useState } from 'preact/hooks'
import { day } from '../app/clock'
import { useKeys } from '../app/keys'
import { t } from '../i18n/ecg'
import { Button, Segmented } from '../ui'
import { CalibrationDialog } from './calibration'
import { UNFILTERED } from './filters'
import type { LayoutName } from './layout'
import { trueScale } from './scale'
import { GAINS, LAYOUTS, SPEEDS, toggleTool, type Viewer, type ViewerFacts, viewerKeys } from './viewer'

/** Binds the viewer's keys while its screen stands. `alt` in a room. */
export function useViewerKeys(
  viewer: Viewer,
  facts: ViewerFacts,
  options: { alt?: boolean; off?: boolean } = {},
): void {
  useKeys('viewer', viewerKeys(viewer, facts, options), { off: options.off === true })
}

type FilterChoice = 'none' | '40' | '50'

export function EcgTools({ viewer: v, facts, alt = false }: { viewer: Viewer; facts: ViewerFacts; alt?: boolean }) {
  const [calibrating, setCalibrating] = useState(false)
  const filter = v.filter.value
  const choice: FilterChoice = filter.lowPass40 ? '40' : filter.notch50 ? '50' : 'none'
  const caliperKey = alt ? 'Alt+KeyM' : 'KeyM'
  return (
    <div class="ecg-tools" role="toolbar" aria-label={t('tools.label')}>
      <Segmented<LayoutName>
        label={t('layout')}
        value={v.layout.value}
        onChange={layout => {
          v.layout.value = layout
        }}
        choices={LAYOUTS.map(layout => ({ value: layout, words: t(`layout.${layout}`) }))}
      />
      <Segmented
        label={t('speed')}
        value={v.speed.value}
        onChange={speed => {
          v.speed.value = speed
        }}
        choices={SPEEDS.map(n => ({ value: n, words: n === 50 ? t('speed.unit', { n }) : String(n) }))}
      />
      <Segmented
        label={t('gain')}
        value={v.gain.value}
        onChange={gain => {
          v.gain.value = gain
        }}
        choices={GAINS.map(n => ({ value: n, words: n === 20 ? t('gain.unit', { n }) : String(n) }))}
      />
      <Segmented<FilterChoice>
        label={t('filter')}
        value={choice}
        onChange={c => {
          v.filter.value = { ...UNFILTERED, baseline: filter.baseline, lowPass40: c === '40', notch50: c === '50' }
        }}
        choices={[
          { value: 'none', words: t('filter.none') },
          { value: '40', words: t('filter.40') },
          { value: '50', words: t('filter.50') },
        ]}
      />
      <span class="ecg-tools-line" />
      <Button
        icon="caliper"
        chord={caliperKey}
        on={v.tool.value !== 'none'}
        onClick={() => toggleTool(v, v.tool.value === 'none' ? 'time' : v.tool.value, facts)}
      >
        {t('caliper')}
      </Button>
      <Button
        kind="quiet"
        chord="Comma"
        on={v.marching.value}
        disabled={v.caliper.value?.kind !== 'time'}
        onClick={() => {
          v.marching.value = !v.marching.value
        }}
      >
        {t('caliper.march')}
      </Button>
      <Button
        kind="quiet"
        icon="zoom"
        chord="KeyZ"
        on={v.lens.value}
        onClick={() => {
          v.lens.value = !v.lens.value
        }}
      >
        {t('lens')}
      </Button>
      <span class="ecg-tools-wide">
        <Button
          kind="quiet"
          on={filter.baseline}
          onClick={() => {
            v.filter.value = { ...filter, baseline: !filter.baseline }
          }}
        >
          {t('filter.baseline')}
        </Button>
      </span>
      <span class="grow" />
      <span class="ecg-tools-wide">
        <Button kind="quiet" onClick={() => setCalibrating(true)}>
          {trueScale.value === null ? t('scale.true') : t('scale.since', { day: day(trueScale.value.at) })}
        </Button>
      </span>
      <CalibrationDialog open={calibrating} onClose={() => setCalibrating(false)} />
    </div>
  )
}
