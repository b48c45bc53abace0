// The live page: every recording that is arriving now, side by side. Each opens its own page. Only tiles that are on
// the screen hear their stream and draw.
import { useEffect, useRef, useState } from 'preact/hooks'
import { useKeys } from '../app/keys'
import { stored } from '../app/storage'
import { personName, sexAgeShort } from '../clinic/case'
import { may } from '../clinic/me'
import { EcgSweep, useLiveStream } from '../ecg'
import { t as sweep } from '../i18n/ecg'
import { t } from '../i18n/wall'
import { Empty, ErrorLine, Segmented, Skeleton, Tag } from '../ui'
import { type Place, rhythmOf } from './places'
import { follow, load, loaded, PLACES_MAX, places, tooMany } from './store'
import './wall.css'

type Leads = 'all' | 'rhythm'

const leads = stored<Leads>('xinlian.live.leads', 'all', raw => (raw === 'all' || raw === 'rhythm' ? raw : null))
const NEAR = '120px' // a tile that is nearly on the screen begins to draw

export default function Wall() {
  const box = useRef<HTMLUListElement>(null)
  useEffect(follow, [])
  const step = (by: number): void => {
    const links = [...(box.current?.querySelectorAll<HTMLAnchorElement>('a') ?? [])]
    const at = links.indexOf(document.activeElement as HTMLAnchorElement)
    links[at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + by))]?.focus()
  }
  const change = (): void => {
    leads.value = leads.value === 'all' ? 'rhythm' : 'all'
  }
  useKeys('wall', [
    { id: 'wall.next', chord: 'KeyJ', words: () => t('key.next'), act: () => step(1), hint: true, repeat: true },
    {
      id: 'wall.previous',
      chord: 'KeyK',
      words: () => t('key.previous'),
      act: () => step(-1),
      hint: true,
      repeat: true,
    },
    { id: 'wall.leads', chord: 'KeyL', words: () => t('key.leads'), act: change, hint: true },
  ])
  const is = loaded.value
  const arriving = places.value.filter(place => !place.ended).length
  return (
    <div class="wall" data-testid="live-page">
      <header class="wall-head">
        <h1>{t('title')}</h1>
        {is.kind !== 'waiting' && <span class="muted">{t('count', { n: arriving })}</span>}
        {tooMany.value && <span class="muted">{t('more', { n: PLACES_MAX })}</span>}
        <span class="grow" />
        <span class="muted">
          {sweep('speed.unit', { n: 25 })} {sweep('gain.unit', { n: 10 })}
        </span>
        <Segmented
          label={t('leads')}
          value={leads.value}
          onChange={value => {
            leads.value = value
          }}
          choices={[
            { value: 'all', words: t('leads.12') },
            { value: 'rhythm', words: t('leads.1') },
          ]}
        />
      </header>
      {is.kind === 'failed' && <ErrorLine error={is.error} retry={() => void load()} />}
      {is.kind === 'waiting' && <Skeleton rows={6} />}
      {is.kind === 'here' && places.value.length === 0 && <Empty title={t('empty')} next={t('empty.next')} />}
      {places.value.length > 0 && (
        <ul class={`wall-grid wall-${leads.value}`} ref={box} aria-label={t('list')}>
          {places.value.map(place => (
            <Tile key={place.recording.id} place={place} leads={leads.value} />
          ))}
        </ul>
      )}
    </div>
  )
}

function Tile({ place, leads }: { place: Place; leads: Leads }) {
  const box = useRef<HTMLLIElement>(null)
  const [near, setNear] = useState(false)
  useEffect(() => {
    if (box.current === null) return
    const watch = new IntersectionObserver(seen => setNear(seen.at(-1)?.isIntersecting === true), { rootMargin: NEAR })
    watch.observe(box.current)
    return () => watch.disconnect()
  }, [])
  const { recording, ended } = place
  const stream = useLiveStream(near && !ended ? recording.id : null)
  return (
    <li class={`wall-tile${ended ? ' wall-ended' : ''}`} ref={box}>
      <a href={may('worklist.read') ? `/read/${recording.id}` : `/acquire?recording=${recording.id}`}>
        <span class="name">{personName(recording.patient)}</span> <span>{sexAgeShort(recording.patient)}</span>
        <span class="wall-place muted ell">{recording.org_name}</span>
        {ended && <Tag tone="ok">{t('ended')}</Tag>}
      </a>
      <div class="wall-sweep">
        {stream !== null && (
          <EcgSweep
            playOut={stream.playOut}
            leads={stream.leads}
            show={leads === 'all' ? undefined : [rhythmOf(stream.leads)]}
            pxPerMm={leads === 'all' ? 2.5 : 4}
            plain
          />
        )}
      </div>
    </li>
  )
}
