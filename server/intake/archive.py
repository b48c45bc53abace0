"""The archive file of a sealed recording as the other rooms want it: for pages, for the analysis.

Only intake speaks the device's forms; these two functions are handed to the other rooms by `main.py`. Both run in
threads or worker processes, so they are plain functions of bytes.
"""

from __future__ import annotations

from device import coding
from ecg.record import Recording
from server.records.signal import StoredSignal


def stored_signal(archive: bytes) -> StoredSignal:
    """Samples as the device sent them. Raises ArchiveDamaged."""
    header, samples = coding.decode(archive)
    return StoredSignal(float(header.fs), header.leads, header.gain_uv_per_lsb, samples)


def recording(archive: bytes) -> Recording:
    """Samples in microvolts, NaN where there was no signal. Raises ArchiveDamaged."""
    return coding.to_recording(archive)
