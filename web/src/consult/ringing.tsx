// The ringing call for help: who calls, about whom, and one click into the room. Above the content, under the alarms.
import { useEffect } from 'preact/hooks'
import { playOnce } from '../alerts/player'
import { api } from '../api/client'
import type { HelpCall, HelpCalls } from '../api/types.gen'
import { go, path } from '../app/router'
import { personName } from '../clinic/case'
import { t } from '../i18n/case'
import { Button, Icon } from '../ui'
import { put, ringing } from './calls'
import { takeSeat } from './seat'
import './ringing.css'

const AGAIN_MS = 5_000

export function CallBanner() {
  const first = ringing.value.find(c => path.value !== `/room/${c.consult}`)
  return first === undefined ? null : <Ringing key={`${first.consult} ${first.at}`} call={first} />
}

function Ringing({ call }: { call: HelpCall }) {
  useEffect(() => {
    const sound = (): void => playOnce('high')
    sound()
    const timer = setInterval(sound, AGAIN_MS)
    return () => clearInterval(timer)
  }, [])
  const come = (): void => {
    takeSeat(call.consult)
    go(`/room/${call.consult}`)
  }
  const decline = (): void => {
    api.post<HelpCalls>(`/api/consults/${encodeURIComponent(call.consult)}/help/decline`, {}).then(put, () => undefined) // it goes on ringing: the button is still there
  }
  return (
    <section class="helpcall" role="alert" aria-label={t('help.rings')} data-testid="help-call">
      <Icon name="phone" size={20} />
      <b class="nw">{t('help.rings')}</b>
      <span class="helpcall-what">
        <b class="name">{personName(call.patient)}</b> · {t('help.by', { name: call.by_name, org: call.org_name })}
        {' · '}
        {call.words || call.purpose}
      </span>
      <span class="grow" />
      <Button kind="primary" onClick={come}>
        {t('help.come')}
      </Button>
      <Button onClick={decline}>{t('help.decline')}</Button>
    </section>
  )
}
