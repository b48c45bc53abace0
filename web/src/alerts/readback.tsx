// The read-back: one pick of the finding, one of the patient, each out of three. Two right answers are `acknowledged`.
// Keys 1 to 3 answer the question that is open; a wrong pair says so and begins anew.
import { useEffect, useState } from 'preact/hooks'
import { ApiError, api } from '../api/client'
import type { Alert, Challenge, ReadBackChoice } from '../api/types.gen'
import { useKeys } from '../app/keys'
import { t } from '../i18n/alerts'
import { language } from '../i18n/catalogue'
import { Button, ErrorLine, Skeleton } from '../ui'
import { command, undelivered } from './act'

type Asked = { kind: 'waiting' } | { kind: 'here'; value: Challenge } | { kind: 'failed'; error: unknown }

export function ReadBackPanel({ alert, onClose }: { alert: Alert; onClose: () => void }) {
  const [asked, setAsked] = useState<Asked>({ kind: 'waiting' })
  const [round, setRound] = useState(0)
  const [wrong, setWrong] = useState(false)
  useEffect(() => {
    let left = false
    setAsked({ kind: 'waiting' })
    api.get<Challenge>(`/api/alerts/${encodeURIComponent(alert.id)}/challenge`).then(
      value => !left && setAsked({ kind: 'here', value }),
      (error: unknown) => !left && setAsked({ kind: 'failed', error }),
    )
    return () => {
      left = true
    }
  }, [alert.id, round])
  return (
    <section class="back" aria-label={t('back.title')} data-testid="read-back">
      <header class="back-head">
        <h2>{t('back.title')}</h2>
        <span class="grow" />
        <Button kind="quiet" chord="Escape" onClick={onClose}>
          {t('back.cancel')}
        </Button>
      </header>
      {wrong && (
        <p class="back-wrong" role="alert" data-testid="read-back-wrong">
          {t('back.wrong')}
        </p>
      )}
      {asked.kind === 'waiting' && <Skeleton rows={6} />}
      {asked.kind === 'failed' && <ErrorLine error={asked.error} retry={() => setRound(round + 1)} />}
      {asked.kind === 'here' && (
        <Questions
          key={round}
          alert={alert}
          challenge={asked.value}
          onWrong={() => {
            setWrong(true)
            setRound(round + 1)
          }}
          onClose={onClose}
        />
      )}
    </section>
  )
}

function Questions(p: { alert: Alert; challenge: Challenge; onWrong: () => void; onClose: () => void }) {
  const [finding, setFinding] = useState<string | null>(null)
  const [patient, setPatient] = useState<string | null>(null)
  const [error, setError] = useState<unknown>(null)
  const send = async (f: string, who: string): Promise<void> => {
    setError(null)
    try {
      const told = await command(p.alert.id, 'read-back', { finding: f, patient: who })
      if (told === null) return // not reached: the page says so and keeps trying
      if (told.state === 'seen' || told.state === 'notified' || told.state === 'raised') p.onWrong()
      else p.onClose()
    } catch (e) {
      if (e instanceof ApiError && /read_?back/.test(e.code)) p.onWrong()
      else setError(e)
    }
  }
  const pickFinding = (key: string): void => {
    setFinding(key)
    if (patient !== null) void send(key, patient)
  }
  const pickPatient = (key: string): void => {
    setPatient(key)
    if (finding !== null) void send(finding, key)
  }
  const pick = (i: number) => (): void => {
    const open = finding === null ? p.challenge.findings : p.challenge.patients
    const choice = open[i]
    if (choice === undefined) return
    if (finding === null) pickFinding(choice.key)
    else pickPatient(choice.key)
  }
  useKeys('read-back', [
    ...[0, 1, 2].map(i => ({
      id: `back.pick.${i + 1}`,
      chord: `Digit${i + 1}`,
      words: () => t('back.pick'),
      act: pick(i),
      hint: i === 0,
    })),
    { id: 'back.cancel', chord: 'Escape', words: () => t('back.cancel'), act: p.onClose },
  ])
  return (
    <>
      <Question
        words={t('back.finding')}
        choices={p.challenge.findings}
        picked={finding}
        keyed={finding === null}
        testid="finding"
        onPick={pickFinding}
      />
      <Question
        words={t('back.patient')}
        choices={p.challenge.patients}
        picked={patient}
        keyed={finding !== null}
        testid="patient"
        onPick={pickPatient}
      />
      {error !== null && (
        <ErrorLine
          error={error}
          retry={() => {
            if (finding !== null && patient !== null) void send(finding, patient)
          }}
        />
      )}
      <p class="back-told">{undelivered.value === null ? t('back.told') : ''}</p>
    </>
  )
}

function Question(p: {
  words: string
  choices: readonly ReadBackChoice[]
  picked: string | null
  keyed: boolean
  testid: string
  onPick: (key: string) => void
}) {
  return (
    <fieldset class="back-q" data-testid={`read-back-${p.testid}`}>
      <legend>{p.words}</legend>
      {p.choices.map((c, i) => (
        <button
          key={c.key}
          type="button"
          class={`btn back-choice${p.picked === c.key ? ' on' : ''}`}
          aria-pressed={p.picked === c.key}
          data-key={c.key}
          onClick={() => p.onPick(c.key)}
        >
          <kbd class={p.keyed ? '' : 'back-quiet'} aria-hidden="true">
            {i + 1}
          </kbd>
          <span>{language.value === 'zh' ? c.zh : c.en}</span>
        </button>
      ))}
    </fieldset>
  )
}
