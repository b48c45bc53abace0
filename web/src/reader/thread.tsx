// Talk with the clinic about this ECG, beside the conclusion: the same thread as everywhere.
import { t } from '../i18n/reader'
import { Thread as CaseThread } from '../messages/thread'

export function Thread(p: { recording: string; field: { current: HTMLTextAreaElement | null } }) {
  return (
    <section class="rd-part rd-thread">
      <h2 class="rd-part-head">{t('thread')}</h2>
      <CaseThread thread={p.recording} field={p.field} placeholder={t('thread.say')} none={t('thread.none')} />
    </section>
  )
}
