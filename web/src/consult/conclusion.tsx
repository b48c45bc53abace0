// A signed conclusion wherever it is shown: its skeleton, both signatures, its paper, who has read it, earlier versions.
import { useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Conclusion, Consult } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { isMe } from '../clinic/me'
import { language } from '../i18n/catalogue'
import { t } from '../i18n/conclusion'
import { t as words } from '../i18n/consult'
import { Button, ErrorLine } from '../ui'
import './conclusion.css'

const moment = (at: string): string => `${day(at)} ${clockTime(at)}`

export const paperOf = (consult: string, version: number): string =>
  `/api/consults/${encodeURIComponent(consult)}/conclusion/pdf?version=${version}&lang=${language.value}`

/** All versions, the newest first. */
export const versionsOf = (c: Consult): readonly Conclusion[] =>
  c.conclusion === null ? [] : [c.conclusion, ...c.earlier_conclusions]

/** The version that both sides have signed last. */
export const standingOf = (c: Consult): Conclusion | null =>
  versionsOf(c).find(v => v.countersigned_at !== null) ?? null

/** The words alone. */
export function Skeletal({ of: c }: { of: Conclusion }) {
  return (
    <div class="conclusion" data-testid="conclusion" data-version={c.version}>
      {c.version > 1 && (
        <p class="dim f12">
          {t('version', { n: c.version })}
          {c.reason !== '' && ` · ${t('corrected', { why: c.reason })}`}
        </p>
      )}
      <p class="opinion-text">{c.text}</p>
      {c.advice.length > 0 && (
        <Part title={t('advice')}>
          <ol>
            {c.advice.map(one => (
              <li key={one}>{one}</li>
            ))}
          </ol>
        </Part>
      )}
      {c.follow_up !== '' && <Part title={t('follow_up')}>{c.follow_up}</Part>}
      {c.warning_signs !== '' && <Part title={t('warning_signs')}>{c.warning_signs}</Part>}
    </div>
  )
}

const Part = ({ title, children }: { title: string; children: preact.ComponentChildren }) => (
  <div class="conclusion-part">
    <h4>{title}</h4>
    {children}
  </div>
)

export function Signatures({ of: c }: { of: Conclusion }) {
  return (
    <p class="dim f12">
      {words('one.signed', { name: c.signed_name, time: moment(c.signed_at) })}
      <br />
      {c.countersigned_name === null || c.countersigned_at === null
        ? words('one.tocounter')
        : words('one.countersigned', { name: c.countersigned_name, time: moment(c.countersigned_at) })}
      <br />
      <span title={c.digest}>{words('one.digest', { digest: c.digest.slice(0, 12) })}</span>
    </p>
  )
}

/** Of a version that both sides have signed: its paper, and who of the asking side has read it. */
export function Filed({
  consult,
  of: c,
  onChange,
}: {
  consult: Consult
  of: Conclusion
  onChange: (c: Consult) => void
}) {
  const [error, setError] = useState<unknown>(null)
  if (c.countersigned_at === null) return null
  const asks = consult.events.includes('acknowledge')
  const read = (): void => {
    setError(null)
    api.post<Consult>(`/api/consults/${encodeURIComponent(consult.id)}/conclusion/read`, {}).then(onChange, setError)
  }
  return (
    <div class="conclusion-filed" data-testid="conclusion-filed" data-read={c.receipts.length > 0}>
      <a href={paperOf(consult.id, c.version)} target="_blank" rel="noreferrer">
        {t('paper.open')}
      </a>
      {c.pdf_at !== null && <p class="dim f12">{t('paper.delivered', { time: moment(c.pdf_at) })}</p>}
      {c.receipts.length === 0 && !asks && <p class="dim f12">{t('read.none')}</p>}
      {c.receipts.map(r => (
        <p key={r.account} class="f12">
          {t('read.by', { name: r.name, time: moment(r.at) })}
        </p>
      ))}
      {asks && c.version === standingOf(consult)?.version && !c.receipts.some(r => isMe(r.account)) && (
        <Button kind="primary" onClick={read}>
          {t('read')}
        </Button>
      )}
      {error !== null && <ErrorLine error={error} retry={read} />}
    </div>
  )
}

/** Earlier versions that both sides had signed, folded away. Those that were rewritten before never stood. */
export function Earlier({ consult }: { consult: Consult }) {
  const stood = consult.earlier_conclusions.filter(c => c.countersigned_at !== null)
  const standing = standingOf(consult)
  if (stood.length === 0) return null
  return (
    <>
      {standing !== null && standing.version !== consult.conclusion?.version && (
        <p class="f13" role="status">
          {t('stands', { n: standing.version })}
        </p>
      )}
      <details class="conclusion-earlier" data-testid="conclusion-earlier">
        <summary>{t('earlier')}</summary>
        {stood.map(c => (
          <div key={c.version}>
            <b class="f13">{t('version', { n: c.version })}</b>
            <Skeletal of={c} />
            <Signatures of={c} />
            <a href={paperOf(consult.id, c.version)} target="_blank" rel="noreferrer">
              {t('paper.open')}
            </a>
          </div>
        ))}
      </details>
    </>
  )
}
