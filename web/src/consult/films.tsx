// The films of a case's room, for its members: when, how long they are kept, a way to play them. Nothing where there is none.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Consult, RoomFilm, RoomFilms } from '../api/types.gen'
import { clockTime, day } from '../app/clock'
import { isMe } from '../clinic/me'
import { t } from '../i18n/film'
import { Pane } from '../ui'

const SHOWN: readonly RoomFilm['state'][] = ['asked', 'filming', 'kept', 'deleted']

export function Films({ consult: c }: { consult: Consult }) {
  const [films, setFilms] = useState<readonly RoomFilm[]>([])
  const inside = c.members.some(m => isMe(m.account))
  useEffect(() => {
    if (!inside) return
    api.get<RoomFilms>(`/api/consults/${encodeURIComponent(c.id)}/films`).then(
      told => setFilms(told.films),
      () => undefined, // the case stands without them
    )
  }, [c, inside])
  const shown = films.filter(f => SHOWN.includes(f.state))
  if (shown.length === 0) return null
  return (
    <Pane title={t('list.title')}>
      <ul class="consult-top film-list" data-testid="films">
        {shown.map(f => (
          <li key={f.id} class="row" data-state={f.state}>
            <span class="nw">{`${day(f.began_at ?? f.asked_at)} ${clockTime(f.began_at ?? f.asked_at)}`}</span>
            <span class="muted f13 ell">{stateOf(f)}</span>
            <span class="grow" />
            {f.state === 'kept' && <a href={`/film/${f.id}`}>{t('list.play')}</a>}
          </li>
        ))}
      </ul>
    </Pane>
  )
}

function stateOf(f: RoomFilm): string {
  if (f.state === 'asked') return t('list.asked')
  if (f.state === 'filming') return t('list.filming')
  if (f.state === 'deleted') return t('list.deleted')
  return f.expires_at === null ? '' : t('list.until', { day: day(f.expires_at) })
}
