// A recording that is still coming in: its twelve leads as they arrive. When it is sealed the reader shows the paper.
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Recording } from '../api/types.gen'
import { EcgSweep, PlayOut, pushBlock } from '../ecg'
import { t } from '../i18n/reader'
import { subscribe } from '../live/live'
import { Tag } from '../ui'

const KEEP_S = 12

type Head = Readonly<{ fs: number; leads: readonly string[] }>

export function LiveTrace({ recording }: { recording: Recording }) {
  const [head, setHead] = useState<Head>({ fs: recording.fs, leads: recording.leads })
  const playOut = useMemo(
    () => new PlayOut(head.fs, head.leads.length, KEEP_S),
    [recording.id, head.fs, head.leads.join()],
  )
  useEffect(
    () =>
      subscribe(`stream:${recording.id}`, null, {
        ready: told => {
          const { fs, leads } = told
          if (fs === undefined || leads === undefined) return
          setHead(before => (before.fs === fs && before.leads.join() === leads.join() ? before : { fs, leads }))
        },
        samples: block => {
          if (block.leads === playOut.leads) pushBlock(playOut, block, performance.now())
        },
      }),
    [recording.id, playOut],
  )
  return (
    <div class="rd-live">
      <p class="rd-live-head">
        <Tag>{t('live.title')}</Tag>
      </p>
      <div class="rd-live-sweep">
        <EcgSweep playOut={playOut} leads={head.leads} columns={2} />
      </div>
    </div>
  )
}
