// The reader's viewer: layout, speed, gain and filter stay from ECG to ECG, what belongs to one ECG is put away.
import { createViewer, type EvidenceOf, type Viewer } from '../ecg'

const LEADS = ['I', 'II', 'III', 'aVR', 'aVL', 'aVF', 'V1', 'V2', 'V3', 'V4', 'V5', 'V6'] as const

const desk = createViewer()
const phone = createViewer({ layout: 'rows', leads: LEADS })

/** A phone shows twelve rows, those with evidence first. */
export function leadsFirst(evidence: readonly EvidenceOf[]): readonly string[] {
  const carrying = new Set(evidence.flatMap(e => e.leads))
  return [...new Set<string>([...carrying, ...LEADS])].filter(lead => LEADS.some(known => known === lead))
}

export function deskViewer(onPhone: boolean, evidence: readonly EvidenceOf[]): Viewer {
  const viewer = onPhone ? phone : desk
  if (onPhone) viewer.leads.value = leadsFirst(evidence)
  viewer.first.value = 0
  viewer.tool.value = 'none'
  viewer.caliper.value = null
  viewer.marching.value = false
  viewer.activeFinding.value = null
  viewer.pointedFinding.value = null
  viewer.sheet.value = null
  return viewer
}
