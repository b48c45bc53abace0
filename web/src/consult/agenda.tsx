// What the room is for, on its screen all the time: the clock of fifteen minutes, the questions to answer, the brief on
// one page. The conclusion itself is filled in opinion.tsx.
import { useState } from 'preact/hooks'
import type { Consult, Question } from '../api/types.gen'
import { now, wait } from '../app/clock'
import { t } from '../i18n/conclusion'
import { Brief, briefOf } from './brief'
import './conclusion.css'
import { type SharedDraft, unanswered, useDraft } from './skeleton'

const ROOM_S = 15 * 60

export function Agenda({ consult }: { consult: Consult }) {
  const shared = useDraft(consult.id, consult.events.includes('draft'))
  if (shared === null) return null
  const left = unanswered(shared.draft.questions)
  return (
    <section class="agenda" data-testid="agenda" data-left={left}>
      <details>
        <summary class="row">
          <Clock began={shared.draft.began_at} />
          <span class="ell">{left === 0 ? t('questions.none') : t('questions.left', { n: left })}</span>
        </summary>
        <Questions shared={shared} />
        <details>
          <summary>{t('brief')}</summary>
          <Brief of={briefOf(consult)} />
        </details>
      </details>
    </section>
  )
}

function Clock({ began }: { began: string | null }) {
  const spent_s = began === null ? 0 : Math.max(0, (now.value - Date.parse(began)) / 1000)
  return (
    <b class={`agenda-clock num${spent_s > ROOM_S ? ' is-over' : ''}`} title={t('clock.label')}>
      {t('clock', { at: wait(spent_s), of: wait(ROOM_S) })}
    </b>
  )
}

function Questions({ shared: { draft, change } }: { shared: SharedDraft }) {
  const [adding, setAdding] = useState('')
  const put = (questions: readonly Question[]): void => change({ questions })
  const tick = (at: number, answered: boolean): void =>
    put(draft.questions.map((q, i) => (i === at ? { ...q, answered } : q)))
  return (
    <form
      class="agenda-questions"
      aria-label={t('questions')}
      onSubmit={e => {
        e.preventDefault()
        if (adding.trim() === '') return
        put([...draft.questions, { text: adding.trim(), answered: false }])
        setAdding('')
      }}
    >
      {draft.questions.map((q, i) => (
        <label key={q.text} class="row">
          <input
            type="checkbox"
            name="answered"
            checked={q.answered === true}
            onChange={e => tick(i, e.currentTarget.checked)}
          />
          <span class={q.answered === true ? 'muted' : ''}>{q.text}</span>
        </label>
      ))}
      <input
        class="input"
        name="question"
        aria-label={t('questions.add')}
        placeholder={t('questions.add')}
        maxLength={200}
        value={adding}
        onInput={e => setAdding(e.currentTarget.value)}
      />
    </form>
  )
}
