// One screen in the frame: loads its chunk, shows it, and says in words when it cannot be loaded or breaks. A screen
// stands only before somebody who is known: it may ask who he is in its first line.
import { useEffect, useErrorBoundary, useState } from 'preact/hooks'
import { t } from '../i18n/app'
import { Button, Empty, ErrorLine, Skeleton } from '../ui'
import { go } from './router'
import type { Found, Screen } from './routes'
import { session } from './session'

type Loading = { kind: 'waiting' } | { kind: 'here'; Screen: Screen } | { kind: 'failed'; error: unknown }

const loaded = new Map<Found['route'], Screen>()

export function Content({ found, query }: { found: Found; query: URLSearchParams }) {
  const [state, setState] = useState<Loading>(() => {
    const before = loaded.get(found.route)
    return before === undefined ? { kind: 'waiting' } : { kind: 'here', Screen: before }
  })
  const [broken, mend] = useErrorBoundary(error => console.error('screen.broke', error))
  const [tries, setTries] = useState(0)
  useEffect(() => {
    if (state.kind === 'here') return
    let left = false
    found.route.load().then(
      module => {
        loaded.set(found.route, module.default)
        if (!left) setState({ kind: 'here', Screen: module.default })
      },
      (error: unknown) => {
        if (!left) setState({ kind: 'failed', error })
      },
    )
    return () => {
      left = true
    }
  }, [tries])

  if (broken !== undefined) return <Failed error={broken} retry={mend} />
  switch (state.kind) {
    case 'waiting':
      return <Waiting />
    case 'failed':
      return (
        <Failed
          error={state.error}
          retry={() => {
            setState({ kind: 'waiting' })
            setTries(tries + 1)
          }}
        />
      )
    case 'here':
      if (found.route.open === true || session.value.kind === 'in')
        return <state.Screen params={found.params} query={query} />
      return <Waiting />
  }
}

const Waiting = () => (
  <div role="status" aria-label={t('state.loading')}>
    <Skeleton rows={12} />
  </div>
)

const Failed = ({ error, retry }: { error: unknown; retry: () => void }) => (
  <div style={{ padding: 'var(--s5)' }}>
    <ErrorLine error={error} sentence={t('error.screen')} retry={retry} />
  </div>
)

export const NotFound = () => (
  <Empty title={t('notfound.title')} next={t('notfound.next')}>
    <Button kind="primary" onClick={() => go('/')}>
      {t('act.home')}
    </Button>
  </Empty>
)
