"""Episodes of a rhythm, after ANSI/AAMI EC57 (what PhysioNet's `epicmp` does): how much of its time was called, how
many episodes were met, and how far their ends lie from the truth.

Any rhythm that WFDB notes name can be asked for; several asked together count as one (AF and flutter). Beats and runs
of beats are scored elsewhere (`beats.py`, `runs.py`). Times are seconds: the two files may be at different rates.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from ecg.score.beats import F64, Span
from ecg.score.rates import percent

AF = frozenset({"AFIB", "AFL"})
SHORTEST_S = 30.0  # shorter episodes are not counted; guidelines ask 30 s of an AF (ESC 2020, 3.1, K)
_JOINED_S = 1e-6  # two spans of the asked rhythms that touch are one


def rhythm_spans(
    at_s: F64, symbols: Sequence[str], aux: Sequence[str], *, length_s: float, rhythms: Collection[str] = AF
) -> tuple[Span, ...]:
    """Where one of the rhythms holds, ascending.

    at_s, symbols, aux  (k,) the annotations of one file, ascending in time; a note `+` with aux `(NAME` lasts until the
                        next.
    length_s            the last note lasts until then.
    rhythms             names without the bracket: AFIB, AFL, VT, SVTA, VFL, N ...; `VF` also stands for what lies
                        between the marks `[` and `]`, as in `epicmp`.
    """
    notes = [
        (at, note[1:])
        for at, symbol, note in zip(at_s.tolist(), symbols, aux, strict=True)
        if symbol == "+" and note.startswith("(")
    ]
    ends = [at for at, _ in notes[1:]] + [length_s]
    spans = [(at, end) for (at, name), end in zip(notes, ends, strict=False) if name in rhythms and end > at]
    if "VF" in rhythms:
        spans = sorted(spans + _bracketed(at_s, symbols, length_s))
    return _joined(spans)


def _bracketed(at_s: F64, symbols: Sequence[str], length_s: float) -> list[Span]:
    spans: list[Span] = []
    since: float | None = None
    for at, symbol in zip(at_s.tolist(), symbols, strict=True):
        if symbol == "[" and since is None:
            since = at
        elif symbol == "]" and since is not None:
            spans.append((since, at))
            since = None
    return spans if since is None else [*spans, (since, length_s)]


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for first, end in spans:
        if joined and first - joined[-1][1] < _JOINED_S:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((first, end))
    return tuple(joined)


@dataclass(frozen=True)
class EpisodeCounts:
    """Seconds and episodes of one record, or of many.

    length_s, true_s, called_s, both_s  the scored time; how much of it is true, called, and both.
    there, met                          reference episodes of at least the shortest length; those that any called one
                                        overlaps.
    called, right                       called episodes of that length; those that any reference episode overlaps.
    onset_s, offset_s                   of each met episode: first and last overlapping called second minus its true
                                        one.
    """

    length_s: float = 0.0
    true_s: float = 0.0
    called_s: float = 0.0
    both_s: float = 0.0
    there: int = 0
    met: int = 0
    called: int = 0
    right: int = 0
    onset_s: tuple[float, ...] = ()
    offset_s: tuple[float, ...] = ()

    def __add__(self, other: EpisodeCounts) -> EpisodeCounts:
        return EpisodeCounts(
            length_s=self.length_s + other.length_s,
            true_s=self.true_s + other.true_s,
            called_s=self.called_s + other.called_s,
            both_s=self.both_s + other.both_s,
            there=self.there + other.there,
            met=self.met + other.met,
            called=self.called + other.called,
            right=self.right + other.right,
            onset_s=self.onset_s + other.onset_s,
            offset_s=self.offset_s + other.offset_s,
        )

    @property
    def duration_se(self) -> float | None:
        return percent(self.both_s, self.true_s)

    @property
    def duration_ppv(self) -> float | None:
        return percent(self.both_s, self.called_s)

    @property
    def duration_sp(self) -> float | None:
        """The share of the time without the rhythm that was rightly not called."""
        return percent(self.length_s - self.true_s - self.called_s + self.both_s, self.length_s - self.true_s)

    @property
    def episode_se(self) -> float | None:
        return percent(self.met, self.there)

    @property
    def episode_ppv(self) -> float | None:
        return percent(self.right, self.called)

    @property
    def onset_error_s(self) -> float | None:
        """Median of the absolute error; None when no episode was met."""
        return median(map(abs, self.onset_s)) if self.onset_s else None

    @property
    def offset_error_s(self) -> float | None:
        """Median of the absolute error; None when no episode was met."""
        return median(map(abs, self.offset_s)) if self.offset_s else None

    def to_json(self) -> dict[str, object]:
        return {
            "length_s": self.length_s,
            "true_s": self.true_s,
            "called_s": self.called_s,
            "both_s": self.both_s,
            "duration_se": self.duration_se,
            "duration_ppv": self.duration_ppv,
            "duration_sp": self.duration_sp,
            "episodes": {"there": self.there, "met": self.met, "called": self.called, "right": self.right},
            "episode_se": self.episode_se,
            "episode_ppv": self.episode_ppv,
            "onset_error_s": self.onset_error_s,
            "offset_error_s": self.offset_error_s,
        }


def compare_episodes(
    reference: Iterable[Span],
    test: Iterable[Span],
    *,
    length_s: float,
    start_s: float = 0.0,
    shortest_s: float = SHORTEST_S,
) -> EpisodeCounts:
    """How far two lists of spans (seconds, ascending, each list without overlaps) agree between start_s and length_s.

    Source  EC57 4.5 (K). Time is scored whatever the length of an episode, where `epicmp` leaves short ones out of the
            time too: a detector must not gain by calling in short pieces.
    """
    true, called = _clipped(reference, start_s, length_s), _clipped(test, start_s, length_s)
    there = [span for span in true if span[1] - span[0] >= shortest_s]
    claimed = [span for span in called if span[1] - span[0] >= shortest_s]
    hits = [(span, [other for other in called if _overlap(span, other) > 0]) for span in there]
    met = [(span, others) for span, others in hits if others]
    return EpisodeCounts(
        length_s=length_s - start_s,
        true_s=sum((end - first for first, end in true), start=0.0),
        called_s=sum((end - first for first, end in called), start=0.0),
        both_s=sum((_overlap(a, b) for a in true for b in called), start=0.0),
        there=len(there),
        met=len(met),
        called=len(claimed),
        right=sum(any(_overlap(span, other) > 0 for other in true) for span in claimed),
        onset_s=tuple(others[0][0] - span[0] for span, others in met),
        offset_s=tuple(others[-1][1] - span[1] for span, others in met),
    )


def _clipped(spans: Iterable[Span], start_s: float, end_s: float) -> list[Span]:
    inside = ((max(first, start_s), min(end, end_s)) for first, end in spans)
    return [(first, end) for first, end in inside if end > first]


def _overlap(one: Span, other: Span) -> float:
    return max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
