// The stage: what everybody looks at, and the line over it: which source, who leads, how to draw, follow or look alone.
// The ECG itself is paper.tsx; what may be moved by whom is the hub's word (shared.ts).
import { type Signal, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { isArriving, useSignalOf } from '../alerts/evidence'
import { isPhone } from '../alerts/phone'
import type { Consult } from '../api/types.gen'
import { useKeys } from '../app/keys'
import { findingName } from '../clinic/case'
import { EcgSweep, useLiveStream } from '../ecg'
import { listed } from '../i18n/catalogue'
import { t } from '../i18n/consult'
import { AutoTag, Button, Empty, ErrorLine, Segmented, Skeleton } from '../ui'
import { Board } from './board'
import { Control } from './control'
import { DrawTools, type Tool } from './drawing'
import { EarlierList, liveOf, useEarlier } from './earlier'
import { heardEcg } from './line'
import type { RoomLink } from './link'
import type { OwnMedia } from './media'
import { Paper } from './paper'
import { PictureStage } from './picture'
import { ScreenStage } from './screen'
import { BOARD, type Shared, type Source } from './shared'
import './stage.css'

export type Follow = 'follow' | 'free'

/** What the stage needs of the room's line; a film has no more. */
export type StageLink = Pick<RoomLink, 'view' | 'pointers' | 'seats' | 'sendView' | 'sendPointer'>

export type StageProps = Readonly<{
  consult: Consult
  link: StageLink | null // null in the lobby: the record can be seen, nothing is shared yet
  shared: Shared | null
  media: OwnMedia
  me: string
  follow: Signal<Follow>
  tool: Signal<Tool>
  findings: readonly string[]
  /** A film: nobody leads now, and nothing is asked for. */
  replay?: boolean
}>

const SOURCES = ['ecg', 'live', 'record', 'image', 'board'] as const satisfies readonly Source[]
const SOURCE_KEY = { ecg: 'Digit1', live: 'Digit2', record: 'Digit3', image: 'Digit4', board: 'Digit5' } as const

export function Stage(p: StageProps) {
  const { link, shared, follow } = p
  const own = useSignal<Source>('ecg')
  const shown = useSignal(p.consult.recording)
  const toolsOpen = useSignal(!isPhone.value && innerWidth > 1500)
  const label = useSignal<{ id: string; words: string } | null>(null)
  const { earlier, reload } = useEarlier(p.consult.patient.id)
  const nameOf = (account: string): string => p.consult.members.find(m => m.account === account)?.name ?? '–'
  const following = shared !== null && follow.value === 'follow'
  const source = following ? shared.floor.value.source : own.value
  const theirs = link?.view.value?.recording ?? null
  const theirSource = shared?.floor.value.source ?? null

  useEffect(() => {
    if (!following) return
    if (theirs !== null) shown.value = theirs
    if (theirSource !== null) own.value = theirSource
  }, [following, theirs, theirSource])

  /** A choice of who leads is everybody's; anybody else's is his own from here on. */
  const leads = (): boolean => {
    if (following && shared.mayShow.peek()) return true
    follow.value = 'free'
    return false
  }
  /** Shown to all; where somebody else has come to lead in that moment, it is still what this page looks at. */
  const show = (room: Shared, to: Source, recording: string): void =>
    room.show(to, () => {
      follow.value = 'free'
      own.value = to
      shown.value = recording
    })
  const choose = (to: Source): void => {
    own.value = to
    if (shared !== null && leads()) show(shared, to, shown.peek())
  }
  const put = (recording: string): void => {
    shown.value = recording
    own.value = 'ecg'
    if (link === null || shared === null || !leads()) return
    link.sendView({
      ...{ recording, layout: '3x4+1', speed: 25, gain: 10, presenter: p.me },
      ...{ first: 0, end: 1 }, // the page says it whole when it has laid the sheet out
    })
    show(shared, 'ecg', recording)
  }
  useKeys(
    'stage',
    SOURCES.map(s => ({
      id: `room.source.${s}`,
      chord: SOURCE_KEY[s],
      words: () => t(`source.${s}`),
      act: () => choose(s),
    })),
  )
  const drawing = p.tool.value !== 'none' && shared !== null && shared.mayDraw.value
  const on = source === 'board' ? BOARD : shown.value
  return (
    <section class="stage" aria-label={t('room.stage')} data-testid="stage" data-source={source}>
      <div class="stage-head">
        <Segmented<Source>
          label={t('source.label')}
          value={source}
          onChange={choose}
          choices={[
            ...SOURCES.map(s => ({
              value: s,
              words: t(`source.${s}`),
              title: `${t(`source.${s}`)} ${SOURCE_KEY[s].slice(5)}`,
            })),
            ...(source === 'screen' || (shared !== null && shared.floor.value.screen !== '')
              ? [{ value: 'screen' as const, words: t('source.screen') }]
              : []),
          ]}
        />
        {shared !== null && p.replay !== true && <Control shared={shared} me={p.me} follow={follow} nameOf={nameOf} />}
        <span class="grow" />
        {drawing ? (
          <DrawTools
            tool={p.tool}
            mayClear={shared.hosts.value || shared.presents.value}
            label={{
              open: label.value !== null,
              value: label.value?.words ?? '',
              put: words => {
                if (label.value !== null) label.value = { ...label.value, words }
              },
              done: () => {
                const mark = shared.marks.peek().find(m => m.id === label.value?.id)
                if (mark !== undefined && label.value !== null)
                  shared.draw({ ...mark, words: label.value.words.trim() })
                label.value = null
              },
            }}
            undo={() => shared.undo(on)}
            clear={() => shared.clear(on)}
          />
        ) : (
          p.findings.length > 0 &&
          source === 'ecg' &&
          !isPhone.value && (
            <span class="stage-auto ell">
              <AutoTag /> {listed(p.findings.map(findingName))}
            </span>
          )
        )}
        {!isPhone.value && source === 'ecg' && (
          <Button
            kind="quiet"
            on={toolsOpen.value}
            onClick={() => {
              toolsOpen.value = !toolsOpen.value
            }}
          >
            {t('stage.tools')}
          </Button>
        )}
        {shared !== null && (
          <Segmented<Follow>
            label={t('room.follow.label')}
            value={follow.value}
            onChange={v => {
              follow.value = v
            }}
            choices={[
              { value: 'follow', words: t('room.follow'), title: t('room.follow.told') },
              { value: 'free', words: t('room.free'), title: t('room.free.told') },
            ]}
          />
        )}
      </div>
      {source === 'ecg' && (
        <OnPaper
          {...p}
          recording={shown.value}
          nameOf={nameOf}
          tools={toolsOpen.value}
          drawing={drawing}
          onBox={id => {
            label.value = { id, words: '' }
          }}
        />
      )}
      {source === 'live' && <LiveStage recording={liveOf(earlier)} />}
      {source === 'record' && (
        <div class="stage-list">
          <EarlierList earlier={earlier} reload={reload} shown={shown.value} onShow={put} />
        </div>
      )}
      {source === 'image' && <PictureStage {...p} earlier={earlier} nameOf={nameOf} leads={leads} />}
      {source === 'screen' && shared !== null && (
        <ScreenStage shared={shared} media={p.media} seats={link?.seats.value ?? []} me={p.me} nameOf={nameOf} />
      )}
      {source === 'board' && <Board shared={shared} tool={drawing ? p.tool.value : 'none'} nameOf={nameOf} />}
    </section>
  )
}

type OnPaperProps = StageProps &
  Readonly<{
    recording: string
    nameOf: (account: string) => string
    tools: boolean
    drawing: boolean
    onBox: (id: string) => void
  }>

function OnPaper(p: OnPaperProps) {
  const { state, retry } = useSignalOf(p.recording)
  if (state.kind === 'waiting') return <Skeleton rows={12} />
  if (state.kind === 'failed')
    return isArriving(state.error) ? (
      <LiveStage recording={p.recording} />
    ) : (
      <ErrorLine error={state.error} retry={retry} />
    )
  return <Paper key={p.recording} {...p} id={p.recording} ecg={state.value} />
}

function LiveStage({ recording }: { recording: string | null }) {
  return recording === null ? (
    <Empty title={t('live.none')} />
  ) : (
    <div class="stage-live">
      <Sweep recording={recording} />
    </div>
  )
}

/** How late it comes tells how full the line is. */
const HEARD = { block: heardEcg }

function Sweep({ recording }: { recording: string }) {
  const stream = useLiveStream(recording, HEARD)
  return stream === null ? null : <EcgSweep playOut={stream.playOut} leads={stream.leads} columns={2} />
}
