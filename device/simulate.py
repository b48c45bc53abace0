"""A simulated device: sends a recording as a cart (batch) or a monitor (live, at real time or faster) would.

Turns microvolts into int16 steps, cuts them into frames and lets `client.send` do the rest. Many may run in one
process. `replay` is what `xinlian device replay` calls.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import secrets
import ssl
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np

import ecg.formats
from device.client import DeviceKey, Retry, clock_ms, read_key_file, send, trust_of
from device.coding import quantise
from device.frames import I16, SAMPLE_UV_MAX, STREAM_BYTES_MAX, Data, End, Open, Receipt, Request
from ecg.record import Recording

Mode = Literal["live", "batch"]

FRAME_MS_LIVE: Final = 200
FRAME_MS_BATCH: Final = 500
GAIN_UV_PER_LSB: Final = 1.0
RESTING_S_MAX: Final = 30.0  # longer recordings are streams


@dataclass
class SampledUpload:
    """An `Upload` over an array: the frames below `frames` are known, all samples once `frames` is `total`."""

    opening: Open
    samples: I16  # (n, leads)
    per_frame: int
    frames: int = 0
    kept_from: int = 0

    @property
    def total(self) -> int:
        return -(-len(self.samples) // self.per_frame)

    def frame(self, stream: int, seq: int) -> Data:
        first = seq * self.per_frame
        rows = self.samples[first : first + self.per_frame]
        device_ms = self.opening.start_ms + round(1000 * first / self.opening.fs)
        leads = len(self.opening.leads)
        return Data(stream, seq, first, device_ms, leads, len(rows), rows.astype("<i2").tobytes())

    def end(self, stream: int) -> End | None:
        if self.frames < self.total:
            return None
        return End(stream, self.total, len(self.samples), self.sha256)

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.samples.astype("<i2").tobytes()).digest()


def upload_of(
    recording: Recording,
    *,
    mode: Mode,
    request: Request | None = None,
    gain_uv_per_lsb: float = GAIN_UV_PER_LSB,
    start_ms: int | None = None,
    uid: bytes | None = None,
    frame_ms: int | None = None,
) -> SampledUpload:
    """A recording ready to send. `start_ms` None: it ends now (batch) or begins now (live), as a device's would."""
    samples = quantise(recording.signal_uv, gain_uv_per_lsb, SAMPLE_UV_MAX)
    samples = samples[: STREAM_BYTES_MAX // (2 * len(recording.leads))]
    if start_ms is None:
        start_ms = clock_ms() - (round(1000 * recording.seconds) if mode == "batch" else 0)
    opening = Open(
        stream=0,
        uid=uid or secrets.token_bytes(16),
        fs=round(recording.fs),
        leads=recording.leads,
        gain_uv_per_lsb=gain_uv_per_lsb,
        start_ms=start_ms,
        device_ms=start_ms,
        kind="resting" if recording.seconds <= RESTING_S_MAX else "stream",
        mode=mode,
        request=request,
    )
    frame_ms = frame_ms or (FRAME_MS_LIVE if mode == "live" else FRAME_MS_BATCH)
    upload = SampledUpload(opening, samples, max(1, round(recording.fs * frame_ms / 1000)))
    if mode == "batch":
        upload.frames = upload.total
    return upload


async def run_device(
    upload: SampledUpload,
    hub_url: str,
    key: DeviceKey,
    *,
    speed: float = 1.0,
    retry: Retry | None = None,
    rng: random.Random | None = None,
    trust: ssl.SSLContext | None = None,
) -> Receipt:
    """Send one upload; a live one grows at `speed` times real time, whether or not the hub can be reached."""
    grown = asyncio.Event()
    grown.set()
    sampling = asyncio.create_task(grow(upload, speed, grown))
    try:
        return await send(upload, hub_url, key, grown=grown, retry=retry, rng=rng, trust=trust)
    finally:
        sampling.cancel()


async def grow(upload: SampledUpload, speed: float, grown: asyncio.Event) -> None:
    """Let frames come into being when their last sample would have been measured, from one clock, without drift."""
    loop = asyncio.get_running_loop()
    began, already = loop.time(), upload.frames
    period_s = upload.per_frame / upload.opening.fs / speed
    while upload.frames < upload.total:
        due = began + (upload.frames - already + 1) * period_s
        await asyncio.sleep(max(0.0, due - loop.time()))
        upload.frames += 1
        grown.set()


async def replay(
    record_path: Path,
    hub_url: str,
    key_file: Path,
    *,
    speed: float = 1.0,
    mode: Mode = "batch",
    request: Request | None = None,
    ca: Path | None = None,
) -> Receipt:
    """Send a record file (any format `ecg.formats` reads) to a hub as the device of `key_file`."""
    recording = ecg.formats.read(record_path)
    if recording.fs != round(recording.fs):
        # The wire carries whole rates; 257.4 Hz as 257 would bend every interval by what nobody sees.
        recording = resampled(recording, round(recording.fs))
    upload = upload_of(recording, mode=mode, request=request)
    return await run_device(upload, hub_url, read_key_file(key_file), speed=speed, trust=trust_of(ca))


def resampled(recording: Recording, fs: int) -> Recording:
    """The recording at another rate by straight lines between samples; for rates a fraction of a hertz apart."""
    n = int(len(recording.signal_uv) * fs / recording.fs)
    at = np.arange(n) * (recording.fs / fs)
    columns = [np.interp(at, np.arange(len(column)), column) for column in recording.signal_uv.T]
    return replace(recording, fs=float(fs), signal_uv=np.stack(columns, axis=1).astype(np.float32))
