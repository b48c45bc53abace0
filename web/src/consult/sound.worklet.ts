// Two small machines on the browser's sound thread: `take` cuts what the microphone hears into packets; `mix` plays the
// others' packets, each speaker's from a queue of his own that is let grow a little before it begins (sound.ts).
declare const registerProcessor: (name: string, made: new () => object) => void
declare class AudioWorkletProcessor {
  readonly port: MessagePort
}

const PACKET = 2_880 // samples: 60 ms at 48 kHz
const BEGIN = 5_760
const LONGEST = 24_000

class Take extends AudioWorkletProcessor {
  private packet = new Float32Array(PACKET)
  private filled = 0

  process(inputs: readonly (readonly Float32Array[])[]): boolean {
    const heard = inputs[0]?.[0]
    if (heard === undefined) return true
    for (const value of heard) {
      this.packet[this.filled++] = value
      if (this.filled < PACKET) continue
      this.port.postMessage(this.packet, [this.packet.buffer])
      this.packet = new Float32Array(PACKET)
      this.filled = 0
    }
    return true
  }
}

type Queue = { packets: Float32Array[]; at: number; samples: number; plays: boolean }

class Mix extends AudioWorkletProcessor {
  private readonly queues = new Map<number, Queue>()

  constructor() {
    super()
    this.port.onmessage = (message: MessageEvent<{ speaker: number; samples: Float32Array }>) => {
      const { speaker, samples } = message.data
      const q = this.queues.get(speaker) ?? { packets: [], at: 0, samples: 0, plays: false }
      this.queues.set(speaker, q)
      q.packets.push(samples)
      q.samples += samples.length
      // So much waits after a stall of the line: what is oldest is worth least.
      while (q.samples > LONGEST && q.packets.length > 1) {
        q.samples -= (q.packets.shift()?.length ?? 0) - q.at
        q.at = 0
      }
      if (q.samples >= BEGIN) q.plays = true
    }
  }

  process(_inputs: unknown, outputs: readonly (readonly Float32Array[])[]): boolean {
    const out = outputs[0]?.[0]
    if (out === undefined) return true
    for (const q of this.queues.values()) {
      for (let i = 0; i < out.length && q.plays; i++) {
        const packet = q.packets[0]
        if (packet === undefined) {
          q.plays = false
          break
        }
        out[i] = (out[i] ?? 0) + (packet[q.at++] ?? 0)
        q.samples -= 1
        if (q.at < packet.length) continue
        q.packets.shift()
        q.at = 0
      }
    }
    return true
  }
}

registerProcessor('take', Take)
registerProcessor('mix', Mix)
