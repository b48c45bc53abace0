// The live samples of the recording on the acquisition page, and how far it has come.
import { useEffect, useRef, useState } from 'preact/hooks'
import { type LiveStream, useLiveStream } from '../ecg'

const TELL_EVERY_MS = 200

/** null until the hub has said which leads come. `samples`: how many of each lead have come so far. */
export function useStream(recording: string | null): { stream: LiveStream | null; samples: number } {
  const [samples, setSamples] = useState(0)
  const told_ms = useRef(0)
  useEffect(() => setSamples(0), [recording])
  const stream = useLiveStream(recording, {
    block: block => {
      const at = performance.now()
      if (at - told_ms.current < TELL_EVERY_MS) return
      told_ms.current = at
      setSamples(block.firstSample + block.samples)
    },
  })
  return { stream, samples }
}
