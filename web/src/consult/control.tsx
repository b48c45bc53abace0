// Who leads the view, in one line over the stage: asked for, given, taken back, without a dialog over the trace.
import type { Signal } from '@preact/signals'
import { t } from '../i18n/consult'
import { Button } from '../ui'
import type { Shared } from './shared'
import type { Follow } from './stage'

type Props = Readonly<{ shared: Shared; me: string; follow: Signal<Follow>; nameOf: (account: string) => string }>

export function Control({ shared, me, follow, nameOf }: Props) {
  const floor = shared.floor.value
  const asked = floor.asks.includes(me)
  const mayGive = shared.presents.value || shared.hosts.value
  const next = mayGive ? floor.asks.find(a => a !== me) : undefined
  return (
    <div class="stage-control row" data-testid="control" data-presenter={floor.presenter}>
      <span class="f13 ell" role="status">
        {next !== undefined
          ? t('control.asks', { name: nameOf(next) })
          : shared.presents.value
            ? t(follow.value === 'follow' ? 'control.mine' : 'control.mine.free')
            : floor.presenter === ''
              ? t('control.nobody')
              : t('room.shown', { name: nameOf(floor.presenter) })}
      </span>
      {next !== undefined && <Button onClick={() => shared.give(next)}>{t('control.give')}</Button>}
      {!shared.presents.value && shared.hosts.value && (
        <Button onClick={() => shared.give(me)}>{t('control.take')}</Button>
      )}
      {!shared.presents.value && !shared.hosts.value && (
        <Button on={asked} onClick={() => shared.ask(!asked)}>
          {t(asked ? 'control.asked' : 'control.ask')}
        </Button>
      )}
    </div>
  )
}
