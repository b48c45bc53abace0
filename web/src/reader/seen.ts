// Which leads were on the screen, and hence which findings may be accepted: machine words are not copied unseen. Pure.
import type { EvidenceOf } from '../ecg'

/** Leads of the sheet as it is laid out now, added to those seen before. */
export function seenWith(before: ReadonlySet<string>, leads: readonly string[]): ReadonlySet<string> {
  return leads.every(lead => before.has(lead)) ? before : new Set([...before, ...leads])
}

/** Evidence of no single lead is seen with any trace. */
export const isSeen = (evidence: EvidenceOf, seen: ReadonlySet<string>, recorded: readonly string[]): boolean =>
  seen.size > 0 && evidence.leads.every(lead => seen.has(lead) || !recorded.includes(lead))

/** What A may copy: ticked, and seen. `unseen` counts the ticked ones that wait for their leads. */
export function acceptable(
  findings: readonly EvidenceOf[],
  ticked: ReadonlySet<string>,
  seen: ReadonlySet<string>,
  recorded: readonly string[],
): { ids: readonly string[]; unseen: number } {
  const wanted = findings.filter(f => ticked.has(f.id))
  const ids = wanted.filter(f => isSeen(f, seen, recorded)).map(f => f.id)
  return { ids, unseen: wanted.length - ids.length }
}
