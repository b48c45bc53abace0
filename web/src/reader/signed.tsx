// A report that was signed: read only, with its PDF, and the way to correct it. Older versions stay readable below.
import { useRef, useState } from 'preact/hooks'
import { api, uuid } from '../api/client'
import type { Report, Statement } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { language } from '../i18n/catalogue'
import { t } from '../i18n/reader'
import { Button, ErrorLine, FieldRow, Tag } from '../ui'
import { Conclusion } from './conclusion'
import type { Grade } from './draft'

const gradeTone = (grade: Grade) => (grade === 'critical' ? 'high' : grade === 'warning' ? 'med' : 'plain')

export function Signed(p: { reports: readonly Report[]; mayAmend: string | null; onAmended: () => void }) {
  const [amending, setAmending] = useState(false)
  const [valid, ...older] = p.reports.filter(r => r.state !== 'draft')
  if (valid === undefined) return null
  if (amending) {
    return (
      <Amend
        report={valid}
        onDone={() => {
          setAmending(false)
          p.onAmended()
        }}
        onCancel={() => setAmending(false)}
      />
    )
  }
  return (
    <section class="rd-part">
      <h2 class="rd-part-head">
        {t('signed')}
        <span class="grow" />
        {valid.version > 1 && <span class="dim f12">{t('signed.version', { n: valid.version })}</span>}
        {valid.grade !== 'unassessed' && <Tag tone={gradeTone(valid.grade)}>{t(`grade.${valid.grade}`)}</Tag>}
      </h2>
      <Statements statements={valid.statements} />
      {valid.reason !== '' && <p class="f13 muted">{t('signed.reason', { reason: valid.reason })}</p>}
      <p class="f13 muted">{by(valid)}</p>
      {valid.digest !== null && (
        <p class="dim f12 rd-digest" title={valid.digest}>
          {t('signed.digest', { digest: valid.digest.slice(0, 16) })}
        </p>
      )}
      <div class="rd-row">
        {valid.pdf_ready ? (
          <a
            class="btn btn-plain"
            href={`/api/reports/${valid.id}/pdf?lang=${language.value}`}
            target="_blank"
            rel="noreferrer"
          >
            {t('signed.pdf')}
          </a>
        ) : (
          <span class="dim f13">{t('signed.pdf.later')}</span>
        )}
        <Button
          disabled={p.mayAmend !== null}
          {...(p.mayAmend === null ? {} : { why: p.mayAmend })}
          onClick={() => setAmending(true)}
        >
          {t('amend')}
        </Button>
      </div>
      {older.map(report => (
        <details key={report.id} class="rd-older">
          <summary class="dim f12">
            {t('signed.version', { n: report.version })} · {by(report)}
          </summary>
          <Statements statements={report.statements} />
        </details>
      ))}
    </section>
  )
}

const by = (report: Report): string => {
  const at = report.signed_at ?? report.saved_at
  return t('signed.by', { name: report.author_name, at: `${day(at)} ${clockTime(at)}` })
}

const Statements = ({ statements }: { statements: readonly Statement[] }) => (
  <ol class="rd-signed">
    {statements.map((statement, i) => (
      <li key={`${i} ${statement.text}`}>
        <span class="dim rd-statement-n">{i + 1}</span>
        {statement.text}
      </li>
    ))}
  </ol>
)

type Amending = { kind: 'ready' } | { kind: 'sending' } | { kind: 'failed'; error: unknown }

function Amend(p: { report: Report; onDone: () => void; onCancel: () => void }) {
  const [statements, setStatements] = useState(p.report.statements)
  const [grade, setGrade] = useState<Grade>(p.report.grade)
  const [lacks, setLacks] = useState(false)
  const [state, setState] = useState<Amending>({ kind: 'ready' })
  const reason = useRef<HTMLTextAreaElement>(null)
  const picker = useRef<HTMLInputElement>(null)
  const key = useRef(uuid())
  const sign = async (): Promise<void> => {
    const words = reason.current?.value.trim() ?? ''
    setLacks(words === '')
    if (words === '') {
      reason.current?.focus()
      return
    }
    setState({ kind: 'sending' })
    try {
      const body = { reason: words, statements, grade, measurements: p.report.measurements, note: p.report.note }
      await api.post<Report>(`/api/reports/${encodeURIComponent(p.report.id)}/amend`, body, {
        idempotencyKey: key.current,
      })
      p.onDone()
    } catch (error) {
      setState({ kind: 'failed', error })
    }
  }
  return (
    <section class="rd-part">
      <h2 class="rd-part-head">{t('amend')}</h2>
      <Conclusion
        statements={statements}
        grade={grade}
        machineGrade={null}
        pickerRef={picker}
        onStatements={setStatements}
        onGrade={setGrade}
      />
      <FieldRow label={t('amend.reason')} hint={t('amend.reason.hint')} error={lacks ? t('amend.missing') : null}>
        {(id, told) => <textarea id={id} ref={reason} rows={2} maxLength={500} aria-describedby={told} />}
      </FieldRow>
      {state.kind === 'failed' && <ErrorLine error={state.error} />}
      <div class="rd-row">
        <Button kind="primary" busy={state.kind === 'sending'} onClick={() => void sign()}>
          {t('amend.sign')}
        </Button>
        <Button onClick={p.onCancel}>{t('amend.cancel')}</Button>
      </div>
    </section>
  )
}
