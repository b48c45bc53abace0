// A patient's images and papers: thumbnails that open the viewer, and handing over more. Stands on the pages of a recording
// and of a consultation: small; the viewer is loaded when an image is opened.
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, api, uuid } from '../api/client'
import type { AddedImage, Image, ImageList } from '../api/types.gen'
import { day } from '../app/clock'
import { grantOrgs, may } from '../clinic/me'
import { t } from '../i18n/images'
import { subscribe } from '../live/live'
import { Button, Dialog, ErrorLine, Skeleton } from '../ui'
import { isShown, seriesOf } from './view'
import './images.css'

type State = { kind: 'waiting' } | { kind: 'here'; images: readonly Image[] } | { kind: 'failed'; error: unknown }
const FILE_BYTES_MAX = 64 * 1024 * 1024

/** `of`: the recording or consultation on whose page it stands; what is added here is noted as handed over for it. */
export function PatientImages(p: { patient: string; of: string }) {
  const { state, load } = usePatientImages(p.patient)
  return (
    <div class="imglist" data-testid="patient-images">
      {state.kind === 'waiting' && <Skeleton rows={2} />}
      {state.kind === 'failed' && <ErrorLine error={state.error} retry={load} />}
      {state.kind === 'here' && state.images.length === 0 && <p class="muted f13">{t('none')}</p>}
      {state.kind === 'here' && state.images.length > 0 && (
        <ul>
          {seriesOf(state.images).map(series => (
            <li key={series[0].id}>
              <Card image={series[0]} count={series.length} />
            </li>
          ))}
        </ul>
      )}
      {may('image.add') && <Add {...p} onAdded={load} />}
    </div>
  )
}

/** A patient's images, newest first, and again whenever one was added. */
export function usePatientImages(patient: string): { state: State; load: () => void } {
  const [state, setState] = useState<State>({ kind: 'waiting' })
  const load = (): void => {
    api.get<ImageList>(`/api/patients/${encodeURIComponent(patient)}/images`).then(
      list => setState({ kind: 'here', images: list.images }),
      (error: unknown) => setState(before => (before.kind === 'here' ? before : { kind: 'failed', error })),
    )
  }
  useEffect(load, [patient])
  useEffect(() => {
    const event = (e: { topic: string }): void => {
      if (e.topic === 'image') load()
    }
    const stops = grantOrgs.value.map(o => subscribe(`org:${o}`, null, { event, ready: load }))
    return () => {
      for (const stop of stops) stop()
    }
  }, [patient, grantOrgs.value.join()])
  return { state, load }
}

function Card({ image, count }: { image: Image; count: number }) {
  const base = `/api/images/${encodeURIComponent(image.id)}`
  const f = image.facts
  const inner = (
    <>
      {!isShown(image) ? (
        <span class="imglist-paper">PDF</span>
      ) : (
        <img src={`${base}/thumbnail`} alt="" loading="lazy" />
      )}
      <span class="imglist-words">
        <span class="ell">{f.description || image.name}</span>
        <span class="dim f12">
          {[f.modality || t(`kind.${image.kind}`), f.taken].filter(x => x !== '').join(' ')}
          {count > 1 && ` ${t('one.series', { n: count })}`}
          {(f.frames ?? 0) > 1 && ` ${t(image.kind === 'pdf' ? 'one.pages' : 'one.frames', { n: f.frames ?? 0 })}`}
        </span>
        <span class="dim f12 ell">{t('one.by', { name: image.added_by_name, day: day(image.added_at) })}</span>
      </span>
    </>
  )
  return !isShown(image) ? (
    <a href={`${base}/original`} download={image.name} title={t('download.pdf')}>
      {inner}
    </a>
  ) : (
    <a href={`/image/${image.id}`}>{inner}</a>
  )
}

type Sending = { kind: 'still' } | { kind: 'busy'; words: string } | { kind: 'failed'; error: unknown; told: string }
type Asked = Readonly<{ file: File; inFile: string; here: string; rest: readonly File[] }>

/** One after the other; where a file names somebody else, a person compares and decides. */
export function Add({ patient, of, onAdded }: { patient: string; of: string; onAdded: () => void }) {
  const [state, setState] = useState<Sending>({ kind: 'still' })
  const [asked, setAsked] = useState<Asked | null>(null)
  const input = useRef<HTMLInputElement>(null)

  const send = async (files: readonly File[], confirmed = false): Promise<void> => {
    const [file, ...rest] = files
    if (file === undefined) return
    if (file.size > FILE_BYTES_MAX) {
      setState({ kind: 'failed', error: null, told: t('add.large', { name: file.name }) })
      return
    }
    const query = new URLSearchParams({ name: file.name.slice(-128), case: of, confirmed: String(confirmed) })
    try {
      const added = await api.file<AddedImage>(`/api/patients/${encodeURIComponent(patient)}/images?${query}`, file, {
        idempotencyKey: uuid(),
        onSent: part =>
          setState({
            kind: 'busy',
            words:
              part < 1
                ? t('add.sending', { name: file.name, percent: Math.floor(part * 100) })
                : t('add.reading', { name: file.name }),
          }),
      })
      setState(added.known ? { kind: 'busy', words: t('add.known', { name: file.name }) } : { kind: 'still' })
      onAdded()
      await send(rest)
    } catch (error) {
      if (error instanceof ApiError && error.code === 'image.patient_differs') {
        setState({ kind: 'still' })
        setAsked({ file, rest, inFile: String(error.facts.in_file), here: String(error.facts.here) })
      } else setState({ kind: 'failed', error, told: '' })
    }
  }
  return (
    <div class="imglist-add">
      <input
        ref={input}
        type="file"
        multiple
        hidden
        data-testid="image-input"
        onChange={e => {
          const files = [...(e.currentTarget.files ?? [])]
          e.currentTarget.value = ''
          void send(files)
        }}
      />
      <Button icon="plus" onClick={() => input.current?.click()}>
        {t('add')}
      </Button>
      <span class="muted f12" role="status">
        {state.kind === 'busy' ? state.words : t('add.told')}
      </span>
      {state.kind === 'failed' && (
        <ErrorLine error={state.error} {...(state.told === '' ? {} : { sentence: state.told })} />
      )}
      {asked !== null && (
        <Dialog open title={t('add.ask')} onClose={() => setAsked(null)}>
          <dl class="kv" data-testid="patient-differs">
            <dt>{t('add.ask.file')}</dt>
            <dd>{asked.inFile}</dd>
            <dt>{t('add.ask.here')}</dt>
            <dd>{asked.here}</dd>
          </dl>
          <div class="row">
            <Button
              onClick={() => {
                setAsked(null)
                void send(asked.rest)
              }}
            >
              {t('add.ask.no')}
            </Button>
            <Button
              kind="primary"
              onClick={() => {
                setAsked(null)
                void send([asked.file], true).then(() => send(asked.rest))
              }}
            >
              {t('add.ask.yes')}
            </Button>
          </div>
        </Dialog>
      )}
    </div>
  )
}
