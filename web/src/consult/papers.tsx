// What the requesting side adds to a case that is under way: a document that came later, the consent an emergency owes.
import { useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Consult, NewConsent } from '../api/types.gen'
import { t } from '../i18n/case'
import { t as words } from '../i18n/consult'
import { Button, ErrorLine, FieldRow, Segmented } from '../ui'
import { documentName } from './brief'
import type { DocumentKind } from './checklist'
import { asPaper, ConsentEditor, lacks, NO_CONSENT } from './consent'

const KINDS: readonly DocumentKind[] = [
  'history',
  'vitals',
  'medication',
  'allergy',
  'family_history',
  'weight',
  'labs',
  'troponin',
  'potassium',
  'echo',
  'x_ray',
  'ct',
]

type Open = 'none' | 'document' | 'consent'

export function Papers({ consult: c, onChange }: { consult: Consult; onChange: (c: Consult) => void }) {
  const [open, setOpen] = useState<Open>('none')
  const owes = c.consent_paper === null && c.consent === 'emergency'
  const close = (next: Consult): void => {
    setOpen('none')
    onChange(next)
  }
  if (open === 'document') return <DocumentForm consult={c} onChange={close} onClose={() => setOpen('none')} />
  if (open === 'consent') return <ConsentForm consult={c} onChange={close} onClose={() => setOpen('none')} />
  return (
    <div class="consult-acts">
      {owes && <p class="consult-reason">{t('consent.owed')}</p>}
      <span class="grow" />
      <Button onClick={() => setOpen('document')}>{t('document.add')}</Button>
      {c.consent === 'emergency' && <Button onClick={() => setOpen('consent')}>{t('consent.file')}</Button>}
    </div>
  )
}

/** Sends, and keeps the form with its text where that failed. */
function useSending(onChange: (c: Consult) => void) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const send = async (path: string, body: object): Promise<void> => {
    setBusy(true)
    setError(null)
    try {
      onChange(await api.post<Consult>(path, body))
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  return { busy, error, send }
}

type Form = { consult: Consult; onChange: (c: Consult) => void; onClose: () => void }

function DocumentForm({ consult: c, onChange, onClose }: Form) {
  const first = c.completeness.missing.find(kind => kind !== 'consent') ?? 'labs'
  const [kind, setKind] = useState(first as DocumentKind)
  const [text, setText] = useState('')
  const [missing, setMissing] = useState(false)
  const { busy, error, send } = useSending(onChange)
  return (
    <form
      class="consult-acts consult-why"
      data-testid="document-form"
      onSubmit={e => {
        e.preventDefault()
        setMissing(text.trim() === '')
        if (text.trim() !== '')
          void send(`/api/consults/${encodeURIComponent(c.id)}/documents`, { kind, text: text.trim() })
      }}
    >
      <FieldRow label={t('document.which')}>
        {id => (
          <select id={id} name="kind" value={kind} onChange={e => setKind(e.currentTarget.value as DocumentKind)}>
            {KINDS.map(k => (
              <option key={k} value={k}>
                {documentName(k)}
              </option>
            ))}
          </select>
        )}
      </FieldRow>
      <FieldRow label={t('document.text')} error={missing ? t('document.text.missing') : null}>
        {(id, by) => (
          <textarea
            id={id}
            name="document"
            rows={3}
            maxLength={4000}
            aria-describedby={by}
            value={text}
            onInput={e => setText(e.currentTarget.value)}
          />
        )}
      </FieldRow>
      {error !== null && <ErrorLine error={error} />}
      <Ends busy={busy} onClose={onClose} words={t('document.file')} />
    </form>
  )
}

function ConsentForm({ consult: c, onChange, onClose }: Form) {
  const [kind, setKind] = useState<NewConsent['kind']>('written')
  const [fields, setFields] = useState({ ...NO_CONSENT, by: c.patient.name })
  const [doctor, setDoctor] = useState('')
  const [why, setWhy] = useState('')
  const [tried, setTried] = useState(false)
  const { busy, error, send } = useSending(onChange)
  const doctors = kind === 'two_doctors'
  const whole = doctors ? doctor.trim() !== '' && why.trim() !== '' : lacks(fields).length === 0
  const paper = (): NewConsent =>
    doctors ? { kind: 'two_doctors', by: doctor.trim(), relation: 'doctor', note: why.trim() } : asPaper(fields)
  return (
    <form
      class="consult-acts consult-why"
      data-testid="consent-form"
      onSubmit={e => {
        e.preventDefault()
        setTried(true)
        if (whole) void send(`/api/consults/${encodeURIComponent(c.id)}/consent`, paper())
      }}
    >
      {c.priority === 'emergency' && (
        <Segmented<NewConsent['kind']>
          label={t('consent.kind')}
          value={kind}
          onChange={setKind}
          choices={[
            { value: 'written', words: t('consent.kind.written') },
            { value: 'two_doctors', words: t('consent.kind.two_doctors') },
          ]}
        />
      )}
      {doctors ? (
        <>
          <FieldRow label={t('consent.second')} error={tried && doctor.trim() === '' ? t('consent.by.missing') : null}>
            {(id, by) => (
              <input
                id={id}
                name="second"
                maxLength={60}
                autocomplete="off"
                aria-describedby={by}
                value={doctor}
                onInput={e => setDoctor(e.currentTarget.value)}
              />
            )}
          </FieldRow>
          <FieldRow label={t('consent.why')} error={tried && why.trim() === '' ? t('consent.why.missing') : null}>
            {(id, by) => (
              <textarea
                id={id}
                name="why"
                rows={2}
                maxLength={500}
                aria-describedby={by}
                value={why}
                onInput={e => setWhy(e.currentTarget.value)}
              />
            )}
          </FieldRow>
        </>
      ) : (
        <ConsentEditor value={fields} onChange={setFields} tried={tried} />
      )}
      {error !== null && <ErrorLine error={error} />}
      <Ends busy={busy} onClose={onClose} words={t('consent.file')} />
    </form>
  )
}

const Ends = (p: { busy: boolean; onClose: () => void; words: string }) => (
  <div class="row">
    <Button onClick={p.onClose}>{words('one.back')}</Button>
    <Button kind="primary" submit busy={p.busy}>
      {p.words}
    </Button>
  </div>
)
