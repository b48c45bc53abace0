// This computer's microphone and camera, and in which words they are missing.
import { computed, signal } from '@preact/signals'

export type Missing = 'insecure' | 'denied' | 'missing' | 'busy'
export type Media =
  | { kind: 'idle' }
  | { kind: 'asking' }
  | { kind: 'here'; audio: MediaStreamTrack | null; video: MediaStreamTrack | null }
  | { kind: 'none'; why: Missing }

export type Device = 'mic' | 'cam'
/** What is wrong with a device while we talk; `gone`: it was there and is no longer. */
export type Trouble = Readonly<{ what: Device; why: 'gone' | Exclude<Missing, 'insecure'> }>

const AUDIO: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true }
const VIDEO: MediaTrackConstraints = {
  width: { ideal: 640 },
  height: { ideal: 360 },
  frameRate: { ideal: 24, max: 30 },
}

export function missingFor(error: unknown): Missing {
  const name = error instanceof DOMException ? error.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied'
  if (name === 'NotReadableError' || name === 'AbortError') return 'busy'
  return 'missing'
}

/** A room's own media: opened once, tracks stopped when the room is left. */
export function createMedia() {
  const state = signal<Media>({ kind: 'idle' })
  const micOn = signal(true)
  const camOn = signal(true)
  /** He only listens: his microphone stays off. */
  const listens = signal(false)
  /** My screen while it is shared: it goes out in the camera's place. */
  const screen = signal<MediaStreamTrack | null>(null)
  const trouble = signal<Trouble | null>(null)
  let over = false
  /** What goes out now. */
  const sent = computed(() => {
    const here = state.value
    const own = here.kind === 'here' ? here : { audio: null, video: null }
    return { audio: own.audio, video: screen.value ?? own.video }
  })

  /** A device that is pulled out, or taken by another program, ends its track. */
  const watch = (what: Device, track: MediaStreamTrack | null): void => {
    if (track === null) return
    track.onended = () => {
      const here = state.peek()
      if (over || here.kind !== 'here' || (what === 'mic' ? here.audio : here.video) !== track) return
      state.value = what === 'mic' ? { ...here, audio: null } : { ...here, video: null }
      if (what === 'cam') camOn.value = false
      trouble.value = { what, why: 'gone' }
    }
  }

  const put = (stream: MediaStream): void => {
    const audio = stream.getAudioTracks()[0] ?? null
    const video = stream.getVideoTracks()[0] ?? null
    if (over) {
      for (const track of stream.getTracks()) track.stop()
      return
    }
    if (audio !== null) audio.enabled = micOn.peek()
    camOn.value = video !== null
    watch('mic', audio)
    watch('cam', video)
    state.value = { kind: 'here', audio, video }
  }

  const open = async (): Promise<void> => {
    // On plain http from another address the browser has no mediaDevices at all.
    const devices = navigator.mediaDevices as MediaDevices | undefined
    if (devices === undefined) {
      state.value = { kind: 'none', why: 'insecure' }
      return
    }
    state.value = { kind: 'asking' }
    try {
      put(await devices.getUserMedia({ audio: AUDIO, video: VIDEO }))
    } catch (error) {
      const why = missingFor(error)
      // No camera, or somebody else holds it: the voice alone is most of a consultation.
      if (why !== 'denied') {
        try {
          put(await devices.getUserMedia({ audio: AUDIO }))
          return
        } catch {
          // falls to the words below
        }
      }
      if (!over) state.value = { kind: 'none', why }
    }
  }

  const toggleMic = (): void => {
    if (listens.peek() && !micOn.peek()) return
    micOn.value = !micOn.peek()
    const here = state.peek()
    if (here.kind === 'here' && here.audio !== null) here.audio.enabled = micOn.peek()
  }

  const listenOnly = (only: boolean): void => {
    listens.value = only
    if (only && micOn.peek()) toggleMic()
  }

  /** Off means off: the track is stopped and the camera's light goes out. */
  const toggleCam = async (): Promise<void> => {
    const here = state.peek()
    if (here.kind !== 'here') return
    if (here.video !== null) {
      here.video.stop()
      camOn.value = false
      state.value = { ...here, video: null }
      return
    }
    await use('cam', '')
  }

  /** Another microphone or camera, by its id; '': whichever the browser gives. The one before stays until it is there. */
  const use = async (what: Device, id: string): Promise<void> => {
    const wish = what === 'mic' ? AUDIO : VIDEO
    const device = id === '' ? wish : { ...wish, deviceId: { exact: id } }
    try {
      const got = await navigator.mediaDevices.getUserMedia(what === 'mic' ? { audio: device } : { video: device })
      const track = got.getTracks()[0] ?? null
      const here = state.peek()
      const own = here.kind === 'here' ? here : { kind: 'here' as const, audio: null, video: null }
      if (over || track === null) {
        track?.stop()
        return
      }
      watch(what, track)
      if (what === 'mic') {
        own.audio?.stop()
        track.enabled = micOn.peek()
        state.value = { ...own, audio: track }
      } else {
        own.video?.stop()
        camOn.value = true
        state.value = { ...own, video: track }
      }
      trouble.value = null
    } catch (error) {
      const why = missingFor(error)
      trouble.value = { what, why: why === 'insecure' ? 'missing' : why }
    }
  }

  const close = (): void => {
    over = true
    screen.peek()?.stop()
    const here = state.peek()
    if (here.kind !== 'here') return
    here.audio?.stop()
    here.video?.stop()
  }

  return { state, sent, screen, trouble, micOn, camOn, listens, open, use, toggleMic, listenOnly, toggleCam, close }
}

export type OwnMedia = ReturnType<typeof createMedia>
