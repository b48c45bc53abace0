"""One stream of a member on its way to the others: the hot path, what was lost and asked for, reports.

A packet is opened once, its header extension taken off, and sealed anew for each slot that shows it: a slot has numbers
and times of its own, so that what flows in it may change without the receiver noticing. Cost: `./run bench media`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pylibsrtp import Error as SrtpError

from server.consult.media import rtp
from server.consult.media.filmed import ACTIVE_S, CLOCK_HZ, KEY_EVERY_S, SHARE_BYTES, Kind, Tap
from server.consult.media.port import Address, Link

RING: Final = 512
"""Packets kept for those who lost one: about two seconds of a large picture."""
MISSING_MAX: Final = 200
JUMP_MAX: Final = 3000
"""A sender whose numbers leap further has begun anew."""
NACK_EVERY_S, NACK_TRIES = 0.04, 10
REPORT_EVERY_S: Final = 0.1

Target = tuple[Callable[[bytes], bytes], Callable[[bytes, Address], int], Address, int, int, int, int]


@dataclass(eq=False)
class Out:
    """A slot: what a receiver sees or hears under one SSRC. `next`: shown from its next key frame on."""

    link: Link
    ssrc: int
    track: Track | None = None
    next: Track | None = None
    sequence_offset: int = 0
    time_offset: int = 0
    first: int = 0  # extended number from which on the track is shown here
    last_sequence: int = 0
    last_time: int = 0
    last_at: float = 0.0
    sent_before: int = 0  # of the track, when it came here

    def target(self) -> Target | None:
        path, send = self.link.path, self.link.send
        if path is None or send is None:
            return None
        sock: socket.socket = path[0]
        return send.protect, sock.sendto, path[1], self.ssrc, self.sequence_offset, self.time_offset, self.first


class Track:
    """payloads: the sender's payload numbers to ours. own: our SSRC in what is asked of the sender."""

    def __init__(
        self, link: Link, account: str, kind: Kind, ssrc: int, payloads: dict[int, int], level: int, own: int
    ) -> None:
        self.link, self.account, self.kind, self.ssrc = link, account, kind, ssrc
        self._payloads, self._level_extension, self._own = payloads, level, own
        self._loop = asyncio.get_running_loop()
        self.outs: list[Out] = []
        self.waiting: list[Out] = []
        self._targets: list[Target] = []
        self._ring: list[tuple[int, int, int, int, bytes] | None] = [None] * RING
        self._missing: dict[int, tuple[int, float]] = {}
        self._nack_due = False
        self._high = -1
        self._high_time = 0
        self._key_asked_at = -KEY_EVERY_S
        self._key_due = False
        self.packets = 0
        self.octets = 0
        self.forwarded = 0
        self.active_at = -ACTIVE_S
        self.loudness = 0.0
        self._reported = (0, 0)
        self._taken = 0
        self._begun = 0
        self._sr: tuple[int, float] | None = None
        self.clock: rtp.SenderReport | None = None
        self.tap: Tap | None = None

    def is_active(self, now: float) -> bool:
        return now - self.active_at < ACTIVE_S

    # The hot path

    def take(self, packet: bytes) -> None:
        """One RTP packet of this stream, opened."""
        first, second, sequence, time, _ = rtp.HEAD.unpack_from(packet)
        payload_type = self._payloads.get(second & 0x7F)
        at = 12 if not first & 0x1F else rtp.payload_offset(packet)
        self._taken += len(packet)
        if payload_type is None or at == 0 or self._taken > SHARE_BYTES[self.kind]:
            return
        if first & 0x20 and not 0 < packet[-1] <= len(packet) - at:
            return  # padded with more than there is
        number = self._number(sequence)
        if number is None:
            return
        if number == self._high:
            self._high_time = time
        payload = packet[at:]
        first = 0x80 | first & 0x20
        second = second & 0x80 | payload_type
        self.packets += 1
        self.octets += len(payload)
        self.active_at = self._loop.time()
        self._ring[number % RING] = (number, first, second, time, payload)
        if self.kind == "sound":
            loud = 127 - rtp.level_dbov(packet, self._level_extension)
            self.loudness += (loud - self.loudness) * 0.2
        elif self.waiting and rtp.begins_vp8_key_frame(payload):
            for out in self.waiting:
                self._show(out, number, time)
            self.waiting = []
        if self.tap is not None:
            self.tap(self, number, second, time, payload)
        pack = rtp.HEAD.pack
        for protect, sendto, address, ssrc, add, shift, since in self._targets:
            if number < since:
                continue
            try:
                head = pack(first, second, number + add & 0xFFFF, time + shift & 0xFFFFFFFF, ssrc)
                sendto(protect(head + payload), address)
            except (OSError, SrtpError):
                continue  # no room now, or too late: the receiver asks again
            self.forwarded += 1

    def _number(self, sequence: int) -> int | None:
        """The extended number of a packet; None: too old. Notes what is missing before it."""
        high = self._high
        if high < 0:
            self._high = self._begun = 0x10000 + sequence
            return self._high
        step = (sequence - high) & 0xFFFF
        if step == 1:
            self._high = high + 1
            return self._high
        if step < 0x8000:
            number = high + step
            if step > JUMP_MAX:
                self._missing.clear()
                if self.kind != "sound":
                    self.ask_key_frame()
            elif self.kind != "sound" and step:
                self._miss(range(high + 1, number))
            self._high = number
            return number
        number = high - ((high - sequence) & 0xFFFF)
        if high - number >= RING:
            return None
        self._missing.pop(number, None)
        return number

    # Who shows it

    def show(self, out: Out) -> None:
        """From the next packet on for a voice; a picture begins with its next key frame."""
        if out.next is not None and out.next is not self:
            out.next.waiting.remove(out)
        if self.kind == "sound":
            out.next = self
            self._show(out, self._high + 1, self._high_time + 960)
        elif out.next is not self:
            out.next = self
            self.waiting.append(out)
            self.ask_key_frame()

    def _show(self, out: Out, number: int, time: int) -> None:
        now = self._loop.time()
        if out.track is not None:
            out.track.hide(out)
        gap = round((now - out.last_at) * CLOCK_HZ[self.kind]) if out.last_at else 0
        out.track, out.next = self, None
        out.first, out.sent_before = number, self.packets
        out.sequence_offset = (out.last_sequence + 1 - number) & 0xFFFF
        out.time_offset = (out.last_time + gap - time) & 0xFFFFFFFF
        self.outs.append(out)
        self.aim()

    def hide(self, out: Out) -> None:
        """This slot shows it no more; where its numbers stood is kept for what comes next."""
        if out in self.outs:
            self.outs.remove(out)
            out.last_sequence = (max(self._high, out.first) + out.sequence_offset) & 0xFFFF
            out.last_time = (self._high_time + out.time_offset) & 0xFFFFFFFF
            out.last_at = self.active_at
            out.track = None
            self.aim()

    def aim(self) -> None:
        """The slots, or the ways to them, have changed."""
        self._targets = [target for out in self.outs if (target := out.target()) is not None]

    def end(self) -> None:
        """The sender has gone."""
        for out in list(self.outs):
            self.hide(out)
        for out in self.waiting:
            out.next = None
        self.waiting = []

    # What receivers ask

    def ask_key_frame(self) -> None:
        """However many ask: one request in KEY_EVERY_S."""
        now = self._loop.time()
        wait_s = self._key_asked_at + KEY_EVERY_S - now
        if wait_s <= 0:
            self._key_asked_at = now
            self.link.say(rtp.key_frame_request(self._own, self.ssrc))
        elif not self._key_due:
            self._key_due = True
            self._loop.call_later(wait_s, self._key_is_due)

    def _key_is_due(self) -> None:
        self._key_due = False
        if not self.link.ended:
            self.ask_key_frame()

    def send_again(self, out: Out, sequence: int) -> None:
        """`sequence`: as the receiver of this slot counts."""
        target = out.target()
        lost = (sequence - out.sequence_offset) & 0xFFFF
        number = self._high - ((self._high - lost) & 0xFFFF)
        kept = self._ring[number % RING]
        if target is None or kept is None or kept[0] != number or number < out.first:
            return
        protect, sendto, address, ssrc, add, shift, _ = target
        _, first, second, time, payload = kept
        try:
            head = rtp.HEAD.pack(first, second, number + add & 0xFFFF, time + shift & 0xFFFFFFFF, ssrc)
            sendto(protect(head + payload), address)
        except (OSError, SrtpError):
            return

    # What is asked of the sender

    def _miss(self, numbers: range) -> None:
        now = self._loop.time()
        for number in numbers:
            if len(self._missing) >= MISSING_MAX:
                self._missing.clear()
                self.ask_key_frame()
                return
            self._missing[number] = (0, now)
        if self._missing and not self._nack_due:
            self._nack_due = True
            # Two packets that came in the wrong order are no loss: look a little later.
            self._loop.call_later(NACK_EVERY_S / 2, self._nack)

    def _nack(self) -> None:
        self._nack_due = False
        asked: list[int] = []
        gone = False
        for number, (tries, since) in list(self._missing.items()):
            if tries >= NACK_TRIES or self._high - number >= RING:
                del self._missing[number]
                gone = True
            else:
                self._missing[number] = (tries + 1, since)
                asked.append(number & 0xFFFF)
        if self.link.ended:
            return
        if asked:
            self.link.say(rtp.nack(self._own, self.ssrc, asked))
            self._nack_due = True
            self._loop.call_later(NACK_EVERY_S, self._nack)
        if gone:
            self.ask_key_frame()

    # Reports

    def sent(self, report: rtp.SenderReport) -> None:
        """The sender's clock, passed on to each slot in that slot's times."""
        now = self._loop.time()
        if self._sr is not None and now - self._sr[1] < REPORT_EVERY_S:
            return  # each goes to everybody: more often than that it is no clock but a flood
        self._sr = (report.ntp >> 16 & 0xFFFFFFFF, now)
        self.clock = report
        for out in self.outs:
            packets = self.packets - out.sent_before
            octets = self.octets * packets // max(1, self.packets)
            out.link.say(rtp.sender_report(out.ssrc, report.ntp, report.time + out.time_offset, packets, octets))

    def report(self) -> tuple[int, int, int, int, int, int] | None:
        """What the sender is told once a second (`rtp.receiver_report`); None: it has sent nothing."""
        self._taken = 0
        if self._high < 0:
            return None
        expected, received = self._high - self._begun + 1, self.packets
        new, came = expected - self._reported[0], received - self._reported[1]
        self._reported = (expected, received)
        fraction = min(255, max(0, (new - came) * 256 // new)) if new > 0 else 0
        last, since = (self._sr[0], round((self._loop.time() - self._sr[1]) * 65536)) if self._sr else (0, 0)
        return self.ssrc, fraction, max(0, expected - received), self._high, last, since
