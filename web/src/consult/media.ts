// This computer's microphone and camera, and in which words they are missing.
import { signal } from '@preact/signals'

export type Missing = 'insecure' | 'denied' | 'missing' | 'busy'
export type Media =
  | { kind: 'idle' }
  | { kind: 'asking' }
  | { kind: 'here'; audio: MediaStreamTrack | null; video: MediaStreamTrack | null }
  | { kind: 'none'; why: Missing }

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
  let over = false

  const put = (stream: MediaStream): void => {
    const audio = stream.getAudioTracks()[0] ?? null
    const video = stream.getVideoTracks()[0] ?? null
    if (over) {
      for (const track of stream.getTracks()) track.stop()
      return
    }
    if (audio !== null) audio.enabled = micOn.peek()
    camOn.value = video !== null
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
    micOn.value = !micOn.peek()
    const here = state.peek()
    if (here.kind === 'here' && here.audio !== null) here.audio.enabled = micOn.peek()
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
    try {
      const video = (await navigator.mediaDevices.getUserMedia({ video: VIDEO })).getVideoTracks()[0] ?? null
      if (over) video?.stop()
      else {
        camOn.value = video !== null
        state.value = { ...here, video }
      }
    } catch {
      camOn.value = false // denied meanwhile: the button stays off
    }
  }

  const close = (): void => {
    over = true
    const here = state.peek()
    if (here.kind !== 'here') return
    here.audio?.stop()
    here.video?.stop()
  }

  return { state, micOn, camOn, open, toggleMic, toggleCam, close }
}

export type OwnMedia = ReturnType<typeof createMedia>
