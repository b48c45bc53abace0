"""What a whole stream of the journal becomes: the archive file of a recording, or the file that was deposited.

Plain functions of bytes, for threads; whatever does not fit its checksum is refused here.
"""

from __future__ import annotations

import hashlib
import statistics
from itertools import pairwise
from typing import Final

from device import coding
from device.errors import ChecksumDiffers, FileRefused, RateDiffers
from device.frames import Deposit, End, Open, levelled, samples_of
from device.header import Header

STAMPS_MIN: Final = 10
SECONDS_MIN: Final = 10
RATE_OFF_MAX: Final = 0.1
"""A device's crystal is off by thousandths at most; a rate in the wrong field is off by a quarter at least."""


def archive_of(opening: Open, end: End, raw: bytes, stamps: list[int]) -> bytes:
    """The archive file of all samples. For a thread. Raises ChecksumDiffers, RateDiffers.

    stamps  the device's clock at the first sample of each frame.
    """
    if hashlib.sha256(raw).digest() != end.sha256:
        raise ChecksumDiffers
    check_rate(opening, end, stamps)
    return archive_of_part(opening, raw)


def archive_of_part(opening: Open, raw: bytes) -> bytes:
    """The archive file of the samples there are, where no end vouches for them. For a thread."""
    raw = levelled(raw, opening.offset_lsb)
    samples = samples_of(raw, len(opening.leads))
    header = Header(
        fs=opening.fs,
        leads=opening.leads,
        gain_uv_per_lsb=opening.gain_uv_per_lsb,
        n=len(samples),
        start_ms=opening.start_ms,
        uid=opening.uid.hex(),
        sha256=coding.sha256_of(samples).hex(),
    )
    return coding.encode(header, samples)


def check_rate(opening: Open, end: End, stamps: list[int]) -> None:
    """A live recording whose device's clock ran at another pace than its samples was not measured at the stated rate.

    By the middle of all frames' steps, so that a clock that was set or jumped does not count. Raises RateDiffers.
    """
    if opening.mode != "live" or len(stamps) < STAMPS_MIN or end.samples < SECONDS_MIN * opening.fs:
        return
    step_ms = statistics.median(later - earlier for earlier, later in pairwise(stamps))
    if step_ms <= 0:
        return  # a device that stamps no time says nothing of its rate
    measured = end.samples / end.frames * 1000 / step_ms
    if abs(measured - opening.fs) > RATE_OFF_MAX * opening.fs:
        raise RateDiffers(stated=opening.fs, measured=round(measured))


def whole_file(deposit: Deposit, end: End, raw: bytes) -> bytes:
    """The file as it was found at the clinic. For a thread. Raises ChecksumDiffers, FileRefused."""
    if hashlib.sha256(raw).digest() != end.sha256:
        raise ChecksumDiffers
    file = coding.unpack_file(raw, deposit.size) if deposit.packing else raw
    if len(file) != deposit.size or hashlib.sha256(file).digest() != deposit.sha256:
        raise FileRefused(reason="its bytes are not those that were announced")
    return file
