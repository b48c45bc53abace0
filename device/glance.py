"""The first-glance packet: what triage needs of an ECG in at most 2 kB, ahead of the file (ACQ-16).

The device's side runs the whole analysis and packs what it found; the hub unpacks and checks it. A glance is a message,
not a recording: the file that follows is analysed anew and has the last word. It names no person.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
import numpy as np

import ecg
from device.errors import BadFrame
from ecg import codes
from ecg.expected import NOT_AS_EXPECTED
from ecg.record import Recording
from ecg.results import Finding

GLANCE_BYTES_MAX: Final = 2048
STRIP_HZ: Final = 62.5
STRIP_UV: Final = 20.0
STRIP_S: Final = 10.0
BEATS_MAX: Final = 120
NO_STRIP: Final = -128
ST60: Final = 2  # place of J+60 in `LeadWaves.st_uv`

_Code = Annotated[str, msgspec.Meta(max_length=64)]


class GlanceFinding(msgspec.Struct, frozen=True):
    """A finding of the device's own analysis that cannot wait for the file; the fields of `ecg.results.Finding`."""

    code: _Code
    first: int
    end: int
    rule: _Code
    profile: _Code
    grade: _Code
    value: float | None = None
    limit: float | None = None
    leads: Annotated[tuple[_Code, ...], msgspec.Meta(max_length=16)] = ()
    say: dict[_Code, Annotated[str, msgspec.Meta(max_length=300)]] = {}
    page_before_read: bool = False


class Glance(msgspec.Struct, frozen=True):
    """What the packet says.

    fs, samples   of the recording that follows.
    rate_bpm      ventricular rate, or None.
    rr_ms         the first BEATS_MAX R-R intervals.
    st_uv         ST at J+60 by lead, microvolts.
    quality       0 to 100 by lead.
    strip         lead II (or the best), STRIP_S at STRIP_HZ: deflated differences of int8 steps of 20 uV, base64.
    findings      what a critical rule of the device's profile said.
    """

    fs: float
    samples: Annotated[int, msgspec.Meta(ge=1)]
    rate_bpm: float | None
    rr_ms: Annotated[tuple[int, ...], msgspec.Meta(max_length=BEATS_MAX)]
    st_uv: dict[_Code, int]
    quality: dict[_Code, int]
    strip_lead: _Code
    strip: bytes
    findings: Annotated[tuple[GlanceFinding, ...], msgspec.Meta(max_length=8)] = ()

    @property
    def critical(self) -> bool:
        return any(finding.grade == "critical" for finding in self.findings)


def glance_of(recording: Recording, analysis: ecg.Analysis) -> bytes:
    """The packet, at most GLANCE_BYTES_MAX: a long one goes without its strip, then with fewer beats."""
    lead = _best_lead(analysis)
    peaks = np.array([beat.sample for beat in analysis.beats[: BEATS_MAX + 1]], dtype=np.int64)
    grave = [finding for finding in analysis.findings if finding.rule is not None and finding.grade is not None]
    whole = Glance(
        fs=recording.fs,
        samples=len(recording.signal_uv),
        rate_bpm=analysis.measurements.vent_rate_bpm,
        rr_ms=tuple(int(ms) for ms in np.rint(np.diff(peaks) * 1000 / recording.fs)),
        st_uv={name: waves.st_uv[ST60] for name, waves in analysis.lead_waves.items()},
        quality={name: round(100 * value) for name, value in analysis.quality.leads.items()},
        strip_lead=lead,
        strip=_strip(recording, lead),
        findings=tuple(_short(finding) for finding in _gravest(grave)[:8]),
    )
    for glance in (
        whole,
        msgspec.structs.replace(whole, strip=b""),
        msgspec.structs.replace(whole, strip=b"", rr_ms=()),
    ):
        packed = zlib.compress(msgspec.json.encode(glance), 9)
        if len(packed) <= GLANCE_BYTES_MAX:
            return packed
    return b""


def read_glance(packed: bytes) -> Glance:
    """What a device packed. Never unpacks more than a few times the packet. Raises BadFrame."""
    try:
        inflater = zlib.decompressobj()
        raw = inflater.decompress(packed, 8 * GLANCE_BYTES_MAX)
        if inflater.unconsumed_tail or not inflater.eof:
            raise BadFrame(reason="the first glance is longer than it may be")
        glance = msgspec.json.decode(raw, type=Glance)
    except (zlib.error, *NOT_AS_EXPECTED):
        raise BadFrame(reason="the first glance cannot be read") from None
    if any(finding.code not in codes.findings() for finding in glance.findings):
        raise BadFrame(reason="the first glance names a finding that nobody knows")
    return glance


def strip_of(glance: Glance) -> list[int]:
    """The strip's int8 steps of STRIP_UV at STRIP_HZ. Raises BadFrame."""
    try:
        inflater = zlib.decompressobj()
        steps = (
            inflater.decompress(base64.b64decode(glance.strip), round(2 * STRIP_S * STRIP_HZ)) if glance.strip else b""
        )
    except (zlib.error, ValueError):
        raise BadFrame(reason="the strip of the first glance cannot be read") from None
    return [int(step) for step in np.cumsum(np.frombuffer(steps, np.int8), dtype=np.int8)]


def _best_lead(analysis: ecg.Analysis) -> str:
    quality = analysis.quality.leads
    if quality.get("II", 0.0) >= 0.5:
        return "II"
    return max(analysis.leads, key=lambda lead: quality.get(lead, 0.0))


def _strip(recording: Recording, lead: str) -> bytes:
    """The largest deflection of each step, so that narrow QRS do not vanish between two kept samples."""
    signal = np.nan_to_num(recording.lead(lead)[: round(STRIP_S * recording.fs)])
    at = np.arange(0, len(signal), recording.fs / STRIP_HZ).astype(np.int64)
    centred = signal - np.median(signal)
    peaks = np.array([step[np.argmax(np.abs(step))] for step in np.split(centred, at[1:])])
    steps = np.clip(np.rint(peaks / STRIP_UV), -127, 127).astype(np.int8)
    return base64.b64encode(zlib.compress(np.diff(steps, prepend=np.int8(0)).tobytes(), 9))


def _gravest(findings: Sequence[Finding]) -> list[Finding]:
    order = {"critical": 0, "warning": 1}
    return sorted(findings, key=lambda finding: order.get(finding.grade or "", 2))


def _short(finding: Finding) -> GlanceFinding:
    return GlanceFinding(
        code=finding.code,
        first=finding.first,
        end=finding.end,
        rule=finding.rule or "",
        profile=finding.profile or "",
        grade=finding.grade or "",
        value=finding.value,
        limit=finding.limit,
        leads=finding.leads,
        say=dict(finding.say),
        page_before_read=finding.page_before_read,
    )
