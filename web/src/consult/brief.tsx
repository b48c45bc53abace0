// 会诊摘要: the one page an expert sees. The same in the request's preview and in the case.
import type { ComponentChildren } from 'preact'
import type { Completeness, Consult } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { t } from '../i18n/case'
import { listed } from '../i18n/catalogue'
import { t as words } from '../i18n/consult'
import { type DocumentKind, type Documents, written } from './checklist'

export type BriefFields = Readonly<{
  specialty: Consult['specialty']
  expert_title: Consult['expert_title']
  wanted_at: string | null
  disease: Consult['disease']
  documents: Documents
  completeness: Completeness
}>

type Missing = DocumentKind | 'consent'

/** Names of what is not there, for links and lists. */
export const documentName = (kind: string): string => t(`document.${kind as Missing}`)

export const Score = ({ of }: { of: Completeness }) => (
  <span class="brief-score" data-testid="completeness" data-percent={of.percent}>
    {of.missing.length === 0 && of.percent === 100
      ? t('documents.whole')
      : t('documents.percent', { percent: of.percent })}
  </span>
)

/** The rows of a definition list; what the two places tell differently comes as children. */
export function Brief({
  of,
  versions,
  head,
  children,
}: {
  of: BriefFields
  versions?: Readonly<Record<string, number>>
  head?: ComponentChildren
  children?: ComponentChildren
}) {
  return (
    <dl class="kv brief" data-testid="brief">
      {head}
      <dt>{words('list.expert')}</dt>
      <dd>{t('asked.for', { specialty: t(`specialty.${of.specialty}`), title: t(`title.${of.expert_title}`) })}</dd>
      <dt>{t('wanted')}</dt>
      <dd>
        {of.wanted_at === null ? t('wanted.soon') : `${day(of.wanted_at)} ${clockTime(of.wanted_at).slice(0, 5)}`}
      </dd>
      <dt>{t('disease')}</dt>
      <dd>{t(`disease.${of.disease}`)}</dd>
      {children}
      <dt>{t('documents')}</dt>
      <dd>
        <Score of={of.completeness} />
      </dd>
      {written(of.documents).map(d => (
        <Row key={d.kind} name={documentName(d.kind)}>
          {d.text}
          {(versions?.[d.kind] ?? 1) > 1 && (
            <span class="dim f12"> {t('document.version', { n: versions?.[d.kind] ?? 1 })}</span>
          )}
        </Row>
      ))}
      {of.completeness.missing.length > 0 && (
        <Row name={t('documents.lacks')}>{listed(of.completeness.missing.map(documentName))}</Row>
      )}
    </dl>
  )
}

const Row = ({ name, children }: { name: string; children: ComponentChildren }) => (
  <>
    <dt>{name}</dt>
    <dd class="request-summary">{children}</dd>
  </>
)

export const briefOf = (c: Consult): BriefFields => ({
  specialty: c.specialty,
  expert_title: c.expert_title,
  wanted_at: c.wanted_at,
  disease: c.disease,
  documents: Object.fromEntries(c.documents.map(d => [d.kind, d.text])),
  completeness: c.completeness,
})
