// Push to talk: the microphone is open while Space is held, however it stood before. Not in a text field, and not on a
// control that Space itself presses.
import { useEffect } from 'preact/hooks'
import type { OwnMedia } from './media'

const PRESSED_BY_SPACE = 'input, textarea, select, button, a[href], summary, [contenteditable], [role=radio]'

export function usePushToTalk(media: OwnMedia): void {
  useEffect(() => {
    let held = false
    const release = (): void => {
      if (!held) return
      held = false
      if (media.micOn.peek()) media.toggleMic()
    }
    const down = (event: KeyboardEvent): void => {
      if (event.code !== 'Space' || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return
      if (event.target instanceof Element && event.target.closest(PRESSED_BY_SPACE) !== null) return
      event.preventDefault() // the page does not scroll
      if (held || event.repeat || media.micOn.peek()) return
      held = true
      media.toggleMic()
    }
    const up = (event: KeyboardEvent): void => {
      if (event.code === 'Space') release()
    }
    addEventListener('keydown', down)
    addEventListener('keyup', up)
    addEventListener('blur', release) // the key comes up in another window: nobody stays open unknowingly
    return () => {
      removeEventListener('keydown', down)
      removeEventListener('keyup', up)
      removeEventListener('blur', release)
      release()
    }
  }, [media])
}
