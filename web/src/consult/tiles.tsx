// Video tiles: the others with their state, and myself. A tile always says who and in what state, with or without picture.
import { useEffect, useRef, useState } from 'preact/hooks'
import { t } from '../i18n/consult'
import { Icon } from '../ui'
import type { Seat } from './link'
import type { Media } from './media'
import type { PeerState } from './negotiation'
import type { Sound } from './sound'
import { showLive } from './video'

const STATE_WORDS = {
  connecting: 'peer.connecting',
  connected: 'peer.connected',
  reconnecting: 'peer.reconnecting',
  failed: 'peer.failed',
  left: 'peer.left',
} as const satisfies Record<PeerState, string>

/** Sound begins with a click on "enter"; after a reload there was none, so the tile offers one. */
export function PeerTile({ seat, name }: { seat: Seat; name: string }) {
  const video = useRef<HTMLVideoElement>(null)
  const [silent, setSilent] = useState(false)
  const play = (): void => {
    if (video.current === null || video.current.srcObject === null) return
    video.current.play().then(
      () => setSilent(false),
      // Another picture in its place ends a play too: that is no reason for a button.
      (error: unknown) => setSilent(error instanceof DOMException && error.name === 'NotAllowedError'),
    )
  }
  useEffect(() => {
    const el = video.current
    if (el === null) return
    showLive(el, seat.stream)
    play()
  }, [seat.stream])
  useEffect(() => {
    if (seat.state === 'connected') play()
  }, [seat.state])
  const picture = seat.cam && seat.state !== 'left'
  return (
    <div class="tile" data-testid="peer-tile" data-account={seat.account} data-state={seat.state}>
      {/* biome-ignore lint/a11y/useMediaCaption: a live conversation has no captions */}
      <video ref={video} class={picture ? '' : 'tile-off'} playsInline autoPlay />
      {!picture && <Blank words={seat.state === 'left' ? t('peer.left') : t('peer.camoff')} />}
      {seat.state !== 'connected' && seat.state !== 'left' && (
        <span class="tile-state" role="status">
          {t(STATE_WORDS[seat.state])}
        </span>
      )}
      {silent && (
        <button type="button" class="btn btn-plain tile-sound" onClick={play}>
          {t('room.sound')}
        </button>
      )}
      {seat.state === 'connected' && <Bars seat={seat} />}
      <span class="tile-name">
        {!seat.mic && (
          <span class="tile-mute" title={t('peer.micoff')}>
            <Icon name="mic" size={12} />
            <i />
          </span>
        )}
        <span class="ell">{name}</span>
      </span>
    </div>
  )
}

/** Three bars from round trip and loss; the numbers stand in the header. */
function Bars({ seat }: { seat: Seat }) {
  if (seat.net === null) return null
  const bad =
    seat.net.loss_pct > 5 || seat.net.rtt_ms > 600 ? 2 : seat.net.loss_pct > 1 || seat.net.rtt_ms > 250 ? 1 : 0
  return (
    <span class={`tile-bars tile-bars-${3 - bad}`} aria-hidden="true">
      <i />
      <i />
      <i />
    </span>
  )
}

const Blank = ({ words }: { words: string }) => (
  <span class="tile-blank">
    <svg viewBox="0 0 100 86" aria-hidden="true">
      <circle cx="50" cy="32" r="17" />
      <path d="M14 86c2-24 17-34 36-34s34 10 36 34z" />
    </svg>
    <span>{words}</span>
  </span>
)

export function SelfTile({ media, name, micOn }: { media: Media; name: string; micOn: boolean }) {
  const video = useRef<HTMLVideoElement>(null)
  const track = media.kind === 'here' ? media.video : null
  useEffect(() => {
    const el = video.current
    if (el === null) return
    el.srcObject = track === null ? null : new MediaStream([track])
    if (track !== null) el.play().catch(() => undefined) // own picture, muted: a refusal only leaves it still
  }, [track])
  return (
    <div class="tile tile-self" data-testid="self-tile" data-state={track === null ? 'off' : 'on'}>
      <video ref={video} class={track === null ? 'tile-off' : ''} playsInline autoPlay muted />
      {track === null && <Blank words={t('room.self.off')} />}
      <span class="tile-name">
        {(!micOn || (media.kind === 'here' && media.audio === null) || media.kind === 'none') && (
          <span class="tile-mute" title={t('peer.micoff')}>
            <Icon name="mic" size={12} />
            <i />
          </span>
        )}
        {t('room.me', { name })}
      </span>
    </div>
  )
}

export const WaitingTile = ({ words }: { words: string }) => (
  <div class="tile tile-waiting" data-testid="peer-tile" data-state="waiting">
    <Blank words={words} />
  </div>
)

/** Why there is no picture, and what still works. */
export function SoundOnly({ sound }: { sound: Sound | null }) {
  if (sound === null) return null
  return (
    <p
      class="room-told"
      role="status"
      data-testid="sound-only"
      data-without={sound.without}
      data-heard={sound.heard.value}
    >
      {t(sound.without ? 'room.soundonly' : 'room.soundonly.other')}
    </p>
  )
}
