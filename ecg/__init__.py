"""XinLian's ECG library: read a recording, analyse it, watch a stream.

    import ecg
    analysis = ecg.analyze(ecg.read("ludb/62"))

The names below are the library's promise; everything else may change. It does no I/O
outside `formats`, `cli` and `plot`.
"""

from __future__ import annotations

from ecg.analysis import Analysis, Beat, Episode, Finding, Measurements, Median, Quality, Span, analyze
from ecg.errors import EcgError
from ecg.formats import read
from ecg.monitor import Monitor, MonitorEvent, MonitorState
from ecg.record import STANDARD_LEADS, Meta, Recording

__all__ = [
    "STANDARD_LEADS",
    "Analysis",
    "Beat",
    "EcgError",
    "Episode",
    "Finding",
    "Measurements",
    "Median",
    "Meta",
    "Monitor",
    "MonitorEvent",
    "MonitorState",
    "Quality",
    "Recording",
    "Span",
    "analyze",
    "read",
]
