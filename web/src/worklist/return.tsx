// Sending an ECG back for a new one: a reason by its digit, the leads meant, a word to the clinic. Used by the list and
// by the reader.
import { useMemo, useRef, useState } from 'preact/hooks'
import { uuid } from '../api/client'
import type { ReturnRecording } from '../api/types.gen'
import { useKeys } from '../app/keys'
import { t } from '../i18n/worklist'
import { Button, Dialog, ErrorLine, FieldRow } from '../ui'
import { sendBack } from './state'
import './return.css'

export const REASONS = ['electrode_off', 'artefact', 'lead_swap', 'too_short', 'wrong_patient', 'other'] as const
type Reason = ReturnRecording['reason']
const LEADS = ['I', 'II', 'III', 'aVR', 'aVL', 'aVF', 'V1', 'V2', 'V3', 'V4', 'V5', 'V6'] as const
const NEEDS_LEADS: ReadonlySet<Reason> = new Set(['electrode_off', 'lead_swap', 'artefact'])

type Sending = { kind: 'ready' } | { kind: 'sending' } | { kind: 'failed'; error: unknown }

export type ReturnDialogProps = Readonly<{
  recording: string
  who: string
  badLeads: readonly string[] // what the machine found off: ticked beforehand, to be changed
  onClose: () => void
  onDone: () => void
}>

export const ReturnDialog = (p: ReturnDialogProps) => {
  const key = useMemo(uuid, [p.recording])
  const [reason, setReason] = useState<Reason>(p.badLeads.length > 0 ? 'electrode_off' : 'artefact')
  const [leads, setLeads] = useState<ReadonlySet<string>>(new Set(p.badLeads))
  const [lacksNote, setLacksNote] = useState(false)
  const [sending, setSending] = useState<Sending>({ kind: 'ready' })
  const note = useRef<HTMLTextAreaElement>(null)

  const send = async (): Promise<void> => {
    if (sending.kind === 'sending') return
    const words = note.current?.value.trim() ?? ''
    setLacksNote(reason === 'other' && words === '')
    if (reason === 'other' && words === '') {
      note.current?.focus()
      return
    }
    setSending({ kind: 'sending' })
    try {
      await sendBack(p.recording, { reason, leads: NEEDS_LEADS.has(reason) ? [...leads] : [], note: words }, key)
      p.onDone()
    } catch (error) {
      setSending({ kind: 'failed', error })
    }
  }
  useKeys('return', [
    ...REASONS.map((name, i) => ({
      id: `return.${i + 1}`,
      chord: `Digit${i + 1}`,
      words: () => t(`return.${name}`),
      act: () => setReason(name),
    })),
    { id: 'return.send', chord: 'Enter', words: () => t('return.send'), act: () => void send() },
    { id: 'return.send.text', chord: 'Ctrl+Enter', words: () => t('return.send'), act: () => void send() },
  ])
  const toggle = (lead: string): void => {
    const next = new Set(leads)
    if (!next.delete(lead)) next.add(lead)
    setLeads(next)
  }
  return (
    <Dialog
      title={t('return.title', { who: p.who })}
      open
      onClose={p.onClose}
      acts={
        <Button kind="primary" chord="Enter" busy={sending.kind === 'sending'} onClick={() => void send()}>
          {t('return.send')}
        </Button>
      }
    >
      <div class="ret">
        <div class="ret-reasons" role="radiogroup" aria-label={t('return.reason')}>
          {REASONS.map((name, i) => (
            <label key={name} class="ret-reason">
              <input
                type="radio"
                name="reason"
                checked={reason === name}
                // What a dialog gives the focus to as it opens; else its first button, which closes it on Enter.
                autofocus={reason === name}
                onChange={() => setReason(name)}
              />
              <span class="grow">{t(`return.${name}`)}</span>
              <kbd aria-hidden="true">{i + 1}</kbd>
            </label>
          ))}
        </div>
        {NEEDS_LEADS.has(reason) && (
          <fieldset class="ret-leads">
            <legend class="label">{t('return.leads')}</legend>
            {LEADS.map(lead => (
              <Button key={lead} on={leads.has(lead)} onClick={() => toggle(lead)}>
                {lead}
              </Button>
            ))}
          </fieldset>
        )}
        <FieldRow
          label={t('return.note')}
          hint={t('return.note.hint')}
          error={lacksNote ? t('return.note.missing') : null}
        >
          {(id, told) => <textarea id={id} ref={note} rows={2} maxLength={500} aria-describedby={told} />}
        </FieldRow>
        {sending.kind === 'failed' && <ErrorLine error={sending.error} />}
      </div>
    </Dialog>
  )
}
