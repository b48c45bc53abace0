"""The figures to reach (musts of part A of the targets): they hold for records held back; here they stand beside what
the development records give."""

from __future__ import annotations

from typing import Literal

Must = tuple[Literal[">=", "<=", "abs<="], float]

_MARKS: dict[str, Must] = {
    "p.se": (">=", 96),
    "p.ppv": (">=", 95),
    "r.f1": (">=", 99.9),
    "t.se": (">=", 98.8),
    "t.ppv": (">=", 98.8),
    "p_on.sd": ("<=", 17),
    "p_off.sd": ("<=", 17),
    "qrs_on.sd": ("<=", 10.5),
    "qrs_off.sd": ("<=", 12.5),
    "t_off.sd": ("<=", 25),
    "p_on.mean": ("abs<=", 4),
    "p_off.mean": ("abs<=", 4),
    "qrs_on.mean": ("abs<=", 4),
    "qrs_off.mean": ("abs<=", 4),
    "t_off.mean": ("abs<=", 7),
    "p_in_af": ("<=", 5),
}
_FINDINGS: dict[str, Must] = {
    "AFIB.se": (">=", 93),
    "AFIB.sp": (">=", 98),
    "AFLUTTER.se": (">=", 60),
    "AFLUTTER.sp": (">=", 99),
    "SINUS_BRADYCARDIA.f1": (">=", 0.93),
    "SINUS_TACHYCARDIA.f1": (">=", 0.93),
    "AVB_I.f1": (">=", 0.82),
    "RBBB.f1": (">=", 0.88),
    "LBBB.f1": (">=", 0.90),
    "PAC.f1": (">=", 0.70),
    "PVC.f1": (">=", 0.85),
    "PACED.se": (">=", 90),
    "PACED.sp": (">=", 99.5),
    "LVH.f1": (">=", 0.60),
    "AXIS_LEFT.f1": (">=", 0.85),
    "AXIS_RIGHT.f1": (">=", 0.85),
    "STEMI.se": (">=", 75),
    "STEMI.sp": (">=", 95),
    "normal.npv": (">=", 100),
}
_INTERVALS: dict[str, Must] = {
    "p.mean": ("abs<=", 10),
    "p.sd": ("<=", 18),
    "pr.mean": ("abs<=", 10),
    "pr.sd": ("<=", 12),
    "qrs.mean": ("abs<=", 10),
    "qrs.sd": ("<=", 12),
    "qt.mean": ("abs<=", 25),
    "qt.sd": ("<=", 25),
}
MUSTS: dict[str, Must] = {
    "A1.two_leads.se": (">=", 99.90),
    "A1.two_leads.ppv": (">=", 99.85),
    "A1.two_leads.worst_record_f1": (">=", 97),
    "A1.two_leads.jitter_sd": ("<=", 10),
    "A1.one_lead.f1": (">=", 99.75),
    "A2.6db.f1": (">=", 96.5),
    "A2.6db.se": (">=", 98.5),
    "A2.0db.f1": (">=", 88),
    "A3.veb.se": (">=", 93),
    "A3.veb.ppv": (">=", 92),
    "A3.sveb.se": (">=", 76),
    "A3.sveb.ppv": (">=", 40),
    "A3.normal_called_ectopic": ("<=", 2),
    "A4.mitdb.duration_se": (">=", 95),
    "A4.mitdb.duration_ppv": (">=", 88),
    "A4.mitdb.duration_sp": (">=", 98),
    "A4.mitdb.episode_ppv": (">=", 80),
    "A4.mitdb.onset_error": ("<=", 10),
    "A4.mitdb.offset_error": ("<=", 10),
    "A4.cpsc2021.duration_se": (">=", 95),
    "A4.cpsc2021.duration_ppv": (">=", 95),
    "A4.cpsc2021.episode_ppv": (">=", 80),
    "A4.cpsc2021.onset_error": ("<=", 10),
    "A4.cpsc2021.offset_error": ("<=", 10),
    "A5.f1": (">=", 0.82),
    "A5.a.f1": (">=", 0.88),
    "A5.noise.f1": (">=", 0.75),
    "A5.a.sp": (">=", 96),
    "A6.vf_missed": ("<=", 0),
    "A6.vf_false": ("<=", 1),
    "A6.vt.se": (">=", 85),
    "A6.vt.ppv": (">=", 80),
    "A8.rate": ("<=", 1),
    "A10.accuracy": (">=", 93.5),
    "A10.se": (">=", 95),
    "A10.flagged_in_noise": (">=", 80),
    "A10.flagged_clean": ("<=", 1),
    "A11.tpr": (">=", 95),
    "A11.score": (">=", 65),
    "A11.asystole.tpr": (">=", 100),
    "A11.vf.tpr": (">=", 100),
    "A12.false": ("<=", 2),
    "A12.RA-LA.se": (">=", 90),
    "A12.RA-LL.se": (">=", 92),
    "A12.V1-V3.se": (">=", 92),
    "A12.V1-V2.se": (">=", 65),
    "A12.V2-V3.se": (">=", 65),
    "A12.V3-V4.se": (">=", 65),
    "A13.mitdb.se": (">=", 95),
    "A13.ludb.se": (">=", 95),
    "A13.false": ("<=", 0.1),
    **{f"A7.{key}": must for key, must in _MARKS.items()},
    **{f"A8.{key}": must for key, must in _INTERVALS.items()},
    **{f"A8.stated.{key}": must for key, must in _INTERVALS.items()},
    **{f"A9.{key}": must for key, must in _FINDINGS.items()},
}


def is_reached(key: str, value: float) -> bool | None:
    """None where the targets ask nothing of this figure."""
    if key not in MUSTS:
        return None
    how, limit = MUSTS[key]
    return value >= limit if how == ">=" else (abs(value) if how == "abs<=" else value) <= limit
