// What changed since the earlier ECG, in the hub's sentences: the most important first, what is unchanged last and quiet.
// The machine's words: tagged, and nothing of it goes into the report by itself; the reader may cite it, as own words.
import type { Compared, Recording, Sentence, Statement } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { language } from '../i18n/catalogue'
import { t } from '../i18n/reader'
import { AutoTag, Button } from '../ui'
import type { Loaded } from './casework'

export type ChangesProps = Readonly<{
  recording: Recording
  prior: Recording | null
  compared: Loaded<Compared>
  onCite: ((statement: Statement) => void) | null // null: this person cannot write now
}>

export function Changes({ recording, prior, compared, onCite }: ChangesProps) {
  if (prior === null) return null
  const said = compared.kind === 'here' ? (compared.value.comparison?.say ?? []) : []
  const cited = citation(takenAt(prior), said)
  return (
    <section class="rd-part" data-testid="changes">
      <h2 class="rd-part-head">
        <AutoTag />
        {t('changes')}
        <span class="grow" />
        <span class="dim f12 rd-changes-when">{sinceWords(recording, prior)}</span>
        {onCite !== null && cited !== null && (
          <Button kind="quiet" onClick={() => onCite(cited)}>
            {t('changes.cite')}
          </Button>
        )}
      </h2>
      <Lines compared={compared} />
    </section>
  )
}

function Lines({ compared }: { compared: Loaded<Compared> }) {
  if (compared.kind === 'waiting') return <p class="dim f13">{t('changes.waiting')}</p>
  const found = compared.kind === 'here' ? compared.value.comparison : null
  if (found === null) return <p class="dim f13">{t('changes.failed')}</p>
  return (
    <ul class="rd-changes">
      {found.say.filter(isNews).map(sentence => {
        const [head, rest] = parted(sentence[language.value])
        return (
          <li key={sentence.zh} class={`rd-change-${sentence.about}`}>
            <b>{head}</b>
            {rest !== '' && <span> {rest}</span>}
          </li>
        )
      })}
    </ul>
  )
}

/** The measurements and their changes stand in the table above. */
const isNews = (sentence: Sentence): boolean => sentence.about !== 'numbers'

const TEXT_MAX = 500
const CITED: ReadonlySet<Sentence['about']> = new Set(['rhythm', 'findings', 'st', 't'])

/**
 * What changed as one statement of the report: the heart's changes only; numbers stand in the report's own table, doubts
 * about leads and electrodes are for the reader's eyes. null: nothing to cite, or not to be believed.
 */
export function citation(earlier: string, say: readonly Sentence[]): Statement | null {
  if (say.some(sentence => sentence.about === 'swap')) return null
  if (say.some(sentence => sentence.about === 'whole')) {
    return { code: null, text: t('changes.cited_whole', { day: day(earlier) }) }
  }
  const told = say.filter(sentence => CITED.has(sentence.about)).map(sentence => sentence[language.value])
  if (told.length === 0) return null
  const words = told.join(t('changes.cited_then'))
  return { code: null, text: t('changes.cited', { day: day(earlier), words }).slice(0, TEXT_MAX) }
}

/** The heading of a sentence and the rest of it: 新出现 | 心房颤动. */
export function parted(sentence: string): readonly [string, string] {
  const at = sentence.search(/：|: /)
  return at < 0 ? [sentence, ''] : [sentence.slice(0, at), sentence.slice(at + 1).trim()]
}

const DAY_MS = 86_400_000
const takenAt = (r: Recording): string => r.started_at ?? r.opened_at

/** When the earlier one was taken, and how long ago where that is a day or more. */
export function sinceWords(recording: Recording, prior: Recording): string {
  const at = takenAt(prior)
  const n = Math.max(0, Math.round((Date.parse(takenAt(recording)) - Date.parse(at)) / DAY_MS))
  if (n > 0) return t('changes.since', { day: day(at), n })
  return t('changes.same_day', { day: day(at), time: clockTime(at).slice(0, 5) })
}
