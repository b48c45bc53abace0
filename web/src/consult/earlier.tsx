// The patient's record on the stage: his ECGs, newest first, with what was found. Choosing one puts it before everybody.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Recording } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { findingName } from '../clinic/case'
import { listed } from '../i18n/catalogue'
import { t } from '../i18n/consult'
import { AutoTag, ErrorLine, Severity, Skeleton } from '../ui'

export type Earlier =
  | { kind: 'waiting' }
  | { kind: 'here'; value: readonly Recording[] }
  | { kind: 'failed'; error: unknown }

/** The patient's recordings that this viewer may see, newest first. */
export function useEarlier(patient: string): { earlier: Earlier; reload: () => void } {
  const [earlier, setEarlier] = useState<Earlier>({ kind: 'waiting' })
  const load = (): void => {
    api.get<readonly Recording[]>(`/api/patients/${encodeURIComponent(patient)}/recordings`).then(
      value => setEarlier({ kind: 'here', value }),
      (error: unknown) => setEarlier({ kind: 'failed', error }),
    )
  }
  useEffect(load, [patient])
  return { earlier, reload: load }
}

/** The one that is being taken now, if any. */
export const liveOf = (earlier: Earlier): string | null =>
  earlier.kind === 'here' ? (earlier.value.find(r => r.state === 'receiving')?.id ?? null) : null

type Props = Readonly<{ earlier: Earlier; reload: () => void; shown: string; onShow: (recording: string) => void }>

export function EarlierList(p: Props) {
  const state = p.earlier
  if (state.kind === 'waiting') return <Skeleton rows={6} />
  if (state.kind === 'failed') return <ErrorLine error={state.error} retry={p.reload} />
  const stored = state.value.filter(r => r.state !== 'receiving')
  return (
    <ol class="earlier" data-testid="earlier">
      {stored.map(r => (
        <li key={r.id}>
          <button
            type="button"
            class="earlier-one"
            aria-current={r.id === p.shown || undefined}
            onClick={() => p.onShow(r.id)}
          >
            <b class="nw">
              {day(r.started_at ?? r.opened_at)} {clockTime(r.started_at ?? r.opened_at)}
            </b>
            <span class="muted nw">{r.org_name}</span>
            <span class="grow">
              {r.impression.length > 0 ? (
                r.impression.join('；')
              ) : r.machine !== null && r.machine.findings.length > 0 ? (
                <>
                  <AutoTag /> {listed(r.machine.findings.map(findingName))}
                </>
              ) : (
                <span class="muted">{t('earlier.unread')}</span>
              )}
            </span>
            {r.grade === 'critical' && <Severity is="critical" />}
          </button>
        </li>
      ))}
    </ol>
  )
}
