"""How well annotations agree with a reference: beats, runs, episodes, wave marks, strips, alarms, quality, findings.

    from pathlib import Path
    from ecg import score
    reference, test = Path("mitdb"), Path("annotated")
    report = score.score_beats(reference, test, score.records(reference))
    report.gross.qrs.se, report.gross.veb.ppv

Rules stand in one module a question, on arrays; `folders.py` reads the files. The analysis never imports this package:
a judge that the judged could ask would be none.

PhysioNet's own C tools (`bxb`, `rxr`, `epicmp`) are in no package of Debian or PyPI and were not run here. What `beats`
counts was compared, count for count, with a second scorer that had been compared with `bxb` on the 48 records of
MIT-BIH and two annotators (0 of 96 differ); episodes, wave marks, strips and alarms with the same author's scorers.
`runs` follows a reading of `rxr`'s source; its departures stand in `runs.py`, and its counts rest on examples worked by
hand.
"""

from __future__ import annotations

from ecg.score.beats import AAMI, BXB, MAPS, PACED, BeatCounts, BeatMarks, beat_marks, compare_beats, pair
from ecg.score.delineation import MarkCounts, compare_marks, global_intervals_ms, interval_errors, marks_of
from ecg.score.episodes import EpisodeCounts, compare_episodes, rhythm_spans
from ecg.score.folders import (
    BeatReport,
    DelineationReport,
    EpisodeReport,
    RunReport,
    records,
    score_alarms,
    score_beats,
    score_delineation,
    score_episodes,
    score_findings,
    score_quality,
    score_runs,
    score_strips,
)
from ecg.score.rates import Detection, aligned, exact_limits, percent
from ecg.score.runs import RunCounts, compare_runs, run_events, runs_of
from ecg.score.strips import (
    compare_alarms,
    compare_findings,
    compare_quality,
    compare_strips,
    compare_two_classes,
)

__all__ = [
    "AAMI",
    "BXB",
    "MAPS",
    "PACED",
    "BeatCounts",
    "BeatMarks",
    "BeatReport",
    "DelineationReport",
    "Detection",
    "EpisodeCounts",
    "EpisodeReport",
    "MarkCounts",
    "RunCounts",
    "RunReport",
    "aligned",
    "beat_marks",
    "compare_alarms",
    "compare_beats",
    "compare_episodes",
    "compare_findings",
    "compare_marks",
    "compare_quality",
    "compare_runs",
    "compare_strips",
    "compare_two_classes",
    "exact_limits",
    "global_intervals_ms",
    "interval_errors",
    "marks_of",
    "pair",
    "percent",
    "records",
    "rhythm_spans",
    "run_events",
    "runs_of",
    "score_alarms",
    "score_beats",
    "score_delineation",
    "score_episodes",
    "score_findings",
    "score_quality",
    "score_runs",
    "score_strips",
]
