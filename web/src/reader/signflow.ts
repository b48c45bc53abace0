// From Ctrl+Enter to the next ECG: why signing is off, what has to be asked first, held or at once, where to go then.
import { signal } from '@preact/signals'
import { useMemo, useState } from 'preact/hooks'
import { ApiError } from '../api/client'
import type { Recording, WorklistRow } from '../api/types.gen'
import { clockTime, now } from '../app/clock'
import { go } from '../app/router'
import { t } from '../i18n/reader'
import { isOffline } from '../live/live'
import { nextOfQueue } from '../worklist/state'
import { may, me } from '../worklist/who'
import { personName } from '../worklist/words'
import type { Case } from './casework'
import { bodyOf, type Draft } from './draft'
import type { Wish } from './holding'
import type { Holder } from './lease'
import { holdSigning, signNow } from './signing'

/** Kept here because unlocking answers with a newer time than the session knows. null: nothing known yet. */
const unlockedUntil = signal<string | null>(null)

export function isUnlocked(until: string | null, at_ms: number): boolean {
  return until !== null && Date.parse(until) > at_ms
}

export type OffReason = Readonly<{
  offline: boolean
  mayWrite: boolean
  holder: Holder
  state: string
  draft: Draft
}>

/** Why signing is off, in the order a reader can mend it; null when it is on. */
export function whyOff(f: OffReason): string | null {
  if (!f.mayWrite) return t('off.rights')
  if (f.holder.kind === 'other') {
    return t('off.claimed', { name: f.holder.name, until: clockTime(f.holder.until_ms).slice(0, 5) })
  }
  if (f.state !== 'waiting' && f.state !== 'claimed') return t('off.state')
  if (f.offline) return t('off.offline')
  if (f.draft.statements.length === 0) return t('off.empty')
  if (f.draft.grade === 'unassessed') return t('off.grade')
  return null
}

export const isLowered = (machineGrade: string | null, draft: Draft): boolean =>
  machineGrade === 'critical' && draft.grade !== 'critical'

/** After a signature: the alert of this ECG first when the clinic is still to be told, else the next in the queue. */
export function whereNext(row: WorklistRow | null, isCritical: boolean, next: string | null): string {
  const isOpenAlert = row?.alert != null && row.alert_state !== null && row.alert_state !== 'acting'
  if (isCritical && isOpenAlert) return `/alert/${encodeURIComponent(row.alert ?? '')}`
  return next === null ? '/worklist' : `/read/${encodeURIComponent(next)}`
}

export type Step = 'ready' | 'unlock' | 'lowered' | 'sending'

export type SignFlow = Readonly<{
  off: string | null
  step: Step
  error: unknown
  sign: () => void
  cancel: () => void
  unlocked: (until: string | null) => void
  lowered: (reason: string) => void
}>

export function useSignFlow(desk: Case, recording: Recording | null): SignFlow {
  const [step, setStep] = useState<Step>('ready')
  const [error, setError] = useState<unknown>(null)
  const given = useMemo(() => ({ reason: '' }), [desk])
  const draft = desk.draft.value
  const off = whyOff({
    offline: isOffline.value,
    mayWrite: may('report.sign'),
    holder: desk.holder.value,
    state: recording?.state ?? '',
    draft,
  })

  const proceed = async (): Promise<void> => {
    if (recording === null || off !== null) return
    if (isLowered(recording.machine_grade, draft) && given.reason === '') {
      setStep('lowered')
      return
    }
    if (!isUnlocked(unlockedUntil.peek() ?? me()?.unlocked_until ?? null, Date.now())) {
      setStep('unlock')
      return
    }
    const lowered_reason = isLowered(recording.machine_grade, draft) ? given.reason : ''
    const wish: Wish = {
      recording: desk.id,
      who: personName(recording.patient),
      body: { ...bodyOf(draft), lowered_reason },
      key: desk.signKey,
    }
    const next = nextOfQueue(desk.id, 1)[0] ?? null
    if (draft.grade !== 'critical') {
      setStep('ready')
      holdSigning(wish)
      go(whereNext(desk.row.peek(), false, next))
      return
    }
    setStep('sending')
    setError(null)
    try {
      await signNow(wish)
      go(whereNext(desk.row.peek(), true, next))
    } catch (refused) {
      setStep('ready')
      if (refused instanceof ApiError && refused.code === 'sign.locked') {
        unlockedUntil.value = new Date(0).toISOString()
        setStep('unlock')
      } else if (refused instanceof ApiError && refused.code === 'report.lowered_reason') setStep('lowered')
      else setError(refused)
    }
  }
  return {
    off,
    step,
    error,
    sign: () => {
      if (step === 'ready') void proceed()
    },
    cancel: () => setStep('ready'),
    unlocked: until => {
      unlockedUntil.value = until ?? new Date(now.peek() + 60_000).toISOString()
      void proceed()
    },
    lowered: reason => {
      given.reason = reason
      void proceed()
    },
  }
}
