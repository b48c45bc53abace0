// The buttons under the stage: microphone, camera, screen, drawing, hand, who is here, devices, conclusion, leaving.
// What a key does is in `room.tsx`.
import { isPhone } from '../alerts/phone'
import type { Consult } from '../api/types.gen'
import { isMe } from '../clinic/me'
import { t } from '../i18n/consult'
import { Button, Icon, type IconName } from '../ui'
import type { OwnMedia } from './media'
import { canShare, type Share } from './share'
import type { Shared } from './shared'

export type Panel = 'chat' | 'opinion' | 'people' | 'devices'

type ControlsProps = Readonly<{
  media: OwnMedia
  consult: Consult
  me: string
  shared: Shared | null
  share: Share | null
  drawing: boolean
  panel: Panel
  turn: (to: Panel) => void
  draw: () => void
  raise: () => void
  onLeave: () => void
}>

export function Controls(p: ControlsProps) {
  const here = p.media.state.value.kind === 'here'
  const mic = p.media.micOn.value && here
  const cam = p.media.camOn.value && here
  const fills = p.consult.events.includes('draft')
  const writes = p.consult.events.includes('conclude') && isMe(p.consult.expert)
  return (
    <footer class="room-controls">
      <Control
        icon="mic"
        words={t(mic ? 'room.mic.on' : 'room.mic.off')}
        chord="M"
        {...(p.media.listens.value ? { why: t('room.mic.listens') } : {})}
        on={mic}
        off={!here || p.media.listens.value}
        onClick={p.media.toggleMic}
      />
      <Control
        icon="camera"
        words={t(cam ? 'room.cam.on' : 'room.cam.off')}
        chord="V"
        on={cam}
        off={!here}
        onClick={() => void p.media.toggleCam()}
      />
      {p.shared !== null && p.share !== null && <ShareControl shared={p.shared} share={p.share} media={p.media} />}
      {p.shared !== null && <FloorControls {...p} shared={p.shared} />}
      <Control
        icon="gear"
        words={t('devices.title')}
        chord="K"
        on={p.panel === 'devices'}
        off={false}
        plain
        onClick={() => p.turn('devices')}
      />
      <span class="grow" />
      {p.shared !== null && (
        <span data-testid="opinion-open">
          <Button kind="primary" size="large" icon="pen" chord="KeyW" onClick={() => p.turn('opinion')}>
            {t(
              p.consult.conclusion !== null ? 'room.read' : writes ? 'room.opinion' : fills ? 'one.fill' : 'room.read',
            )}
          </Button>
        </span>
      )}
      <span data-testid="leave">
        <Button size="large" onClick={p.onLeave}>
          {t('room.leave')}
        </Button>
      </span>
    </footer>
  )
}

/** Who leads shares; who does not asks to lead first, and the button says so. */
function ShareControl(p: { shared: Shared; share: Share; media: OwnMedia }) {
  if (!canShare()) return null
  const on = p.media.screen.value !== null
  const may = p.shared.mayShow.value
  return (
    <Control
      icon="share"
      words={on ? t('screen.stop') : t('screen.share')}
      chord="G"
      {...(may || on ? {} : { why: t('screen.lead.first') })}
      on={on}
      off={!may && !on}
      plain
      onClick={() => (on ? p.share.stop() : void p.share.start())}
    />
  )
}

function FloorControls(p: ControlsProps & { shared: Shared }) {
  const floor = p.shared.floor.value
  const place = floor.hands.indexOf(p.me)
  return (
    <>
      <Control
        icon="pen"
        words={t('draw.label')}
        chord="D"
        on={p.drawing}
        off={!p.shared.mayDraw.value}
        plain
        onClick={p.draw}
      />
      <Control
        icon="hand"
        words={place < 0 ? t('hand.up') : t('hand.place', { n: place + 1 })}
        chord="H"
        on={place >= 0}
        off={false}
        plain
        onClick={p.raise}
      />
      <Control
        icon="people"
        words={t('people.count', { n: floor.here.length })}
        chord="P"
        on={p.panel === 'people'}
        off={false}
        plain
        onClick={() => p.turn('people')}
      />
    </>
  )
}

/** `plain`: off is only not chosen, without the stroke that says "closed". */
function Control(p: {
  plain?: boolean
  why?: string
  icon: IconName
  words: string
  chord: string
  on: boolean
  off: boolean
  onClick: () => void
}) {
  return (
    <button
      type="button"
      class={`room-control${p.on ? ' on' : ''}`}
      aria-pressed={p.on}
      disabled={p.off}
      title={p.why ?? `${p.words} ${p.chord}`}
      onClick={p.onClick}
    >
      <span class="room-control-icon">
        <Icon name={p.icon} size={20} />
        {!p.on && p.plain !== true && <i aria-hidden="true" />}
      </span>
      <span>
        {p.words} {!isPhone.value && <kbd aria-hidden="true">{p.chord}</kbd>}
      </span>
    </button>
  )
}
