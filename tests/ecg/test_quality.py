"""Every half second of every lead is judged, the same in a stream and a file; the clinic is told which electrode."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecg
from ecg.signal import electrodes
from ecg.signal.hops import HopQuality, hop_quality, hops_quality
from ecg.signal.quality import Tally, quality_of, tally_of
from ecg.signal.readable import Reader
from ecg.signal.trace import trace_of
from ecg.synth import Segment, twelve_lead

FS = 500.0


def clean(seconds: float = 10.0, **how: float) -> ecg.Recording:
    rng = np.random.default_rng(8)
    return twelve_lead(rng, [Segment("sinus", seconds, 72)], noise_uv=how.pop("noise_uv", 6.0), **how).recording  # type: ignore[arg-type]  # all options used here are numbers


def spoiled(lead: str, change: Callable[[np.ndarray], np.ndarray]) -> ecg.Quality:
    whole = clean()
    signal = whole.signal_uv.copy()
    column = whole.leads.index(lead)
    signal[:, column] = change(signal[:, column])
    return quality_of(ecg.Recording(FS, whole.leads, signal))


@settings(max_examples=25, deadline=None)
@given(fs=st.sampled_from([100.0, 257.0, 360.0, 1000.0]), leads=st.integers(1, 12), seed=st.integers(0, 99))
def test_a_hop_is_judged_alike_alone_and_among_many(fs: float, leads: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    signal = (10 ** rng.uniform(0, 5, leads) * rng.standard_normal((round(7.3 * fs), leads))).astype(np.float32)
    signal[rng.integers(len(signal)) :, 0] = rng.choice([np.nan, np.inf, 0.0, -8e4])
    many, hop = hops_quality(signal, fs), round(0.5 * fs)
    for row in range(len(many.masks)):
        one = hop_quality(signal[row * hop : (row + 1) * hop], fs)
        np.testing.assert_array_equal(one.masks, many.masks[row])
        np.testing.assert_array_equal(one.sizes, many.sizes[row])


@settings(max_examples=15, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 1200), max_size=8), seed=st.integers(0, 9), seconds=st.sampled_from([0.5, 3.2, 21.0])
)
def test_the_verdicts_do_not_depend_on_how_the_trace_was_cut(cuts: list[int], seed: int, seconds: float) -> None:
    rng = np.random.default_rng(seed)
    signal = (300 * rng.standard_normal((round(seconds * 250), 2))).astype(np.float32)
    trace, hops = trace_of(signal, 250.0), hops_quality(signal, 250.0)
    usable = np.asarray(hops.usable)

    def run(cuts: list[int]) -> tuple[np.ndarray, np.ndarray, list[int]]:
        reader, found, at, hop_at = Reader(2), [], 0, 0
        for cut in [*cuts, len(trace)]:
            end, hop_end = min(at + cut, len(trace)), min(hop_at + cut // 40 + 1, len(usable))
            if cut == len(trace):
                end, hop_end = len(trace), len(usable)
            rows = slice(hop_at, hop_end)
            found.append(reader.push(trace[at:end], hops.range_uv[rows], hops.level_uv[rows], usable[rows]))
            at, hop_at = end, hop_end
        found.append(reader.flush())
        firsts = [verdict.first for verdict in found if len(verdict.dark)]
        return np.concatenate([v.noise for v in found]), np.concatenate([v.dark for v in found]), firsts

    whole, cut = run([]), run(cuts)
    np.testing.assert_array_equal(whole[0], cut[0])
    np.testing.assert_array_equal(whole[1], cut[1])
    assert len(whole[1]) == len(usable)
    assert cut[2] == sorted(cut[2])


def test_hop_by_hop_and_all_at_once_add_up_to_the_same() -> None:
    whole = clean()
    trace = trace_of(whole.signal_uv, FS)
    at_once = tally_of(whole, trace)
    by_hop, hops, starts = Tally.of(12), hops_quality(whole.signal_uv, FS), list(range(0, 5001, 250))
    for row, start in enumerate(starts[:-1]):
        one = hop_quality(whole.signal_uv[start : start + 250], FS)
        by_hop.add(HopQuality(one.masks[None], one.sizes[None]), starts[row : row + 2])
    reader = Reader(12)
    for verdict in (reader.push(trace, hops.range_uv, hops.level_uv, hops.usable), reader.flush()):
        by_hop.hear(verdict, starts[verdict.first :])
    assert by_hop.judge(whole.leads) == at_once.judge(whole.leads)


def test_a_clean_ecg_has_no_fault_and_no_electrode_to_mend() -> None:
    found = quality_of(clean())
    assert found.acceptable
    assert min(found.leads.values()) > 0.95
    assert not found.reasons
    assert not found.electrodes
    assert not found.unreadable


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("off", lambda x: np.zeros_like(x)),
        ("saturated", lambda x: np.full_like(x, -80_000)),
        ("mains", lambda x: x + 400 * np.sin(2 * np.pi * 50 * np.arange(len(x)) / FS)),
        ("mains", lambda x: x + 400 * np.sin(2 * np.pi * 60 * np.arange(len(x)) / FS)),
        ("muscle", lambda x: x + 120 * np.random.default_rng(1).standard_normal(len(x))),
        ("motion", lambda x: x + 30_000 * (np.arange(len(x)) // 700 % 2)),
        ("baseline", lambda x: x + 4000 * np.sin(2 * np.pi * 0.3 * np.arange(len(x)) / FS)),
        ("small", lambda x: 0.02 * x + np.random.default_rng(1).standard_normal(len(x))),
    ],
)
def test_the_clinic_hears_what_is_wrong_with_the_lead(reason: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    assert spoiled("V3", change).reasons == {"V3": reason}


@pytest.mark.parametrize(
    ("bad", "mend"),
    [
        ({"V3"}, ("V3",)),
        ({"I", "III", "aVL"}, ("LA",)),
        ({"I", "II", "aVR"}, ("RA",)),
        ({"II", "III", "aVF"}, ("LL",)),
        ({"I", "III", "V1", "V2"}, ("LA", "V1", "V2")),
        (set(ecg.STANDARD_LEADS), ("RL", "RA", "LA", "LL")),
        (set(), ()),
    ],
)
def test_the_electrode_follows_from_the_leads_it_carries(bad: set[str], mend: tuple[str, ...]) -> None:
    assert electrodes.to_mend(ecg.STANDARD_LEADS, [lead for lead in ecg.STANDARD_LEADS if lead in bad]) == mend


def test_the_words_are_the_clinics_own() -> None:
    reasons = {"V3": "off", "V4": "off", "II": "mains"}
    assert electrodes.say(reasons, "zh") == "V3 V4 脱落；II 交流干扰"
    assert electrodes.say(reasons, "en") == "V3 V4 off; II mains hum"
    assert electrodes.name_of("LA", "zh") == "左手"
    assert set(electrodes.REASONS) == set(electrodes.MEND)


def test_noise_over_all_leads_is_unreadable_and_the_rest_is_not() -> None:
    whole = clean(40.0)
    rng = np.random.default_rng(4)
    signal = whole.signal_uv.copy()
    rough = rng.standard_normal((5030, 12)).cumsum(axis=0)
    signal[10_000:15_000] += (400 * (rough[30:] - rough[:-30])).astype(np.float32)  # means over 60 ms: as fast as a QRS
    found = quality_of(ecg.Recording(FS, whole.leads, signal))
    dark = sum(min(span.end, 15_000) - max(span.first, 10_000) for span in found.unreadable)
    assert dark > 0.7 * 5000
    assert all(span.end <= 16_500 and span.first >= 9_500 for span in found.unreadable)


def test_a_wrong_unit_is_named_and_nothing_is_believed() -> None:
    for factor in (1e-3, 1e3):
        whole = clean()
        found = quality_of(ecg.Recording(FS, whole.leads, whole.signal_uv * np.float32(factor)))
        assert not found.acceptable
        assert set(found.reasons.values()) == {"scale"}


def test_pacing_spikes_and_tall_hearts_are_no_motion(real: Callable[[str], ecg.Recording]) -> None:
    for record in ("ludb/74", "ludb/90", "cinc2021/HR12083", "cinc2021/JS23463"):
        found = quality_of(real(record))
        assert sum(value >= 0.5 for value in found.leads.values()) >= 11, record


def test_phone_recordings_are_accepted_as_people_did(data: Path) -> None:
    with (data / "cinc2011" / "labels.csv").open() as table:
        rows = list(csv.DictReader(table))[::8]
    right = [
        quality_of(ecg.read(data / "cinc2011" / r["record"])).acceptable == (r["quality"] == "acceptable") for r in rows
    ]
    assert np.mean(right) > 0.85


def test_electrode_motion_over_a_holter_is_flagged_and_its_clean_minutes_are_not(data: Path) -> None:
    import wfdb

    clean_ = ecg.read(data / "mitdb" / "119", end=240 * 360)
    noise = wfdb.rdrecord(str(data / "nstdb" / "em"), sampto=120 * 360).p_signal.astype(np.float32) * 1000
    signal = clean_.signal_uv.copy()
    size = np.ptp(signal[: 30 * 360], axis=0)
    signal[120 * 360 :] += noise * (size / np.sqrt(8) / noise.std(axis=0))
    found = quality_of(ecg.Recording(360.0, clean_.leads, signal))
    in_noise = sum(max(0, span.end - max(span.first, 120 * 360)) for span in found.unreadable)
    before = sum(max(0, min(span.end, 120 * 360) - span.first) for span in found.unreadable)
    assert in_noise > 0.8 * 120 * 360
    assert before < 0.01 * 120 * 360
