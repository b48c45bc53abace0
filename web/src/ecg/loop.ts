// The one animation loop of the page: everything that moves hangs on it, and it rests when nothing does.
type Frame = (at_ms: number) => void

const frames = new Set<Frame>()
let asked = 0

function run(at_ms: number): void {
  asked = frames.size > 0 ? requestAnimationFrame(run) : 0
  for (const frame of frames) frame(at_ms)
}

export function onFrame(frame: Frame): () => void {
  frames.add(frame)
  if (asked === 0) asked = requestAnimationFrame(run)
  return () => {
    frames.delete(frame)
  }
}
