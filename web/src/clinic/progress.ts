// A recording's four steps (采集-上传-阅图-报告) and which sentence says where it stands. Pure: words are chosen here by
// key, spoken in patients.tsx.
import type { Recording } from '../api/types.gen'
import { refusal } from '../files/known'

export type StepState = 'done' | 'now' | 'todo'
export type Progress = Readonly<{
  steps: readonly [StepState, StepState, StepState, StepState]
  say:
    | { kind: 'receiving' }
    | { kind: 'reading' }
    | { kind: 'received' }
    | { kind: 'waiting' }
    | { kind: 'waiting_leads'; leads: readonly string[] }
    | { kind: 'waiting_poor' }
    | { kind: 'waiting_part' }
    | { kind: 'replaced' }
    | { kind: 'claimed'; by: string | null }
    | { kind: 'returned' }
    | { kind: 'reported'; impression: readonly string[]; critical: boolean }
    | { kind: 'rejected' }
    | { kind: 'refused' }
    | { kind: 'archived' }
  act: 'watch' | 'again' | 'report' | 'name' | 'open' | null
}>

type Seen = Pick<
  Recording,
  | 'state'
  | 'machine'
  | 'reader_name'
  | 'impression'
  | 'grade'
  | 'report'
  | 'patient'
  | 'file'
  | 'notes'
  | 'return_reason'
  | 'interrupted'
  | 'replaced_by'
>

/** Unknown states (a newer server) are shown as waiting: nothing is said that is not known. */
export function progressOf(r: Seen): Progress {
  const isSomebody = r.file === '' || r.patient.identity === 'known' // else there is no form to send again
  const name = r.patient.identity === 'pending' ? 'name' : null
  switch (r.state) {
    case 'receiving':
      // The whole file is here; what is left is reading it.
      if (r.file !== '') return { steps: ['done', 'now', 'todo', 'todo'], say: { kind: 'reading' }, act: null }
      return { steps: ['now', 'todo', 'todo', 'todo'], say: { kind: 'receiving' }, act: 'watch' }
    case 'received':
      return { steps: ['done', 'now', 'todo', 'todo'], say: { kind: 'received' }, act: name }
    case 'claimed':
      return { steps: ['done', 'done', 'now', 'todo'], say: { kind: 'claimed', by: r.reader_name }, act: name }
    case 'returned':
      return { steps: ['done', 'done', 'now', 'todo'], say: { kind: 'returned' }, act: 'again' }
    case 'rejected':
      if (r.replaced_by !== null)
        return { steps: ['done', 'done', 'done', 'todo'], say: { kind: 'replaced' }, act: 'open' }
      if (refusal(r) !== null)
        return {
          steps: ['done', 'now', 'todo', 'todo'],
          say: { kind: 'refused' },
          act: isSomebody ? 'again' : 'open',
        }
      return { steps: ['done', 'done', 'now', 'todo'], say: { kind: 'rejected' }, act: 'again' }
    case 'reported':
    case 'archived':
      if (r.report === null && r.state === 'archived')
        return { steps: ['done', 'done', 'done', 'todo'], say: { kind: 'archived' }, act: null }
      return {
        steps: ['done', 'done', 'done', 'done'],
        say: { kind: 'reported', impression: r.impression, critical: r.grade === 'critical' },
        act: 'report',
      }
    default:
      return { steps: ['done', 'done', 'now', 'todo'], say: waitingWords(r), act: name }
  }
}

/** Quality is told back to the clinic in words while it can still record again. */
function waitingWords(r: Seen): Progress['say'] {
  if (r.interrupted) return { kind: 'waiting_part' }
  if (r.machine !== null && !r.machine.acceptable) return { kind: 'waiting_poor' }
  if (r.machine !== null && r.machine.bad_leads.length > 0) return { kind: 'waiting_leads', leads: r.machine.bad_leads }
  return { kind: 'waiting' }
}

export const isDone = (r: Pick<Recording, 'state'>): boolean => r.state === 'reported' || r.state === 'archived'
