"""What the load generator sends: real samples cut into packets, framed once, before anything is measured.

A `Tape` is one buffer with where each packet begins, so that a window of packets is one slice and costs one system
call. Knows no socket. What a packet means to the system it is sent to is `talks.py`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

import ecg
from device.coding import quantise
from device.frames import I16, SAMPLE_UV_MAX, encode
from device.simulate import GAIN_UV_PER_LSB, SampledUpload, upload_of
from ecg.record import Recording

ROOT: Final = Path(__file__).resolve().parents[3]
LUDB: Final = ROOT.parent / "shared/data/ludb"
SHIPPED: Final = ROOT / "demo/recordings"
RECORDINGS: Final = 20  # 200 s of twelve leads: longer than any cache of one connection's packets
FS: Final = 500


@dataclass(frozen=True)
class Size:
    """One of the two packets of the targets: twelve leads at 500 Hz."""

    name: str
    samples: int  # a lead
    period_s: float

    @property
    def bytes(self) -> int:
        return 2 * 12 * self.samples


S: Final = Size("S", 50, 0.1)
L: Final = Size("L", 250, 0.5)


@cache
def recordings() -> tuple[Recording, ...]:
    """Twelve-lead recordings of 10 s at 500 Hz: of LUDB, or where that is missing those the demonstration ships."""
    paths = sorted(LUDB.glob("**/*.hea"))[:RECORDINGS] or sorted(SHIPPED.glob("*.hea"))
    found = [ecg.read(path.with_suffix("")) for path in paths]
    return tuple(one for one in found if one.fs == FS and len(one.leads) == 12)


@cache
def _samples() -> I16:
    """All recordings in one piece, (n, 12) int16 of 1 uV."""
    steps = [quantise(one.signal_uv, GAIN_UV_PER_LSB, SAMPLE_UV_MAX) for one in recordings()]
    return np.concatenate(steps)


def upload(size: Size, count: int) -> SampledUpload:
    """A live recording of `count` packets, as the product's own simulator would send it."""
    made = upload_of(recordings()[0], mode="live", frame_ms=round(1000 * size.period_s))
    rows = np.resize(_samples(), (count * size.samples, 12))
    return SampledUpload(made.opening, rows, size.samples, frames=count)


def bodies(size: Size, count: int) -> list[bytes]:
    """`count` data frames of stream 0 as the product encodes them: every system is sent the same bytes."""
    made = upload(size, count)
    return [encode(made.frame(0, seq)) for seq in range(count)]


@dataclass(frozen=True)
class Tape:
    """Framed packets in one buffer. `cycles`: after the last comes the first again (nothing in them counts up)."""

    buffer: memoryview
    starts: Sequence[int]  # of each packet, and the end of the last
    cycles: bool

    @classmethod
    def of(cls, packets: Sequence[bytes], *, cycles: bool) -> Tape:
        starts = [0]
        for packet in packets:
            starts.append(starts[-1] + len(packet))
        return cls(memoryview(b"".join(packets)), starts, cycles)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def slice(self, first: int, end: int) -> tuple[memoryview, int]:
        """Packets [first, end) or as many of them as lie in one piece; and the packet after the last of these."""
        count = len(self)
        if self.cycles:
            at = first % count
            upto = min(at + end - first, count)
        else:
            at, upto = min(first, count), min(end, count)
        return self.buffer[self.starts[at] : self.starts[upto]], first + upto - at
