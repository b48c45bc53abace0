// The live samples of a recording under way: subscribes to `stream:<id>` and feeds a play-out for the sweep.
import { useEffect, useRef, useState } from 'preact/hooks'
import { subscribe } from '../live/live'
import type { SampleBlock } from '../live/samples'
import { pushBlock } from './live-sweep'
import { PlayOut } from './playout'

export type LiveStream = Readonly<{ playOut: PlayOut; leads: readonly string[]; fs: number }>

const KEEP_S = 12

/** null until the hub has said which leads come, and for no recording. `told` hears of each block that was taken. */
export function useLiveStream(
  recording: string | null,
  told?: { block?: (block: SampleBlock) => void; ended?: () => void },
): LiveStream | null {
  const [stream, setStream] = useState<LiveStream | null>(null)
  const hears = useRef(told)
  hears.current = told
  useEffect(() => {
    setStream(null)
    if (recording === null) return
    let current: LiveStream | null = null
    return subscribe(`stream:${recording}`, null, {
      ready: message => {
        if (message.leads === undefined || message.fs === undefined || message.leads.length === 0) return
        if (current !== null) return // the link came back: the same page goes on, with its gap
        const { fs, leads } = message
        current = { playOut: new PlayOut(fs, leads.length, KEEP_S), leads, fs }
        setStream(current)
      },
      samples: block => {
        if (current === null || block.leads !== current.leads.length) return
        pushBlock(current.playOut, block, performance.now())
        hears.current?.block?.(block)
      },
      ended: () => hears.current?.ended?.(),
    })
  }, [recording])
  return stream
}
