// Reading one ECG: header, tools, paper, and at the right what is measured, proposed, concluded and signed. The next one
// opens by itself. What is known of the case lives in casework.ts; here stands what is where and what the keys do.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { ApiError, api } from '../api/client'
import type { Compared, Recording } from '../api/types.gen'
import { age, now } from '../app/clock'
import { type Binding, useKeys } from '../app/keys'
import { go } from '../app/router'
import type { ScreenProps } from '../app/routes'
import { footNote } from '../app/slots'
import { EcgTools, samplesOf, useViewerKeys, type ViewerFacts } from '../ecg'
import { FileNotes } from '../files/marks'
import { t } from '../i18n/reader'
import { t as list } from '../i18n/worklist'
import { isOffline } from '../live/live'
import { createPins } from '../messages/pins'
import { ErrorLine } from '../ui'
import { isPhone } from '../worklist/phone'
import { ReturnDialog } from '../worklist/return'
import { queue, release, selected } from '../worklist/state'
import { entries, entryOf, loadStatements } from '../worklist/statements'
import { may } from '../worklist/who'
import { machineWords, personName } from '../worklist/words'
import { type Analysis, evidenceOf, idOf } from './analysis'
import { Lowered, Unlock } from './ask'
import { type Case, type Loaded, openCase, readyOf } from './casework'
import { nextGrade } from './conclusion'
import { acceptFindings, Desk, isClosed } from './desk'
import { savingWords } from './draft'
import { Head } from './head'
import { machineValue } from './measurements'
import { askAt } from './pins'
import { neighbour, placeOf } from './queue'
import { acceptable, seenWith } from './seen'
import { useSignFlow } from './signflow'
import { TracePane } from './tracepane'
import { analyses } from './traces'
import { deskViewer } from './viewers'
import './reader.css'

export default function Reader({ params, query }: ScreenProps) {
  const id = params.recording ?? ''
  const desk = useMemo(() => openCase(id), [id])
  useEffect(() => {
    void loadStatements()
    if (queue.peek().some(row => row.recording === id)) selected.value = id
    return desk.leave
  }, [desk])
  const recording = readyOf(desk.recording.value)
  const step = (by: 1 | -1): void => {
    const to = neighbour(queue.value, id, by)
    if (to !== null) go(`/read/${encodeURIComponent(to)}`, { replace: true })
  }
  return (
    <div class="rd">
      <DraftNote desk={desk} />
      <Head
        recording={recording}
        row={desk.row.value}
        holder={desk.holder.value}
        place={placeOf(queue.value, id)}
        onBack={() => go('/worklist')}
        onStep={step}
      />
      {desk.recording.value.kind === 'failed' ? (
        <NotOpened error={desk.recording.value.error} retry={desk.reload} />
      ) : recording === null ? (
        <div class="rd-waiting" role="status" aria-label={t('trace.waiting')} />
      ) : (
        <Work desk={desk} recording={recording} comparesFirst={query.get('prior') === '1'} onStep={step} />
      )}
    </div>
  )
}

function NotOpened({ error, retry }: { error: unknown; retry: () => void }) {
  const isMissing = error instanceof ApiError && error.status === 404
  return (
    <div class="rd-notopened">
      <ErrorLine error={error} sentence={t(isMissing ? 'missing' : 'load.failed')} {...(isMissing ? {} : { retry })} />
    </div>
  )
}

type WorkProps = Readonly<{
  desk: Case
  recording: Recording
  comparesFirst: boolean
  onStep: (by: 1 | -1) => void
}>

function Work({ desk, recording, comparesFirst, onStep }: WorkProps) {
  const phone = isPhone.value
  const analysis = readyOf(desk.analysis.value)
  const trace = readyOf(desk.trace.value)
  const evidence = useMemo(() => evidenceOf(analysis), [analysis, entries.value])
  const viewer = useMemo(() => deskViewer(phone, evidence), [desk, phone, evidence])
  const seen = useSeen(viewer.sheet.value?.cells.map(cell => cell.lead) ?? [])
  const [comparing, setComparing] = useState(comparesFirst)
  const { prior, choosePrior, priorAnalysis, compared } = usePrior(desk)
  const [ticked, tick] = useTicks(analysis, (readyOf(compared)?.comparison?.swap ?? null) !== null)
  const [returning, setReturning] = useState(false)
  const picker = useRef<HTMLInputElement>(null)
  const message = useRef<HTMLTextAreaElement>(null)
  const flow = useSignFlow(desk, recording)
  const pins = useMemo(() => createPins(desk.id), [desk])

  const facts = useMemo<ViewerFacts>(
    () => ({
      fs: trace?.fs ?? recording.fs,
      samples: trace === null ? 0 : samplesOf(trace),
      findings: evidence,
      rPeaks: analysis?.beats.sample ?? [],
    }),
    [trace, evidence, analysis],
  )

  const open = !isClosed(recording) && may('report.write') && desk.holder.value.kind !== 'other'
  const wanted = acceptable(evidence, ticked, seen, trace?.leads ?? [])
  const acceptOff = !open
    ? (flow.off ?? t('off.state'))
    : wanted.ids.length > 0
      ? null
      : t(wanted.unseen > 0 ? 'accept.unseen' : 'accept.none')
  const returnOff = !open ? (flow.off ?? t('off.state')) : isOffline.value ? list('claim.offline') : null
  const accept = (): void => {
    if (acceptOff === null) acceptFindings(desk, wanted.ids)
  }
  const compare = (): void => {
    if (prior !== null) setComparing(!comparing)
  }
  const pin = (): void => {
    if (trace !== null && askAt(pins, viewer, trace, facts.rPeaks)) message.current?.focus()
  }
  useKeys(
    'reader',
    keysOf({
      pin,
      sign: flow.sign,
      accept,
      compare,
      add: () => picker.current?.focus(),
      reply: () => message.current?.focus(),
      grade: () => {
        if (open) desk.edit(d => ({ ...d, grade: nextGrade(d.grade), gradeByHand: true }))
      },
      sendBack: () => {
        if (returnOff === null) setReturning(true)
      },
      claim: () => {
        if (desk.holder.peek().kind === 'mine') void release(desk.id).then(desk.reload, () => {})
        else desk.take()
      },
      consult: () => go(`/consult/new?recording=${encodeURIComponent(desk.id)}`),
      back: () => go('/worklist'),
      step: onStep,
    }),
  )

  useViewerKeys(viewer, facts) // after the reader's: Escape puts a caliper away before it leaves the screen

  return (
    <>
      {!phone && (
        <div class="rd-tools">
          <EcgTools viewer={viewer} facts={facts} />
          <FileNotes recording={recording} />
        </div>
      )}
      <div class="rd-work">
        <TracePane
          recording={recording}
          trace={desk.trace.value}
          analysis={analysis}
          priorAnalysis={priorAnalysis}
          evidence={evidence}
          viewer={viewer}
          priors={desk.priors.value}
          prior={prior}
          comparing={comparing && prior !== null}
          onPrior={choosePrior}
          onCompare={compare}
          onRetry={desk.reload}
          onReturn={() => setReturning(true)}
          mayReturn={!isClosed(recording)}
          returnOff={returnOff}
          summary={summaryOf(recording, analysis)}
          pins={pins}
          onAsked={() => message.current?.focus()}
        />
        <Desk
          desk={desk}
          recording={recording}
          prior={prior}
          priorAnalysis={priorAnalysis}
          compared={compared}
          evidence={evidence}
          viewer={viewer}
          ticked={ticked}
          onTick={tick}
          accept={accept}
          acceptOff={acceptOff}
          picker={picker}
          message={message}
          flow={flow}
          pins={pins}
          onPin={pin}
          onReturn={() => setReturning(true)}
          returnOff={returnOff}
        />
      </div>
      {returning && (
        <ReturnDialog
          recording={desk.id}
          who={personName(recording.patient)}
          badLeads={recording.machine?.bad_leads ?? []}
          onClose={() => setReturning(false)}
          onDone={() => {
            const row = desk.row.peek()
            if (row !== null) desk.row.value = { ...row, state: 'returned', claim: null } // nothing is left to give back
            const next = neighbour(queue.peek(), desk.id, 1)
            go(next === null ? '/worklist' : `/read/${encodeURIComponent(next)}`)
          }}
        />
      )}
      {flow.step === 'unlock' && <Unlock onClose={flow.cancel} onUnlocked={flow.unlocked} />}
      {flow.step === 'lowered' && <Lowered onClose={flow.cancel} onReason={flow.lowered} />}
    </>
  )
}

type Acts = Readonly<
  Record<
    'sign' | 'accept' | 'compare' | 'add' | 'reply' | 'pin' | 'grade' | 'sendBack' | 'claim' | 'consult' | 'back',
    () => void
  >
> &
  Readonly<{ step: (by: 1 | -1) => void }>

const keysOf = (acts: Acts): readonly Binding[] => [
  { id: 'reader.accept', chord: 'KeyA', words: () => t('accept'), act: acts.accept, hint: true },
  { id: 'reader.add', chord: 'Slash', words: () => t('picker'), act: acts.add, hint: true },
  { id: 'reader.sign', chord: 'Ctrl+Enter', words: () => t('sign'), act: acts.sign, hint: true },
  { id: 'reader.grade', chord: 'KeyG', words: () => t('grade.key'), act: acts.grade },
  { id: 'reader.compare', chord: 'KeyP', words: () => t('compare'), act: acts.compare, hint: true },
  { id: 'reader.return', chord: 'KeyR', words: () => t('return.act'), act: acts.sendBack },
  { id: 'reader.claim', chord: 'KeyC', words: () => t('claim.key'), act: acts.claim },
  { id: 'reader.reply', chord: 'KeyY', words: () => t('thread.reply'), act: acts.reply },
  { id: 'reader.pin', chord: 'Shift+KeyY', words: () => t('pin'), act: acts.pin },
  { id: 'reader.consult', chord: 'KeyU', words: () => t('consult'), act: acts.consult },
  { id: 'reader.next', chord: 'BracketRight', words: () => t('next'), act: () => acts.step(1) },
  { id: 'reader.prev', chord: 'BracketLeft', words: () => t('prev'), act: () => acts.step(-1) },
  { id: 'reader.back', chord: 'Escape', words: () => t('back'), act: acts.back },
]

/** Of the recording, not of the heart: said by returning it, seldom in a conclusion. */
const isTechnical = (code: string): boolean =>
  entryOf(code)?.group === 'quality' && code !== 'NORMAL_ECG' && code !== 'BORDERLINE_ECG'

/**
 * What is of the heart is ticked until the reader says otherwise; a tick is a wish to take it over with A, no more. With
 * electrodes suspected of having changed places only the rhythm is.
 */
function useTicks(analysis: Analysis | null, isSwapped: boolean): [ReadonlySet<string>, (id: string) => void] {
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set())
  useEffect(() => {
    const findings = analysis?.findings ?? []
    const isBelieved = (code: string): boolean => !isSwapped || entryOf(code)?.group === 'rhythm'
    const heart = findings.flatMap((f, i) => (isTechnical(f.code) || !isBelieved(f.code) ? [] : [idOf(i)]))
    setTicked(new Set(heart))
  }, [analysis, entries.value, isSwapped])
  const tick = (id: string): void => {
    const next = new Set(ticked)
    if (!next.delete(id)) next.add(id)
    setTicked(next)
  }
  return [ticked, tick]
}

function useSeen(leads: readonly string[]): ReadonlySet<string> {
  const [seen, setSeen] = useState<ReadonlySet<string>>(new Set())
  useEffect(() => setSeen(before => seenWith(before, leads)), [leads.join()])
  return seen
}

/** The earlier ECG beside this one: the reader's choice, or else the one the hub compares with, or else the newest. */
function usePrior(desk: Case) {
  const [chosen, setChosen] = useState<string | null>(null)
  const [priorAnalysis, setPriorAnalysis] = useState<Analysis | null>(null)
  const compared = useCompared(desk, chosen)
  const wanted = chosen ?? readyOf(compared)?.earlier ?? null
  const prior = desk.priors.value?.find(r => r.id === wanted) ?? desk.priors.value?.[0] ?? null
  const id = prior?.id ?? null
  useEffect(() => {
    setPriorAnalysis(null)
    if (id === null) return
    let left = false
    analyses.get(id).then(
      told => {
        if (!left) setPriorAnalysis(told)
      },
      () => {}, // its numbers stay out; the trace can still be compared
    )
    return () => {
      left = true
    }
  }, [id])
  return { prior, choosePrior: setChosen, priorAnalysis, compared }
}

const NOT_COMPARED: Loaded<Compared> = { kind: 'here', value: { earlier: null, unchanged: false, comparison: null } }

function useCompared(desk: Case, chosen: string | null): Loaded<Compared> {
  const [compared, setCompared] = useState<Loaded<Compared>>({ kind: 'waiting' })
  const isAnalysed = readyOf(desk.analysis.value) !== null
  const prior = desk.priors.value?.find(r => r.id === chosen)
  const wasRead = prior === undefined || (prior.machine !== null && !prior.machine.error) // else there is nothing to compare
  useEffect(() => {
    setCompared(wasRead ? { kind: 'waiting' } : NOT_COMPARED)
    if (!isAnalysed || !wasRead) return
    let left = false
    const query = chosen === null ? '' : `?against=${encodeURIComponent(chosen)}`
    api.get<Compared>(`/api/recordings/${encodeURIComponent(desk.id)}/comparison${query}`).then(
      value => {
        if (!left) setCompared({ kind: 'here', value })
      },
      (error: unknown) => {
        if (!left) setCompared({ kind: 'failed', error }) // the table's change column still stands
      },
    )
    return () => {
      left = true
    }
  }, [desk.id, chosen, isAnalysed, wasRead])
  return compared
}

/** What role=img says of the paper: numbers and the machine's words, marked as such. */
function summaryOf(recording: Recording, analysis: Analysis | null): string {
  const value = (name: Parameters<typeof machineValue>[2]): string =>
    String(machineValue(analysis, recording, name) ?? '–')
  return t('summary', {
    who: personName(recording.patient),
    hr: value('vent_rate_bpm'),
    pr: value('pr_ms'),
    qrs: value('qrs_ms'),
    qtc: value('qtc_ms'),
    said: machineWords(recording.machine, recording.state),
  })
}

/** Drafts say when they were saved. On its own, so that its clock does not draw the whole screen again. */
function DraftNote({ desk }: { desk: Case }) {
  const saving = desk.saving.value
  const at_ms = now.value
  useEffect(() => {
    switch (savingWords(saving)) {
      case 'none':
        footNote.value = ''
        break
      case 'dirty':
        footNote.value = t('draft.dirty')
        break
      case 'saving':
        footNote.value = t('draft.saving')
        break
      case 'failed':
        footNote.value = t('draft.failed')
        break
      case 'saved':
        footNote.value = t('draft.saved', { age: age(Math.max(1, (at_ms - (saving.savedAt_ms ?? at_ms)) / 1000)) })
    }
  }, [saving, at_ms])
  useEffect(
    () => () => {
      footNote.value = ''
    },
    [],
  )
  return null
}
