// How this side's voice is packed: each packet with the one before in it where packets are lost (RED), long packets where
// the line is narrow. A sender packs as the other's description asks, so it is that description, as this side keeps it,
// which is changed: nothing is said to the other, which takes either. Rules and words of SDP; peer.ts holds connections.
export type Voice = Readonly<{ red: boolean; ptime_ms: 20 | 60 }>

/** Before anything is known of the line. */
export const FIRST_VOICE: Voice = { red: false, ptime_ms: 60 }
const WIDE_BITS = 200_000
const NARROW_BITS = 60_000
const ROOMY_BITS = 100_000
const LOST_MUCH = 0.02
const LOST_LITTLE = 0.005

/** bits: what the line carries of a picture. 60 ms save 15 kbit/s of headers for 40 ms of delay, RED costs 24 kbit/s. */
export function voiceFor(bits: number, lost: number, was: Voice): Voice {
  const red = lost >= LOST_MUCH || bits >= WIDE_BITS || (was.red && lost >= LOST_LITTLE)
  const isNarrow = bits < (was.ptime_ms === 60 ? ROOMY_BITS : NARROW_BITS)
  return red === was.red && isNarrow === (was.ptime_ms === 60) ? was : { red, ptime_ms: isNarrow ? 60 : 20 }
}

/** The other's description with the order of codecs and the length of packets that are wanted. */
export function voiced(sdp: string, voice: Voice): string {
  return sdp
    .split(/(?=^m=)/m)
    .map(section => (section.startsWith('m=audio') ? asked(section, voice) : section))
    .join('')
}

function asked(section: string, voice: Voice): string {
  const rows = section.split('\r\n').filter(row => row !== '' && !/^a=(max)?ptime:/.test(row))
  const number = (codec: string): string | undefined =>
    rows
      .find(row => row.startsWith('a=rtpmap:') && row.includes(` ${codec}/48000`))
      ?.slice(9)
      .split(' ')[0]
  const [red, opus] = [number('red'), number('opus')]
  if (red === undefined || opus === undefined) return section
  const words = (rows[0] ?? '').split(' ')
  const others = words.slice(3).filter(word => word !== red && word !== opus)
  rows[0] = [...words.slice(0, 3), ...(voice.red ? [red, opus] : [opus, red]), ...others].join(' ')
  return `${[...rows, `a=ptime:${voice.ptime_ms}`].join('\r\n')}\r\n`
}

/** From now on so. A connection that is just being negotiated stays as it is until the next time. */
export async function speakAs(pc: RTCPeerConnection, voice: Voice): Promise<void> {
  const remote = pc.remoteDescription
  if (remote === null || pc.signalingState !== 'stable') return
  const sdp = voiced(remote.sdp, voice)
  if (sdp === remote.sdp) return
  // Their offer becomes an answer to one of ours that never leaves this computer: the parts in DTLS stay as they are.
  const theirPart = pc.localDescription?.sdp.includes('a=setup:passive') === true ? 'active' : 'passive'
  await pc.setLocalDescription(await pc.createOffer())
  await pc.setRemoteDescription({ type: 'answer', sdp: sdp.replaceAll('a=setup:actpass', `a=setup:${theirPart}`) })
}
