// Satisfaction with consultations: never a share without how many answered and how sure it is.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Satisfaction as Figures, Share } from '../api/types.gen'
import { t } from '../i18n/after'
import { ErrorLine, Skeleton } from '../ui'

const DAYS = 365
type State = { kind: 'waiting' } | { kind: 'here'; value: Figures } | { kind: 'failed'; error: unknown }

export function Satisfaction() {
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const load = (): void => {
    api.get<Figures>(`/api/consult/satisfaction?days=${DAYS}`).then(
      value => setState({ kind: 'here', value }),
      (error: unknown) => setState({ kind: 'failed', error }),
    )
  }
  useEffect(load, [])
  if (state.kind === 'waiting') return <Skeleton rows={4} />
  if (state.kind === 'failed') return <ErrorLine error={state.error} retry={load} />
  return (
    <section class="admin-satisfaction" data-testid="satisfaction">
      <h2>{t('sat.title', { n: DAYS })}</h2>
      <table>
        <thead>
          <tr>
            <th>{t('sat.who')}</th>
            <th>{t('sat.answered')}</th>
            <th>{t('sat.satisfied')}</th>
            <th>{t('sat.means')}</th>
          </tr>
        </thead>
        <tbody>
          {state.value.of.map(row => (
            <tr key={row.who}>
              <td>{t(`sat.${row.who}`)}</td>
              <td>{share(row.answered)}</td>
              <td>{share(row.satisfied)}</td>
              <td>{row.means.map(mean => (mean === null ? '–' : mean.toFixed(1))).join(' / ')}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="dim f12">{t('sat.told')}</p>
    </section>
  )
}

const percent = (share: number): string => (share * 100).toFixed(0)

/** "18/20，90%（95% 区间 70%–97%）"; without anything to divide by, only the counts. */
export function share(s: Share): string {
  const { count, of } = s
  if (s.share === null || s.low === null || s.high === null) return t('sat.none', { count, of })
  return t('sat.share', { count, of, percent: percent(s.share), low: percent(s.low), high: percent(s.high) })
}
