// After the conclusion: its advice as tasks of the treating doctor, the outcome at day 7 and 30, three questions to each.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { After, Consult, GiveFeedback, OutcomeDue, ReportOutcome, Task, TickTask } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { t } from '../i18n/after'
import { Button, ErrorLine, FieldRow, Pane, Tag } from '../ui'
import './after.css'

type State = { kind: 'waiting' } | { kind: 'here'; value: After } | { kind: 'failed'; error: unknown }
type Send = (what: 'advice' | 'outcome' | 'feedback', body: TickTask | ReportOutcome | GiveFeedback) => Promise<void>

/** Asked for again with each news of the case. */
export function AfterConclusion({ consult }: { consult: Consult }) {
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const [error, setError] = useState<unknown>(null)
  const path = `/api/consults/${encodeURIComponent(consult.id)}/after`
  const load = (): void => {
    api.get<After>(path).then(
      value => setState({ kind: 'here', value }),
      (failed: unknown) => setState(before => (before.kind === 'here' ? before : { kind: 'failed', error: failed })),
    )
  }
  useEffect(load, [consult])
  const send: Send = async (what, body) => {
    setError(null)
    try {
      setState({ kind: 'here', value: await api.post<After>(`${path}/${what}`, body) })
    } catch (failed) {
      setError(failed)
    }
  }
  if (state.kind === 'waiting') return null
  if (state.kind === 'failed') return <ErrorLine error={state.error} retry={load} />
  const a = state.value
  return (
    <Pane title={t('title')}>
      <div class="consult-top after" data-testid="after">
        {error !== null && <ErrorLine error={error} />}
        {a.tasks.length === 0 ? <p class="muted">{t('tasks.none')}</p> : <Tasks of={a} send={send} />}
        {a.outcomes.map(o => (
          <OutcomeRow key={o.day} of={o} mine={a.may_report} send={send} />
        ))}
        {a.may_answer.map(who => (
          <Questions key={who} who={who} send={send} />
        ))}
        {a.answered.map(who => (
          <p key={who} class="dim f12">
            {t(`ask.${who}`)} · {t('ask.given')}
          </p>
        ))}
      </div>
    </Pane>
  )
}

const Tasks = ({ of, send }: { of: After; send: Send }) => (
  <ol class="after-tasks">
    {of.tasks.map(task => (
      <TaskRow key={task.number} task={task} version={of.version} mine={of.may_report} send={send} />
    ))}
  </ol>
)

function TaskRow({ task, version, mine, send }: { task: Task; version: number; mine: boolean; send: Send }) {
  const [note, setNote] = useState(task.note)
  const tick = (done: boolean): void => void send('advice', { version, number: task.number, done, note: note.trim() })
  return (
    <li data-testid="task" data-done={String(task.done)}>
      <div class="row">
        <span class="grow">{task.text}</span>
        <Tag tone={task.done === null ? 'accent' : 'plain'}>
          {t(task.done === null ? 'task.open' : task.done ? 'task.done' : 'task.not')}
        </Tag>
      </div>
      {task.at !== null && (
        <p class="dim f12">
          {task.note !== '' && `${task.note} · `}
          {t('task.by', { name: task.by_name, time: `${day(task.at)} ${clockTime(task.at)}` })}
        </p>
      )}
      {mine && task.done !== true && (
        <div class="row after-act">
          <input
            class="input"
            name="task-note"
            aria-label={t('task.note')}
            placeholder={t('task.note')}
            maxLength={1000}
            value={note}
            onInput={e => setNote(e.currentTarget.value)}
          />
          <Button onClick={() => tick(true)}>{t('task.done')}</Button>
          <Button kind="quiet" onClick={() => tick(false)}>
            {t('task.not')}
          </Button>
        </div>
      )}
    </li>
  )
}

const OUTCOMES = ['recovered', 'improved', 'unchanged', 'worse', 'died', 'lost'] as const
type OutcomeCode = (typeof OUTCOMES)[number]

function OutcomeRow({ of, mine, send }: { of: OutcomeDue; mine: boolean; send: Send }) {
  const [chosen, setChosen] = useState<OutcomeCode>('recovered')
  const [note, setNote] = useState('')
  const due = day(of.due_at)
  return (
    <div class="after-outcome" data-testid="outcome" data-day={of.day} data-outcome={of.outcome ?? ''}>
      <div class="row">
        <b class="f13">{t('outcome.day', { n: of.day })}</b>
        <span class="grow" />
        {of.outcome !== null ? (
          <Tag>{t(`outcome.${of.outcome}`)}</Tag>
        ) : (
          <Tag tone={of.overdue ? 'accent' : 'plain'}>
            {of.overdue ? t('outcome.overdue', { day: due }) : t('outcome.due', { day: due })}
          </Tag>
        )}
      </div>
      {of.reported_at !== null && (
        <p class="dim f12">
          {of.note !== '' && `${of.note} · `}
          {t('task.by', { name: of.by_name, time: `${day(of.reported_at)} ${clockTime(of.reported_at)}` })}
        </p>
      )}
      {mine && of.outcome === null && (
        <form
          class="row after-act"
          onSubmit={e => {
            e.preventDefault()
            void send('outcome', { day: of.day, outcome: chosen, note: note.trim() })
          }}
        >
          <select
            class="input"
            name="outcome"
            aria-label={t('outcome.choose')}
            value={chosen}
            onChange={e => setChosen(OUTCOMES.find(o => o === e.currentTarget.value) ?? 'recovered')}
          >
            {OUTCOMES.map(o => (
              <option key={o} value={o}>
                {t(`outcome.${o}`)}
              </option>
            ))}
          </select>
          <input
            class="input"
            name="outcome-note"
            aria-label={t('outcome.note')}
            placeholder={t('outcome.note')}
            maxLength={1000}
            value={note}
            onInput={e => setNote(e.currentTarget.value)}
          />
          <Button submit>{t('outcome.send')}</Button>
        </form>
      )}
    </div>
  )
}

const SCORES = [1, 2, 3, 4, 5] as const
const THREE = [1, 2, 3] as const

function Questions({ who, send }: { who: GiveFeedback['who']; send: Send }) {
  const [answers, setAnswers] = useState<readonly number[]>([0, 0, 0])
  const [missing, setMissing] = useState(false)
  const submit = (): void => {
    const [first = 0, second = 0, third = 0] = answers
    const lacks = first === 0 || second === 0 || third === 0
    setMissing(lacks)
    if (!lacks) void send('feedback', { who, answers: [first, second, third], remark: '' })
  }
  return (
    <details class="after-ask" data-testid={`ask-${who}`}>
      <summary>
        {t(`ask.${who}`)} {who === 'patient' && <span class="dim">{t('ask.patient.told')}</span>}
      </summary>
      <form
        onSubmit={e => {
          e.preventDefault()
          submit()
        }}
      >
        {THREE.map((n, at) => (
          <FieldRow key={n} label={t(`ask.${who}.${n}`)}>
            {id => (
              <select
                id={id}
                name={`ask-${n}`}
                value={answers[at]}
                onChange={e => {
                  const score = Number(e.currentTarget.value)
                  setAnswers(answers.map((a, i) => (i === at ? score : a)))
                }}
              >
                <option value={0}>–</option>
                {SCORES.map(s => (
                  <option key={s} value={s}>
                    {t(`score.${s}`)}
                  </option>
                ))}
              </select>
            )}
          </FieldRow>
        ))}
        {missing && <p role="alert">{t('ask.missing')}</p>}
        <Button submit>{t('ask.send')}</Button>
      </form>
    </details>
  )
}
