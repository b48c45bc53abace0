// The live samples of a recording under way: subscribes to `stream:<id>` and feeds a play-out for the sweep.
import { useEffect, useState } from 'preact/hooks'
import { PlayOut, pushBlock } from '../ecg'
import { subscribe } from '../live/live'

export type LiveStream = Readonly<{ playOut: PlayOut; leads: readonly string[]; fs: number }>

const KEEP_S = 30

/** null until the hub has said which leads come. `samples`: how many of each lead have come so far. */
export function useStream(recording: string | null): { stream: LiveStream | null; samples: number } {
  const [stream, setStream] = useState<LiveStream | null>(null)
  const [samples, setSamples] = useState(0)
  useEffect(() => {
    setStream(null)
    setSamples(0)
    if (recording === null) return
    let current: LiveStream | null = null
    let told_ms = 0
    return subscribe(`stream:${recording}`, null, {
      ready: message => {
        if (message.leads === undefined || message.fs === undefined || message.leads.length === 0) return
        if (current !== null) return // the link came back: the same page goes on, with its gap
        current = {
          playOut: new PlayOut(message.fs, message.leads.length, KEEP_S),
          leads: message.leads,
          fs: message.fs,
        }
        setStream(current)
      },
      samples: block => {
        if (current === null || block.leads !== current.leads.length) return
        const at = performance.now()
        pushBlock(current.playOut, block, at)
        if (at - told_ms < 200) return
        told_ms = at
        setSamples(block.firstSample + block.samples)
      },
    })
  }, [recording])
  return { stream, samples }
}
