// True scale: a bank or ID card held to the screen, two sliders, its short side as the check.
import { useState } from 'preact/hooks'
import { t } from '../i18n/ecg'
import { Button, Dialog, FieldRow } from '../ui'
import { scaleFromCard } from './paper'
import { keptCalibration, screenMark } from './scale'

const GUESS_PX = { width: 324, height: 204 } as const // the card at 96 px an inch: where the sliders start

export function CalibrationDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [card, setCard] = useState<{ width: number; height: number }>(GUESS_PX)
  const check = scaleFromCard(card.width, card.height)
  const save = (): void => {
    if (check.kind !== 'matched') return
    keptCalibration.value = { ...screenMark(), pxPerMm: check.pxPerMm, at: new Date().toISOString() }
    onClose()
  }
  const slider = (id: string, side: 'width' | 'height', most: number) => (
    <input
      id={id}
      type="range"
      min={100}
      max={most}
      step={0.5}
      value={card[side]}
      onInput={e => setCard({ ...card, [side]: Number(e.currentTarget.value) })}
    />
  )
  return (
    <Dialog
      title={t('scale.title')}
      open={open}
      onClose={onClose}
      acts={
        <>
          {keptCalibration.value !== null && (
            <Button
              onClick={() => {
                keptCalibration.value = null
                onClose()
              }}
            >
              {t('scale.drop')}
            </Button>
          )}
          <Button kind="primary" disabled={check.kind !== 'matched'} onClick={save}>
            {t('scale.save')}
          </Button>
        </>
      }
    >
      <div class="col">
        <p>{t('scale.how')}</p>
        <FieldRow label={t('scale.long')}>{id => slider(id, 'width', 900)}</FieldRow>
        <FieldRow
          label={t('scale.short')}
          error={check.kind === 'disagree' ? t('scale.disagree', { percent: check.byPercent }) : null}
        >
          {id => slider(id, 'height', 600)}
        </FieldRow>
        <div class="ecg-card" style={{ width: `${card.width}px`, height: `${card.height}px` }} />
      </div>
    </Dialog>
  )
}
