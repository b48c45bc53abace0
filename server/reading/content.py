"""What a report says, and the exact bytes that are signed.

A signed report is one canonical JSON text (keys sorted, no blanks) of `Signed`; its SHA-256 is the digest printed on
paper, and everything that is shown of the report is read from these bytes. No table, no clock.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

import msgspec

from server.reading.model import EditedMeasurement, Statement
from server.records.model import Grade, MachineSummary

_canonical = msgspec.json.Encoder(order="sorted").encode


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader writes; the whole of a draft."""

    statements: list[Statement]
    grade: Grade
    measurements: list[EditedMeasurement]
    note: str


class Measured(msgspec.Struct, frozen=True):
    """The machine's numbers as they stood before the reader; None is "not measured", never normal."""

    vent_rate_bpm: float | None = None
    p_ms: int | None = None
    pr_ms: int | None = None
    qrs_ms: int | None = None
    qt_ms: int | None = None
    qtc_ms: int | None = None
    p_axis_deg: int | None = None
    qrs_axis_deg: int | None = None
    t_axis_deg: int | None = None


class Signed(Content, frozen=True, kw_only=True):
    """Everything a signature covers. `form`: the layout of this text, for whoever verifies it in ten years."""

    form: int = 1
    report: str
    version: int
    recording: str
    recording_sha256: str | None
    patient: str
    machine_grade: str | None
    lowered_reason: str
    measured: Measured | None
    author: str
    author_name: str
    signed_at: str
    replaces: str | None
    reason: str


def content_bytes(content: Content) -> bytes:
    return _canonical(content)


def content_of(raw: bytes) -> Content:
    """What was written, from a draft's or a signed report's bytes."""
    return msgspec.json.decode(raw, type=Content)


def signed_of(raw: bytes) -> Signed:
    return msgspec.json.decode(raw, type=Signed)


def digest_of(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def signature_of(secret: bytes, digest: str, account: str) -> str:
    """The account's mark under a digest, made with the hub's key. A certificate of a CA takes its place later."""
    return hmac.new(secret, f"{digest}\n{account}".encode(), hashlib.sha256).hexdigest()


class _Numbers(msgspec.Struct, frozen=True):
    """The analysis object's measurements, as far as a report prints them."""

    vent_rate_bpm: float | None = None
    p_ms: int | None = None
    pr_ms: int | None = None
    qrs_ms: int | None = None
    qt_ms: int | None = None
    qtc_ms: dict[str, int | None] = {}
    axis_deg: dict[str, int | None] = {}


def measured_of_analysis(analysis: Mapping[str, object]) -> Measured:
    """From the analysis object of `GET /api/recordings/{id}/analysis`; QTc by Bazett, which is the reports' habit."""
    numbers = msgspec.convert(analysis["measurements"], _Numbers)
    return Measured(
        numbers.vent_rate_bpm, numbers.p_ms, numbers.pr_ms, numbers.qrs_ms, numbers.qt_ms,
        numbers.qtc_ms.get("bazett"), numbers.axis_deg.get("p"), numbers.axis_deg.get("qrs"), numbers.axis_deg.get("t"),
    )  # fmt: skip


def measured_of_summary(machine: MachineSummary | None) -> Measured | None:
    """What the short result holds, when the whole analysis is not at hand."""
    if machine is None or machine.error is not None:
        return None
    return Measured(
        vent_rate_bpm=machine.vent_rate_bpm,
        pr_ms=machine.pr_ms,
        qrs_ms=machine.qrs_ms,
        qt_ms=machine.qt_ms,
        qtc_ms=machine.qtc_ms,
    )
