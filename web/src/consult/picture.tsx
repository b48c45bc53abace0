// The stage shows a picture: an image of the patient, a PDF page by page, or a signed report. Who leads chooses and moves
// it for everybody; who does not looks for himself from his first move on. What is shared is pictures.ts.
import { useSignal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Image, Recording, Report, ReportPages } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { may } from '../clinic/me'
import { language } from '../i18n/catalogue'
import { t } from '../i18n/consult'
import { t as words } from '../i18n/images'
import type { Fetch } from '../images/frames'
import { Add, usePatientImages } from '../images/list'
import { ImageStage, type Tool } from '../images/stage'
import { ImageTools, useImageKeys } from '../images/tools'
import { firstView, type ImageView, isShown } from '../images/view'
import { Button, ErrorLine, Skeleton } from '../ui'
import type { Earlier } from './earlier'
import type { StageProps } from './stage'

type Props = StageProps &
  Readonly<{
    earlier: Earlier
    nameOf: (account: string) => string
    /** Whether a move of mine is everybody's; else I look for myself from here on. */
    leads: () => boolean
  }>

type Looked = Readonly<{ image: string; view: ImageView }>

export function PictureStage(p: Props) {
  const pictures = p.shared?.pictures ?? null
  const own = useSignal<Looked | null>(null)
  const choosing = useSignal(false)
  /** A report whose pages are still to come: only then is it known how large it is, and shown to all. */
  const opening = useSignal<string | null>(null)
  const theirs = pictures?.shown.value ?? null
  const following = p.follow.value === 'follow' && theirs !== null
  useEffect(() => {
    if (following && theirs !== null) own.value = { image: theirs.image, view: theirs }
  }, [following, theirs])
  useEffect(() => {
    if (!following) return
    choosing.value = false
    opening.value = null
  }, [following, theirs?.image])
  const looked: Looked | null = following && theirs !== null ? { image: theirs.image, view: theirs } : own.value

  const put = (image: string, view: ImageView): void => {
    const shared = p.leads()
    opening.value = null
    own.value = { image, view }
    if (shared) pictures?.show(image, view)
  }
  if ((looked === null && opening.value === null) || choosing.value)
    return (
      <Choose
        {...p}
        shown={looked?.image ?? null}
        onChoose={(id, facts) => {
          choosing.value = false
          if (facts !== null) put(id, firstView(facts))
          else opening.value = id
        }}
      />
    )
  const id = opening.value ?? looked?.image ?? ''
  return (
    <One
      {...p}
      key={id}
      id={id}
      view={opening.value === null ? (looked?.view ?? null) : null}
      onView={view => put(id, view)}
      onOther={() => {
        choosing.value = true
      }}
    />
  )
}

type Here = Readonly<{ image: Image; fetch?: Fetch }>
type State = { kind: 'waiting' } | { kind: 'here'; value: Here } | { kind: 'failed'; error: unknown }

const isReport = (id: string): boolean => id.startsWith('rep_')

async function load(id: string): Promise<Here> {
  const path = encodeURIComponent(id)
  if (!isReport(id)) return { image: await api.get<Image>(`/api/images/${path}`) }
  const { pages } = await api.get<ReportPages>(`/api/reports/${path}/pages?lang=${language.peek()}`)
  const drawn = pages.map(page => Uint8Array.from(atob(page), c => c.charCodeAt(0)).buffer)
  const first = await createImageBitmap(new Blob(drawn.slice(0, 1)))
  const facts = { rows: first.height, columns: first.width, frames: pages.length, colour: true }
  first.close()
  const of = { patient: '', case: '', bytes: 0, added_by_name: '', added_at: '' }
  const fetch: Fetch = async number => drawn[number] ?? new ArrayBuffer(0)
  return { image: { id, kind: 'pdf', name: t('picture.report'), facts, ...of }, fetch }
}

type OneProps = Props &
  Readonly<{ id: string; view: ImageView | null; onView: (view: ImageView) => void; onOther: () => void }>

function One(p: OneProps) {
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const look = (): void => {
    setState({ kind: 'waiting' })
    load(p.id).then(
      value => setState({ kind: 'here', value }),
      (error: unknown) => setState({ kind: 'failed', error }),
    )
  }
  useEffect(look, [p.id])
  useEffect(() => {
    if (state.kind === 'here' && p.view === null) p.onView(firstView(state.value.image.facts))
  }, [state.kind])
  if (state.kind === 'failed')
    return (
      <div class="stage-list">
        <ErrorLine error={state.error} retry={look} />
        <Button onClick={p.onOther}>{t('picture.other')}</Button>
      </div>
    )
  if (state.kind === 'waiting' || p.view === null) return <Skeleton rows={10} />
  return <Looking {...p} view={p.view} here={state.value} />
}

function Looking(p: OneProps & { view: ImageView; here: Here }) {
  const { image, fetch } = p.here
  const [tool, onTool] = useState<Tool>(image.facts.colour === true ? 'pan' : 'grey')
  const [playing, onPlaying] = useState(false)
  const tools = { image, view: p.view, onView: p.onView, tool, onTool, playing, onPlaying, alt: true }
  useImageKeys(tools)
  useEffect(() => () => p.shared?.pictures.point(null), [])
  const spots = (p.shared?.pictures.spots.value ?? []).filter(s => s.image === image.id)
  return (
    <>
      <div class="picture-bar">
        <Button onClick={p.onOther}>{t('picture.other')}</Button>
        <b class="ell">{image.facts.description || image.name}</b>
        <ImageTools {...tools} />
      </div>
      <ImageStage
        image={image}
        view={p.view}
        onView={p.onView}
        tool={tool}
        playing={playing}
        {...(fetch === undefined ? {} : { fetch })}
        pointers={spots.map(s => ({ name: p.nameOf(s.by), frame: s.frame, at: s.at }))}
        onPointer={at => p.shared?.pictures.point(at === null ? null : { image: image.id, frame: p.view.frame, at })}
      />
    </>
  )
}

type ChooseProps = Props &
  Readonly<{ shown: string | null; onChoose: (id: string, facts: Image['facts'] | null) => void }>

/** Everything of the patient that can be put on the stage; who leads puts it before all. */
function Choose(p: ChooseProps) {
  const { state, load: again } = usePatientImages(p.consult.patient.id)
  const reports = p.earlier.kind === 'here' ? p.earlier.value.filter(r => r.impression.length > 0) : []
  const images = state.kind === 'here' ? state.images : []
  return (
    <div class="stage-list" data-testid="picture-list">
      {state.kind === 'waiting' && <Skeleton rows={4} />}
      {state.kind === 'failed' && <ErrorLine error={state.error} retry={again} />}
      {state.kind === 'here' && images.length + reports.length === 0 && (
        <p class="picture-none muted">{t('picture.none')}</p>
      )}
      <ul class="picture-list">
        {images.map(i => (
          <li key={i.id}>
            <ImageRow image={i} shown={i.id === p.shown} onChoose={() => p.onChoose(i.id, i.facts)} />
          </li>
        ))}
        {reports.map(r => (
          <li key={r.id}>
            <ReportRow recording={r} onChoose={id => p.onChoose(id, null)} />
          </li>
        ))}
      </ul>
      {may('image.add') && (
        <div class="picture-add">
          <Add patient={p.consult.patient.id} of={p.consult.id} onAdded={again} />
        </div>
      )}
    </div>
  )
}

function ImageRow({ image, shown, onChoose }: { image: Image; shown: boolean; onChoose: () => void }) {
  const base = `/api/images/${encodeURIComponent(image.id)}`
  const f = image.facts
  const kind = f.modality || words(`kind.${image.kind}`)
  const pages =
    (f.frames ?? 0) > 1 ? words(image.kind === 'pdf' ? 'one.pages' : 'one.frames', { n: f.frames ?? 0 }) : ''
  const inner = (
    <>
      {isShown(image) && <img src={`${base}/thumbnail`} alt="" loading="lazy" />}
      <b class="ell">{f.description || image.name}</b>
      <span class="muted nw">{[kind, f.taken, pages].filter(x => x !== '').join(' ')}</span>
      <span class="grow" />
      <span class="dim f12 ell">{words('one.by', { name: image.added_by_name, day: day(image.added_at) })}</span>
    </>
  )
  return isShown(image) ? (
    <button type="button" class="earlier-one" aria-current={shown || undefined} onClick={onChoose}>
      {inner}
    </button>
  ) : (
    <a class="earlier-one" href={`${base}/original`} download={image.name} title={words('download.pdf')}>
      {inner}
    </a>
  )
}

/** The newest signed version of a recording's report. */
function ReportRow({ recording: r, onChoose }: { recording: Recording; onChoose: (id: string) => void }) {
  const [error, setError] = useState<unknown>(null)
  const open = (): void => {
    setError(null)
    api.get<readonly Report[]>(`/api/recordings/${encodeURIComponent(r.id)}/reports`).then(all => {
      const signed = all.find(one => one.state !== 'draft')
      if (signed !== undefined) onChoose(signed.id)
    }, setError)
  }
  const at = r.started_at ?? r.opened_at
  return (
    <>
      <button type="button" class="earlier-one" onClick={open}>
        <b class="nw">{t('picture.report')}</b>
        <span class="muted nw">
          {day(at)} {clockTime(at)}
        </span>
        <span class="grow ell">{r.impression.join('；')}</span>
        <span class="muted nw">{r.org_name}</span>
      </button>
      {error !== null && <ErrorLine error={error} retry={open} />}
    </>
  )
}
