// The consent: who signed, in what relation, on paper or on this screen; or the note of two doctors.
import { useRef } from 'preact/hooks'
import type { ConsentPaper, NewConsent } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { t } from '../i18n/case'
import { Button, FieldRow, Segmented } from '../ui'

type Strokes = readonly (readonly (readonly [number, number])[])[]
type Relation = NewConsent['relation']
type Form = 'paper' | 'screen'
export type ConsentFields = Readonly<{ by: string; relation: Relation; form: Form; note: string; strokes: Strokes }>

export const NO_CONSENT: ConsentFields = { by: '', relation: 'self', form: 'paper', note: '', strokes: [] }
const KIN: readonly Relation[] = ['self', 'spouse', 'parent', 'child', 'sibling', 'guardian']
const POINTS_MAX = 3900

/** The names of the fields that are still empty. */
export function lacks(c: ConsentFields): readonly ('by' | 'signature')[] {
  const found: ('by' | 'signature')[] = []
  if (c.by.trim() === '') found.push('by')
  if (c.form === 'screen' && points(c.strokes) < 2) found.push('signature')
  return found
}

const points = (strokes: Strokes): number => strokes.reduce((sum, s) => sum + s.length, 0)

export const asPaper = (c: ConsentFields): NewConsent => ({
  kind: 'written',
  by: c.by.trim(),
  relation: c.relation,
  form: c.form,
  note: c.form === 'paper' ? c.note.trim() : '',
  strokes: c.form === 'screen' ? c.strokes : [],
})

export function ConsentEditor(p: { value: ConsentFields; onChange: (c: ConsentFields) => void; tried: boolean }) {
  const c = p.value
  const set = (change: Partial<ConsentFields>): void => p.onChange({ ...c, ...change })
  const missing = p.tried ? lacks(c) : []
  return (
    <div class="request-paper" data-testid="consent">
      <FieldRow label={t('consent.by')} error={missing.includes('by') ? t('consent.by.missing') : null}>
        {(id, by) => (
          <input
            id={id}
            name="consent-by"
            maxLength={60}
            autocomplete="off"
            aria-describedby={by}
            value={c.by}
            onInput={e => set({ by: e.currentTarget.value })}
          />
        )}
      </FieldRow>
      <FieldRow label={t('consent.relation')}>
        {id => (
          <select
            id={id}
            name="relation"
            value={c.relation}
            onChange={e => set({ relation: e.currentTarget.value as Relation })}
          >
            {KIN.map(r => (
              <option key={r} value={r}>
                {t(`relation.${r}`)}
              </option>
            ))}
          </select>
        )}
      </FieldRow>
      <div class="field">
        <span class="label">{t('consent.form')}</span>
        <Segmented<Form>
          label={t('consent.form')}
          value={c.form}
          onChange={form => set({ form })}
          choices={[
            { value: 'paper', words: t('consent.form.paper') },
            { value: 'screen', words: t('consent.form.screen') },
          ]}
        />
      </div>
      {c.form === 'paper' ? (
        <FieldRow label={t('consent.note')}>
          {id => (
            <input
              id={id}
              name="consent-note"
              maxLength={200}
              autocomplete="off"
              value={c.note}
              onInput={e => set({ note: e.currentTarget.value })}
            />
          )}
        </FieldRow>
      ) : (
        <div class="field request-sign">
          <span class="row label">
            {missing.includes('signature') ? <b role="alert">{t('consent.sign.missing')}</b> : t('consent.sign')}
            <span class="grow" />
            {c.strokes.length > 0 && <Button onClick={() => set({ strokes: [] })}>{t('consent.clear')}</Button>}
          </span>
          <Pad strokes={c.strokes} onChange={strokes => set({ strokes })} />
        </div>
      )}
    </div>
  )
}

const WIDTH = 320
const HEIGHT = 120

/** Points in the pad's own 320 by 120 units, whatever its size on the screen. */
function Pad({ strokes, onChange }: { strokes: Strokes; onChange: (s: Strokes) => void }) {
  const drawing = useRef(false)
  const at = (e: PointerEvent): readonly [number, number] => {
    const box = (e.currentTarget as SVGElement).getBoundingClientRect()
    const x = ((e.clientX - box.left) * WIDTH) / box.width
    const y = ((e.clientY - box.top) * HEIGHT) / box.height
    return [Math.round(x), Math.round(y)]
  }
  const go = (e: PointerEvent, begins: boolean): void => {
    if (points(strokes) >= POINTS_MAX) return
    const last = begins ? [] : (strokes[strokes.length - 1] ?? [])
    onChange([...(begins ? strokes : strokes.slice(0, -1)), [...last, at(e)]])
  }
  return (
    <svg
      class="sign-pad"
      data-testid="sign-pad"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={t('consent.sign')}
      onPointerDown={e => {
        e.currentTarget.setPointerCapture(e.pointerId)
        drawing.current = true
        go(e, true)
      }}
      onPointerMove={e => drawing.current && go(e, false)}
      onPointerUp={() => {
        drawing.current = false
      }}
      onPointerCancel={() => {
        drawing.current = false
      }}
    >
      <Lines strokes={strokes} />
    </svg>
  )
}

const Lines = ({ strokes }: { strokes: Strokes }) => (
  <>
    {strokes.map((s, i) => (
      <polyline key={i} points={s.map(([x, y]) => `${x},${y}`).join(' ')} />
    ))}
  </>
)

/** One sentence, and the signature where it was drawn. */
export function ConsentShown({ paper }: { paper: ConsentPaper }) {
  const time = `${day(paper.at)} ${clockTime(paper.at)}`
  const { by, note, taken_by_name: name } = paper
  if (paper.kind === 'two_doctors') return <>{t('consent.doctors', { name, by, time, why: note })}</>
  return (
    <>
      {t('consent.signed', { by, relation: t(`relation.${paper.relation}`), name, time })}
      {note !== '' && <span class="muted"> {note}</span>}
      {paper.form === 'screen' && (
        <svg class="sign-shown" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={t('consent.picture', { by })}>
          <Lines strokes={paper.strokes} />
        </svg>
      )}
    </>
  )
}
