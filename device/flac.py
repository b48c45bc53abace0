"""Samples as the frames of FLAC (RFC 9639), for what no fixed difference predicts: noise, and what was filtered before.

The archive file says how many samples and leads there are, so a stream's own head is left away and made again for
reading. One stream holds up to eight leads. libFLAC does the work, by way of `soundfile`; it is loaded when needed.
"""

from __future__ import annotations

import io
import struct
from itertools import pairwise
from typing import Final

import numpy as np

from device.errors import ArchiveDamaged
from device.frames import I16

CHANNELS_MAX: Final = 8
_RATE: Final = 8000  # has a code of its own in a frame's head; the recording's rate stands in the archive's header
_MAGIC: Final = b"fLaC"
_LAST: Final = 0x80  # flag of the last block of metadata
_BLOCK: Final = 4096  # what libFLAC takes at this level
_LEVEL: Final = 1.0


def groups(leads: int) -> list[slice]:
    """Which leads share a stream."""
    count = -(-leads // CHANNELS_MAX)
    edges = [leads * place // max(count, 1) for place in range(count + 1)]
    return [slice(begin, end) for begin, end in pairwise(edges)]


def pack(samples: I16) -> bytes:
    """The frames of (n, leads <= 8) int16, n at least 1."""
    import soundfile  # type: ignore[import-untyped]  # it has no types

    file = io.BytesIO()
    soundfile.write(file, samples, _RATE, format="FLAC", subtype="PCM_16", compression_level=_LEVEL)
    whole, at, last = file.getvalue(), len(_MAGIC), False
    while not last:
        last = bool(whole[at] & _LAST)
        at += 4 + int.from_bytes(whole[at + 1 : at + 4], "big")
    return whole[at:]


def unpack(frames: bytes, n: int, leads: int) -> I16:
    """(n, leads) int16. Raises ArchiveDamaged."""
    import soundfile

    rate_and_count = _RATE << 44 | (leads - 1) << 41 | 15 << 36 | n
    info = struct.pack(">HH6x", _BLOCK, _BLOCK) + rate_and_count.to_bytes(8, "big") + bytes(16)
    head = _MAGIC + bytes((_LAST,)) + len(info).to_bytes(3, "big") + info
    try:
        samples, _ = soundfile.read(io.BytesIO(head + frames), frames=n, dtype="int16", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError):
        raise ArchiveDamaged(reason="a FLAC stream cannot be unpacked") from None
    if samples.shape != (n, leads):
        raise ArchiveDamaged(reason="a FLAC stream has another size than its header names")
    return np.asarray(samples, np.int16)
