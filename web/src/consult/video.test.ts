// showLive: when an element gets its tracks. What it saves is measured in a browser: ./run bench media --only D2.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { showLive } from './video'

class Stream {
  constructor(private readonly tracks: { kind: string }[] = []) {}
  getTracks = () => this.tracks
  getVideoTracks = () => this.tracks.filter(t => t.kind === 'video')
  addTrack = (track: { kind: string }): void => void this.tracks.push(track)
}

class Element extends EventTarget {
  srcObject: Stream | null = null
}

const face = { kind: 'video' }
const voice = { kind: 'audio' }
let el: Element
const show = (stream: Stream | null): void =>
  showLive(el as unknown as HTMLVideoElement, stream as unknown as MediaStream | null)
const begins = (): boolean => el.dispatchEvent(new Event('loadstart'))

beforeEach(() => {
  el = new Element()
  vi.stubGlobal('MediaStream', Stream)
})
afterEach(() => vi.unstubAllGlobals())

it('an element that is to show a picture begins empty, and gets the tracks when it has begun', () => {
  show(new Stream([voice, face]))
  expect(el.srcObject?.getTracks()).toEqual([])
  begins()
  expect(el.srcObject?.getTracks()).toEqual([voice, face])
})

it('what was to be shown before the element had begun with it is not shown beside what came after', () => {
  const other = { kind: 'video' }
  show(new Stream([face]))
  show(new Stream([other]))
  begins()
  expect(el.srcObject?.getTracks()).toEqual([other])
  begins()
  expect(el.srcObject?.getTracks()).toEqual([other])
})

it('a stream that has no picture yet is shown as it is: it grows', () => {
  const growing = new Stream([voice])
  show(growing)
  growing.addTrack(face)
  expect(el.srcObject).toBe(growing)
  show(null)
  expect(el.srcObject).toBeNull()
})
