// The way by which a room's words come and go: the hub's socket, or in a film what was said then.
import { subscribe, whisper } from '../live/live'

export type TalkLine = Readonly<{ subscribe: typeof subscribe; whisper: typeof whisper }>

export const LIVE: TalkLine = { subscribe, whisper }
