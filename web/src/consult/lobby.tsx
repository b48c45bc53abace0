// Before the room: does the camera show me, does the microphone hear me, do I hear the room, does the hub answer. None of
// it stops anybody from entering: voice, text and the ECG each work without the other.
import { useSignal } from '@preact/signals'
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Consult } from '../api/types.gen'
import { isMe, me } from '../clinic/me'
import { t } from '../i18n/consult'
import { Button, ErrorLine } from '../ui'
import { type Found, Held } from './held'
import type { Media, OwnMedia } from './media'
import { SelfTile } from './tiles'
import { useWaiting, WaitingRoom } from './waiting'
import type { Way } from './ways'
import { measureLine, type Width } from './width'
import { roomIsOpen, stateWords } from './words'

const MISSING = {
  insecure: 'media.insecure',
  denied: 'media.denied',
  missing: 'media.missing',
  busy: 'media.busy',
} as const

/** Says in words why there is no picture or sound, and what still works. */
export function NoMedia({ media }: { media: OwnMedia }) {
  const state: Media = media.state.value
  if (state.kind === 'asking') return <p class="room-told">{t('media.asking')}</p>
  if (state.kind === 'here' && state.video === null && media.camOn.value)
    return <p class="room-told">{t('media.voice')}</p>
  if (state.kind !== 'none') return null
  return (
    <div class="room-told" role="status" data-testid="media-missing" data-why={state.why}>
      <p>{t(MISSING[state.why])}</p>
      {state.why !== 'insecure' && <Button onClick={() => void media.open()}>{t('media.retry')}</Button>}
    </div>
  )
}

type Props = Readonly<{
  consult: Consult
  media: OwnMedia
  /** Where the seat is kept that is laid meanwhile. */
  held: { current: Held | null }
  busy: boolean
  error: unknown
  elsewhere: boolean // he went on in another page
  onEnter: () => void
}>

export function Lobby(p: Props) {
  const state = p.media.state.value
  const open = roomIsOpen(p.consult.events)
  const isMember = p.consult.members.some(m => isMe(m.account))
  const floor = useWaiting(p.consult.id, open && isMember && !p.busy)
  const [rtt, setRtt] = useState<number | null | 'asking'>('asking')
  const [way, setWay] = useState<Way | null>(null)
  const width = useMemo(measureLine, [])
  const checked =
    state.kind === 'asking'
      ? null
      : {
          camera: state.kind === 'here' && state.video !== null,
          microphone: state.kind === 'here' && state.audio !== null,
        }
  const words =
    state.kind === 'none'
      ? t('room.enter.text')
      : state.kind === 'here' && state.video === null
        ? t('room.enter.voice')
        : t('room.enter')
  return (
    <div class="videos lobby" data-testid="lobby">
      <SelfTile media={state} name={me.value?.name ?? ''} micOn={p.media.micOn.value} />
      <NoMedia media={p.media} />
      {p.elsewhere && (
        <p class="room-told" role="status" data-testid="elsewhere">
          {t('room.elsewhere')}
        </p>
      )}
      <ul class="lobby-checks f13">
        {state.kind === 'here' && state.audio !== null && <MicLevel track={state.audio} media={p.media} />}
        <li>
          <span>{t('check.speaker')}</span>
          <Button onClick={() => void tone()}>{t('check.speaker.play')}</Button>
        </li>
        <Network width={width} onMeasured={setRtt} />
        {open && isMember && !p.busy && <Ways consult={p.consult.id} width={width} held={p.held} onFound={setWay} />}
      </ul>
      {isMember && <WaitingRoom consult={p.consult} floor={floor} checked={checked} rtt_ms={rtt} way={way} />}
      {open ? (
        <>
          <p class="muted f13 room-lobby">{t('room.lobby.told')}</p>
          <Button kind="primary" size="large" wide busy={p.busy} onClick={p.onEnter}>
            {words}
          </Button>
        </>
      ) : (
        <p class="room-told">{stateWords(p.consult.state)}</p>
      )}
      {p.error !== null && <ErrorLine error={p.error} retry={p.onEnter} />}
    </div>
  )
}

const LEVEL_EVERY_MS = 100
const HEARD = 0.02

/** A bar that moves while one speaks, and once something was heard, says so. */
function MicLevel({ track, media }: { track: MediaStreamTrack; media: OwnMedia }) {
  const level = useSignal(0)
  const heard = useSignal(false)
  useEffect(() => {
    const audio = new AudioContext()
    const source = audio.createMediaStreamSource(new MediaStream([track]))
    const meter = audio.createAnalyser()
    meter.fftSize = 512
    source.connect(meter)
    const wave = new Float32Array(meter.fftSize)
    const timer = setInterval(() => {
      meter.getFloatTimeDomainData(wave)
      level.value = Math.sqrt(wave.reduce((sum, v) => sum + v * v, 0) / wave.length)
      if (level.value > HEARD) heard.value = true
    }, LEVEL_EVERY_MS)
    return () => {
      clearInterval(timer)
      void audio.close()
    }
  }, [track])
  const muted = !media.micOn.value
  return (
    <li data-testid="mic-check" data-heard={heard.value}>
      <span>
        {muted ? t('check.mic.muted') : heard.value ? t('check.mic.heard') : t('check.mic.speak')}
        <meter class="lobby-level" min={0} max={0.3} value={level.value} aria-label={t('check.mic.level')} />
      </span>
      <Button on={muted} onClick={media.toggleMic}>
        {t('check.mic.join')}
      </Button>
    </li>
  )
}

const TONE_HZ = 523
const TONE_S = 0.6

/** A short soft tone: heard, the room will be heard too. */
async function tone(): Promise<void> {
  const audio = new AudioContext()
  const note = audio.createOscillator()
  const soft = audio.createGain()
  note.frequency.value = TONE_HZ
  soft.gain.setValueAtTime(0, audio.currentTime)
  soft.gain.linearRampToValueAtTime(0.15, audio.currentTime + 0.05)
  soft.gain.linearRampToValueAtTime(0, audio.currentTime + TONE_S)
  note.connect(soft).connect(audio.destination)
  await new Promise(done => {
    note.onended = done
    note.start()
    note.stop(audio.currentTime + TONE_S)
  })
  await audio.close()
}

/** The hub's answer time. */
function Network({ width, onMeasured }: { width: Width; onMeasured: (rtt_ms: number | null) => void }) {
  const rtt_ms = useSignal<number | 'asking' | 'none'>('asking')
  useEffect(() => {
    let over = false
    width.rtt_ms.then(
      told => {
        if (over) return
        rtt_ms.value = Math.round(told)
        onMeasured(rtt_ms.value)
      },
      () => {
        if (over) return
        rtt_ms.value = 'none'
        onMeasured(null)
      },
    )
    return () => {
      over = true
    }
  }, [width])
  const rtt = rtt_ms.value
  return (
    <li data-testid="net-check" data-rtt={rtt}>
      {rtt === 'asking' ? t('check.net.asking') : rtt === 'none' ? t('check.net.none') : t('check.net', { ms: rtt })}
    </li>
  )
}

/** By which way sound and picture will come; blocked, it says what to ask of whom. */
type WaysProps = Pick<Props, 'held'> & Readonly<{ consult: string; width: Width; onFound: (way: Way) => void }>

function Ways({ consult, width, held, onFound }: WaysProps) {
  const found = useSignal<Found | 'asking' | 'unknown'>('asking')
  useEffect(() => {
    let over = false
    const laid = new Held(consult, width.wide)
    held.current = laid
    laid.found().then(
      told => {
        if (over) return
        found.value = told
        onFound(told.way)
      },
      error => {
        console.info('lobby.ways', error)
        if (!over) found.value = 'unknown'
      },
    )
    return () => {
      over = true
      laid.close()
    }
  }, [consult])
  const told = found.value
  if (typeof told === 'string')
    return (
      <li data-testid="way-check" data-way={told}>
        {t(`check.way.${told}`)}
      </li>
    )
  const { way, udp, turn } = told
  const blocked = way === 'sound' || way === 'none'
  return (
    <li data-testid="way-check" data-way={way}>
      <span>
        {t(`check.way.${way}`)} {blocked && udp !== '' && t('check.way.udp', { udp })}{' '}
        {blocked && turn && t('check.way.turn')}
      </span>
    </li>
  )
}
