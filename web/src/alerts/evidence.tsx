// The three leads that carry an alert's evidence, with the stretch washed. One tap on it shows all twelve.
import { useEffect, useMemo, useState } from 'preact/hooks'
import { ApiError, api } from '../api/client'
import type { Alert, Recording } from '../api/types.gen'
import { createViewer, type EcgRecording, EcgSheet, leadOf, readRecording, samplesOf } from '../ecg'
import { Glance } from '../files/marks'
import { t } from '../i18n/alerts'
import { ErrorLine, Skeleton } from '../ui'
import { finding } from './words'

export type SignalState =
  | { kind: 'waiting' }
  | { kind: 'here'; value: EcgRecording }
  | { kind: 'failed'; error: unknown }

const LOOK_AGAIN_MS = 2_000

/** It is still being sent: its samples will be there by themselves. */
export const isArriving = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 'recording.not_yet' && error.facts.state === 'receiving'

/** The samples of a recording; asked again by `retry`, and by itself while they are on their way. */
export function useSignalOf(recording: string): { state: SignalState; retry: () => void } {
  const [state, setState] = useState<SignalState>({ kind: 'waiting' })
  const [tries, setTries] = useState(0)
  useEffect(() => {
    const left = new AbortController()
    let again: ReturnType<typeof setTimeout> | undefined
    setState(before => (before.kind === 'failed' && isArriving(before.error) ? before : { kind: 'waiting' }))
    api.bytes(`/api/recordings/${encodeURIComponent(recording)}/signal`, { signal: left.signal }).then(
      bytes => {
        const read = readRecording(bytes)
        if (!left.signal.aborted)
          setState(read === null ? { kind: 'failed', error: null } : { kind: 'here', value: read })
      },
      (error: unknown) => {
        if (left.signal.aborted) return
        setState({ kind: 'failed', error })
        if (isArriving(error)) again = setTimeout(() => setTries(tries + 1), LOOK_AGAIN_MS)
      },
    )
    return () => {
      left.abort()
      clearTimeout(again)
    }
  }, [recording, tries])
  return { state, retry: () => setTries(tries + 1) }
}

const LEADS_SHOWN = 3
/** Where the rule names no leads, the three that show rhythm best. */
const RHYTHM_LEADS = ['II', 'V1', 'V5'] as const

/** The middle three of the named leads: at an infarct's edge the change is smallest. */
export function leadsToShow(named: readonly string[], recorded: readonly string[]): readonly string[] {
  const there = named.filter(l => recorded.includes(l))
  if (there.length >= LEADS_SHOWN) {
    const from = Math.floor((there.length - LEADS_SHOWN) / 2)
    return there.slice(from, from + LEADS_SHOWN)
  }
  const more = [...RHYTHM_LEADS, ...recorded].filter(l => recorded.includes(l) && !there.includes(l))
  return [...new Set([...there, ...more])].slice(0, LEADS_SHOWN)
}

type Props = Readonly<{ alert: Alert; recording: Recording | null; twelve: boolean; phone: boolean; one: boolean }>

/** `one`: a phone that shows the read-back has room for a single lead. */
export function Evidence(p: Props) {
  const { alert } = p
  const { state, retry } = useSignalOf(alert.recording)
  const isComing = p.recording?.state === 'receiving'
  useEffect(() => {
    if (!isComing && state.kind === 'failed') retry() // it has come since it was asked for
  }, [isComing])
  const glance = p.recording?.glance ?? null
  switch (state.kind) {
    case 'waiting':
      return <Skeleton rows={6} />
    case 'failed':
      if (glance !== null) return <Glance glance={glance} width={p.phone ? STRIP_PHONE : STRIP} saidAbove />
      return <ErrorLine error={state.error} retry={retry} />
    case 'here':
      return <Leads {...p} signal={state.value} derived={p.recording?.derived ?? NONE} />
  }
}

/** Leads that carry anything: an electrode that was off shows nothing of the evidence. */
const withSignal = (r: EcgRecording): readonly string[] =>
  r.leads.filter(lead => leadOf(r, lead)?.some(uv => !Number.isNaN(uv) && uv !== 0) === true)

const NONE: readonly string[] = []
const STRIP = 860
const STRIP_PHONE = 320

function Leads(p: Props & { signal: EcgRecording; derived: readonly string[] }) {
  const viewer = useMemo(() => createViewer({ layout: 'rows' }), [])
  const three = useMemo(() => leadsToShow(p.alert.leads, withSignal(p.signal)), [p.signal, p.alert.leads])
  const shown = useMemo(() => (p.one ? three.slice(0, 1) : three), [three, p.one])
  useEffect(() => {
    viewer.leads.value = shown
    viewer.layout.value = p.twelve ? (p.phone ? '12x1' : '3x4+1') : 'rows'
    // Half a second of the beats before the evidence, so that the eye finds the baseline.
    const lead_in = Math.round(p.signal.fs * 0.5)
    viewer.first.value = Math.max(0, Math.min(p.alert.first - lead_in, samplesOf(p.signal) - 1))
  }, [p.alert.id, p.twelve, p.phone, shown.join()])
  const findings = useMemo(
    () => [{ id: p.alert.rule, words: finding(p.alert), first: p.alert.first, end: p.alert.end, leads: p.alert.leads }],
    [p.alert.id, p.alert.first],
  )
  return (
    <EcgSheet
      recording={p.signal}
      derived={p.derived}
      viewer={viewer}
      findings={findings}
      tall={p.twelve && p.phone}
      {...(p.phone ? { fitMm: 90 } : p.twelve ? {} : { fitMm: 130 })}
      summary={`${t('alert.traces')} ${shown.join(', ')}: ${finding(p.alert)}`}
    />
  )
}
