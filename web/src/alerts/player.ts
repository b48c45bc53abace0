// Sounds the bursts of pulses.ts with Web Audio, and knows whether this browser can sound at all.
// Bursts are laid on the audio clock well ahead: timers of a hidden tab come late, the audio clock does not.
import { signal } from '@preact/signals'
import { type AlarmPriority, burst, burstStarts, FUNDAMENTAL_HZ, HARMONICS, REPEAT_S, RISE } from './pulses'

/** silent: no Web Audio here. waiting: the browser holds it back until somebody touches the page. */
export type Sound = 'silent' | 'waiting' | 'ready'
export const sound = signal<Sound>(typeof AudioContext === 'undefined' ? 'silent' : 'waiting')

const AHEAD_S = 30
/** The first pulse: far enough ahead that the audio thread meets its rise, near enough that nobody waits for it. */
const SOON_S = 0.02
const VOLUME = 0.35
let context: AudioContext | null = null
let ringing: { priority: AlarmPriority; out: GainNode; last_s: number | null; timer: number } | null = null

function audio(): AudioContext | null {
  if (sound.peek() === 'silent') return null
  if (context === null) {
    const made = new AudioContext()
    made.onstatechange = look
    context = made
    look()
  }
  return context
}

function look(): void {
  if (context !== null) sound.value = context.state === 'running' ? 'ready' : 'waiting'
}

/** Call inside a click or key press: only then may a page begin to sound. */
export async function unlockSound(): Promise<boolean> {
  const a = audio()
  if (a === null) return false
  await a.resume().catch(() => undefined)
  look()
  return a.state === 'running'
}

/** Any touch of the page is enough; asked at every one until it sounds. */
export function unlockOnTouch(): void {
  const touch = (): void => {
    void unlockSound().then(running => {
      if (!running) return
      removeEventListener('pointerdown', touch, true)
      removeEventListener('keydown', touch, true)
    })
  }
  addEventListener('pointerdown', touch, true)
  addEventListener('keydown', touch, true)
}

/** One burst now. */
export function playOnce(priority: AlarmPriority): void {
  const a = audio()
  if (a === null || a.state !== 'running') return
  lay(a, a.destination, priority, a.currentTime + SOON_S)
}

/** Sounds until `hush`; a second call changes nothing. */
export function ring(priority: AlarmPriority): void {
  if (ringing?.priority === priority) return
  hush()
  const a = audio()
  if (a === null) return
  const out = a.createGain()
  out.connect(a.destination)
  ringing = { priority, out, last_s: null, timer: setInterval(layAhead, 2000) as unknown as number }
  layAhead()
}

export function hush(): void {
  if (ringing === null) return
  clearInterval(ringing.timer)
  ringing.out.disconnect() // takes what was laid ahead with it
  ringing = null
}

function layAhead(): void {
  const a = audio()
  const every = ringing === null ? null : REPEAT_S[ringing.priority]
  if (a === null || ringing === null || every === null || a.state !== 'running') return
  for (const at of burstStarts(a.currentTime + SOON_S, ringing.last_s, every, AHEAD_S)) {
    lay(a, ringing.out, ringing.priority, at)
    ringing.last_s = at
  }
}

function lay(a: AudioContext, out: AudioNode, priority: AlarmPriority, start_s: number): void {
  const wave = a.createPeriodicWave(new Float32Array(HARMONICS.length + 1), new Float32Array([0, ...HARMONICS]))
  for (const pulse of burst(priority)) {
    const from = start_s + pulse.at_ms / 1000
    const until = from + pulse.length_ms / 1000
    const rise = (pulse.length_ms / 1000) * RISE
    const tone = a.createOscillator()
    const level = a.createGain()
    tone.setPeriodicWave(wave)
    tone.frequency.value = FUNDAMENTAL_HZ
    level.gain.setValueAtTime(0, from)
    level.gain.linearRampToValueAtTime(VOLUME, from + rise)
    level.gain.setValueAtTime(VOLUME, until - rise)
    level.gain.linearRampToValueAtTime(0, until)
    tone.connect(level).connect(out)
    tone.start(from)
    tone.stop(until)
  }
}
