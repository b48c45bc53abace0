"""Members of a room without a browser: raw RTP over the product's own handshake and seals. For tests and `bench media`.

A browser's part of a connection as the forwarder sees it: checks, the client's side of DTLS, packets under SSRCs of its
own. Nothing is encoded: a payload is whatever bytes the test wants to see again.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

from pylibsrtp import Error as SrtpError

from server.consult.media import rtp, stun
from server.consult.media.dtls import Certificate, Dtls
from server.consult.media.sdp import LEVEL_URI

CHECK_S = 0.05
PASSWORD = 22 * "p"
KEY_FRAME = b"\x10\x00\x9d\x01\x2a"
"""How a payload of VP8 begins that begins a key frame; its other half: INTER_FRAME."""
INTER_FRAME = b"\x10\x01\x00\x00\x00"


@cache
def certificate() -> Certificate:
    return Certificate(datetime.now(UTC))


def _said(sdp: str, pattern: str) -> str:
    found = re.search(pattern, sdp)
    assert found is not None, pattern
    return found[1]


class Connection:
    """One connection to the forwarder. heard: RTP and RTCP, opened; None: they are counted and not opened."""

    def __init__(self, heard: Callable[[bytes], None] | None) -> None:
        self._loop = asyncio.get_running_loop()
        self.heard = heard
        self.received = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("", 0))  # an engine may describe itself by another address of this machine than its first
        self._loop.add_reader(self.socket, self._readable)
        self.connected = asyncio.Event()
        self._checks: asyncio.TimerHandle | None = None
        self.dtls: Dtls | None = None

    def connect(self, sdp: str) -> None:
        """To the forwarder that described itself so."""
        host, port = _said(sdp, r"a=candidate:\S+ 1 udp \d+ (\S+) "), _said(sdp, r"a=candidate:.* (\d+) typ host")
        self.address = host, int(port)
        self._name, self._password = _said(sdp, r"a=ice-ufrag:(\S+)") + ":me", _said(sdp, r"a=ice-pwd:(\S+)")
        # Janus takes the client's part where it may choose, the embedded forwarder never.
        self._answers, self._early = 0, "s=VideoRoom" not in sdp
        server = "a=setup:active" in sdp
        self.dtls = Dtls(certificate(), server=server, fingerprint=_said(sdp, r"a=fingerprint:sha-256 (\S+)"))
        self._check()

    def _check(self) -> None:
        """Asks until the handshake is done, and now and then after that: a member that is silent is gone."""
        self.say(stun.request(secrets.token_bytes(12), self._name, self._password, nominates=True))
        if self.dtls is not None and self.dtls.timeout_s == 0:
            for datagram in self.dtls.again():
                self.say(datagram)
        self._checks = self._loop.call_later(2 if self.connected.is_set() else CHECK_S, self._check)

    def say(self, datagram: bytes) -> None:
        try:
            self.socket.sendto(datagram, self.address)
        except OSError:
            return

    def send(self, packet: bytes) -> None:
        assert self.dtls is not None
        assert self.dtls.send is not None
        is_rtcp = 192 <= packet[1] <= 223
        self.say(self.dtls.send.protect_rtcp(packet) if is_rtcp else self.dtls.send.protect(packet))

    def _readable(self) -> None:
        for _ in range(256):
            try:
                datagram = self.socket.recv(2048)
            except OSError:
                return
            first = datagram[0]
            assert self.dtls is not None
            if 127 < first < 192:
                is_rtcp = 192 <= datagram[1] <= 223
                self.received += not is_rtcp
                if self.heard is not None and (seal := self.dtls.receive) is not None:
                    with contextlib.suppress(SrtpError):  # come twice
                        self.heard(seal.unprotect_rtcp(datagram) if is_rtcp else seal.unprotect(datagram))
            elif first < 4:
                if (asked := stun.read_binding(datagram)) is not None:  # of an end that is not "lite", as Janus
                    self.say(stun.response(asked.transaction, self.address, PASSWORD))
                    continue
                self._answers += 1
                # Janus answers before it listens: what follows its first answer at once is lost.
                if self._answers > 1 - self._early and self.dtls.timeout_s is None and not self.dtls.done:
                    self._shake(b"")
            elif 19 < first < 64:
                self._shake(datagram)

    def _shake(self, datagram: bytes) -> None:
        assert self.dtls is not None
        for answer in self.dtls.feed(datagram):
            self.say(answer)
        if self.dtls.done:
            self.connected.set()

    def goodbye(self) -> None:
        assert self.dtls is not None
        for datagram in self.dtls.goodbye():
            self.say(datagram)

    def close(self) -> None:
        if self._checks is not None:
            self._checks.cancel()
        self._loop.remove_reader(self.socket)
        self.socket.close()


def described(lines: list[tuple[str, str, int]], *, setup: str, fingerprint: str = "") -> str:
    """A browser's description. lines: kind, mid, SSRC."""
    rows = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE " + " ".join(mid for _, mid, _ in lines)]
    rows += [f"a=fingerprint:sha-256 {fingerprint or certificate().fingerprint}", f"a=setup:{setup}"]
    for kind, mid, ssrc in lines:
        number, codec = (109, "opus/48000/2") if kind == "audio" else (120, "VP8/90000")
        rows += [f"m={kind} 9 UDP/TLS/RTP/SAVPF {number}", "c=IN IP4 0.0.0.0", f"a=mid:{mid}", "a=ice-ufrag:me"]
        rows += ["a=ice-pwd:" + PASSWORD, f"a=rtpmap:{number} {codec}", f"a=extmap:1 {LEVEL_URI}"]
        rows += [f"a=ssrc:{ssrc} cname:me"] if ssrc else []
    return "\r\n".join(rows) + "\r\n"


def answered(offer: str, fingerprint: str = "") -> str:
    """A browser's answer to the forwarder's offer."""
    lines = re.findall(r"m=(\w+) [^m]*?a=mid:(\w+)", offer)
    return described([(kind, mid, 0) for kind, mid in lines], setup="active", fingerprint=fingerprint)


class Voice:
    """Packets of one stream, numbered as a browser would."""

    def __init__(self, connection: Connection, ssrc: int, payload_type: int, step: int) -> None:
        self._connection, self.ssrc, self._payload_type, self._step = connection, ssrc, payload_type, step
        self.sequence, self.time = secrets.randbits(16), secrets.randbits(32)

    def packet(self, payload: bytes, level_dbov: int | None = None) -> bytes:
        self.sequence, self.time = (self.sequence + 1) & 0xFFFF, (self.time + self._step) & 0xFFFFFFFF
        extended = level_dbov is not None
        head = rtp.HEAD.pack(0x90 if extended else 0x80, self._payload_type, self.sequence, self.time, self.ssrc)
        extension = b"\xbe\xde\x00\x01" + bytes((0x10, level_dbov or 0, 0, 0)) if extended else b""
        return head + extension + payload

    def say(self, payload: bytes, level_dbov: int | None = None) -> None:
        self._connection.send(self.packet(payload, level_dbov))


class Heard:
    """What came in one of a member's slots."""

    def __init__(self) -> None:
        self.sequences: list[int] = []
        self.times: list[int] = []
        self.payloads: list[bytes] = []


class SyntheticMember:
    """A seat: what it sends by `voice`, `large`, `small`, and what came to it, by SSRC."""

    def __init__(self, *, opens: bool = True) -> None:
        self.heard: dict[int, Heard] = {}
        self.rtcp: list[bytes] = []
        self.asked: list[rtp.SenderReport | rtp.Report | rtp.Feedback] = []
        self.receiving = Connection(self._take if opens else None)
        self.sending = Connection(self._told)
        ssrcs = [secrets.randbits(31) + 1 for _ in range(3)]
        self.voice = Voice(self.sending, ssrcs[0], 109, 960)
        self.large = Voice(self.sending, ssrcs[1], 120, 3600)
        self.small = Voice(self.sending, ssrcs[2], 120, 3600)

    @property
    def offer(self) -> str:
        lines = [("audio", "0", self.voice.ssrc), ("video", "1", self.large.ssrc), ("video", "2", self.small.ssrc)]
        return described(lines, setup="actpass")

    async def connected(self) -> None:
        await self.receiving.connected.wait()
        await self.sending.connected.wait()

    def _take(self, packet: bytes) -> None:
        if 192 <= packet[1] <= 223:
            self.rtcp.append(packet)
            return
        _, _, sequence, time, ssrc = rtp.HEAD.unpack_from(packet)
        slot = self.heard.setdefault(ssrc, Heard())
        slot.sequences.append(sequence)
        slot.times.append(time)
        slot.payloads.append(packet[12:])

    def _told(self, packet: bytes) -> None:
        self.asked.extend(rtp.read_rtcp(packet))

    def payloads(self) -> list[bytes]:
        return [payload for slot in self.heard.values() for payload in slot.payloads]

    def close(self) -> None:
        self.receiving.close()
        self.sending.close()
