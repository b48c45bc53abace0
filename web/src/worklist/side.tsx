// The left edge of the list: views with their counts, where the rows come from, who is on duty.
import { useComputed } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { chordWords } from '../app/keys'
import { language } from '../i18n/catalogue'
import { t } from '../i18n/worklist'
import { Avatar } from '../ui'
import { duty, keepDuty } from './duty'
import { rowsOf, VIEWS } from './rows'
import { counts, county, list, loadView, view } from './state'
import { countyOf, me } from './who'

export function Side() {
  useEffect(keepDuty, [])
  return (
    <aside class="wl-side" aria-label={t('views')}>
      <ul>
        {VIEWS.map((name, i) => (
          <li key={name}>
            <button
              type="button"
              class="wl-view"
              aria-current={view.value === name ? 'true' : undefined}
              aria-keyshortcuts={String(i + 1)}
              onClick={() => void loadView(name)}
            >
              <span class="ell">{t(`view.${name}`)}</span>
              <b>{counts.value[name] ?? '–'}</b>
              <kbd aria-hidden="true">{chordWords(`Digit${i + 1}`)}</kbd>
            </button>
          </li>
        ))}
      </ul>
      <Sources />
      <Duty />
    </aside>
  )
}

function Sources() {
  const places = useComputed(() => {
    const orgs = me()?.orgs ?? []
    const found = new Map<string, { name: string; rows: number }>()
    for (const row of rowsOf(list.value)) {
      const place = countyOf(orgs, row.org)
      const id = place?.id ?? ''
      const name =
        place === null
          ? t('source.other')
          : language.value === 'en' && place.name_en !== ''
            ? place.name_en
            : place.name
      found.set(id, { name, rows: (found.get(id)?.rows ?? 0) + 1 })
    }
    return [...found].sort(([, a], [, b]) => b.rows - a.rows)
  })
  if (places.value.length < 2) return null
  const hasHoles = list.value.lines.some(line => line.kind === 'hole') // then nobody knows the number yet
  return (
    <>
      <h3 class="wl-side-head">{t('sources')}</h3>
      <ul>
        {places.value.map(([id, place]) => (
          <li key={id}>
            <button
              type="button"
              class="wl-view"
              aria-pressed={county.value === id}
              onClick={() => {
                county.value = county.value === id ? null : id
              }}
            >
              <span class="ell" title={place.name}>
                {place.name}
              </span>
              {!hasHoles && <b>{place.rows}</b>}
            </button>
          </li>
        ))}
      </ul>
    </>
  )
}

const LINES = { 1: 'line.1', 2: 'line.2', 3: 'line.3' } as const

function Duty() {
  if (duty.value.length === 0) return null
  return (
    <>
      <h3 class="wl-side-head">{t('duty')}</h3>
      <ul>
        {duty.value.map(shift => (
          <li key={shift.id} class="wl-person">
            <Avatar name={shift.name} />
            <span class="ell name">{shift.name}</span>
            <span class="grow" />
            <span class="dim">{shift.line in LINES ? t(LINES[shift.line as 1 | 2 | 3]) : shift.line}</span>
          </li>
        ))}
      </ul>
    </>
  )
}
