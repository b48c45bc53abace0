// A live picture in its element: shown as soon as it is decoded. What it shows is the caller's (tiles.tsx, screen.tsx).

/**
 * Chromium gives an element that begins with a picture from afar a smoother of its own, behind WebRTC's jitter buffer: each
 * frame one or two refreshes of the screen later, and one in five never shown (p95 of a frame's age 68 ms in place of 35).
 * An element that begins empty has none, so its tracks come once it has begun. Other browsers lose nothing by it.
 * A stream that has no picture yet is shown as it is: the one who fills it may go on doing so.
 */
export function showLive(el: HTMLVideoElement, stream: MediaStream | null): void {
  if (stream === null || stream.getVideoTracks().length === 0) {
    el.srcObject = stream
    return
  }
  const shown = new MediaStream()
  const begun = (): void => {
    if (el.srcObject === shown) for (const track of stream.getTracks()) shown.addTrack(track)
  }
  el.addEventListener('loadstart', begun, { once: true })
  el.srcObject = shown
}
