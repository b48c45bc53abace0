"""The one table that says which label of which database, and which of our codes, mean the same finding (A9).

A record whose label says neither yes nor no for a finding (`unclear`) is left out of it. A finding is judged only on
the databases whose annotators used a label for it; even there the absence of a label is weak evidence (CinC 2021 pools
seven hospitals with different habits), so specificities are lower limits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ecg import codes


@dataclass(frozen=True)
class Means:
    """One finding.

    ours      our codes that say it.
    snomed    codes of CinC 2021 that say it; unclear: those that neither say nor deny it.
    ludb      beginnings of LUDB's phrases that say it; ludb_unclear likewise.
    critical  a "normal ECG" beside it would be a dangerous error.
    """

    ours: frozenset[str]
    snomed: frozenset[str] = frozenset()
    unclear: frozenset[str] = frozenset()
    ludb: tuple[str, ...] = ()
    ludb_unclear: tuple[str, ...] = ()
    critical: bool = False


def _codes(*starts: str) -> frozenset[str]:
    """Our codes, each given whole or by a beginning with `*`."""
    known = codes.findings()
    return frozenset(
        code
        for code in known
        for start in starts
        if code == start or (start[-1] == "*" and code.startswith(start[:-1]))
    )


_VENTRICULAR_TACHYCARDIA = ("VT", "VT_NONSUSTAINED", "VT_POLYMORPHIC", "TORSADES", "WIDE_QRS_TACHYCARDIA")

# SNOMED CT as in the challenge's own table (Reyna et al. 2021): 59118001 and 713427006 (right bundle branch block),
# 733534002 and 164909002 (left), 284470004 and 63593006 (PAC), 427172004 and 17338001 (PVC) count as the same there.
FINDINGS: Mapping[str, Means] = {
    "AFIB": Means(_codes("AFIB*"), frozenset({"164889003"}), ludb=("Atrial fibrillation",)),
    "AFLUTTER": Means(_codes("AFLUTTER"), frozenset({"164890007"}), ludb=("Atrial flutter",)),
    "AF_OR_FLUTTER": Means(
        _codes("AFIB*", "AFLUTTER"),
        frozenset({"164889003", "164890007"}),
        ludb=("Atrial fibrillation", "Atrial flutter"),
    ),
    "SINUS_RHYTHM": Means(_codes("SINUS_RHYTHM"), frozenset({"426783006"}), ludb=("Sinus rhythm",)),
    "SINUS_BRADYCARDIA": Means(
        _codes("SINUS_BRADYCARDIA"), frozenset({"426177001"}), frozenset({"426627000"}), ludb=("Sinus bradycardia",)
    ),
    "SINUS_TACHYCARDIA": Means(_codes("SINUS_TACHYCARDIA"), frozenset({"427084000"}), ludb=("Sinus tachycardia",)),
    "SINUS_ARRHYTHMIA": Means(
        _codes("SINUS_ARRHYTHMIA"), frozenset({"427393009"}), ludb=("Sinus arrhythmia", "Irregular sinus rhythm")
    ),
    "AVB_I": Means(_codes("AVB_I"), frozenset({"270492004"}), frozenset({"233917008"}), ludb=("I degree av",)),
    "AVB_III": Means(
        _codes("AVB_III", "AVB_HIGH_GRADE"), ludb=("Iii degree av",), unclear=frozenset({"233917008"}), critical=True
    ),
    "RBBB": Means(_codes("RBBB"), frozenset({"59118001", "713427006"}), ludb=("Complete right bundle branch block",)),
    "RBBB_INCOMPLETE": Means(
        _codes("RBBB_INCOMPLETE"), frozenset({"713426002"}), ludb=("Incomplete right bundle branch block",)
    ),
    "LBBB": Means(_codes("LBBB"), frozenset({"164909002", "733534002"}), ludb=("Complete left bundle branch block",)),
    "LAFB": Means(_codes("LAFB"), frozenset({"445118002"}), ludb=("Left anterior hemiblock",)),
    "IVCD": Means(_codes("IVCD"), frozenset({"698252002"}), ludb=("Non-specific intravintricular",)),
    "PAC": Means(
        _codes("PAC", "PAC_*", "JUNCTIONAL_PREMATURE"),
        frozenset({"284470004", "63593006"}),
        ludb=("Atrial extrasystole",),
    ),
    "PVC": Means(
        _codes("PVC*"),
        frozenset({"427172004", "17338001", "164884008"}),
        frozenset({"425856008"}),
        ludb=("Ventricular extrasystole",),
    ),
    "PACED": Means(
        _codes("PACED*"),
        frozenset({"10370003"}),
        ludb=("Unipolar", "Bipolar", "Biventricular", "P-synchrony", "Pacemaker presence"),
    ),
    "LVH": Means(
        _codes("LVH", "LVH_STRAIN"),
        frozenset({"164873001"}),
        frozenset({"55827005", "55930002"}),
        ludb=("Left ventricular hypertrophy",),
        ludb_unclear=("Left ventricular overload",),
    ),
    "RVH": Means(_codes("RVH"), frozenset({"89792004"}), ludb=("Right ventricular hypertrophy",)),
    "LAE": Means(
        _codes("LAE"),
        frozenset({"67741000119109", "253352002"}),
        ludb=("Left atrial hypertrophy", "Left atrial overload"),
    ),
    "RAE": Means(_codes("RAE"), frozenset({"446358003"}), ludb=("Right atrial hypertrophy", "Right atrial overload")),
    "AXIS_LEFT": Means(
        _codes("AXIS_LEFT"), frozenset({"39732003"}), ludb=("Electric axis of the heart: left axis deviation",)
    ),
    "AXIS_RIGHT": Means(
        _codes("AXIS_RIGHT"), frozenset({"47665007"}), ludb=("Electric axis of the heart: right axis deviation",)
    ),
    "LOW_VOLTAGE": Means(_codes("LOW_VOLTAGE"), frozenset({"251146004"})),
    "LONG_QT": Means(_codes("LONG_QT"), frozenset({"111975006"})),
    "T_INVERSION": Means(_codes("T_INVERSION", "ISCHAEMIA*"), frozenset({"59931005"}), frozenset({"164934002"})),
    "EARLY_REPOLARISATION": Means(_codes("EARLY_REPOLARISATION"), ludb=("Early repolarization",)),
    "VT": Means(_codes(*_VENTRICULAR_TACHYCARDIA), frozenset({"425856008", "164895002"}), critical=True),
    "STEMI": Means(
        _codes("STEMI*", "MI_ACUTE", "MI_IN_LBBB"),
        frozenset({"57054005"}),
        frozenset({"164865005", "164861001", "54329005"}),
        ludb=("Stemi",),
        critical=True,
    ),
}

# Sources of CinC 2021 that label some classes and nothing else: the absence of another label means nothing there.
# CPSC 2018 has nine. PTB gives the reason for admission (infarction, healthy), not what the ECG shows: three of its
# five development records have plain right bundle branch block without a label.
SAYS_ONLY: Mapping[str, frozenset[str]] = {
    "CPSC2018": frozenset({"SINUS_RHYTHM", "AFIB", "AF_OR_FLUTTER", "AVB_I", "LBBB", "RBBB", "PAC", "PVC"}),
    "PTB": frozenset({"SINUS_RHYTHM", "STEMI", "VT"}),
}


def truth(key: str, database: str, labels: Collection[str], source: str = "") -> bool | None:
    """Whether the labels of a record say the finding; None where they leave it open, or its source never says it."""
    means = FINDINGS[key]
    if source in SAYS_ONLY and key not in SAYS_ONLY[source]:
        return None
    yes: Collection[str] = means.snomed if database == "cinc2021" else means.ludb
    open_: Collection[str] = means.unclear if database == "cinc2021" else means.ludb_unclear
    if not yes:
        return None
    if any(_is(label, word) for label in labels for word in yes):
        return True
    return None if any(_is(label, word) for label in labels for word in open_) else False


def _is(label: str, word: str) -> bool:
    return label.startswith(word)


def labels_of(database: str, row: Mapping[str, str]) -> tuple[str, ...]:
    """The labels of a row of the database's table."""
    if database == "cinc2021":
        return tuple(row["snomed"].split())
    phrases = [text for column, text in row.items() if column not in ("ID", "Sex", "Age")]
    return tuple(
        part.strip() for text in phrases for part in (text or "").replace("\n", ";").split(";") if part.strip()
    )
