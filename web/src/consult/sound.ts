// Voices over a WebSocket, where no media come through: neither UDP nor a TURN server. Opus by WebCodecs both ways, on a
// socket of its own, so that no ECG ever waits behind a voice. Rules of who hears whom: server/consult/sound.py.
import { signal } from '@preact/signals'
import { api } from '../api/client'
import type { Ticket } from '../api/types.gen'
import { everySecond } from '../live/beat'
import worklet from './sound.worklet.ts?worker&url'

const RATE_HZ = 48_000
const PACKET_US = 60_000
const BITS = 24_000
/** Louder than -57 dBov: a voice, not the room. Some packets after it go out too, so that no word is cut short. */
const VOICE_LEVEL = 70
const AFTER_PACKETS = 6
const UNSENT_BYTES_MAX = 8_000
const AGAIN_MS = 1_000
const STILL_HERE_S = 5
const HEAD_BYTES = 4

export const canSound = (): boolean => typeof AudioEncoder !== 'undefined' && typeof AudioWorkletNode !== 'undefined'

/** 0 for silence to 127 for the loudest there is. */
export function levelOf(samples: Float32Array): number {
  const power = samples.reduce((sum, v) => sum + v * v, 0) / Math.max(1, samples.length)
  return power <= 0 ? 0 : Math.max(0, Math.min(127, Math.round(127 + 10 * Math.log10(power))))
}

export type Packet = Readonly<{ speaker: number; level: number; sequence: number; opus: Uint8Array }>

/** null for what is too short to be one. */
export function readPacket(bytes: ArrayBuffer): Packet | null {
  if (bytes.byteLength <= HEAD_BYTES) return null
  const view = new DataView(bytes)
  const opus = new Uint8Array(bytes, HEAD_BYTES)
  return { speaker: view.getUint8(0), level: view.getUint8(1), sequence: view.getUint16(2), opus }
}

export function writePacket(level: number, sequence: number, opus: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEAD_BYTES - 1 + opus.length)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, level)
  view.setUint16(1, sequence & 0xffff)
  bytes.set(opus, HEAD_BYTES - 1)
  return bytes
}

type Options = Readonly<{ consult: string; without: boolean; track: MediaStreamTrack | null }>
export type Sound = ReturnType<typeof openSound>

/** `without`: no media reach this page, so it hears and is heard by everybody this way. */
export function openSound(o: Options) {
  const heard = signal(0)
  let socket: WebSocket | null = null
  let over = false
  let mix: AudioWorkletNode | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  const audio = new AudioContext({ sampleRate: RATE_HZ, latencyHint: 'interactive' })
  const decoders = new Map<number, AudioDecoder>()
  let level = 0
  let still = 0
  let sequence = 0
  let beats = 0

  const encoder = new AudioEncoder({
    output: chunk => {
      if (socket?.readyState !== WebSocket.OPEN || socket.bufferedAmount > UNSENT_BYTES_MAX) return
      const opus = new Uint8Array(chunk.byteLength)
      chunk.copyTo(opus)
      sequence += 1
      socket.send(writePacket(level, sequence, opus))
    },
    error: error => console.info('room.sound', error),
  })
  const opus = { frameDuration: PACKET_US, usedtx: false } // newer than the type definitions
  encoder.configure({
    codec: 'opus',
    sampleRate: RATE_HZ,
    numberOfChannels: 1,
    bitrate: BITS,
    opus,
  } as AudioEncoderConfig)

  const taken = (samples: Float32Array, at_us: number): void => {
    level = levelOf(samples)
    still = level >= VOICE_LEVEL ? 0 : still + 1
    if (still > AFTER_PACKETS || encoder.state !== 'configured') return
    const data = new AudioData({
      format: 'f32-planar',
      sampleRate: RATE_HZ,
      numberOfFrames: samples.length,
      numberOfChannels: 1,
      timestamp: at_us,
      data: samples as Float32Array<ArrayBuffer>,
    })
    encoder.encode(data)
    data.close()
  }

  const decoderOf = (speaker: number): AudioDecoder => {
    const known = decoders.get(speaker)
    if (known !== undefined && known.state === 'configured') return known
    const made = new AudioDecoder({
      output: data => {
        const samples = new Float32Array(data.numberOfFrames)
        data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' })
        data.close()
        mix?.port.postMessage({ speaker, samples }, [samples.buffer])
        heard.value += 1
      },
      error: error => console.info('room.sound', error),
    })
    made.configure({ codec: 'opus', sampleRate: RATE_HZ, numberOfChannels: 1 })
    decoders.set(speaker, made)
    return made
  }

  const connect = async (): Promise<void> => {
    try {
      const { ticket } = await api.post<Ticket>('/api/ws-ticket', {}, { timeout_ms: 5_000 })
      if (over) return
      const url = new URL(`/api/consults/${encodeURIComponent(o.consult)}/sound`, location.href)
      url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
      url.searchParams.set('ticket', ticket)
      url.searchParams.set('without', o.without ? '1' : '0')
      const opened = new WebSocket(url)
      opened.binaryType = 'arraybuffer'
      socket = opened
      opened.onclose = again
      opened.onmessage = message => {
        const packet = message.data instanceof ArrayBuffer ? readPacket(message.data) : null
        if (packet === null) return
        const timestamp = packet.sequence * PACKET_US
        decoderOf(packet.speaker).decode(
          new EncodedAudioChunk({ type: 'key', timestamp, data: packet.opus as Uint8Array<ArrayBuffer> }),
        )
      }
    } catch {
      again()
    }
  }
  const again = (): void => {
    clearTimeout(timer)
    if (!over) timer = setTimeout(() => void connect(), AGAIN_MS)
  }

  const begin = async (): Promise<void> => {
    await audio.audioWorklet.addModule(worklet)
    if (over) return
    mix = new AudioWorkletNode(audio, 'mix', { numberOfInputs: 0, outputChannelCount: [1] })
    mix.connect(audio.destination)
    if (o.track !== null) {
      const take = new AudioWorkletNode(audio, 'take', { outputChannelCount: [1] })
      let packets = 0
      take.port.onmessage = (message: MessageEvent<Float32Array>) => taken(message.data, packets++ * PACKET_US)
      audio.createMediaStreamSource(new MediaStream([o.track])).connect(take)
      take.connect(audio.destination) // it is silent; what leads nowhere is not run
    }
    await connect()
  }
  begin().catch((error: unknown) => console.info('room.sound', error))

  const resume = (): void => {
    if (audio.state === 'suspended') void audio.resume()
  }
  addEventListener('pointerdown', resume)
  addEventListener('keydown', resume)
  const stopBeat = everySecond(() => {
    beats += 1
    if (beats % STILL_HERE_S === 0 && socket?.readyState === WebSocket.OPEN) socket.send('here')
  })

  const close = (): void => {
    over = true
    clearTimeout(timer)
    stopBeat()
    removeEventListener('pointerdown', resume)
    removeEventListener('keydown', resume)
    socket?.close()
    if (encoder.state !== 'closed') encoder.close()
    for (const decoder of decoders.values()) if (decoder.state !== 'closed') decoder.close()
    void audio.close()
  }
  return { without: o.without, track: o.track, heard, close }
}
