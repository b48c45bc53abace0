// The viewer. Screens import from here.
import './ecg.css'

export { type Caliper, type Reading, read as readCaliper } from './calipers'
export type { BeatSymbol, Doubt } from './doubt'
export type { PeerPointer } from './draw'
export { type EvidenceOf, type Span, tagOf } from './evidence'
export { EcgSweep, type EcgSweepProps, pushBlock } from './live-sweep'
export { PlayOut, type SignalAge } from './playout'
export { EcgSheet, type EcgSheetProps } from './sheet'
export { type EcgRecording, leadOf, readRecording, samplesOf, toMicrovolts } from './signal'
export { EcgStrip } from './strip'
export { EcgTools, useViewerKeys } from './tools'
export { createViewer, showFinding, shownFinding, type Viewer, type ViewerFacts } from './viewer'
