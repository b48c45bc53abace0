"""Serial comparison: what a later analysis says against an earlier one of the same person.

Works on `Analysis` or on its stored JSON alike, and on results of older and newer versions: what one side does not hold
is not compared. Whether two recordings are of one person is the caller's business, electrode exchanges are found in
`swap`. A change is called beyond noise only past what repeated recordings of an unchanged heart differ by.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np

from ecg import codes
from ecg.record import F32
from ecg.results import QTC_FORMULAS, Analysis, Episode
from ecg.signal.quality import VOTE_MIN
from ecg.swap import BeatView, Swap, suspect

Kind = Literal["appeared", "gone", "graver", "milder", "changed", "borderline", "unchanged", "unsure"]
About = Literal["quality", "swap", "rhythm", "findings", "numbers", "st", "t", "whole"]

# What two recordings of an unchanged heart may differ by: about 2.8 standard deviations within a person, day by day.
# QTc: 30 ms is the smaller step of ICH E14 (2005). The others K (known in the field, texts not re-read): Schijvenaars,
# van Herpen & Kors, J Electrocardiol 2008;41:190-196 for intervals and axes; ST by where electrodes come to lie again,
# most over the right chest. A rate has no noise of measurement; 20 a minute is what rest and unrest make.
LIMITS: Mapping[str, float] = {
    "vent_rate_bpm": 20.0,
    "p_ms": 20.0,
    "pr_ms": 20.0,
    "qrs_ms": 15.0,
    "qt_ms": 40.0,
    **{f"qtc_ms.{formula}": 30.0 for formula in QTC_FORMULAS},
    "axis_deg.p": 45.0,
    "axis_deg.qrs": 30.0,
    "axis_deg.t": 45.0,
}
ST_LIMIT_MV, ST_LIMIT_RIGHT_CHEST_MV = 0.05, 0.10
RIGHT_CHEST = ("V1", "V2", "V3", "V4")
T_LEAST_UV = 100.0  # a T smaller than this on either side has no polarity to speak of
T_AFTER_QRS_S = 0.06

# Codes of one thing, from milder to graver; a step within a family is one change, not one gone and one new. Codes of
# one rank stand beside each other.
FAMILIES: tuple[tuple[tuple[str, ...], ...], ...] = (
    (
        ("PVC",), ("PVC_FREQUENT", "PVC_BIGEMINY", "PVC_TRIGEMINY", "PVC_MULTIFORM"), ("PVC_COUPLET", "PVC_R_ON_T"),
        ("VT_NONSUSTAINED",), ("VT",), ("VT_POLYMORPHIC", "TORSADES"), ("VENTRICULAR_FLUTTER",), ("VF",),
    ),
    (("PAC",), ("PAC_BIGEMINY",), ("PAC_COUPLET",)),
    (("SINUS_RHYTHM",), ("SINUS_ARRHYTHMIA",), ("SINUS_BRADYCARDIA", "SINUS_TACHYCARDIA"), ("EXTREME_BRADYCARDIA",)),
    (("AFIB", "AFLUTTER"), ("AFIB_RVR",), ("AFIB_PREEXCITED",)),
    (
        ("AVB_I",), ("AVB_II", "AVB_II_MOBITZ1"), ("AVB_2_TO_1",), ("AVB_II_MOBITZ2",), ("AVB_HIGH_GRADE",),
        ("AVB_III",),
    ),
    (("PAUSE",), ("SINUS_ARREST",), ("ASYSTOLE",)),
    (("LBBB_INCOMPLETE",), ("LBBB",)),
    (("RBBB_INCOMPLETE",), ("RBBB",), ("BIFASCICULAR_BLOCK",), ("TRIFASCICULAR_BLOCK",)),
    (("AXIS_LEFT", "AXIS_RIGHT"), ("AXIS_NORTHWEST",)),
    (("HIGH_VOLTAGE",), ("LVH_VOLTAGE",), ("LVH",), ("LVH_STRAIN",)),
    (
        ("EARLY_REPOLARISATION",), ("ST_ELEVATION",),
        ("STEMI_ANTEROSEPTAL", "STEMI_ANTERIOR", "STEMI_INFERIOR", "STEMI_LATERAL"), ("STEMI_EXTENSIVE_ANTERIOR",),
    ),
    (("ST_T_NONSPECIFIC",), ("ST_DEPRESSION",), ("ISCHAEMIA",), ("ISCHAEMIA_ACUTE",)),
    (("T_FLAT",), ("T_ABNORMALITY",), ("T_INVERSION",)),
)  # fmt: skip
RANKS = {code: (family, rank) for family, ranks in enumerate(FAMILIES) for rank, at in enumerate(ranks) for code in at}
NEUTRAL = frozenset({"SINUS_RHYTHM", "SINUS_ARRHYTHMIA", "SINUS_BRADYCARDIA", "SINUS_TACHYCARDIA"})  # neither is graver
STEPS: frozenset[Kind] = frozenset({"graver", "milder", "changed"})
# The number a code rests on alone: while that moves less than noise, the code that comes or goes is no news.
RESTS_ON: Mapping[str, str] = {
    **dict.fromkeys(("AVB_I", "SHORT_PR"), "pr_ms"),
    **dict.fromkeys(("LONG_QT", "SHORT_QT"), "qtc_ms.bazett"),
    **dict.fromkeys(("AXIS_LEFT", "AXIS_RIGHT", "AXIS_NORTHWEST"), "axis_deg.qrs"),
    "IVCD": "qrs_ms",
    **dict.fromkeys(("SINUS_RHYTHM", "SINUS_BRADYCARDIA", "SINUS_TACHYCARDIA"), "vent_rate_bpm"),
    **dict.fromkeys(("EXTREME_BRADYCARDIA", "EXTREME_TACHYCARDIA"), "vent_rate_bpm"),
}
# Said of the recording, not of the heart: neither new nor gone.
OF_THE_WHOLE = frozenset({"NORMAL_ECG", "BORDERLINE_ECG", "ABNORMAL_ECG"})
FORM_UNREAD = frozenset({"POOR_QUALITY", "UNREADABLE", "NO_SIGNAL"})
UNREAD = frozenset({"UNREADABLE", "NO_SIGNAL"})
NO_BEAT_TO_COMPARE = ("vt", "vf", "vfl", "asystole")


@dataclass(frozen=True)
class CodeChange:
    """One finding in both.

    kind   `graver`, `milder`, `changed`: the `code` of now stands where `was` stood. `borderline`: it came, went or
           took the place of `was` by a number that passed a limit and moved less than noise. `unsure`: one of the two
           could not have shown it.
    was    its code then; None where it is new. leads: those that carry it, now if it is there now.
    """

    kind: Kind
    code: str
    was: str | None
    leads: tuple[str, ...]


@dataclass(frozen=True)
class NumberChange:
    """One measurement in both. `name` as in the JSON (`qtc_ms.bazett`, `axis_deg.qrs`, `st_j_mv.V2`), `unit` ms, bpm,
    deg or mV; `change` is now minus then, of axes the shorter way round; `limit`: what noise alone may make."""

    name: str
    unit: str
    before: float
    after: float
    change: float
    limit: float
    beyond_noise: bool


@dataclass(frozen=True)
class Sentence:
    """One thing that is said, and what it is about: a page that shows the numbers in a table leaves that one out."""

    about: About
    zh: str
    en: str


@dataclass(frozen=True)
class Comparison:
    """What changed.

    rhythm        base rhythm then and now, codes of episodes.
    t_flipped     leads whose T wave changed its direction.
    not_compared  leads that could not be read in one of the two.
    caveats       codes: `earlier_unread`, `later_unread` (nothing can be said), `earlier_poor`, `later_poor` (rhythm
                  only), `versions` (another algorithm or profile spoke then).
    swap          a suspected exchange of electrodes: then changes of axis, ST and T are not to be believed.
    say           the same in sentences, the most important first.
    """

    rhythm: tuple[str, str]
    findings: tuple[CodeChange, ...]
    numbers: tuple[NumberChange, ...]
    t_flipped: tuple[str, ...]
    not_compared: tuple[str, ...]
    caveats: tuple[str, ...]
    swap: Swap | None
    say: tuple[Sentence, ...]

    @property
    def swap_suspected(self) -> str | None:
        """The code of the suspected exchange."""
        return None if self.swap is None else self.swap.code

    @property
    def unchanged(self) -> bool:
        """Both could be read and nothing differs beyond noise; False also where that cannot be known."""
        return (
            same_rhythm(*self.rhythm)
            and all(change.kind in ("unchanged", "borderline") for change in self.findings)
            and not any(number.beyond_noise for number in self.numbers)
            and not (self.t_flipped or self.not_compared or self.swap)
            and not {"earlier_unread", "later_unread", "earlier_poor", "later_poor"} & set(self.caveats)
        )

    def to_json(self) -> dict[str, object]:
        """Plain JSON types."""
        return {
            "rhythm": list(self.rhythm),
            "findings": [{**asdict(change), "leads": list(change.leads)} for change in self.findings],
            "numbers": [asdict(number) for number in self.numbers],
            "t_flipped": list(self.t_flipped),
            "not_compared": list(self.not_compared),
            "caveats": list(self.caveats),
            "swap_suspected": self.swap_suspected,
            "swap": None
            if self.swap is None
            else {**asdict(self.swap), "electrodes": list(self.swap.electrodes), "leads": list(self.swap.leads)},
            "unchanged": self.unchanged,
            "say": [asdict(sentence) for sentence in self.say],
        }


def same_rhythm(one: str, other: str) -> bool:
    """Whether two base rhythms have one origin: sinus rhythm that became slow is still sinus rhythm."""
    return one.partition("_")[0] == other.partition("_")[0]


def compare(earlier: Analysis, later: Analysis) -> Comparison:
    """What the later analysis says against the earlier one of the same person."""
    return compare_json(earlier.to_json(), later.to_json())


def compare_json(earlier: Mapping[str, object], later: Mapping[str, object]) -> Comparison:
    """The same from stored results (`Analysis.to_json`), of this or another version of the library."""
    then, now = _Side(earlier), _Side(later)
    both = then.readable & now.readable
    numbers = tuple(_numbers(then, now, both))
    found = Comparison(
        rhythm=(then.rhythm, now.rhythm),
        findings=tuple(_codes(then, now, frozenset(n.name for n in numbers if not n.beyond_noise))),
        numbers=numbers,
        t_flipped=_t_flipped(then, now, both),
        not_compared=tuple(lead for lead in now.leads if lead in then.leads and lead not in both),
        caveats=tuple(_caveats(then, now)),
        swap=_swap(then, now),
        say=(),
    )
    return replace(found, say=tuple(sentences(found)))


class _Side:
    """One analysis, as far as it is compared; tolerant of what a version does not hold."""

    def __init__(self, told: Mapping[str, object]) -> None:
        quality = _mapping(told.get("quality"))
        self.leads = tuple(str(lead) for lead in _sequence(told.get("leads")))
        off = {str(lead) for lead in _sequence(quality.get("lead_off"))}
        votes = _mapping(quality.get("leads"))
        self.readable = {
            lead for lead in self.leads if lead not in off and (_number(votes.get(lead)) or 0.0) >= VOTE_MIN
        }
        self.findings = {
            str(finding.get("code")): tuple(str(lead) for lead in _sequence(finding.get("leads")))
            for finding in map(_mapping, _sequence(told.get("findings")))
        }
        episodes = [_mapping(one) for one in _sequence(told.get("episodes"))]
        from ecg.analysis import main_rhythm  # the whole pipeline: who only names a comparison need not load it

        self.rhythm = main_rhythm(
            tuple(Episode(str(e.get("rhythm")), _whole(e.get("first")), _whole(e.get("end"))) for e in episodes)
        )
        self.measured = _mapping(told.get("measurements"))
        self.beat = _beat(_mapping(told.get("median")))
        self.versions = {str(k): str(v) for k, v in _mapping(told.get("versions")).items()}
        self.is_unread = not self.readable or bool(UNREAD & self.findings.keys())
        self.has_forms = not self.is_unread and not FORM_UNREAD & self.findings.keys()

    def could_show(self, code: str, leads: Sequence[str]) -> bool:
        """Whether this recording was good enough to carry the finding."""
        known = codes.findings().get(code)
        if self.is_unread or (leads and not self.readable & set(leads)):
            return False
        return self.has_forms or (known is not None and known.group == "rhythm")

    def value(self, name: str) -> float | None:
        """A measurement by its dotted name."""
        key, _, part = name.partition(".")
        return _number(_mapping(self.measured.get(key)).get(part) if part else self.measured.get(key))


def _codes(then: _Side, now: _Side, still: frozenset[str]) -> Iterator[CodeChange]:
    """`still`: names of the numbers that moved less than noise."""
    before, after = _of_the_heart(then.findings), _of_the_heart(now.findings)
    steps, settled = _steps(before, after)

    def kind_of(kind: Kind, *changed: str) -> Kind:
        return (
            "borderline"
            if same_rhythm(then.rhythm, now.rhythm) and all(RESTS_ON.get(code) in still for code in changed)
            else kind
        )

    for was, code in steps:
        step: Kind = "graver" if RANKS[code][1] > RANKS[was][1] else "milder"
        yield CodeChange(kind_of("changed" if {was, code} <= NEUTRAL else step, was, code), code, was, after[code])
    for code, leads in after.items():
        if code in before:
            yield CodeChange("unchanged", code, code, leads)
        elif code not in settled:
            yield CodeChange(kind_of("appeared", code) if then.could_show(code, leads) else "unsure", code, None, leads)
    for code, leads in before.items():
        if code not in after and code not in settled:
            yield CodeChange(kind_of("gone", code) if now.could_show(code, leads) else "unsure", code, code, leads)


def _of_the_heart(findings: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    known = codes.findings()
    return {
        code: leads
        for code, leads in findings.items()
        if code not in OF_THE_WHOLE and not (code in known and known[code].group == "quality")
    }


def _steps(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[list[tuple[str, str]], set[str]]:
    """Steps from the gravest code of a family then to the gravest now; and the codes that these steps account for."""
    steps: list[tuple[str, str]] = []
    settled: set[str] = set()
    for family in dict.fromkeys(RANKS[code][0] for code in before if code in RANKS):
        was, code = _gravest(before, family), _gravest(after, family)
        if was is None or code is None or RANKS[was][1] == RANKS[code][1]:
            continue
        steps.append((was, code))
        settled |= {one for one in {**before, **after} if one in RANKS and RANKS[one][0] == family}
    return steps, settled - (before.keys() & after.keys())


def _gravest(found: Mapping[str, object], family: int) -> str | None:
    of = [code for code in found if code in RANKS and RANKS[code][0] == family]
    return max(of, key=lambda code: RANKS[code][1], default=None)


def _numbers(then: _Side, now: _Side, both: set[str]) -> Iterator[NumberChange]:
    if then.is_unread or now.is_unread:
        return
    has_forms = then.has_forms and now.has_forms
    for name, limit in LIMITS.items():
        if not has_forms and name != "vent_rate_bpm":
            continue
        is_axis = name.startswith("axis_deg.")
        if is_axis and not {"I", "aVF"} <= both:
            continue
        unit = "deg" if is_axis else "bpm" if name.endswith("_bpm") else "ms"
        yield from _number_change(then, now, name, unit, limit)
    for lead in now.leads:
        if lead in both and has_forms:
            limit = ST_LIMIT_RIGHT_CHEST_MV if lead in RIGHT_CHEST else ST_LIMIT_MV
            for level in _number_change(then, now, f"st_j_mv.{lead}", "mV", limit):
                yield replace(level, beyond_noise=level.beyond_noise and _st_stays(then, now, level))


def _number_change(then: _Side, now: _Side, name: str, unit: str, limit: float) -> Iterator[NumberChange]:
    before, after = then.value(name), now.value(name)
    if before is None or after is None:
        return
    change = after - before
    if unit == "deg":
        change = (change + 180.0) % 360.0 - 180.0
    change = round(change, 3)
    yield NumberChange(name, unit, before, after, change, limit, abs(change) > limit)


def _st_stays(then: _Side, now: _Side, at_j: NumberChange) -> bool:
    """The level moved 60 ms after J too: at J alone a QRS end found a little elsewhere looks like a change of ST."""
    name = at_j.name.replace("st_j_mv", "st_j60_mv")
    before, after = then.value(name), now.value(name)
    return before is None or after is None or math.copysign(1.0, at_j.change) * (after - before) > at_j.limit


def _t_flipped(then: _Side, now: _Side, both: set[str]) -> tuple[str, ...]:
    flipped = []
    for lead in now.leads:
        if lead in both and lead != "aVR":
            before, after = _t_uv(then, lead), _t_uv(now, lead)
            if before is not None and after is not None and before * after < 0:
                flipped.append(lead)
    return tuple(flipped)


def _t_uv(side: _Side, lead: str) -> float | None:
    """The largest deflection of the T wave of the median beat, uV; None where it is too small or was not delimited."""
    qrs_ms, qt_ms, beat = side.value("qrs_ms"), side.value("qt_ms"), side.beat
    if beat is None or qrs_ms is None or qt_ms is None or lead not in beat.leads or not side.has_forms:
        return None
    # The stored beat has no marks: R lies about the middle of the QRS.
    onset = beat.r_at - round(qrs_ms * beat.fs / 2000)
    first = onset + round((qrs_ms / 1000 + T_AFTER_QRS_S) * beat.fs)
    end = onset + round(qt_ms * beat.fs / 1000)
    wave, zero = beat.leads[lead], beat.leads[lead][max(0, onset - round(0.01 * beat.fs))]
    t = wave[first:end] - zero
    if len(t) < 3 or not np.isfinite(t).all():
        return None
    top = float(t[int(np.argmax(np.abs(t)))])
    return top if abs(top) >= T_LEAST_UV else None


def _caveats(then: _Side, now: _Side) -> Iterator[str]:
    for name, side in (("earlier", then), ("later", now)):
        if side.is_unread:
            yield f"{name}_unread"
        elif not side.has_forms:
            yield f"{name}_poor"
    if then.versions != now.versions:
        yield "versions"


def _swap(then: _Side, now: _Side) -> Swap | None:
    if then.is_unread or now.is_unread:
        return None
    if then.beat is None or now.beat is None or {then.rhythm, now.rhythm} & set(NO_BEAT_TO_COMPARE):
        return None
    if "paced" in (then.rhythm, now.rhythm) and then.rhythm != now.rhythm != "undetermined" != then.rhythm:
        return None
    return suspect(then.beat, now.beat, then.readable, now.readable)


# The sentences.

ELECTRODES_ZH = {"RA": "右手", "LA": "左手", "LL": "左脚", "RL": "右脚"}
NUMBER_WORDS: Mapping[str, tuple[str, str]] = {
    "vent_rate_bpm": ("心室率", "ventricular rate"),
    "p_ms": ("P 波时限", "P duration"),
    "pr_ms": ("PR 间期", "PR"),
    "qrs_ms": ("QRS 时限", "QRS"),
    "qt_ms": ("QT 间期", "QT"),
    "axis_deg.p": ("P 电轴", "P axis"),
    "axis_deg.qrs": ("QRS 电轴", "QRS axis"),
    "axis_deg.t": ("T 电轴", "T axis"),
    **{f"qtc_ms.{formula}": (f"QTc（{formula.title()}）", f"QTc ({formula.title()})") for formula in QTC_FORMULAS},
}
UNIT_WORDS = {"ms": (" ms", " ms"), "bpm": (" 次/分", "/min"), "deg": ("°", "°")}
KIND_WORDS: Mapping[Kind, tuple[str, str]] = {
    "graver": ("加重", "Graver"),
    "appeared": ("新出现", "New"),
    "milder": ("减轻", "Milder"),
    "gone": ("消失", "Gone"),
    "borderline": ("仅越过界值，数值变化在重复误差之内", "Past a limit by less than noise"),
    "changed": ("变化", "Changed"),
    "unsure": ("图形质量所限，不能判断是否变化", "Not comparable for quality"),
    "unchanged": ("无变化", "Unchanged"),
}


def sentences(of: Comparison) -> Iterator[Sentence]:
    """What changed, in words; what is unchanged last. Where nothing could be read, that alone."""
    for caveat, zh, en in (
        ("later_unread", "本次图形无法判读，不能与既往比较", "This ECG cannot be read: nothing can be compared"),
        ("earlier_unread", "既往图形无法判读，不能比较", "The earlier ECG cannot be read: nothing can be compared"),
    ):
        if caveat in of.caveats:
            yield Sentence("quality", zh, en)
            return
    if of.swap is not None:
        yield _swap_words(of.swap)
    if not same_rhythm(*of.rhythm):
        (zh, en), (zh_now, en_now) = (_rhythm_words(rhythm) for rhythm in of.rhythm)
        yield Sentence("rhythm", f"心律：{zh} → {zh_now}", f"Rhythm: {en} → {en_now}")
    for kind in ("graver", "appeared", "changed", "milder", "gone", "borderline", "unsure"):
        yield from _codes_words(of, kind)
    yield from _numbers_words(of)
    if of.t_flipped and of.swap is None:
        names = " ".join(of.t_flipped)
        yield Sentence("t", f"T 波方向改变：{names}", f"T wave changed its direction: {names}")
    if of.unchanged:
        yield Sentence("whole", "与既往心电图相比无明显变化", "No change beyond noise against the earlier ECG")
    yield from _codes_words(of, "unchanged")
    yield from _caveat_words(of)


def _swap_words(swap: Swap) -> Sentence:
    named = "、".join(ELECTRODES_ZH.get(name, name) for name in swap.electrodes)
    names = " ".join(swap.electrodes)
    zh = f"与既往相比疑似电极接错（{named}）：请先核对电极，电轴、ST 段和 T 波的变化暂不可信"
    en = f"Electrodes seem exchanged against the earlier ECG ({names}): check them first"
    return Sentence("swap", zh, f"{en}; changes of axis, ST and T are not to be believed")


def _rhythm_code(rhythm: str) -> str | None:
    from ecg.statements.rhythm import RHYTHM_CODES  # as above

    return RHYTHM_CODES.get(rhythm)


def _rhythm_words(rhythm: str) -> tuple[str, str]:
    name = codes.findings().get(_rhythm_code(rhythm) or rhythm.upper())
    if name is not None:
        return name.name_zh, name.name_en
    return ("未能判定", "undetermined") if rhythm == "undetermined" else (rhythm, rhythm)


def _name(code: str, language: int) -> str:
    known = codes.findings().get(code)
    return code if known is None else (known.name_zh, known.name_en)[language]


def _codes_words(of: Comparison, kind: Kind) -> Iterator[Sentence]:
    told = set() if same_rhythm(*of.rhythm) else {_rhythm_code(rhythm) for rhythm in of.rhythm}
    changes = [c for c in of.findings if c.kind == kind and (c.code not in told or kind in STEPS)]
    if not changes:
        return

    def one(change: CodeChange, language: int) -> str:
        now = _name(change.code, language)
        return now if change.was in (None, change.code) else f"{_name(change.was or '', language)} → {now}"

    head_zh, head_en = KIND_WORDS[kind]
    zh, en = "；".join(one(c, 0) for c in changes), "; ".join(one(c, 1) for c in changes)
    yield Sentence("findings", f"{head_zh}：{zh}", f"{head_en}: {en}")


def _numbers_words(of: Comparison) -> Iterator[Sentence]:
    """The measurements that moved, QTc by one formula; with an exchange suspected only those that it leaves alone."""
    beyond = [n for n in of.numbers if n.beyond_noise and not (of.swap and n.unit in ("deg", "mV"))]
    qtc = [n for n in beyond if n.name.startswith("qtc_ms.")]
    plain = [n for n in beyond if n.unit != "mV" and (n not in qtc or n == qtc[0])]
    if plain:
        zh, en = "；".join(_number_words(n, 0) for n in plain), "; ".join(_number_words(n, 1) for n in plain)
        yield Sentence("numbers", f"测量变化：{zh}", f"Measurements: {en}")
    st = [f"{n.name.partition('.')[2]} {_plain(n.change, signed=True)}" for n in beyond if n.unit == "mV"]
    if st:
        yield Sentence("st", f"ST 段（J 点）变化：{'、'.join(st)} mV", f"ST at J: {', '.join(st)} mV")


def _number_words(number: NumberChange, language: int) -> str:
    name, by = NUMBER_WORDS[number.name][language], _plain(number.change, signed=True)
    change = (f"（{by}）", f" ({by})")[language]
    return f"{name} {_plain(number.before)} → {_plain(number.after)}{UNIT_WORDS[number.unit][language]}{change}"


def _plain(value: float, *, signed: bool = False) -> str:
    return f"{value:{'+' if signed else ''}g}".replace("-", "\N{MINUS SIGN}")


def _caveat_words(of: Comparison) -> Iterator[Sentence]:
    if "later_poor" in of.caveats or "earlier_poor" in of.caveats:
        zh, en = ("本次", "This") if "later_poor" in of.caveats else ("既往", "The earlier")
        yield Sentence(
            "quality", f"{zh}图形质量差，只比较心律", f"{en} ECG is of poor quality: only the rhythm is compared"
        )
    if of.not_compared:
        names = " ".join(of.not_compared)
        yield Sentence(
            "quality", f"{names} 有一次无法判读，未比较", f"{names} could not be read in one of the two: not compared"
        )
    if "versions" in of.caveats:
        yield Sentence(
            "quality",
            "两次所用算法或规则版本不同，差别可能来自软件",
            "Another version analysed the earlier ECG: it may differ by that",
        )


# Reading stored JSON.


def _mapping(told: object) -> Mapping[str, object]:
    return told if isinstance(told, Mapping) else {}


def _sequence(told: object) -> Sequence[object]:
    return told if isinstance(told, list | tuple) else ()


def _number(told: object) -> float | None:
    return float(told) if isinstance(told, int | float) and not isinstance(told, bool) else None


def _whole(told: object) -> int:
    return int(_number(told) or 0)


def _beat(told: Mapping[str, object]) -> BeatView | None:
    fs = _number(told.get("fs"))
    if fs is None or fs <= 0:
        return None
    waves: dict[str, F32] = {
        str(lead): np.array([np.nan if v is None else v for v in _sequence(wave)], dtype=np.float32)
        for lead, wave in _mapping(told.get("leads")).items()
    }
    return BeatView(fs, _whole(told.get("r_at")), waves)
