"""Bytes of RTP and RTCP: what the forwarder reads of them and what it writes. Pure functions, no state.

Sources: RFC 3550 (RTP, SR, RR), RFC 4585 (NACK, PLI), RFC 5104 (FIR), RFC 6464 (level of a voice), RFC 7741 (VP8),
RFC 8285 (header extensions), draft-alvestrand-rmcat-remb-03 (REMB). Everything read comes from outside: what does not
fit is None or left out, never an exception.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

HEAD = struct.Struct("!BBHII")
"""V=2 and padding, marker and payload type, sequence number, time, SSRC."""
U16, U32 = struct.Struct("!H"), struct.Struct("!I")
SR, RR, RTPFB, PSFB = 200, 201, 205, 206
NACK_FMT, PLI_FMT, FIR_FMT = 1, 1, 4
REPORTS_MAX = 31
LOST_MAX = 600
"""Read of one request: no more is kept of a stream."""
SILENCE_DBOV = 127


def payload_offset(packet: bytes) -> int:
    """Where the payload begins: behind the contributing sources and the header extension. 0: not whole."""
    at = 12 + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10:
        if len(packet) < at + 4:
            return 0
        at += 4 + 4 * (packet[at + 2] << 8 | packet[at + 3])
    return at if at <= len(packet) else 0


def level_dbov(packet: bytes, extension: int) -> int:
    """How loud, in -dBov: 0 the loudest, 127 silence, also where nothing is said about it."""
    if not packet[0] & 0x10:
        return SILENCE_DBOV
    at = 12 + 4 * (packet[0] & 0x0F)
    if len(packet) < at + 4 or packet[at : at + 2] != b"\xbe\xde":
        return SILENCE_DBOV
    end = min(len(packet), at + 4 + 4 * (packet[at + 2] << 8 | packet[at + 3]))
    at += 4
    while at + 1 < end:
        first = packet[at]
        if first == 0:
            at += 1
            continue
        if first >> 4 == extension:
            return packet[at + 1] & 0x7F
        at += 2 + (first & 0x0F)
    return SILENCE_DBOV


def begins_vp8_key_frame(payload: bytes) -> bool:
    if len(payload) < 2 or payload[0] & 0x17 != 0x10:  # the first packet of partition 0
        return False
    at = vp8_offset(payload)
    return at > 0 and payload[at] & 1 == 0


def vp8_offset(payload: bytes) -> int:
    """Where the VP8 data begin behind their description. 0: not whole."""
    if len(payload) < 2:
        return 0
    at = 1
    if payload[0] & 0x80:
        extension, at = payload[1], 2
        if extension & 0x80:
            at += 2 if len(payload) > at and payload[at] & 0x80 else 1
        at += (1 if extension & 0x40 else 0) + (1 if extension & 0x30 else 0)
    return at if len(payload) > at else 0


class SenderReport(NamedTuple):
    """When (NTP, 64 bits) the sender's clock of `ssrc` stood at `time`, and what it had sent."""

    ssrc: int
    ntp: int
    time: int


class Report(NamedTuple):
    """What a receiver says of one SSRC."""

    ssrc: int
    fraction_lost: int
    last_sr: int
    since_sr: int


class Feedback(NamedTuple):
    """A receiver asks: `lost` sequence numbers again, or (`key`) a key frame."""

    ssrc: int
    lost: tuple[int, ...]
    key: bool


def read_rtcp(packet: bytes) -> Iterator[SenderReport | Report | Feedback]:
    """All that the forwarder understands of a compound packet."""
    at = 0
    while at + 8 <= len(packet):
        first, kind = packet[at], packet[at + 1]
        end = at + 4 + 4 * (packet[at + 2] << 8 | packet[at + 3])
        if first >> 6 != 2 or end > len(packet):
            return
        body = packet[at + 4 : end]
        if kind in (SR, RR):
            yield from _reports(body, first & 0x1F, sender=kind == SR)
        elif kind in (RTPFB, PSFB) and len(body) >= 8:
            yield from _feedback(body, kind, first & 0x1F)
        at = end


def _reports(body: bytes, count: int, *, sender: bool) -> Iterator[SenderReport | Report]:
    at = 4
    if sender:
        if len(body) < 24:
            return
        ssrc, high, low, time = struct.unpack_from("!IIII", body)
        yield SenderReport(ssrc, high << 32 | low, time)
        at = 24
    for _ in range(count):
        if len(body) < at + 24:
            return
        ssrc, lost, _highest, _jitter, last, since = struct.unpack_from("!IIIIII", body, at)
        yield Report(ssrc, lost >> 24, last, since)
        at += 24


def _feedback(body: bytes, kind: int, fmt: int) -> Iterator[Feedback]:
    ssrc = U32.unpack_from(body, 4)[0]
    if kind == RTPFB and fmt == NACK_FMT:
        lost = []
        for at in range(8, len(body) - 3, 4):
            first, more = struct.unpack_from("!HH", body, at)
            lost.append(first)
            lost.extend((first + 1 + bit) & 0xFFFF for bit in range(16) if more >> bit & 1)
            if len(lost) > LOST_MAX:
                break
        yield Feedback(ssrc, tuple(lost), key=False)
    elif kind == PSFB and fmt == PLI_FMT:
        yield Feedback(ssrc, (), key=True)
    elif kind == PSFB and fmt == FIR_FMT:
        for at in range(8, len(body) - 7, 8):
            yield Feedback(U32.unpack_from(body, at)[0], (), key=True)


def _packet(count: int, kind: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def sender_report(ssrc: int, ntp: int, time: int, packets: int, octets: int) -> bytes:
    return _packet(
        0, SR, struct.pack("!IQIII", ssrc, ntp, time & 0xFFFFFFFF, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
    )


def receiver_report(own: int, reports: Iterable[tuple[int, int, int, int, int, int]]) -> bytes:
    """Of (ssrc, fraction lost in 1/256, lost in all, highest extended number, middle of the last SR, since then)."""
    rows = list(reports)[:REPORTS_MAX]
    body = b"".join(
        struct.pack("!IIIIII", ssrc, fraction << 24 | lost & 0xFFFFFF, highest & 0xFFFFFFFF, 0, last, since)
        for ssrc, fraction, lost, highest, last, since in rows
    )
    return _packet(len(rows), RR, U32.pack(own) + body)


def key_frame_request(own: int, ssrc: int) -> bytes:
    return _packet(PLI_FMT, PSFB, struct.pack("!II", own, ssrc))


def nack(own: int, ssrc: int, lost: Iterable[int]) -> bytes:
    """`lost`: sequence numbers in rising order."""
    pairs: list[list[int]] = []
    for number in lost:
        behind = (number - pairs[-1][0] - 1) & 0xFFFF if pairs else 16
        if behind < 16:
            pairs[-1][1] |= 1 << behind
        else:
            pairs.append([number, 0])
    body = struct.pack("!II", own, ssrc) + b"".join(struct.pack("!HH", first, more) for first, more in pairs)
    return _packet(NACK_FMT, RTPFB, body)


def bandwidth(own: int, bits: int, ssrcs: Iterable[int]) -> bytes:
    """REMB: the sender may use this many bits a second for these SSRCs."""
    exponent = max(0, bits.bit_length() - 18)
    which = list(ssrcs)
    head = struct.pack("!II4sI", own, 0, b"REMB", len(which) << 24 | exponent << 18 | bits >> exponent)
    return _packet(15, PSFB, head + b"".join(map(U32.pack, which)))
