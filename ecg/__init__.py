"""XinLian's ECG library: read a recording, analyse it, watch a stream.

    import ecg
    analysis = ecg.analyze(ecg.read("ludb/62"))

The names below are the library's promise; everything else may change. It does no I/O
outside `formats`, `cli*` and `plot`. Each name is imported when it is first used (PEP 562):
`import ecg` alone costs next to nothing, and the command line answers `--help` at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecg.analysis import Annotated, analyze, annotate
    from ecg.errors import EcgError
    from ecg.formats import read
    from ecg.monitor import Monitor, MonitorEvent, MonitorState
    from ecg.record import STANDARD_LEADS, Meta, Recording
    from ecg.results import Analysis, Beat, Episode, Finding, Measurements, Median, Quality, Span

__all__ = [
    "STANDARD_LEADS",
    "Analysis",
    "Annotated",
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
    "annotate",
    "read",
]

HOMES = {
    "ecg.analysis": ("Annotated", "analyze", "annotate"),
    "ecg.errors": ("EcgError",),
    "ecg.formats": ("read",),
    "ecg.monitor": ("Monitor", "MonitorEvent", "MonitorState"),
    "ecg.record": ("STANDARD_LEADS", "Meta", "Recording"),
    "ecg.results": ("Analysis", "Beat", "Episode", "Finding", "Measurements", "Median", "Quality", "Span"),
}
_HOME = {name: module for module, names in HOMES.items() for name in names}


if not TYPE_CHECKING:  # else every misspelt name would pass the type checker as an object

    def __getattr__(name: str) -> object:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
