// The reading worklist: the most urgent first, J and K through it, Enter reads. Left the views, right the selected ECG.
// The list itself is state.ts, what happens to it rows.ts, its columns columns.tsx.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { ApiError } from '../api/client'
import type { WorklistRow } from '../api/types.gen'
import { age, clockTime, now, wait } from '../app/clock'
import { type Binding, useKeys } from '../app/keys'
import { go } from '../app/router'
import { footNote } from '../app/slots'
import { language } from '../i18n/catalogue'
import { t } from '../i18n/worklist'
import { isOffline } from '../live/live'
import { SigningLines } from '../reader/signing'
import { Button, DataTable, Empty, ErrorLine, Icon, Segmented, Skeleton } from '../ui'
import { columns, phoneColumns } from './columns'
import { duty } from './duty'
import { useHeldScroll } from './hold'
import { isPhone } from './phone'
import { Preview } from './preview'
import { ReturnDialog } from './return'
import { isOpen, keyOf, type Line, VIEWS } from './rows'
import { Side } from './side'
import {
  claim,
  counts,
  county,
  fetched,
  fetchRest,
  fillHoles,
  filterWords,
  list,
  loadView,
  mark,
  marked,
  medianTat_s,
  queue,
  release,
  type Sort,
  selected,
  selectedRow,
  settle,
  shown,
  sort,
  view,
} from './state'
import { entries, loadStatements } from './statements'
import { may, me } from './who'
import { personName } from './words'
import './worklist.css'

const PHONE_ROW_PX = 60
const ROW_PX = 32
const READER_AFTER_MS = 1000

export default function WorklistScreen() {
  const box = useRef<HTMLDivElement>(null)
  const filter = useRef<HTMLInputElement>(null)
  const [returning, setReturning] = useState<WorklistRow | null>(null)
  const [refused, setRefused] = useState<string | null>(null)
  useEffect(() => {
    void loadStatements()
    void loadView()
    // The reader's code comes while the list is looked at: Enter must not wait for it, nor for a link that went down.
    const timer = setTimeout(() => void import('../reader/reader').catch(() => {}), READER_AFTER_MS)
    return () => clearTimeout(timer)
  }, [])
  useEffect(() => {
    if (filterWords.value !== '' || county.value !== null || sort.value !== 'priority') void fetchRest()
  }, [filterWords.value, county.value, sort.value])
  useEffect(sayAge, [now.value, fetched.value, shown.value])
  useEffect(
    () => () => {
      footNote.value = ''
    },
    [],
  )

  const lines = shown.value
  const phone = isPhone.value
  const rowPx = phone ? PHONE_ROW_PX : ROW_PX
  const cols = useMemo(() => (phone ? phoneColumns() : columns()), [phone, language.value, entries.value])
  useHeldScroll(box, lines, rowPx, fillHoles)

  const row = selectedRow.value
  const open = (id: string): void => go(`/read/${encodeURIComponent(id)}`)
  const claimOff = (one: WorklistRow | null): string | null => {
    if (one !== null && !isOpen(one)) return t('claim.closed')
    if (isOffline.value) return t('claim.offline')
    if (one?.claim != null && one.claim.by !== me()?.id) return t('claim.other', { name: one.claim.name })
    return null
  }
  const act = async (work: () => Promise<unknown>): Promise<void> => {
    setRefused(null)
    try {
      await work()
    } catch (error) {
      setRefused(t('claim.failed', { why: error instanceof ApiError ? error.sentence : String(error) }))
    }
  }
  const claimOrRelease = (): void => {
    const ids = marked.value.size > 0 ? [...marked.value] : row === null ? [] : [row.recording]
    if (isOffline.value || ids.length === 0) return
    const one = ids.length === 1 ? (queue.value.find(r => r.recording === ids[0]) ?? row) : null
    if (claimOff(one) !== null) return
    if (one?.claim != null) void act(() => release(one.recording))
    else {
      void act(() => Promise.all(ids.map(claim))).then(() => {
        marked.value = new Set()
      })
    }
  }
  const sendBack = (): void => {
    if (row !== null && isOpen(row) && claimOff(row) === null && may('report.write')) setReturning(row)
  }
  const prior = (): void => {
    if (row !== null) go(`/read/${encodeURIComponent(row.recording)}?prior=1`)
  }
  const consult = (): void => {
    if (row !== null && may('consult.request')) go(`/consult/new?recording=${encodeURIComponent(row.recording)}`)
  }
  useKeys('worklist', keysOf({ claimOrRelease, sendBack, prior, consult, focusFilter: () => filter.current?.focus() }))

  return (
    <div class="wl">
      {!phone && <Side />}
      <div class="wl-list" ref={box}>
        <h1 class="vh">{t('title')}</h1>
        {phone ? <PhoneViews /> : <Tools filter={filter} />}
        {refused !== null && <ErrorLine error={null} sentence={refused} />}
        <StaleLine />
        <SigningLines />
        {fetched.value.kind === 'waiting' && lines.length === 0 ? (
          <div role="status" aria-label={t('title')} class="wl-skeleton">
            <Skeleton rows={26} />
          </div>
        ) : (
          <DataTable<Line>
            label={t('title')}
            rows={lines}
            rowKey={keyOf}
            columns={cols}
            rowHeight={rowPx}
            selected={selected.value}
            onSelect={id => {
              selected.value = id
              if (phone) open(id)
            }}
            onOpen={open}
            marked={marked.value}
            onMark={mark}
            tone={toneOf}
            empty={<Nothing />}
          />
        )}
      </div>
      {!phone &&
        (row === null ? (
          <aside class="wl-preview wl-preview-none" aria-label={t('preview.label')}>
            <p class="dim">{t('preview.none')}</p>
          </aside>
        ) : (
          <Preview
            row={row}
            acts={{
              open: () => open(row.recording),
              claim: claimOrRelease,
              prior,
              sendBack,
              claimOff: claimOff(row),
              isMine: row.claim?.by === me()?.id,
            }}
          />
        ))}
      {returning !== null && (
        <ReturnDialog
          recording={returning.recording}
          who={personName(returning.patient)}
          badLeads={returning.machine?.bad_leads ?? []}
          onClose={() => setReturning(null)}
          onDone={() => setReturning(null)}
        />
      )}
    </div>
  )
}

const toneOf = (line: Line): 'high' | 'dim' | null => {
  if (line.kind === 'hole') return 'dim'
  if (line.gone) return 'dim'
  return line.row.priority === 'critical' && isOpen(line.row) ? 'high' : null
}

function keysOf(acts: {
  claimOrRelease: () => void
  sendBack: () => void
  prior: () => void
  consult: () => void
  focusFilter: () => void
}): readonly Binding[] {
  return [
    { id: 'worklist.claim', chord: 'KeyC', words: () => t('key.claim'), hint: true, act: acts.claimOrRelease },
    { id: 'worklist.return', chord: 'KeyR', words: () => t('key.return'), hint: true, act: acts.sendBack },
    { id: 'worklist.prior', chord: 'KeyP', words: () => t('key.prior'), act: acts.prior },
    { id: 'worklist.consult', chord: 'KeyU', words: () => t('key.consult'), act: acts.consult },
    { id: 'worklist.filter', chord: 'Slash', words: () => t('key.filter'), hint: true, act: acts.focusFilter },
    { id: 'worklist.settle', chord: 'Period', words: () => t('key.settle'), act: settle },
    ...VIEWS.map((name, i) => ({
      id: `worklist.view.${i + 1}`,
      chord: `Digit${i + 1}`,
      words: () => t('key.view', { name: t(`view.${name}`) }),
      act: () => void loadView(name),
    })),
  ]
}

/** "27 项 · 2 秒前更新": the age of the list stands in the footer. */
function sayAge(): void {
  const n = shown.peek().length
  const state = fetched.peek()
  if (state.kind === 'waiting' || state.at === null) return
  const old_s = (now.peek() - state.at) / 1000
  footNote.value = old_s < 2 ? t('foot.row', { n }) : t('foot.rows', { n, age: age(old_s) })
}

function Tools({ filter }: { filter: { current: HTMLInputElement | null } }) {
  const arrivals = list.value.arrivals.length
  return (
    <div class="wl-tools">
      <Segmented<Sort>
        label={t('sort.label')}
        value={sort.value}
        onChange={value => {
          sort.value = value
        }}
        choices={[
          { value: 'priority', words: t('sort.priority') },
          { value: 'wait', words: t('sort.wait') },
          { value: 'org', words: t('sort.org') },
        ]}
      />
      <label class="wl-filter">
        <Icon name="search" />
        <span class="vh">{t('filter')}</span>
        <input
          ref={filter}
          type="search"
          placeholder={t('filter.hint')}
          value={filterWords.value}
          onInput={event => {
            filterWords.value = event.currentTarget.value
          }}
          onKeyDown={event => {
            if (event.code !== 'Escape' && event.code !== 'Enter') return
            if (event.isComposing) return
            event.preventDefault()
            if (event.code === 'Escape') filterWords.value = ''
            event.currentTarget.blur()
          }}
        />
        <kbd aria-hidden="true">/</kbd>
      </label>
      {marked.value.size > 0 && (
        <span class="wl-marked">
          {t('marked', { n: marked.value.size })}
          <Button
            kind="quiet"
            onClick={() => {
              marked.value = new Set()
            }}
          >
            {t('act.unmark')}
          </Button>
        </span>
      )}
      <span role="status" class="wl-arrived">
        {arrivals > 0 && (
          <Button on chord="Period" onClick={settle}>
            {t('arrived', { n: arrivals })}
          </Button>
        )}
      </span>
      <span class="grow" />
      <Figures />
    </div>
  )
}

function Figures() {
  const oldest = queue.value
    .filter(isOpen)
    .reduce<WorklistRow | null>((a, b) => (a === null || b.waiting_at < a.waiting_at ? b : a), null)
  const tat_s = medianTat_s.value
  return (
    <dl class="wl-figures">
      {oldest !== null && (
        <div>
          <dt>{t('kpi.longest')}</dt>
          <dd class={now.value > Date.parse(oldest.due_at) ? 'wl-late' : ''}>
            {wait((now.value - Date.parse(oldest.waiting_at)) / 1000)}
          </dd>
        </div>
      )}
      {tat_s !== null && (
        <div class="wl-wide-only">
          <dt>{t('kpi.median')}</dt>
          <dd>{t('kpi.minutes', { m: Math.floor(tat_s / 60), s: Math.round(tat_s % 60) })}</dd>
        </div>
      )}
    </dl>
  )
}

function PhoneViews() {
  const arrivals = list.value.arrivals.length
  return (
    <div class="wl-phoneviews">
      <Segmented
        label={t('views')}
        value={view.value}
        onChange={name => void loadView(name)}
        choices={VIEWS.slice(0, 3).map(name => ({
          value: name,
          words: `${t(`view.${name}`)} ${counts.value[name] ?? ''}`,
        }))}
      />
      {arrivals > 0 && (
        <Button on onClick={settle}>
          {t('arrived', { n: arrivals })}
        </Button>
      )}
    </div>
  )
}

/** The last list stays, and says how old it is. */
function StaleLine() {
  const state = fetched.value
  if (state.kind !== 'stale' || isOffline.value) return null
  const since = state.at === null ? '–' : clockTime(state.at)
  return <ErrorLine error={state.error} sentence={t('stale', { since })} retry={() => void loadView()} />
}

function Nothing() {
  if (fetched.value.kind === 'stale') return <Empty title="–" />
  if (list.value.lines.length > 0) {
    return (
      <Empty title={t('empty.filter')}>
        <Button
          onClick={() => {
            filterWords.value = ''
            county.value = null
          }}
        >
          {t('filter.clear')}
        </Button>
      </Empty>
    )
  }
  if (view.value !== 'all') return <Empty title={t('empty.view')} next={t('empty.view.next')} />
  const first = duty.value.find(shift => shift.line === 1)
  return (
    <Empty title={t('empty.all')} next={t('empty.next', { n: counts.value.signed_today ?? 0 })}>
      {first !== undefined && <p class="dim">{t('empty.duty', { name: first.name })}</p>}
    </Empty>
  )
}
