// The rota of a reading centre, a week at a time: three lines by seven days. A gap of the first line is said in words and
// marked; who is on call now stands first.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { NewShift, Shift } from '../api/types.gen'
import { clockTime, day, now } from '../app/clock'
import { useKeys } from '../app/keys'
import { me } from '../clinic/me'
import { t } from '../i18n/admin'
import { Button, ErrorLine, FieldRow, Severity, Skeleton } from '../ui'
import { useAccounts } from './accounts'
import { addDays, type Gap, gaps, LINES, type Line, onNow, shiftsOn, weekDays, weekStart } from './week'

type State = { kind: 'waiting' } | { kind: 'here'; value: readonly Shift[] } | { kind: 'failed'; error: unknown }

const centres = (): readonly { id: string; name: string }[] => {
  const orgs = me.value?.orgs ?? []
  const ids = new Set(orgs.map(o => o.reading_centre).filter(id => id !== null))
  const found = orgs.filter(o => ids.has(o.id))
  return found.length > 0 ? found : orgs.slice(0, 1)
}

export function Rota({ admin }: { admin: boolean }) {
  const [centre, setCentre] = useState(() => centres()[0]?.id ?? '')
  const [start, setStart] = useState(() => weekStart(Date.now()))
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const [adding, setAdding] = useState<{ line: Line; day_ms: number } | null>(null)
  const [error, setError] = useState<unknown>(null)
  const load = (): void => {
    const q = new URLSearchParams({
      centre,
      from_at: new Date(start).toISOString(),
      to_at: new Date(addDays(start, 7)).toISOString(),
    })
    api.get<readonly Shift[]>(`/api/rota?${q}`).then(
      value => setState({ kind: 'here', value }),
      (e: unknown) => setState({ kind: 'failed', error: e }),
    )
  }
  useEffect(load, [centre, start])
  const remove = async (shift: Shift): Promise<void> => {
    setError(null)
    try {
      await api.delete(`/api/rota/${encodeURIComponent(shift.id)}?${new URLSearchParams({ centre })}`)
      load()
    } catch (e) {
      setError(e)
    }
  }
  useKeys('rota', [
    {
      id: 'rota.before',
      chord: 'BracketLeft',
      words: () => t('rota.before'),
      hint: true,
      act: () => setStart(addDays(start, -7)),
    },
    {
      id: 'rota.after',
      chord: 'BracketRight',
      words: () => t('rota.after'),
      hint: true,
      act: () => setStart(addDays(start, 7)),
    },
  ])
  const shifts = state.kind === 'here' ? state.value : []
  return (
    <div class="admin-pane rota" data-testid="rota">
      <div class="admin-tools">
        <Button icon="left" label={t('rota.before')} onClick={() => setStart(addDays(start, -7))} />
        <b>{t('rota.week', { from: day(start), to: day(addDays(start, 6)) })}</b>
        <Button icon="right" label={t('rota.after')} onClick={() => setStart(addDays(start, 7))} />
        <Button onClick={() => setStart(weekStart(Date.now()))}>{t('rota.today')}</Button>
        <span class="grow" />
        {centres().length > 1 && (
          <select
            class="input rota-centre"
            aria-label={t('rota.centre')}
            value={centre}
            onChange={e => setCentre(e.currentTarget.value)}
          >
            {centres().map(c => (
              <option key={c.id} value={c.id}>
                {c.name}
              </option>
            ))}
          </select>
        )}
      </div>
      {state.kind === 'here' && <Now shifts={shifts} />}
      {state.kind === 'here' && <Gaps found={gaps(shifts, 1, Math.max(start, now.peek()), addDays(start, 7))} />}
      {error !== null && <ErrorLine error={error} />}
      {state.kind === 'waiting' && <Skeleton rows={8} />}
      {state.kind === 'failed' && <ErrorLine error={state.error} retry={load} />}
      {adding !== null && (
        <AddShift
          centre={centre}
          {...adding}
          onClose={() => setAdding(null)}
          onDone={() => {
            setAdding(null)
            load()
          }}
        />
      )}
      {state.kind === 'here' && (
        <div class="rota-scroll">
          <table class="rota-grid">
            <thead>
              <tr>
                <th scope="col">{t('rota.line')}</th>
                {weekDays(start).map(d => (
                  <th key={d} scope="col" class={day(d) === day(now.value) ? 'is-today' : ''}>
                    {day(d).slice(5)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {LINES.map(line => (
                <tr key={line}>
                  <th scope="row">{t(`rota.line.${line}`)}</th>
                  {weekDays(start).map(d => (
                    <td key={d}>
                      {shiftsOn(shifts, d, line).map(s => (
                        <Cell key={s.id} shift={s} day_ms={d} {...(admin ? { onRemove: () => void remove(s) } : {})} />
                      ))}
                      {admin && (
                        <Button
                          kind="quiet"
                          icon="plus"
                          label={t('rota.add')}
                          onClick={() => setAdding({ line, day_ms: d })}
                        />
                      )}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  )
}

/** The part of a shift that falls on this day; a long one runs from 00:00 to 24:00. */
function Cell({ shift, day_ms, onRemove }: { shift: Shift; day_ms: number; onRemove?: () => void }) {
  const end_ms = addDays(day_ms, 1)
  const from = Math.max(Date.parse(shift.from_at), day_ms)
  const to = Math.min(Date.parse(shift.to_at), end_ms)
  return (
    <div class="rota-shift">
      <b class="ell">{shift.name}</b>
      <span class="dim f12">
        {clockTime(from).slice(0, 5)}–{to === end_ms ? '24:00' : clockTime(to).slice(0, 5)}
      </span>
      {onRemove !== undefined && (
        <Button kind="quiet" icon="cross" label={t('rota.remove.label', { name: shift.name })} onClick={onRemove} />
      )}
    </div>
  )
}

const Now = ({ shifts }: { shifts: readonly Shift[] }) => (
  <p class="rota-now">
    <span class="muted">{t('rota.now')}</span>
    {LINES.map(line => (
      <span key={line}>
        <span class="dim">{t(`rota.line.${line}`)}</span>{' '}
        <b>{onNow(shifts, line, now.value)?.name ?? t('rota.nobody')}</b>
      </span>
    ))}
  </p>
)

const GAPS_SHOWN = 3

/** A gap ahead is a low alarm: cyan circle and words. */
const Gaps = ({ found }: { found: readonly Gap[] }) => (
  <>
    {found.slice(0, GAPS_SHOWN).map(g => (
      <p key={g.from_ms} class="rota-gap">
        <Severity
          is="soon"
          words={t('rota.gap', {
            when: t('rota.gap.span', {
              from: `${day(g.from_ms).slice(5)} ${clockTime(g.from_ms).slice(0, 5)}`,
              to: `${day(g.to_ms).slice(5)} ${clockTime(g.to_ms).slice(0, 5)}`,
            }),
            line: t(`rota.line.${g.line}`),
          })}
        />
      </p>
    ))}
  </>
)

const two = (n: number): string => String(n).padStart(2, '0')
const local = (at_ms: number): string => {
  const d = new Date(at_ms)
  return `${day(at_ms)}T${two(d.getHours())}:${two(d.getMinutes())}`
}

function AddShift(p: { centre: string; line: Line; day_ms: number; onClose: () => void; onDone: () => void }) {
  const { state } = useAccounts()
  const people = state.kind === 'here' ? state.value.filter(a => a.active) : []
  const able = people.filter(a => a.grants.some(g => ['on_call', 'reader', 'reviewer', 'expert'].includes(g.role)))
  const [account, setAccount] = useState('')
  const [line, setLine] = useState<number>(p.line)
  const [from, setFrom] = useState(local(p.day_ms + 8 * 3_600_000))
  const [to, setTo] = useState(local(addDays(p.day_ms, 1) + 8 * 3_600_000))
  const [error, setError] = useState<unknown>(null)
  const [tried, setTried] = useState(false)
  const chosen = account === '' ? (able[0]?.id ?? '') : account
  const wrong = !(Date.parse(from) < Date.parse(to))
  const save = async (): Promise<void> => {
    setTried(true)
    if (wrong || chosen === '') return
    const body: NewShift = {
      centre: p.centre,
      line,
      account: chosen,
      from_at: new Date(from).toISOString(),
      to_at: new Date(to).toISOString(),
    }
    setError(null)
    try {
      await api.post<Shift>('/api/rota', body)
      p.onDone()
    } catch (e) {
      setError(e)
    }
  }
  useKeys('rota.add', [{ id: 'admin.cancel', chord: 'Escape', words: () => t('act.cancel'), act: p.onClose }])
  return (
    <form
      class="admin-form"
      data-testid="shift-form"
      onSubmit={e => {
        e.preventDefault()
        void save()
      }}
    >
      <FieldRow label={t('rota.person')}>
        {id => (
          <select id={id} value={chosen} onChange={e => setAccount(e.currentTarget.value)}>
            {able.map(a => (
              <option key={a.id} value={a.id}>
                {a.name} {a.title}
              </option>
            ))}
          </select>
        )}
      </FieldRow>
      <FieldRow label={t('rota.line')}>
        {id => (
          <select id={id} value={line} onChange={e => setLine(Number(e.currentTarget.value))}>
            {LINES.map(l => (
              <option key={l} value={l}>
                {t(`rota.line.${l}`)}
              </option>
            ))}
          </select>
        )}
      </FieldRow>
      <FieldRow label={t('rota.from')}>
        {id => <input id={id} type="datetime-local" value={from} onInput={e => setFrom(e.currentTarget.value)} />}
      </FieldRow>
      <FieldRow label={t('rota.to')} error={tried && wrong ? t('rota.order') : null}>
        {(id, by) => (
          <input
            id={id}
            type="datetime-local"
            aria-describedby={by}
            value={to}
            onInput={e => setTo(e.currentTarget.value)}
          />
        )}
      </FieldRow>
      {error !== null && <ErrorLine error={error} retry={() => void save()} />}
      <div class="admin-acts">
        <Button onClick={p.onClose}>{t('act.cancel')}</Button>
        <Button kind="primary" submit>
          {t('act.save')}
        </Button>
      </div>
    </form>
  )
}
