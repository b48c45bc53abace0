"""Exchanged electrodes are suspected and named; an ordinary ECG is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import ecg
from ecg.results import Finding
from ecg.signal.quality import quality_of
from ecg.waves import median as waves
from ecg.waves.reversal import EXCHANGES, reversal, words

Real = Callable[[str], ecg.Recording]
RECORDS = tuple(f"ludb/{number}" for number in (4, 6, 7, 10, 13, 15, 21, 33, 55, 62))


def exchanged(recording: ecg.Recording, pair: tuple[str, str]) -> ecg.Recording:
    """The recording with two electrodes exchanged, by the algebra of the leads."""
    lead = {name: recording.lead(name) for name in recording.leads}
    zero = np.zeros_like(lead["I"])
    at = {"RA": zero, "LA": lead["I"], "LL": lead["II"], "RL": 0.98 * lead["II"]}
    at |= {name: lead[name] + (lead["I"] + lead["II"]) / 3 for name in lead if name.startswith("V")}
    at[pair[0]], at[pair[1]] = at[pair[1]], at[pair[0]]
    i, ii = at["LA"] - at["RA"], at["LL"] - at["RA"]
    limb = {"I": i, "II": ii, "III": ii - i, "aVR": -(i + ii) / 2, "aVL": i - ii / 2, "aVF": ii - i / 2}
    chest = {name: at[name] - (at["RA"] + at["LA"] + at["LL"]) / 3 for name in lead if name.startswith("V")}
    made = limb | chest
    return ecg.Recording(recording.fs, recording.leads, np.stack([made[n] for n in recording.leads], axis=1))


def found(recording: ecg.Recording, beats: tuple[ecg.Beat, ...]) -> tuple[Finding, ...]:
    _, at = waves.dominant_beats(beats)
    median = waves.median_beat(recording.signal_uv, at, recording.fs, recording.leads)
    return reversal(median, quality_of(recording), samples=len(recording.signal_uv))


@pytest.fixture(scope="module")
def known(real: Real) -> dict[str, tuple[ecg.Recording, tuple[ecg.Beat, ...]]]:
    whole = {record: real(record) for record in RECORDS}
    return {record: (one, ecg.analyze(one).beats) for record, one in whole.items()}


Known = dict[str, tuple[ecg.Recording, tuple[ecg.Beat, ...]]]


def test_an_ordinary_ecg_raises_no_suspicion(known: Known) -> None:
    assert [record for record, (one, beats) in known.items() if found(one, beats)] == []


@pytest.mark.parametrize(
    ("pair", "code"),
    [
        (("RA", "LA"), "LEAD_REVERSAL_LA_RA"),
        (("RA", "LL"), "LEAD_REVERSAL_OTHER"),
        (("RA", "RL"), "LEAD_REVERSAL_OTHER"),
        (("LA", "RL"), "LEAD_REVERSAL_OTHER"),
        (("V1", "V3"), "PRECORDIAL_MISPLACEMENT"),
    ],
)
def test_an_exchange_is_suspected(known: Known, pair: tuple[str, str], code: str) -> None:
    alerts = [found(exchanged(one, pair), beats) for one, beats in known.values()]
    assert sum(bool(alert) for alert in alerts) >= 0.7 * len(alerts)
    right = [alert[0] for alert in alerts if alert and alert[0].code == code]
    assert len(right) >= 0.6 * len(alerts)
    for finding in right:
        assert finding.leads == EXCHANGES[pair] or code == "LEAD_REVERSAL_OTHER"
        assert 0.5 <= (finding.probability or 0) <= 1
        assert finding.grade is None


def test_the_sentence_names_the_electrodes() -> None:
    assert words(("RA", "LA"))[0].startswith("左右手电极可能接反")
    assert words(("V1", "V2")) == (
        "V1与V2电极可能接反，请核对后重新采集",
        "V1 and V2 electrodes may be exchanged; check them and record again",
    )


def test_without_twelve_readable_leads_nothing_is_suspected(known: Known) -> None:
    one, beats = known[RECORDS[0]]
    limb = ecg.Recording(one.fs, one.leads[:6], np.ascontiguousarray(-one.signal_uv[:, :6]))
    assert found(limb, beats) == ()
    signal = exchanged(one, ("RA", "LA")).signal_uv.copy()
    signal[:, one.leads.index("V4")] = 0.0
    assert found(ecg.Recording(one.fs, one.leads, signal), beats) == ()
    assert reversal(None, quality_of(one), samples=5000) == ()


def test_a_mirrored_heart_is_not_called_an_exchange(known: Known) -> None:
    one, beats = known["ludb/62"]
    signal = exchanged(one, ("RA", "LA")).signal_uv.copy()
    v1 = signal[:, one.leads.index("V1")].copy()
    signal[:, one.leads.index("V1")] = signal[:, one.leads.index("V2")]
    for lead, part in (("V2", 1.0), ("V3", 0.8), ("V4", 0.65), ("V5", 0.5), ("V6", 0.4)):
        signal[:, one.leads.index(lead)] = part * v1
    alert = found(ecg.Recording(one.fs, one.leads, signal), beats)
    assert [finding.code for finding in alert] == ["DEXTROCARDIA"]


def test_no_form_is_read_from_exchanged_arms(known: Known) -> None:
    # critical-values 6.4: the message appears, and no rule on ST or other forms fires.
    one, _ = known["ludb/62"]
    analysis = ecg.analyze(exchanged(one, ("RA", "LA")))
    codes = {finding.code for finding in analysis.findings}
    assert "LEAD_REVERSAL_LA_RA" in codes
    assert not [finding.rule for finding in analysis.findings if finding.rule]


def test_leads_upside_down_are_told(known: Known) -> None:
    alert = [found(ecg.Recording(one.fs, one.leads, -one.signal_uv), beats) for one, beats in known.values()]
    assert any(alert)
