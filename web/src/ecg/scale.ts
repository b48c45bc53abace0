// The calibration of this browser on this screen, as a signal: null while nothing, or nothing valid, is kept.
import { computed, signal } from '@preact/signals'
import { stored } from '../app/storage'
import { type Calibration, calibrationFor, readCalibration, type ScreenMark } from './paper'

export const keptCalibration = stored<Calibration | null>('xinlian.scale', null, readCalibration)

export const screenMark = (): ScreenMark => ({ width: screen.width, height: screen.height, dpr: devicePixelRatio })

const mark = signal<ScreenMark | null>(typeof screen === 'undefined' ? null : screenMark())
if (typeof addEventListener === 'function' && typeof screen !== 'undefined') {
  // Zooming or moving to another monitor resizes the page, and ends what the calibration holds for.
  addEventListener('resize', () => {
    mark.value = screenMark()
  })
}

export const trueScale = computed(() =>
  mark.value === null ? null : calibrationFor(keptCalibration.value, mark.value),
)
