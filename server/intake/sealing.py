"""What a whole stream of the journal becomes: the archive file of a recording, or the file that was deposited.

Plain functions of bytes, for threads; whatever does not fit its checksum is refused here.
"""

from __future__ import annotations

import hashlib

from device import coding
from device.errors import ChecksumDiffers, FileRefused
from device.frames import Deposit, End, Open, levelled, samples_of


def archive_of(opening: Open, end: End, raw: bytes) -> bytes:
    """The archive file of all samples. For a thread. Raises ChecksumDiffers."""
    if hashlib.sha256(raw).digest() != end.sha256:
        raise ChecksumDiffers
    raw = levelled(raw, opening.offset_lsb)
    samples = samples_of(raw, len(opening.leads))
    header = coding.Header(
        fs=opening.fs,
        leads=opening.leads,
        gain_uv_per_lsb=opening.gain_uv_per_lsb,
        n=len(samples),
        start_ms=opening.start_ms,
        uid=opening.uid.hex(),
        sha256=coding.sha256_of(samples).hex(),
    )
    return coding.encode(header, samples)


def whole_file(deposit: Deposit, end: End, raw: bytes) -> bytes:
    """The file as it was found at the clinic. For a thread. Raises ChecksumDiffers, FileRefused."""
    if hashlib.sha256(raw).digest() != end.sha256:
        raise ChecksumDiffers
    file = coding.unpack_file(raw, deposit.size) if deposit.packing else raw
    if len(file) != deposit.size or hashlib.sha256(file).digest() != deposit.sha256:
        raise FileRefused(reason="its bytes are not those that were announced")
    return file
