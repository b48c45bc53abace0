// The film of a room, for everybody in it all the time: who is asked, that it runs, how to end it. The host begins it here.
import { useState } from 'preact/hooks'
import { api } from '../api/client'
import type { AskFilm, Consult, FilmNews } from '../api/types.gen'
import { listed } from '../i18n/catalogue'
import { t } from '../i18n/film'
import { Button, ErrorLine, Segmented } from '../ui'
import { askedOf, type Film } from './film'
import './film.css'

type Keep = NonNullable<AskFilm['keep']>
type Props = Readonly<{ film: Film; consult: Consult; me: string; hosts: boolean }>

export function FilmBar(p: Props) {
  const news = p.film.news.value
  const [asking, setAsking] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const send = async (path: string, body: object): Promise<void> => {
    setBusy(true)
    setError(null)
    try {
      await api.post(path, body)
      setAsking(false)
    } catch (failed) {
      setError(failed)
    } finally {
      setBusy(false)
    }
  }
  const runs = news !== null && (news.state === 'asked' || news.state === 'filming')
  if (!runs && !p.hosts && news === null) return null
  const path = news === null ? '' : `/api/films/${encodeURIComponent(news.film)}`
  return (
    <section class="film-bar" data-testid="film" data-state={news?.state ?? 'none'} aria-live="polite">
      {news !== null && (
        <Told
          {...p}
          news={news}
          busy={busy}
          answer={agrees => void send(`${path}/answer`, { agrees })}
          stop={() => void send(`${path}/stop`, {})}
        />
      )}
      {!runs && p.hosts && !asking && (
        <Button kind="quiet" onClick={() => setAsking(true)}>
          {t('ask.open')}
        </Button>
      )}
      {!runs && asking && (
        <Ask
          busy={busy}
          onAsk={keep => void send(`/api/consults/${encodeURIComponent(p.consult.id)}/films`, { keep })}
          onNot={() => setAsking(false)}
        />
      )}
      {error !== null && <ErrorLine error={error} />}
    </section>
  )
}

function Ask(p: { busy: boolean; onAsk: (keep: Keep) => void; onNot: () => void }) {
  const [keep, setKeep] = useState<Keep>('short')
  return (
    <div class="film-ask">
      <b>{t('ask.title')}</b>
      <p>{t('ask.told')}</p>
      <p class="row">
        <span class="muted f13">{t('ask.keep')}</span>
        <Segmented<Keep>
          label={t('ask.keep')}
          value={keep}
          onChange={setKeep}
          choices={[
            { value: 'short', words: t('keep.short') },
            { value: 'case', words: t('keep.case') },
          ]}
        />
      </p>
      <p class="row">
        <Button kind="primary" busy={p.busy} onClick={() => p.onAsk(keep)}>
          {t('ask.send')}
        </Button>
        <Button onClick={p.onNot}>{t('ask.not')}</Button>
      </p>
    </div>
  )
}

type ToldProps = Props &
  Readonly<{ news: FilmNews; busy: boolean; answer: (agrees: boolean) => void; stop: () => void }>

function Told(p: ToldProps) {
  const { news } = p
  const nameOf = (account: string): string => p.consult.members.find(m => m.account === account)?.name ?? '–'
  const asked = askedOf(news, p.me)
  if (news.state === 'asked')
    return asked === 'agree' ? (
      <Question words={t('asked.by', { name: nameOf(news.by) })} {...p} />
    ) : (
      <>
        <p>{t('asked.waits', { names: listed(news.waits_for.map(nameOf)) || '–' })}</p>
        {p.hosts && (
          <Button busy={p.busy} onClick={p.stop}>
            {t('asked.cancel')}
          </Button>
        )}
      </>
    )
  if (news.state !== 'filming') return <p class="muted f13">{overWords(news)}</p>
  const on = news.carried.includes(p.me)
  return (
    <>
      <p>
        <b class="film-runs">{t('filming')}</b>
        {asked !== 'door' && <span class="muted f13"> {t(on ? 'filming.you' : 'filming.not')}</span>}
      </p>
      {asked === 'door' && <Question words={t('filming.door')} {...p} />}
      <p class="row">
        {p.hosts && (
          <Button busy={p.busy} onClick={p.stop}>
            {t('filming.stop')}
          </Button>
        )}
        {on && !p.hosts && (
          <Button busy={p.busy} onClick={() => p.answer(false)}>
            {t('filming.withdraw')}
          </Button>
        )}
        {!on && asked === null && (
          <Button busy={p.busy} onClick={() => p.answer(true)}>
            {t('filming.join')}
          </Button>
        )}
      </p>
    </>
  )
}

function Question(p: Pick<ToldProps, 'busy' | 'answer'> & { words: string }) {
  return (
    <div class="film-ask" role="alertdialog" aria-label={t('ask.title')} data-testid="film-question">
      <p>{p.words}</p>
      <p class="row">
        <Button kind="primary" busy={p.busy} onClick={() => p.answer(true)}>
          {t('agree')}
        </Button>
        <Button busy={p.busy} onClick={() => p.answer(false)}>
          {t('refuse')}
        </Button>
      </p>
    </div>
  )
}

function overWords(news: FilmNews): string {
  const why = news.why ?? ''
  if (news.state === 'refused') return t('over.refused')
  return news.state === 'kept' && why !== '' ? t('over.kept', { why: t(`why.${why}`) }) : t('over.cancelled')
}
