"""Session descriptions: read what a browser says, write what the forwarder says. Pure.

Own code, because the forwarder passes on what it does not decode: it promises a few codecs and nothing else. Source:
RFC 8866 (SDP), 8829 (JSEP), 8839 (ICE in it), 8843 (BUNDLE), 8285 (extmap). Every limit stands here: a description
comes from outside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from server.consult.media.engine import PICTURE_SLOTS, SDP_BYTES_MAX, SOUND_SLOTS, BadSdp

LINES_MAX: Final = 3000
SENT_MAX: Final = 3
"""Lines a member may send: a voice, a large and a small picture."""
LEVEL_URI: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
PAYLOADS: Final = {"opus/48000": 111, "red/48000": 63, "vp8/90000": 96}
"""What is forwarded, and under which number everybody receives it."""
_TOKEN = re.compile(r"[A-Za-z0-9+/_.:-]{1,256}")
_OPUS = "minptime=10;useinbandfec=1;usedtx=1;maxaveragebitrate=24000"


@dataclass(frozen=True)
class Line:
    """One m-line. payloads: the sender's numbers to ours, in the sender's order; ssrc 0: it names none."""

    kind: str
    mid: str
    payloads: dict[int, int]
    level_extension: int
    ssrc: int


@dataclass(frozen=True)
class Described:
    """What matters of a browser's description."""

    fingerprint: str
    setup: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class OwnEnd:
    """What the forwarder says of itself on one connection. addresses: (host, port), the likeliest first."""

    ufrag: str
    password: str
    fingerprint: str
    addresses: tuple[tuple[str, int], ...]


def read(sdp: str) -> Described:
    """Raises BadSdp."""
    if len(sdp) > SDP_BYTES_MAX or len(rows := sdp.splitlines()) > LINES_MAX:
        raise BadSdp("too long")
    starts = [i for i, row in enumerate(rows) if row.startswith("m=")]
    if not starts:
        raise BadSdp("no lines")
    head = rows[: starts[0]]
    sections = [rows[a:b] for a, b in zip(starts, [*starts[1:], len(rows)], strict=True)]
    prints = {
        value.partition(" ")[2].upper() for value in _values([*head, *sections[0]], "fingerprint") if _is_sha256(value)
    }
    setups = _values([*head, *sections[0]], "setup")
    if len(prints) != 1 or not setups:
        raise BadSdp("no fingerprint")
    return Described(prints.pop(), setups[0], tuple(_line(section) for section in sections))


def _is_sha256(value: str) -> bool:
    return re.fullmatch(r"sha-256 (?:[0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}", value) is not None


def _values(rows: list[str], name: str) -> list[str]:
    start = f"a={name}:"
    return [row[len(start) :].strip() for row in rows if row.startswith(start)]


def _line(rows: list[str]) -> Line:
    words = rows[0][2:].split()
    mids = _values(rows, "mid")
    if len(words) < 4 or words[0] not in ("audio", "video") or len(mids) != 1 or not _TOKEN.fullmatch(mids[0]):
        raise BadSdp("line")
    codecs = dict(row.split(" ", 1) for row in _values(rows, "rtpmap") if " " in row)
    payloads: dict[int, int] = {}
    for word in words[3:]:
        ours, number = PAYLOADS.get("/".join(codecs.get(word, "").lower().split("/")[:2])), _number(word)
        if ours is not None and number < 128 and ours not in payloads.values():
            payloads[number] = ours
    levels = [_number(row.split(" ")[0]) for row in _values(rows, "extmap") if row.endswith(LEVEL_URI)]
    level = levels[0] if levels and 0 < levels[0] < 15 else 0
    ssrcs = [row.split(" ")[0] for row in _values(rows, "ssrc")]
    groups = [row.split(" ")[1:] for row in _values(rows, "ssrc-group") if row.startswith("FID ")]
    first = _number((groups[0][0] if groups and groups[0] else None) or (ssrcs[0] if ssrcs else "0"))
    if first > 0xFFFFFFFF:
        raise BadSdp("ssrc")
    return Line(words[0], mids[0], payloads, level, first)


def _number(word: str) -> int:
    """Larger than any number that is meant where it is none: Python alone would also read those of other scripts."""
    return int(word) if len(word) <= 10 and word.isascii() and word.isdigit() else 1 << 63


def check_sent(theirs: Described) -> None:
    """What a sending connection may be made of. Raises BadSdp."""
    if [line.kind for line in theirs.lines][:1] != ["audio"] or len(theirs.lines) > SENT_MAX:
        raise BadSdp("a voice first, then at most two pictures")
    if any(line.kind != "video" for line in theirs.lines[1:]) or theirs.setup not in ("actpass", "active"):
        raise BadSdp("a voice first, then at most two pictures")
    if not all(line.payloads for line in theirs.lines):
        raise BadSdp("no codec")


def answer(own: OwnEnd, theirs: Described) -> str:
    """To the description of a sending connection. Raises BadSdp."""
    check_sent(theirs)
    rows = _head([line.mid for line in theirs.lines])
    for line in theirs.lines:
        rows += _media(own, line.kind, line.mid, list(line.payloads), "recvonly", "passive")
        rows += _codecs({ours: number for number, ours in line.payloads.items()})
        if line.kind == "audio" and line.level_extension:
            rows.append(f"a=extmap:{line.level_extension} {LEVEL_URI}")
    return "\r\n".join(rows) + "\r\n"


def offer(own: OwnEnd, sound: list[int], picture: list[int]) -> str:
    """Of a receiving connection: a line a slot, `s0`, `s1`, ... and `p0`, `p1`, ..., by the SSRC of each."""
    assert (len(sound), len(picture)) == (SOUND_SLOTS, PICTURE_SLOTS)
    lines = [("audio", f"s{i}", ssrc) for i, ssrc in enumerate(sound)]
    lines += [("video", f"p{i}", ssrc) for i, ssrc in enumerate(picture)]
    rows = _head([mid for _, mid, _ in lines])
    for kind, mid, ssrc in lines:
        numbers = [111, 63] if kind == "audio" else [96]
        rows += _media(own, kind, mid, numbers, "sendonly", "actpass")
        rows += _codecs({number: number for number in numbers})
        rows += [f"a=msid:{mid} {mid}", f"a=ssrc:{ssrc} cname:xinlian"]
    return "\r\n".join(rows) + "\r\n"


def _head(mids: list[str]) -> list[str]:
    return [
        "v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", f"a=group:BUNDLE {' '.join(mids)}", "a=ice-lite",
        "a=msid-semantic: WMS *",
    ]  # fmt: skip


def _media(own: OwnEnd, kind: str, mid: str, numbers: list[int], direction: str, setup: str) -> list[str]:
    rows = [
        f"m={kind} 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, numbers))}", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0",
        f"a=ice-ufrag:{own.ufrag}", f"a=ice-pwd:{own.password}", f"a=fingerprint:sha-256 {own.fingerprint}",
        f"a=setup:{setup}", f"a=mid:{mid}", f"a={direction}", "a=rtcp-mux", "a=rtcp-rsize",
    ]  # fmt: skip
    for rank, (host, port) in enumerate(own.addresses):
        priority = 126 << 24 | (65535 - rank) << 8 | 255
        rows.append(f"a=candidate:{rank + 1} 1 udp {priority} {host} {port} typ host")
    return [*rows, "a=end-of-candidates"]


def _codecs(numbers: dict[int, int]) -> list[str]:
    """numbers: ours to those used on this line, in order of preference."""
    rows = []
    for ours, number in numbers.items():
        if ours == 111:
            rows += [f"a=rtpmap:{number} opus/48000/2", f"a=fmtp:{number} {_OPUS}"]
        elif ours == 63:
            opus = numbers.get(111, 111)
            rows += [f"a=rtpmap:{number} red/48000/2", f"a=fmtp:{number} {opus}/{opus}"]
        else:
            rows += [f"a=rtpmap:{number} VP8/90000"]
            rows += [f"a=rtcp-fb:{number} {what}" for what in ("goog-remb", "ccm fir", "nack", "nack pli")]
    return rows
