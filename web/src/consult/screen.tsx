// Somebody's screen on the stage, as large as it goes; my own with a word that everybody sees it.
import { useEffect, useRef } from 'preact/hooks'
import { t } from '../i18n/consult'
import { Button, Empty } from '../ui'
import type { Seat } from './link'
import type { OwnMedia } from './media'
import type { Shared } from './shared'
import { showLive } from './video'

type Props = Readonly<{
  shared: Shared
  media: OwnMedia
  seats: readonly Seat[]
  me: string
  nameOf: (account: string) => string
}>

export function ScreenStage(p: Props) {
  const by = p.shared.floor.value.screen
  const own = p.media.screen.value
  if (by === '') return <Empty title={t('screen.lost')} />
  if (by === p.me)
    return own === null ? null : (
      <Picture stream={streamOf(own)} label={t('screen.mine')}>
        <span>{t('screen.mine')}</span>
        <Button onClick={() => p.shared.share(false)}>{t('screen.stop')}</Button>
      </Picture>
    )
  const seat = p.seats.find(s => s.account === by)
  const words = t('screen.of', { name: p.nameOf(by) })
  return (
    <Picture stream={seat?.stream ?? null} label={words}>
      <span>{words}</span>
      {(p.shared.hosts.value || p.shared.presents.value) && (
        <Button onClick={() => p.shared.share(false)}>{t('screen.end')}</Button>
      )}
    </Picture>
  )
}

const streams = new WeakMap<MediaStreamTrack, MediaStream>()

function streamOf(track: MediaStreamTrack): MediaStream {
  const known = streams.get(track) ?? new MediaStream([track])
  streams.set(track, known)
  return known
}

type PictureProps = Readonly<{
  stream: MediaStream | null
  label: string
  children: preact.ComponentChildren
}>

/** Without sound: that comes with its owner's tile. */
function Picture(p: PictureProps) {
  const video = useRef<HTMLVideoElement>(null)
  useEffect(() => {
    const el = video.current
    if (el === null) return
    showLive(el, p.stream)
    if (p.stream !== null) el.play().catch(() => undefined) // muted: a refusal only leaves it still
  }, [p.stream])
  return (
    <div class="screen-stage" data-testid="screen">
      <video ref={video} playsInline autoPlay muted aria-label={p.label} />
      <p class="screen-told row f13">{p.children}</p>
    </div>
  )
}
