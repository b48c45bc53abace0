// Where a recording is shown: what file it came in, what was odd about it, that its time was corrected, and what came
// ahead of it. Calm on purpose: nothing here is an alarm.
import type { GlanceView, Recording } from '../api/types.gen'
import { findingName } from '../clinic/case'
import { leadRanges } from '../clinic/leads'
import { EcgStrip } from '../ecg'
import { language } from '../i18n/catalogue'
import { t } from '../i18n/files'
import { AutoTag, Icon, Tag } from '../ui'
import { fitted, unpackStrip } from '../worklist/strip'
import { refusal, timeMark, warnings } from './known'
import './files.css'

/** Before anybody measures: that a rate was proposed, that a scale is doubtful, that the end is missing. */
export function FileNotes({ recording }: { recording: Recording }) {
  const said = warnings(recording)
  if (said.length === 0) return null
  return (
    <section class="filenotes" aria-label={t('notes.title')} data-testid="file-notes">
      <Icon name="list" />
      {recording.interrupted && <Tag tone="accent">{t('notes.part')}</Tag>}
      <ul>
        {said.map(sentence => (
          <li key={sentence}>{sentence}</li>
        ))}
        {recording.replaced_by !== null && (
          <li>
            <Whole by={recording.replaced_by} />
          </li>
        )}
      </ul>
    </section>
  )
}

const Whole = ({ by }: { by: string }) => <a href={`/recording/${by}`}>{t('notes.whole')}</a>

/** Rows of a `dl`: nothing where a device sent samples. */
export function FileFacts({ recording: r }: { recording: Recording }) {
  if (r.file === '') return null
  return (
    <>
      <dt>{t('file')}</dt>
      <dd class="file-name">
        {r.file}{' '}
        <a href={`/api/recordings/${encodeURIComponent(r.id)}/original`} download={r.file} data-testid="original">
          {t('file.original')}
        </a>
      </dd>
      {r.format !== '' && (
        <>
          <dt>{t('file.format')}</dt>
          <dd>{r.format}</dd>
        </>
      )}
      {r.derived.length > 0 && (
        <>
          <dt>{t('file.derived')}</dt>
          <dd>{t('file.derived.how', { leads: r.derived.join(' ') })}</dd>
        </>
      )}
    </>
  )
}

/** Why the hub did not take it, as a sentence; nothing where it did. */
export function Refused({ recording }: { recording: Recording }) {
  const why = refusal(recording)
  if (why === null) return null
  return (
    <div class="file-refused" data-testid="file-refused">
      <h2>{t(recording.replaced_by === null ? 'refused' : 'replaced')}</h2>
      <p>{why}</p>
      {recording.replaced_by !== null && <Whole by={recording.replaced_by} />}
    </div>
  )
}

/** Beside a time that is not the one the device's clock showed, or that nobody compared with the hub's. */
export function ClockMark({ recording }: { recording: Recording }) {
  const said = timeMark(recording)
  if (said === null) return null
  return (
    <span class="clockmark" title={said.words} data-testid="clock-mark">
      {said.mark}
      <span class="vh"> {said.words}</span>
    </span>
  )
}

const GLANCE_FS = 62.5
const GLANCE_S = 10
const GOOD_ENOUGH = 50
const HEIGHT = 120
const HEIGHT_NARROW = 64
const NARROW = 400
const MM_PER_S = 25

type GlanceProps = Readonly<{ glance: GlanceView; width: number; saidAbove?: boolean }>

/**
 * What the device said ahead of the file, until the file is here. `width`: of the strip, CSS px. `saidAbove`: rate and
 * findings stand on the page already.
 */
export function Glance({ glance: g, width, saidAbove = false }: GlanceProps) {
  const uv = unpackStrip(g.strip)
  const height = width < NARROW ? HEIGHT_NARROW : HEIGHT
  const box = { width, height, gain: 10, mmWide: GLANCE_S * MM_PER_S }
  const strip = uv === null ? null : fitted(uv, box)
  const poor = Object.keys(g.quality).filter(lead => (g.quality[lead] ?? 0) < GOOD_ENOUGH)
  return (
    <section class="glance" aria-label={t('glance')} data-testid="glance">
      <p class="row">
        <Tag tone="accent">{t('glance')}</Tag>
        <AutoTag />
        <span class="dim f13">{t('glance.told')}</span>
      </p>
      {!saidAbove && (
        <p class="glance-said">
          {g.rate_bpm !== null && <b class="nw">{t('glance.rate', { n: Math.round(g.rate_bpm) })}</b>}{' '}
          {g.findings.length === 0 && <span class="muted">{t('glance.none')}</span>}
        </p>
      )}
      {!saidAbove && g.findings.length > 0 && (
        <ul>
          {g.findings.map(f => (
            <li key={f.code}>{f.said[language.value] ?? findingName(f.code)}</li>
          ))}
        </ul>
      )}
      {strip !== null && (
        <figure class="glance-strip">
          <EcgStrip
            uv={strip.uv}
            fs={GLANCE_FS}
            seconds={GLANCE_S}
            lead={g.strip_lead}
            gain={strip.gain}
            width={width}
            height={height}
          />
          <figcaption class="dim f12">{t('glance.strip', { lead: g.strip_lead })}</figcaption>
        </figure>
      )}
      {poor.length > 0 && <p class="muted f13">{t('glance.poor', { leads: leadRanges(poor) })}</p>}
    </section>
  )
}
