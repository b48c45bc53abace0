// Which microphone and camera this computer uses in the room, what to do when one of them is gone, and a second camera
// before everybody.
import { useEffect, useState } from 'preact/hooks'
import { useKeys } from '../app/keys'
import { t } from '../i18n/consult'
import { Button } from '../ui'
import type { OwnMedia, Trouble } from './media'
import type { Share } from './share'
import type { Shared } from './shared'

const TROUBLE = {
  mic: {
    gone: 'trouble.mic.gone',
    denied: 'trouble.mic.denied',
    busy: 'trouble.mic.busy',
    missing: 'trouble.mic.gone',
  },
  cam: {
    gone: 'trouble.cam.gone',
    denied: 'trouble.cam.denied',
    busy: 'trouble.cam.busy',
    missing: 'trouble.cam.gone',
  },
} as const

/** A device that went away while we talk: said at once, and the room goes on without it. */
export function DeviceTrouble({ media }: { media: OwnMedia }) {
  const trouble: Trouble | null = media.trouble.value
  if (trouble === null) return null
  return (
    <div class="room-told" role="alert" data-testid="device-trouble" data-what={trouble.what} data-why={trouble.why}>
      <p>{t(TROUBLE[trouble.what][trouble.why])}</p>
      <Button onClick={() => void media.use(trouble.what, '')}>{t('trouble.again')}</Button>
    </div>
  )
}

type Stage = Readonly<{ share: Share; shared: Shared }>

/** room: null before the room is entered. */
export function Devices({ media, room, onClose }: { media: OwnMedia; room: Stage | null; onClose: () => void }) {
  const [all, setAll] = useState<readonly MediaDeviceInfo[]>([])
  useKeys('devices.panel', [{ id: 'devices.close', chord: 'Escape', words: () => t('one.back'), act: onClose }])
  useEffect(() => {
    const devices = navigator.mediaDevices as MediaDevices | undefined
    if (devices === undefined) return
    const look = (): void => void devices.enumerateDevices().then(setAll, () => undefined) // an empty list says it
    look()
    devices.addEventListener('devicechange', look)
    return () => devices.removeEventListener('devicechange', look)
  }, [media.state.value])
  return (
    <section class="room-people" aria-label={t('devices.title')} data-testid="devices">
      <header class="row">
        <h2>{t('devices.title')}</h2>
        <span class="grow" />
        <Button kind="quiet" icon="cross" label={t('one.back')} onClick={onClose} />
      </header>
      <div class="devices">
        <Pick what="mic" kind="audioinput" all={all} media={media} />
        <Pick what="cam" kind="videoinput" all={all} media={media} />
        {room !== null && <Second all={all} media={media} {...room} />}
      </div>
    </section>
  )
}

type PickProps = Readonly<{
  what: 'mic' | 'cam'
  kind: MediaDeviceKind
  all: readonly MediaDeviceInfo[]
  media: OwnMedia
}>

function Pick({ what, kind, all, media }: PickProps) {
  const mine = all.filter(d => d.kind === kind && d.deviceId !== '')
  const here = media.state.value
  const track = here.kind !== 'here' ? null : what === 'mic' ? here.audio : here.video
  return (
    <div class="field">
      <label for={`device-${what}`}>{t(`devices.${what}`)}</label>
      {mine.length === 0 ? (
        <span class="muted f13">{t('devices.none')}</span>
      ) : (
        <select
          class="input"
          id={`device-${what}`}
          value={track?.getSettings().deviceId ?? ''}
          onChange={e => void media.use(what, e.currentTarget.value)}
        >
          {track === null && <option value="">{t('devices.off')}</option>}
          {mine.map((d, n) => (
            <option key={d.deviceId} value={d.deviceId}>
              {d.label || t('devices.nth', { n: n + 1 })}
            </option>
          ))}
        </select>
      )}
    </div>
  )
}

/** A camera over the patient, a monitor or a film, beside the one that shows the face. */
function Second({ all, media, share, shared }: Stage & { all: readonly MediaDeviceInfo[]; media: OwnMedia }) {
  const here = media.state.value
  const face = here.kind === 'here' ? here.video?.getSettings().deviceId : undefined
  const others = all.filter(d => d.kind === 'videoinput' && d.deviceId !== '' && d.deviceId !== face)
  if (others.length === 0) return null
  const on = media.screen.value !== null
  return (
    <div class="field" data-testid="second-camera">
      <span class="label">{t('second.title')}</span>
      {on ? (
        <Button onClick={share.stop}>{t('screen.stop')}</Button>
      ) : (
        others.map((d, n) => (
          <Button key={d.deviceId} disabled={!shared.mayShow.value} onClick={() => void share.startCamera(d.deviceId)}>
            {t('second.show', { name: d.label || t('devices.nth', { n: n + 1 }) })}
          </Button>
        ))
      )}
      <span class="muted f13">{shared.mayShow.value || on ? t('second.face') : t('second.lead.first')}</span>
    </div>
  )
}
