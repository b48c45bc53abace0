// How long a voice is kept back before it is heard, where what is lost of it is sent again: that must come in time. A
// browser reckons with late packets by itself, not with those that are lost twice. Rules; place.ts knows the receivers.
const STEP_MS = 40
/** Longer, and people begin to talk into each other's words. */
const MOST_MS = 280
const MADE_UP = 0.002
const QUIET_FOR_MS = 15_000

/** What all voices of a connection have counted. made: samples made up, silence apart; again: packets asked for again. */
export type Voices = Readonly<{ samples: number; made: number; again: number; held_s: number; out: number }>
export const NO_VOICES: Voices = { samples: 0, made: 0, again: 0, held_s: 0, out: 0 }

/** least_ms: voices are kept back so long at least. */
export type Playout = Readonly<{ least_ms: number; askedAt_ms: number; voices: Voices }>
export const AT_ONCE: Playout = { least_ms: 0, askedAt_ms: 0, voices: NO_VOICES }

/** Called about once a second. */
export function playoutAfter(was: Playout, voices: Voices, now_ms: number): Playout {
  const samples = voices.samples - was.voices.samples
  if (voices.again <= was.voices.again || samples <= 0) {
    const least_ms = now_ms - was.askedAt_ms > QUIET_FOR_MS ? 0 : was.least_ms
    return { ...was, least_ms, voices }
  }
  const asked = { ...was, askedAt_ms: now_ms, voices }
  if ((voices.made - was.voices.made) / samples <= MADE_UP) return asked
  const held_ms = (1000 * (voices.held_s - was.voices.held_s)) / Math.max(1, voices.out - was.voices.out)
  return { ...asked, least_ms: Math.min(MOST_MS, Math.round(Math.max(was.least_ms, held_ms)) + STEP_MS) }
}
