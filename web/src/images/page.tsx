// One image on a screen of its own: what it is, its tools, the stage, and the patient's other images beside it.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Image, ImageList } from '../api/types.gen'
import { useKeys } from '../app/keys'
import { go } from '../app/router'
import type { ScreenProps } from '../app/routes'
import { t } from '../i18n/images'
import { Button, Empty, ErrorLine, Skeleton } from '../ui'
import { ImageStage, type Tool } from './stage'
import { ImageTools, useImageKeys } from './tools'
import { firstView, isShown, seriesOf } from './view'

type State = { kind: 'waiting' } | { kind: 'here'; value: Image } | { kind: 'failed'; error: unknown }

export default function ImageScreen({ params }: ScreenProps) {
  const id = params.id ?? ''
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const load = (): void => {
    api.get<Image>(`/api/images/${encodeURIComponent(id)}`).then(
      value => setState({ kind: 'here', value }),
      (error: unknown) => setState({ kind: 'failed', error }),
    )
  }
  useEffect(load, [id])
  switch (state.kind) {
    case 'waiting':
      return <Skeleton rows={12} />
    case 'failed':
      return (
        <Empty title={t('none')}>
          <ErrorLine error={state.error} retry={load} />
        </Empty>
      )
    case 'here':
      return state.value.facts.frames === 0 ? (
        <Empty title={state.value.name} next={t('download.pdf')}>
          <a href={`/api/images/${encodeURIComponent(id)}/original`} download={state.value.name}>
            {t('download')}
          </a>
        </Empty>
      ) : (
        <Viewer key={state.value.id} image={state.value} />
      )
  }
}

function Viewer({ image }: { image: Image }) {
  const [view, onView] = useState(() => firstView(image.facts))
  const [tool, onTool] = useState<Tool>(image.facts.colour === true ? 'pan' : 'grey')
  const [playing, onPlaying] = useState(false)
  const tools = { image, view, onView, tool, onTool, playing, onPlaying }
  useImageKeys(tools, [
    { id: 'image.back', chord: 'Escape', words: () => t('back'), hint: true, act: () => history.back() },
  ])
  const f = image.facts
  return (
    <div class="imgpage" data-testid="image-page">
      <header class="imgpage-head">
        <Button icon="left" label={t('back')} onClick={() => history.back()} />
        <b class="ell">{f.description || image.name}</b>
        <span class="muted nw">{[f.modality, f.taken].filter(x => x !== '').join(' ')}</span>
        <span class="grow" />
        {image.kind !== 'photo' && (
          <a class="nw" href={`/api/images/${encodeURIComponent(image.id)}/original`} download={image.name}>
            {t('download')}
          </a>
        )}
      </header>
      <ImageTools {...tools} />
      <ImageStage image={image} view={view} onView={onView} tool={tool} playing={playing} />
      <Siblings image={image} />
    </div>
  )
}

/** The patient's other pictures: one click to each. */
function Siblings({ image }: { image: Image }) {
  const [all, setAll] = useState<readonly Image[]>([])
  const to = (by: number) => () => {
    const next = all[all.findIndex(i => i.id === image.id) + by]
    if (next !== undefined) go(`/image/${next.id}`, { replace: true })
  }
  useKeys('image others', [
    { id: 'image.other', chord: 'PageDown', words: () => t('act.other'), act: to(1), repeat: true },
    { id: 'image.other.before', chord: 'PageUp', words: () => t('act.other.before'), act: to(-1), repeat: true },
  ])
  useEffect(() => {
    api.get<ImageList>(`/api/patients/${encodeURIComponent(image.patient)}/images`).then(
      list => setAll(seriesOf(list.images.filter(isShown)).flat()),
      () => undefined, // the picture itself is what matters here
    )
  }, [image.patient])
  if (all.length < 2) return null
  return (
    <nav class="imgpage-others" aria-label={t('title')}>
      {all.map(i => (
        <button
          type="button"
          key={i.id}
          aria-current={i.id === image.id}
          title={i.name}
          onClick={() => go(`/image/${i.id}`, { replace: true })}
        >
          <img src={`/api/images/${encodeURIComponent(i.id)}/thumbnail`} alt={i.name} loading="lazy" />
        </button>
      ))}
    </nav>
  )
}
