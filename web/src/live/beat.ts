// A heartbeat that goes on in a hidden tab: the browser slows the timers of such a page, not those of its worker.

/** Runs `act` every second. Returns how to stop. */
export function everySecond(act: () => void): () => void {
  if (typeof Worker === 'undefined') {
    const timer = setInterval(act, 1000)
    return () => clearInterval(timer)
  }
  const worker = new Worker(new URL('./beat.worker.ts', import.meta.url), { type: 'module' })
  worker.onmessage = act
  return () => worker.terminate()
}
