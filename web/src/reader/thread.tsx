// Talk with the clinic or a colleague about this ECG, beside the conclusion: the same thread as everywhere; a question may
// be pinned on a beat of the paper (messages/pins.ts, pins.tsx).
import { t } from '../i18n/reader'
import type { Pins } from '../messages/pins'
import { Thread as CaseThread } from '../messages/thread'
import { Button } from '../ui'

type Props = Readonly<{
  recording: string
  patient: string
  field: { current: HTMLTextAreaElement | null }
  pins: Pins
  onPin: (() => void) | null // null: there is no paper to pin on
}>

export function Thread(p: Props) {
  return (
    <section class="rd-part rd-thread">
      <h2 class="rd-part-head">
        {t('thread')}
        <span class="grow" />
        <a class="f13" href={`/messages/${encodeURIComponent(p.patient)}`} data-testid="patient-thread">
          {t('thread.patient')}
        </a>
        {p.onPin !== null && (
          <Button kind="quiet" chord="Shift+KeyY" on={p.pins.placing.value} onClick={p.onPin}>
            {t('pin')}
          </Button>
        )}
      </h2>
      <CaseThread
        thread={p.recording}
        field={p.field}
        placeholder={t('thread.say')}
        none={t('thread.none')}
        pins={p.pins}
      />
    </section>
  )
}
