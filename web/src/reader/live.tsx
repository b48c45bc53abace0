// A recording that is still coming in: its twelve leads as they arrive. When it is sealed the reader shows the paper.
import type { Recording } from '../api/types.gen'
import { EcgSweep, useLiveStream } from '../ecg'
import { t } from '../i18n/reader'
import { Tag } from '../ui'

export function LiveTrace({ recording }: { recording: Recording }) {
  const stream = useLiveStream(recording.id)
  return (
    <div class="rd-live">
      <p class="rd-live-head">
        <Tag>{t('live.title')}</Tag>
      </p>
      <div class="rd-live-sweep">
        {stream !== null && <EcgSweep playOut={stream.playOut} leads={stream.leads} columns={2} />}
      </div>
    </div>
  )
}
