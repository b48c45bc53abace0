// Who is in the room: the list with roles, lines and raised hands, what the host may do about them, and the strip of
// faces under the stage when there are more than two.
import { useState } from 'preact/hooks'
import type { Consult } from '../api/types.gen'
import { now, wait } from '../app/clock'
import { useKeys } from '../app/keys'
import { t } from '../i18n/consult'
import { t as planning } from '../i18n/planning'
import { Button, Dot, Icon } from '../ui'
import { Help } from './help'
import type { Seat } from './link'
import type { Floor, Role, Shared } from './shared'
import { SittingsPane } from './sittings'
import { PeerTile } from './tiles'

export const STRIP_MAX = 7

const ROLE_WORDS = {
  host: 'role.host',
  presenter: 'role.presenter',
  expert: 'role.expert',
  requester: 'role.requester',
  scribe: 'role.scribe',
  observer: 'role.observer',
} as const satisfies Record<Role, string>

/** What this page knows of who should be large: whom its person pinned, and who speaks now. */
export type Large = Readonly<{ pinned: string | null; lead: string | null }>
export const NOBODY_LARGE: Large = { pinned: null, lead: null }

/** Who is large in the rail: who is pinned here, else who was called, who speaks, who leads the view, the host, the first. */
export function whoIsLarge(seats: readonly Seat[], floor: Floor, large: Large): Seat | null {
  for (const account of [large.pinned, floor.speaker, large.lead, floor.presenter, floor.host]) {
    const seat = seats.find(s => s.account === account && s.state !== 'left')
    if (seat !== undefined) return seat
  }
  return seats[0] ?? null
}

/**
 * Raised hands first, in their order; then whoever the talk is about (who leads, the host, who asked), so that he stays
 * before everybody's eyes while others speak; then as they came. At most STRIP_MAX have a picture: nobody else is rendered.
 */
export function stripOf(seats: readonly Seat[], floor: Floor, who: Large): { shown: readonly Seat[]; more: number } {
  const large = whoIsLarge(seats, floor, who)
  const asking = floor.here.filter(h => h.role === 'requester').map(h => h.account)
  const order = [...floor.hands, floor.presenter, floor.host, ...asking]
  const rank = (s: Seat): number => {
    const at = order.indexOf(s.account)
    return at < 0 ? order.length : at
  }
  const rest = seats.filter(s => s !== large && s.state !== 'left').sort((a, b) => rank(a) - rank(b))
  return { shown: rest.slice(0, STRIP_MAX), more: Math.max(0, rest.length - STRIP_MAX) }
}

/** Whose pictures this page needs, and which of them large: a shared screen before the speaker. */
export function inSight(
  seats: readonly Seat[],
  floor: Floor,
  who: Large,
): { accounts: string[]; large: string | null } {
  const large = whoIsLarge(seats, floor, who)?.account ?? null
  const screen = seats.some(s => s.account === floor.screen) ? floor.screen : null
  const first = [screen, large].filter(a => a !== null)
  const faces = stripOf(seats, floor, who).shown.map(s => s.account)
  return { accounts: [...new Set([...first, ...faces])], large: screen ?? large }
}

type Common = Readonly<{ consult: Consult; shared: Shared; seats: readonly Seat[]; me: string }>

type StripProps = Common & Readonly<{ large: Large; onPin: (account: string | null) => void; onMore: () => void }>

export function Strip(p: StripProps) {
  const floor = p.shared.floor.value
  const { shown, more } = stripOf(p.seats, floor, p.large)
  if (shown.length === 0) return null
  const nameOf = (account: string): string => p.consult.members.find(m => m.account === account)?.name ?? '–'
  const next = floor.hands[0]
  return (
    <div class="strip" data-testid="strip">
      {shown.map(seat => {
        const hand = floor.hands.indexOf(seat.account)
        return (
          <div key={seat.account} class="strip-one">
            <PeerTile seat={seat} name={nameOf(seat.account)} />
            <button
              type="button"
              class="strip-pin"
              aria-label={t('pin.up', { name: nameOf(seat.account) })}
              title={t('pin.up', { name: nameOf(seat.account) })}
              onClick={() => p.onPin(seat.account)}
            />
            {hand >= 0 && (
              <span class="strip-hand">
                <Icon name="hand" size={12} /> {hand + 1}
              </span>
            )}
          </div>
        )
      })}
      {more > 0 && (
        <button type="button" class="strip-more" onClick={p.onMore}>
          +{more}
        </button>
      )}
      <span class="grow" />
      {next !== undefined && (
        <p class="strip-queue f12 muted" data-testid="hand-queue">
          <span>{t('hand.queue', { n: floor.hands.length })}</span>
          <span>{t('hand.next', { name: nameOf(next) })}</span>
        </p>
      )}
    </div>
  )
}

/** Everybody of the consultation: hands first, then who is here, then who is not. */
export function People(p: Common & { onClose: () => void }) {
  useKeys('people.panel', [{ id: 'people.close', chord: 'Escape', words: () => t('one.back'), act: p.onClose }])
  const [word_min, setWord] = useState(0)
  const floor = p.shared.floor.value
  const hosts = p.shared.hosts.value
  const roles = new Map(floor.here.map(h => [h.account, h.role]))
  const rank = (account: string): number => {
    const hand = floor.hands.indexOf(account)
    return hand >= 0 ? hand : roles.has(account) ? 1000 : 2000
  }
  const members = [...p.consult.members].sort((a, b) => rank(a.account) - rank(b.account))
  return (
    <section class="room-people" aria-label={t('people.title')} data-testid="people">
      <header class="row">
        <h2>{t('people.title')}</h2>
        <span class="grow" />
        {hosts && floor.here.length > 1 && <Button onClick={() => p.shared.hush('')}>{t('people.hush.all')}</Button>}
        <Button kind="quiet" icon="cross" label={t('one.back')} onClick={p.onClose} />
      </header>
      <Help consult={p.consult} />
      {hosts && floor.here.length > 2 && (
        <label class="row f13 people-word">
          {planning('word.for')}
          <select class="input" value={word_min} onChange={e => setWord(Number(e.currentTarget.value))}>
            {WORD_MIN.map(n => (
              <option key={n} value={n}>
                {n === 0 ? planning('word.open') : planning('word.minutes', { n })}
              </option>
            ))}
          </select>
        </label>
      )}
      <SittingsPane consult={p.consult} narrow />
      <ul>
        {members.map(m => {
          const role = roles.get(m.account)
          const hand = floor.hands.indexOf(m.account)
          const seat = p.seats.find(s => s.account === m.account)
          const isOther = m.account !== p.me
          return (
            <li key={m.account} data-account={m.account} data-here={role !== undefined} data-hand={hand + 1}>
              <p class="row">
                <Dot is={role === undefined ? 'off' : 'on'} />
                <b class="ell">{isOther ? m.name : t('room.me', { name: m.name })}</b>
                <span class="muted f12 nw">
                  {role !== undefined
                    ? t(ROLE_WORDS[role])
                    : floor.waits.includes(m.account)
                      ? planning('lobby.waits')
                      : t('people.away')}
                </span>
                <span class="grow" />
                {hand >= 0 && <span class="people-hand nw">{t('hand.place', { n: hand + 1 })}</span>}
                {seat !== undefined && role !== undefined && <Line seat={seat} />}
              </p>
              <p class="muted f12 ell">{m.org_name}</p>
              {floor.presenter === m.account && <p class="f12">{t('people.leads')}</p>}
              {floor.speaker === m.account && (
                <p class="f12">
                  {t('people.speaks')} <WordClock floor={floor} />
                </p>
              )}
              {role !== undefined && (
                <p class="people-acts">
                  {hosts && isOther && hand >= 0 && (
                    <Button onClick={() => p.shared.call(m.account, word_min)}>{t('people.call')}</Button>
                  )}
                  {hosts && floor.speaker === m.account && (
                    <Button onClick={() => p.shared.call('')}>{t('people.call.end')}</Button>
                  )}
                  {hosts && isOther && seat?.mic === true && (
                    <Button onClick={() => p.shared.hush(m.account)}>{t('people.hush')}</Button>
                  )}
                  {(hosts || p.shared.presents.value) && isOther && floor.presenter !== m.account && (
                    <Button onClick={() => p.shared.give(m.account)}>{t('people.give')}</Button>
                  )}
                </p>
              )}
            </li>
          )
        })}
      </ul>
    </section>
  )
}

const WORD_MIN: readonly number[] = [0, 2, 3, 5, 10]

/** How long the speaker still has, counted from the hub's last word; nothing when no clock runs. */
export function WordClock({ floor }: { floor: Floor }) {
  if (floor.left_s === null) return null
  const left = Math.round(floor.left_s - (now.value - floor.heardAt_ms) / 1000)
  const words = wait(Math.abs(left))
  return (
    <span class={left < 0 ? 'word-over' : ''} data-testid="word-clock">
      {left < 0 ? planning('word.over', { by: words }) : planning('word.left', { time: words })}
    </span>
  )
}

/** The line to him, in words: what the bars on his tile mean. */
function Line({ seat }: { seat: Seat }) {
  if (seat.state !== 'connected') return <span class="muted f12 nw">{t(`peer.${seat.state}`)}</span>
  if (seat.net === null) return null
  const ms = Math.round(seat.net.rtt_ms)
  return (
    <span class="muted f12 nw">
      {seat.net.loss_pct < 0.5 ? t('net.good', { ms }) : t('net.rtt', { ms, loss: seat.net.loss_pct.toFixed(0) })}
    </span>
  )
}
