"""What the analysis says: frozen values, and the one dictionary they become in files and on the wire.

No algorithm lives here. Places are sample indices at the recording's own rate, ranges are half-open; None means that a
thing could not be measured, never that it is normal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from ecg.codes import Urgency
from ecg.record import F32

Grade = Literal["critical", "warning"]
WaveKind = Literal["p", "N", "t"]
QTC_FORMULAS = ("bazett", "fridericia", "framingham", "hodges")


@dataclass(frozen=True)
class Span:
    """A half-open range of samples."""

    first: int
    end: int

    def meets(self, other: Span) -> bool:
        return self.first < other.end and other.first < self.end


@dataclass(frozen=True)
class Beat:
    """One QRS. `symbol`: N normal, A premature supraventricular, V ventricular, F fusion, Q not classed, / paced."""

    sample: int
    symbol: str


@dataclass(frozen=True)
class Episode:
    """A stretch of one rhythm (codes of glossary 8). Base rhythms join without a gap; runs and pauses lie upon them."""

    rhythm: str
    first: int
    end: int


@dataclass(frozen=True)
class Quality:
    """How far the signal can be trusted.

    acceptable  False: ask for the recording again.
    leads       0 to 1 a lead; below 0.5 a lead has no vote in a rule.
    unreadable  stretches in which no lead can be read; no statement rests on them.
    lead_off    leads that carry nothing.
    reasons     what is wrong with a lead, by code of `electrodes.REASONS`; leads without a fault are not in it.
    electrodes  the electrodes to mend: RA, LA, LL, RL, V1 to V6.
    """

    acceptable: bool
    leads: Mapping[str, float]
    unreadable: tuple[Span, ...] = ()
    lead_off: tuple[str, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    electrodes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measurements:
    """Numbers of the whole recording, quantised once: 1 ms, 0.1 a minute, 1 degree, 1 uV (in mV)."""

    vent_rate_bpm: float | None = None
    rr_max_ms: int | None = None
    rr_min_ms: int | None = None
    p_ms: int | None = None
    pr_ms: int | None = None
    qrs_ms: int | None = None
    qt_ms: int | None = None
    qtc_ms: Mapping[str, int | None] = field(default_factory=lambda: dict.fromkeys(QTC_FORMULAS))
    axis_deg: Mapping[str, int | None] = field(default_factory=lambda: dict.fromkeys(("p", "qrs", "t")))
    st_j_mv: Mapping[str, float | None] = field(default_factory=dict)
    st_j60_mv: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class LeadWaves:
    """One lead of the median beat, whole uV and ms against its QRS onset; Q and S <= 0, R >= 0, 0 where there is none.

    q .. s2          Q (QS where there is no R), R, S, R', S': amplitude and width.
    r_peak_ms        from QRS onset to the top of R or R', the higher; None without R.
    notches          turns back by 40 uV or more within a deflection.
    area_uvms        net area of the QRS; late_area_uvms: of what lies 60 ms after its onset and later.
    st_uv            level at J, J + 40, 60 and 80 ms.
    p_*              against the line between its ends; p_terminal_uvms: area of a negative last part. None: no P.
    t_pos, t_neg_uv  highest and lowest of T; t_pos_first: the high comes first. None: T was not found.
    u_uv             the highest after T against T's end.
    """

    q_uv: int
    q_ms: int
    r_uv: int
    r_ms: int
    s_uv: int
    s_ms: int
    r2_uv: int
    r2_ms: int
    s2_uv: int
    s2_ms: int
    r_peak_ms: int | None
    notches: int
    area_uvms: int
    late_area_uvms: int
    st_uv: tuple[int, int, int, int]
    p_pos_uv: int | None
    p_neg_uv: int | None
    p_terminal_uvms: int | None
    t_pos_uv: int | None
    t_neg_uv: int | None
    t_pos_first: bool
    u_uv: int | None

    @property
    def high_uv(self) -> int:
        """The tallest R."""
        return max(self.r_uv, self.r2_uv)

    @property
    def low_uv(self) -> int:
        """The deepest of Q and S, with its sign."""
        return min(self.q_uv, self.s_uv, self.s2_uv)

    @property
    def t_uv(self) -> int | None:
        """The larger lobe of T with its sign."""
        if self.t_pos_uv is None or self.t_neg_uv is None:
            return None
        return self.t_pos_uv if self.t_pos_uv >= -self.t_neg_uv else self.t_neg_uv


@dataclass(frozen=True)
class Median:
    """The dominant median beat: `wave_uv` (m, leads) float32 at `fs`, R at index `r_at`, made of `used` beats."""

    fs: float
    r_at: int
    leads: tuple[str, ...]
    wave_uv: F32
    used: int


@dataclass(frozen=True)
class WaveMark:
    """One wave of one beat in one lead: P (`p`), QRS (`N`) or T (`t`). first, end: its edges; None where not seen."""

    kind: WaveKind
    first: int | None
    peak: int
    end: int | None


@dataclass(frozen=True)
class LeadMarks:
    """All waves of one lead, in time order."""

    lead: str
    waves: tuple[WaveMark, ...]


@dataclass(frozen=True)
class Finding:
    """One thing the analysis says, with its evidence.

    urgency           the code's default, raised to what its rule says.
    leads             the leads that carry it; empty where it is not of single leads.
    value, limit      the measured number and the limit it passed, in the unit the text names; None where it has no
                      number.
    rule, profile     the critical rule that fired and the profile it stands in, or None.
    grade             what that rule says, or None: this is a statement, and a statement alone never pages.
    say               the text with its numbers, by language.
    page_before_read  the ladder of pages starts before a person has read the ECG.
    probability       0 to 1 where a classifier stands behind it.
    """

    code: str
    urgency: Urgency
    first: int
    end: int
    leads: tuple[str, ...] = ()
    value: float | None = None
    limit: float | None = None
    rule: str | None = None
    profile: str | None = None
    grade: Grade | None = None
    say: Mapping[str, str] = field(default_factory=dict)
    page_before_read: bool = False
    probability: float | None = None


@dataclass(frozen=True)
class Screen:
    """The class of a short strip (N sinus, A fibrillation, O another rhythm, ~ too noisy: CinC 2017) and the score of
    each, 0 to 1, together 1. A score is no probability in any one clinic's people: the model was made on a mix rich in
    fibrillation."""

    class_: str
    scores: Mapping[str, float]

    def to_json(self) -> dict[str, str | dict[str, float]]:
        return {"class": self.class_, "scores": dict(self.scores)}


@dataclass(frozen=True)
class Analysis:
    """All that `analyze` says of one recording. `to_json` is the form that is stored, sent and scored."""

    fs: float
    leads: tuple[str, ...]
    samples: int
    quality: Quality
    beats: tuple[Beat, ...]
    episodes: tuple[Episode, ...]
    measurements: Measurements
    findings: tuple[Finding, ...]
    median: Median | None
    screen: Screen | None
    versions: Mapping[str, str]
    input_sha256: str
    lead_waves: Mapping[str, LeadWaves] = field(default_factory=dict)
    alarms: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)  # by the definitions of `alarms`

    @property
    def machine_grade(self) -> Grade | None:
        """The gravest grade a rule gave; None is "no rule fired", never "normal"."""
        grades = {finding.grade for finding in self.findings}
        return "critical" if "critical" in grades else "warning" if "warning" in grades else None

    def to_json(self) -> dict[str, object]:
        """The dictionary described at the head of part A of the targets, in plain JSON types."""
        return {
            "fs": self.fs,
            "samples": self.samples,
            "leads": list(self.leads),
            "quality": {
                "acceptable": self.quality.acceptable,
                "leads": dict(self.quality.leads),
                "unreadable": [{"first": span.first, "end": span.end} for span in self.quality.unreadable],
                "lead_off": list(self.quality.lead_off),
                "reasons": dict(self.quality.reasons),
                "electrodes": list(self.quality.electrodes),
            },
            "beats": beats_json(self.beats),
            "episodes": [{"rhythm": e.rhythm, "first": e.first, "end": e.end} for e in self.episodes],
            "measurements": _measurements_json(self.measurements),
            "findings": [finding_json(finding) for finding in self.findings],
            "alarms": {
                name: [{"first": span.first, "end": span.end} for span in spans] for name, spans in self.alarms.items()
            },
            "machine_grade": self.machine_grade,
            "median": None if self.median is None else _median_json(self.median),
            "screen": None if self.screen is None else self.screen.to_json(),
            "lead_waves": {lead: asdict(row) for lead, row in self.lead_waves.items()},
            "versions": dict(self.versions),
            "input_sha256": self.input_sha256,
        }


def beats_json(beats: Sequence[Beat]) -> dict[str, object]:
    """Beats as two columns: an hour of them is 5,000 rows."""
    return {"sample": [beat.sample for beat in beats], "symbol": [beat.symbol for beat in beats]}


def finding_json(finding: Finding) -> dict[str, object]:
    """One finding in plain JSON types."""
    return {
        "code": finding.code,
        "urgency": finding.urgency,
        "grade": finding.grade,
        "first": finding.first,
        "end": finding.end,
        "leads": list(finding.leads),
        "value": finding.value,
        "limit": finding.limit,
        "rule": finding.rule,
        "profile": finding.profile,
        "say": dict(finding.say),
        "page_before_read": finding.page_before_read,
        "probability": finding.probability,
    }


def _measurements_json(m: Measurements) -> dict[str, object]:
    return {
        "vent_rate_bpm": m.vent_rate_bpm,
        "rr_max_ms": m.rr_max_ms,
        "rr_min_ms": m.rr_min_ms,
        "p_ms": m.p_ms,
        "pr_ms": m.pr_ms,
        "qrs_ms": m.qrs_ms,
        "qt_ms": m.qt_ms,
        "qtc_ms": dict(m.qtc_ms),
        "axis_deg": dict(m.axis_deg),
        "st_j_mv": dict(m.st_j_mv),
        "st_j60_mv": dict(m.st_j60_mv),
    }


def _median_json(median: Median) -> dict[str, object]:
    columns = {
        lead: [None if value != value else round(float(value)) for value in median.wave_uv[:, index]]
        for index, lead in enumerate(median.leads)
    }
    return {"fs": median.fs, "r_at": median.r_at, "used": median.used, "leads": columns}
