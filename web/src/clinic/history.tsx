// The parcel view: what happened to a recording, when, by whom, newest below.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { HistoryLine } from '../api/types.gen'
import { clockTime } from '../app/clock'
import { t } from '../i18n/clinic'
import { ErrorLine, Skeleton } from '../ui'
import { reasonWords } from './case'

type State = { kind: 'waiting' } | { kind: 'here'; value: readonly HistoryLine[] } | { kind: 'failed'; error: unknown }

/** `version` changes when something happened: asked again then. */
export function History({ recording, version }: { recording: string; version: string }) {
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const load = (): void => {
    api.get<readonly HistoryLine[]>(`/api/recordings/${encodeURIComponent(recording)}/history`).then(
      value => setState({ kind: 'here', value }),
      (error: unknown) => setState({ kind: 'failed', error }),
    )
  }
  useEffect(load, [recording, version])
  switch (state.kind) {
    case 'waiting':
      return <Skeleton rows={4} />
    case 'failed':
      return <ErrorLine error={state.error} retry={load} />
    case 'here':
      return (
        <ol class="parcel">
          {state.value
            .filter(line => wordsOf(line.kind) !== null)
            .map(line => (
              <li key={`${line.at} ${line.kind}`}>
                <time class="dim" dateTime={line.at}>
                  {clockTime(line.at)}
                </time>
                <span>
                  {wordsOf(line.kind)}
                  {typeof line.body.reason === 'string' && <span class="muted"> {reasonWords(line.body.reason)}</span>}
                  {line.actor_name !== '' && <span class="dim"> {line.actor_name}</span>}
                </span>
              </li>
            ))}
        </ol>
      )
  }
}

type HistoryKey = Extract<keyof typeof t.entries, `h.${string}`>
const isKey = (key: string): key is HistoryKey => key in t.entries

/** null: a step of the machinery that says nothing to people. */
function wordsOf(kind: string): string | null {
  const key = `h.${kind}`
  return isKey(key) ? t(key) : null
}
