// My screen, or a second camera, on the stage: asked of the browser, told to the hub, sent in place of the first camera's
// picture. The hub allows one
// at a time, of who leads; whoever is no longer the one it names stops sending. Its picture is screen.tsx.
import { effect, signal } from '@preact/signals'
import type { OwnMedia } from './media'
import type { Shared } from './shared'

/** Why nothing is shared though it was wanted. */
export type NoScreen = 'refused' | 'unreadable' | 'unknown' | 'taken'

const PICTURE: MediaTrackConstraints = {
  width: { max: 1920 },
  height: { max: 1080 },
  frameRate: { ideal: 5, max: 10 },
}
/** Of a wound, a monitor, a film on a light box: larger than a face. */
const SECOND: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { max: 15 } }
const ALLOWED_WITHIN_MS = 5_000

/** Phones have none, nor has a page over plain http. */
export const canShare = (): boolean =>
  typeof (navigator.mediaDevices as MediaDevices | undefined)?.getDisplayMedia === 'function'

export function noScreenFor(error: unknown): NoScreen {
  const name = error instanceof DOMException ? error.name : ''
  if (name === 'NotAllowedError' || name === 'AbortError') return 'refused'
  return name === 'NotReadableError' || name === 'NotFoundError' ? 'unreadable' : 'unknown'
}

export type Share = ReturnType<typeof openShare>

export function openShare(media: OwnMedia, shared: Shared, me: string) {
  const why = signal<NoScreen | null>(null)
  let allowed = false
  let known = false
  let timer: ReturnType<typeof setTimeout> | undefined

  const put = (track: MediaStreamTrack | null): void => {
    clearTimeout(timer)
    allowed = false
    media.screen.peek()?.stop()
    media.screen.value = track
  }
  const stop = (): void => {
    if (media.screen.peek() === null) return
    put(null)
    shared.share(false)
  }
  const start = (): Promise<void> =>
    begin(() => navigator.mediaDevices.getDisplayMedia({ video: PICTURE, audio: false }))
  /** Another camera than the one that shows the face, by its id. */
  const startCamera = (id: string): Promise<void> =>
    begin(() => navigator.mediaDevices.getUserMedia({ video: { ...SECOND, deviceId: { exact: id } } }))

  const begin = async (open: () => Promise<MediaStream>): Promise<void> => {
    why.value = null
    try {
      const stream = await open()
      const track = stream.getVideoTracks()[0] ?? null
      if (track === null) return
      track.contentHint = 'detail' // letters and edges stay sharp, rather than movement smooth
      track.onended = stop // the browser's own "stop sharing"
      put(track)
      shared.share(true)
      timer = setTimeout(() => {
        if (allowed) return
        put(null)
        why.value = 'taken'
      }, ALLOWED_WITHIN_MS)
    } catch (error) {
      why.value = noScreenFor(error)
    }
  }
  const stopWatching = effect(() => {
    const floor = shared.floor.value
    const mine = floor.screen === me
    const sends = media.screen.peek() !== null
    const first = !known
    known ||= floor.rev > 0
    if (mine && sends) allowed = true
    else if (mine && first)
      shared.share(false) // this page was reloaded: the picture is gone
    else if (!mine && sends && allowed && floor.here.some(p => p.account === me)) {
      put(null)
      if (floor.screen !== '') why.value = 'taken'
    }
  })
  const close = (): void => {
    stopWatching()
    put(null)
  }
  return { why, start, startCamera, stop, close }
}
