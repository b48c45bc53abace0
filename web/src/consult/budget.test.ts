import { describe, expect, it } from 'vitest'
import {
  Delays,
  FIRST_BITS,
  firstWay,
  LEAST_BITS,
  layersFor,
  MOST_BITS,
  pictureFor,
  picturesFor,
  shareOf,
  Trips,
  type Way,
  type WayFacts,
  wayAfter,
} from './budget'
import { FIRST_VOICE, voiced, voiceFor } from './voice'

const facts = (over: Partial<WayFacts>): WayFacts => ({
  now_ms: 10_000,
  waits_ms: [5, 5],
  owed_ms: 0,
  unsent_bytes: 0,
  ecgLate_ms: 0,
  lossy: false,
  rtt_wait_ms: null,
  rtt_age_ms: Number.POSITIVE_INFINITY,
  rtt_settled_ms: Number.POSITIVE_INFINITY,
  lost: 0,
  used_bits: 1e9,
  ...over,
})
const way = (over: Partial<Way>): Way => ({ ...firstWay(0, true), bits: 80_000, seeking: false, ...over })

/** What a line does to the rate, half a second at a time: messages wait while more is sent than fits. */
function run(fits: (bits: number) => boolean, seconds: number, wide = false): readonly number[] {
  let now = firstWay(0, wide)
  const rates: number[] = []
  for (let now_ms = 500; now_ms <= seconds * 1000; now_ms += 500) {
    const waits_ms = fits(now.bits) ? [10, 10] : [300, 300]
    now = wayAfter(now, facts({ now_ms, waits_ms, used_bits: now.bits }), MOST_BITS)
    rates.push(now.bits)
  }
  return rates
}

describe('the budget of a picture', () => {
  it('begins with what the narrowest line bears, and is whole within 12 s where nothing is in its way', () => {
    expect(firstWay(0, false).bits).toBe(FIRST_BITS)
    expect(run(() => true, 12, true).at(-1)).toBe(MOST_BITS)
    // Where nothing was measured before, it takes longer.
    expect(run(() => true, 30).at(-1)).toBe(MOST_BITS)
  })

  it('stays on a narrow line below what that bears, most of the time near it', () => {
    const rates = run(bits => bits <= 70_000, 120).slice(40)
    const good = rates.filter(bits => bits <= 70_000 && bits >= 30_000)
    expect(good.length / rates.length).toBeGreaterThan(0.95)
  })

  it('is halved at once by each sign that something waits', () => {
    for (const sign of [{ waits_ms: [200, 200] }, { owed_ms: 900 }, { unsent_bytes: 30_000 }, { ecgLate_ms: 400 }])
      expect(wayAfter(way({}), facts({ ...sign, used_bits: 80_000 }), MOST_BITS).bits).toBe(40_000)
  })

  it('is not halved by one late message, nor where hardly any picture flows', () => {
    expect(wayAfter(way({}), facts({ waits_ms: [900, 20] }), MOST_BITS).bits).toBeGreaterThanOrEqual(80_000)
    expect(wayAfter(way({}), facts({ waits_ms: [900, 900], used_bits: 1000 }), MOST_BITS).bits).toBe(80_000)
  })

  it('is not halved where only the page or the hub is slow to answer', () => {
    const late = { waits_ms: [900, 900], owed_ms: 900, used_bits: 80_000 }
    expect(wayAfter(way({}), facts({ ...late, rtt_wait_ms: 5 }), MOST_BITS).bits).toBe(80_000)
    expect(wayAfter(way({ wide: false }), facts({ ...late, rtt_wait_ms: 50 }), MOST_BITS).bits).toBe(40_000)
    // On a line measured as wide so little is the busy computer's too.
    expect(wayAfter(way({ wide: true }), facts({ ...late, rtt_wait_ms: 50 }), MOST_BITS).bits).toBe(80_000)
    expect(wayAfter(way({ wide: true }), facts({ ...late, rtt_wait_ms: 110 }), MOST_BITS).bits).toBe(40_000)
  })

  it('takes a step back that was one too far, before it fills a narrow line', () => {
    const stepped = { ...firstWay(0, false), bits: 75_000, changedAt_ms: 10_000 }
    const late = facts({ now_ms: 11_500, rtt_wait_ms: 70, rtt_age_ms: 500, used_bits: 70_000 })
    expect(wayAfter(stepped, late, MOST_BITS)).toMatchObject({ bits: 60_000, seeking: false, met_bits: 75_000 })
    // What was heard before the step says nothing of it; on a wide line a busy computer is the likelier reason.
    expect(wayAfter(stepped, { ...late, rtt_age_ms: 2_000 }, MOST_BITS).bits).toBe(75_000)
    expect(wayAfter({ ...stepped, wide: true }, late, MOST_BITS).bits).toBe(75_000)
  })

  it('seeks on only when the last step has been seen to find room', () => {
    const stepped = way({ seeking: true, changedAt_ms: 10_000 })
    const grows = (over: Partial<WayFacts>): boolean =>
      wayAfter(stepped, facts({ now_ms: 11_600, ...over }), MOST_BITS).bits > 80_000
    expect(grows({})).toBe(true)
    expect(grows({ waits_ms: [10, 90] })).toBe(false)
    // A round trip of after the step is believed, one of before it is not.
    expect(grows({ waits_ms: [10, 90], rtt_wait_ms: 10, rtt_age_ms: 200 })).toBe(true)
    expect(grows({ waits_ms: [10, 90], rtt_wait_ms: 10, rtt_age_ms: 1_400 })).toBe(false)
    // Nor is one whose best is still being found: what filled the line before drains.
    expect(grows({ rtt_wait_ms: 10, rtt_age_ms: 200, rtt_settled_ms: 1_900 })).toBe(false)
    expect(grows({ rtt_wait_ms: 10, rtt_age_ms: 200, rtt_settled_ms: 2_000 })).toBe(true)
    // Nor is no answer at all.
    expect(grows({ waits_ms: [], rtt_wait_ms: 10, rtt_age_ms: 1_400 })).toBe(false)
  })

  it('is not halved again while what had filled the line drains away', () => {
    // A line that takes 60 kbit/s of picture met 120: half a second of it waits, and is gone in two at half the rate.
    const waits = [600, 400, 250, 160]
    let now = way({ bits: 120_000, seeking: true })
    for (const [i, wait] of waits.entries())
      now = wayAfter(now, facts({ now_ms: 10_000 + 1_500 * i, waits_ms: [wait, wait], used_bits: now.bits }), MOST_BITS)
    expect(now.bits).toBe(60_000)
    const stays = facts({ now_ms: 30_000, waits_ms: [150.1, 150.1], used_bits: now.bits })
    expect(wayAfter(now, stays, MOST_BITS).bits).toBe(30_000)
  })

  it('is halved at the first sign of the next time', () => {
    const full = facts({ waits_ms: [900, 900], used_bits: 80_000 })
    const fell = wayAfter(way({}), full, MOST_BITS)
    const calm = wayAfter(fell, facts({ now_ms: 12_000, used_bits: 0 }), MOST_BITS)
    const again = facts({ now_ms: 15_000, waits_ms: [300, 300], used_bits: 40_000 })
    expect(wayAfter(fell, again, MOST_BITS).bits).toBe(40_000)
    expect(wayAfter(calm, again, MOST_BITS).bits).toBe(20_000)
  })

  it('ends in stills, and in nothing only when those did not help for a while', () => {
    let now = way({})
    const levels: string[] = []
    for (let now_ms = 10_000; now_ms < 40_000; now_ms += 500) {
      now = wayAfter(now, facts({ now_ms, waits_ms: [400, 400], used_bits: now.bits }), MOST_BITS)
      levels.push(pictureFor(now.bits, 'still').level)
    }
    expect(levels.filter(level => level === 'still').length).toBeGreaterThanOrEqual(14)
    expect(levels.at(-1)).toBe('off')
  })

  it('takes late messages on a lossy line for messages sent again, as long as the connections are quick', () => {
    const late = { lossy: true, lost: 0.05, waits_ms: [900, 900], owed_ms: 900, used_bits: 80_000 }
    expect(wayAfter(way({}), facts({ ...late, rtt_wait_ms: 10 }), MOST_BITS).bits).toBeGreaterThanOrEqual(80_000)
    expect(wayAfter(way({}), facts({ ...late, rtt_wait_ms: 300 }), MOST_BITS).bits).toBe(40_000)
    expect(wayAfter(way({}), facts({ ...late, rtt_wait_ms: null }), MOST_BITS).bits).toBe(40_000)
  })

  it('grows by a tenth in five seconds, slowly near what was too much, and only while it is used', () => {
    const rises = (over: Partial<Way>, now_ms: number, used_bits = 1e9): boolean =>
      wayAfter(way(over), facts({ now_ms, used_bits }), MOST_BITS).bits > 80_000
    expect(rises({ met_bits: 120_000 }, 4900)).toBe(false)
    expect(rises({ met_bits: 120_000 }, 5100)).toBe(true)
    expect(rises({ met_bits: 400_000 }, 3100)).toBe(true)
    expect(rises({ met_bits: 100_000 }, 5100)).toBe(false)
    expect(rises({ met_bits: 100_000 }, 20_100)).toBe(true)
    expect(rises({}, 5100, 20_000)).toBe(false)
  })

  it('is soon half way back to what was too much', () => {
    let now = way({ bits: 30_000, met_bits: 120_000 })
    for (let now_ms = 500; now_ms <= 9_500; now_ms += 500) now = wayAfter(now, facts({ now_ms }), MOST_BITS)
    expect(now.bits).toBeGreaterThanOrEqual(60_000)
    expect(now.bits).toBeLessThan(90_000)
  })

  it('comes back from nothing', () => {
    let now = way({ bits: LEAST_BITS, met_bits: 60_000 })
    for (let now_ms = 5_000; now_ms < 40_000; now_ms += 500) now = wayAfter(now, facts({ now_ms }), MOST_BITS)
    expect(pictureFor(now.bits, 'off').level).toBe('reduced')
  })
})

describe('what a rate is used for', () => {
  it('gives up size, then movement, then the picture', () => {
    const levels = [600_000, 100_000, 30_000, 10_000, 6_000].map(bits => pictureFor(bits, 'full').level)
    expect(levels).toEqual(['full', 'reduced', 'reduced', 'still', 'off'])
  })

  it('moves as much as it can: what is left of 150 kbit/s beside an ECG and a voice moves, if little', () => {
    const rates = [120_000, 45_000, 30_000, 14_000].map(bits => pictureFor(bits, 'reduced').maxFramerate)
    expect(rates).toEqual([20, 15, 10, 5])
  })

  it('does not flicker between two of them', () => {
    expect(pictureFor(13_000, 'still').level).toBe('still')
    expect(pictureFor(13_000, 'reduced').level).toBe('reduced')
  })

  it('divides a camera between its two lines, one for both where there is little', () => {
    expect(layersFor(600_000, { large: true, small: true })).toEqual({ large: 500_000, small: 100_000 })
    expect(layersFor(80_000, { large: true, small: true })).toEqual({ large: 0, small: 80_000 })
    expect(layersFor(80_000, { large: true, small: false })).toEqual({ large: 80_000, small: 0 })
    expect(layersFor(80_000, { large: false, small: false })).toEqual({ large: 0, small: 0 })
  })

  it('takes of many what comes as it is, of few what each can be made', () => {
    expect(picturesFor(1_500_000, false)).toEqual({ large: true, count: 10 })
    expect(picturesFor(250_000, false)).toEqual({ large: false, count: 2 })
    expect(picturesFor(50_000, false).count).toBe(0)
    expect(picturesFor(50_000, true)).toEqual({ large: true, count: 2 })
  })
})

describe('the share of one picture', () => {
  it('is the same for all that come', () => {
    expect(shareOf(90_000, 3, [30_000, 28_000, 31_000])).toBe(30_000)
    expect(shareOf(90_000, 3, [])).toBe(30_000)
  })
  it('grows by what those leave who send little', () => {
    expect(shareOf(60_000, 2, [20_000, 0])).toBe(60_000)
    expect(shareOf(60_000, 2, [20_000, 8_000])).toBe(52_000)
    expect(shareOf(60_000, 2, [8_000, 8_000])).toBe(30_000)
  })
})

describe('measuring', () => {
  it('tells the way up from the way down, whatever the clocks say', () => {
    const delays = new Delays()
    delays.heard({ mark: 1000, hub_ms: 90_030, back_ms: 1060 })
    delays.heard({ mark: 2000, hub_ms: 91_230, back_ms: 2260 }) // 200 ms longer on its way up
    expect(delays.best_ms).toBe(60)
    expect(delays.waits('up', 0)).toEqual([0, 200])
    expect(delays.waits('down', 0)).toEqual([0, 0])
  })

  it('knows of a connection how much longer its round trip became, while that is fresh', () => {
    const trips = new Trips()
    expect(trips.wait_ms(0)).toBeNull()
    trips.heard('pair', 40, 0)
    trips.heard('pair', 190, 1000)
    trips.heard('video', 60, 1000)
    expect(trips.wait_ms(2000)).toBe(150)
    expect(trips.wait_ms(9000)).toBeNull()
  })

  it('are best known once they have not become better for a while, and for a minute', () => {
    const trips = new Trips()
    for (const [ms, at] of [
      [400, 0],
      [300, 1_000],
      [90, 2_000],
      [85, 3_000],
    ] as const)
      trips.heard('pair', ms, at)
    expect(trips.settled_ms(4_000)).toBe(2_000)
    // The line has become another, a longer one.
    for (let at = 10_000; at <= 62_000; at += 1_000) trips.heard('pair', 200 + (at % 3_000) / 1_000, at)
    expect(trips.wait_ms(62_000)).toBeGreaterThan(100)
    trips.heard('pair', 205, 64_000)
    expect(trips.wait_ms(64_000)).toBeLessThan(10)
  })
})

describe('the voice', () => {
  it('is packed long on a narrow line and twice on a lossy or a wide one', () => {
    expect(FIRST_VOICE).toEqual({ red: false, ptime_ms: 60 })
    expect(voiceFor(300_000, 0, FIRST_VOICE)).toEqual({ red: true, ptime_ms: 20 })
    expect(voiceFor(40_000, 0.05, FIRST_VOICE)).toEqual({ red: true, ptime_ms: 60 })
    expect(voiceFor(80_000, 0, FIRST_VOICE)).toBe(FIRST_VOICE)
    expect(voiceFor(80_000, 0.01, { red: true, ptime_ms: 20 })).toEqual({ red: true, ptime_ms: 20 })
  })

  it('asks so in the description of the other, and changes nothing else', () => {
    const rows = [
      'v=0',
      'm=audio 9 UDP/TLS/RTP/SAVPF 111 63 9',
      'a=mid:0',
      'a=rtpmap:111 opus/48000/2',
      'a=rtpmap:63 red/48000/2',
      'm=video 9 UDP/TLS/RTP/SAVPF 96',
      'a=rtpmap:96 VP8/90000',
      '',
    ]
    const said = voiced(rows.join('\r\n'), { red: true, ptime_ms: 60 })
    const wanted = [...rows]
    wanted[1] = 'm=audio 9 UDP/TLS/RTP/SAVPF 63 111 9'
    wanted.splice(5, 0, 'a=ptime:60')
    expect(said.split('\r\n')).toEqual(wanted)
    expect(voiced(said, { red: true, ptime_ms: 60 })).toBe(said)
    expect(voiced('v=0\r\nm=audio 9 X 0\r\na=mid:0\r\n', FIRST_VOICE)).toBe('v=0\r\nm=audio 9 X 0\r\na=mid:0\r\n')
  })
})
