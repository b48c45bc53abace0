"""Inside the process that keeps the monitors of all live recordings. The hub never imports this: its end is `line`.

Each packet is fed the moment it is read, so that a finding leaves with the very packet that makes the monitor fire. A
monitor that raises is given up alone. Nothing is kept for a next process: the state of a monitor is code, and never
travels. Which recordings are watched, and what is done with a finding, `live` decides.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np

from ecg.monitor import Monitor
from ecg.record import F32, Meta
from ecg.results import finding_json
from server.analysis.line import ERROR_MAX, LENGTH, Batch, Begin, Failed, Found, Packet, Said, framed
from server.base.pool import begin_worker

NICE: Final = 5
"""Intake goes first: a hub that has its hands full acknowledges, and looks a little later."""
WARM_UP_S: Final = 8.0
NO_SIGNAL: Final = -32768
"""The sample value of "no signal" in live samples."""


@dataclass
class _Watched:
    """One recording: its monitor, with which sample that began and which one it expects. A gap begins it anew."""

    head: Begin
    monitor: Monitor | None = None
    start: int = 0
    expected: int = 0


class Monitors:
    """All of them. `take` and `end` of a key that is not known do nothing: its monitor has failed."""

    def __init__(self, profile: str) -> None:
        self._profile = profile
        self._watched: dict[int, _Watched] = {}

    def __len__(self) -> int:
        return len(self._watched)

    def begin(self, head: Begin) -> None:
        self._watched[head.key] = _Watched(head)

    def end(self, key: int) -> None:
        self._watched.pop(key, None)

    def take(self, packet: Packet) -> bytes:
        """Feed one packet; its critical findings as a JSON list, empty: none. Raises what the monitor raises."""
        watched = self._watched.get(packet.key)
        if watched is None:
            return b""
        head = watched.head
        if watched.monitor is None or packet.first != watched.expected:
            facts = head.facts
            meta = Meta(sex=facts.sex, age_years=facts.age_years, symptoms=facts.symptoms)
            watched.monitor = Monitor(head.fs, head.leads, profile=self._profile, meta=meta, prior=facts.prior)
            watched.start = packet.first
        signal_uv = _microvolts(packet, len(head.leads))
        watched.expected = packet.first + len(signal_uv)
        events = watched.monitor.feed(signal_uv)
        found = [event.finding for event in events if event.kind == "finding" and event.finding is not None]
        start = watched.start
        grave = [replace(f, first=f.first + start, end=f.end + start) for f in found if f.grade == "critical"]
        return msgspec.json.encode([finding_json(finding) for finding in grave]) if grave else b""


def main(line: socket.socket, hub: int, profile: str) -> None:
    """The life of the process: until the hub (process id `hub`) has closed the line, or has ended."""
    begin_worker(hub, None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the hub ends us in its own time
    os.nice(NICE)
    _warm_up(profile)
    monitors = Monitors(profile)
    with contextlib.suppress(ConnectionError):  # the hub has ended
        line.sendall(framed(Said()))
        for batch in _batches(line):
            _work_off(line, monitors, batch)


def _batches(line: socket.socket) -> Iterator[Batch]:
    decoder = msgspec.msgpack.Decoder(Batch)
    with line.makefile("rb", buffering=1 << 20) as stream:
        while len(length := stream.read(LENGTH.size)) == LENGTH.size:
            yield decoder.decode(stream.read(LENGTH.unpack(length)[0]))


def _work_off(line: socket.socket, monitors: Monitors, batch: Batch) -> None:
    for head in batch.begin:
        monitors.begin(head)
    for packet in batch.packets:
        try:
            findings = monitors.take(packet)
        except Exception as error:  # whatever it is, it is this recording's alone
            monitors.end(packet.key)
            line.sendall(framed(Said(failed=[Failed(packet.key, repr(error)[:ERROR_MAX])])))
        else:
            if findings:
                line.sendall(framed(Said(told=[Found(packet.key, findings)])))
    for key in batch.end:
        monitors.end(key)
    line.sendall(framed(Said(done=True)))


def _microvolts(packet: Packet, leads: int) -> F32:
    counts = np.frombuffer(packet.raw, dtype="<i2").reshape(-1, leads)
    signal_uv = counts.astype(np.float32) * np.float32(packet.gain_uv_per_lsb)
    signal_uv[counts == NO_SIGNAL] = np.nan
    return signal_uv


def _warm_up(profile: str) -> None:
    """Load the nets and the rules before the first patient waits for them."""
    fs = 500.0
    monitor = Monitor(fs, ("II",), profile=profile)
    monitor.feed(np.zeros((round(WARM_UP_S * fs), 1), dtype=np.float32))
