// The room's top line: whose case, that it is filmed, for how long, and how the line stands.
import type { Consult } from '../api/types.gen'
import { now, wait } from '../app/clock'
import { personName } from '../clinic/case'
import { t } from '../i18n/consult'
import { t as f } from '../i18n/film'
import { isOffline } from '../live/live'
import { Dot, Icon, Tag } from '../ui'
import type { Film } from './film'
import { GRADES, gradeOf, type LineState } from './line'
import type { Seat } from './link'
import type { Net } from './peer'
import { stateWords } from './words'

type HeaderProps = Readonly<{
  consult: Consult
  seats: readonly Seat[]
  line: LineState
  since: number | null
  film: Film | null
}>

export function Header({ consult: c, seats, line, since, film }: HeaderProps) {
  const net = seats.find(s => s.net !== null)?.net ?? null
  return (
    <header class="room-head">
      <Icon name="people" size={20} />
      <h1 class="ell">{t('room.title', { name: personName(c.patient) })}</h1>
      {film?.news.value?.state === 'filming' && (
        <span data-testid="film-mark">
          <Tag tone="accent">{f('filming.mark')}</Tag>
        </span>
      )}
      <span class="room-priority">
        <Tag>{t(`priority.${c.priority}`)}</Tag>
      </span>
      <span class="muted f13 ell room-between">
        {t('room.between', { a: c.requester_org_name, b: c.invitee_org_name })}
      </span>
      <span class="grow" />
      {since !== null && <b class="f13">{wait((now.value - since) / 1000)}</b>}
      <span class="room-net f13" role="status" data-testid="net" data-picture={line.level} data-whose={line.whose}>
        {isOffline.value ? (
          <>
            <Dot is="off" /> {t('room.lost')}
          </>
        ) : net === null ? (
          <>
            <Dot is="on" /> <span class="muted">{stateWords(c.state)}</span>
          </>
        ) : (
          <>
            <NetBars net={net} line={line} />
            <span class="muted">
              {net.loss_pct < 0.5
                ? t('net.good', { ms: Math.round(net.rtt_ms) })
                : t('net.rtt', { ms: Math.round(net.rtt_ms), loss: net.loss_pct.toFixed(0) })}
            </span>
          </>
        )}
        {!isOffline.value && line.level !== 'full' && (
          <b class="room-line">
            {line.whose === 'theirs' && t('line.theirs')}
            {t(`line.${line.level}`)}
          </b>
        )}
      </span>
    </header>
  )
}

/** How good the line is, in four bars and a word. */
function NetBars({ net, line }: { net: Net; line: LineState }) {
  const grade = gradeOf(net, line)
  return (
    <span class="nw" data-testid="net-grade" data-grade={grade}>
      <span class={`net-bars net-bars-${GRADES.indexOf(grade) + 1}`} aria-hidden="true">
        <i />
        <i />
        <i />
        <i />
      </span>{' '}
      {t('net.grade', { grade: t(`grade.${grade}`) })}
    </span>
  )
}
