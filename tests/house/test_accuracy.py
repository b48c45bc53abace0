"""The benchmark of accuracy: its noise, exchanged electrodes, labels and folds are what its page says they are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ecg import codes
from ecg.record import STANDARD_LEADS, Recording
from ecg.synth import Segment, twelve_lead
from server.regen_accuracy import FIGURES, PARTS
from tests.bench import accuracy
from tests.bench.judged.folds import TRAINED_ON, Folds
from tests.bench.judged.labels import FINDINGS, truth
from tests.bench.judged.material import EXCHANGES, exchanged
from tests.bench.judged.noise import noisy_seconds, with_noise
from tests.bench.judged.targets import MUSTS, is_reached

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def sinus() -> Recording:
    return twelve_lead(np.random.default_rng(1), [Segment("sinus", 10)]).recording


def test_each_trained_part_states_what_it_learned_from() -> None:
    assert {path.stem for path in (ROOT / "ecg/trained").glob("*.npz")} <= set(TRAINED_ON)


def test_every_part_has_a_title_and_every_must_a_part() -> None:
    assert set(accuracy.PARTS) == set(PARTS)
    assert {key.partition(".")[0] for key in MUSTS} <= set(PARTS)


def test_noise_begins_after_five_minutes_and_takes_turns_of_two() -> None:
    fs = 100.0
    clean = np.zeros((int(1000 * fs), 1))
    beats = list(range(100, 30_000, 100))
    clean[beats] = 1.0
    noise = np.random.default_rng(2).normal(0, 1, (20_000, 2))
    added = with_noise(clean, beats, ["N"] * len(beats), noise, fs, 6.0) - clean
    on = np.zeros(len(clean), dtype=bool)
    for first, end in noisy_seconds(1000.0):
        on[int(first * fs) : int(end * fs)] = True
    assert noisy_seconds(1000.0) == [(300.0, 420.0), (540.0, 660.0), (780.0, 900.0)]
    assert np.all(added[~on] == 0)
    ratio = 10 * np.log10((1.0**2 / 8) / added[on].var())
    assert ratio == pytest.approx(6.0, abs=0.3)


@pytest.mark.parametrize("pair", EXCHANGES)
def test_electrodes_exchanged_twice_stand_where_they_stood(pair: tuple[str, str], sinus: Recording) -> None:
    once = exchanged(sinus, pair)
    again = exchanged(once, pair)
    assert once.leads == STANDARD_LEADS
    assert not np.allclose(once.signal_uv, sinus.signal_uv, atol=5)
    assert np.allclose(again.signal_uv, sinus.signal_uv, atol=5)


def test_exchanged_arms_turn_lead_one_over(sinus: Recording) -> None:
    once = exchanged(sinus, ("RA", "LA"))
    assert np.allclose(once.lead("I"), -sinus.lead("I"), atol=5)
    assert np.allclose(once.lead("II"), sinus.lead("III"), atol=5)
    assert np.allclose(once.lead("aVR"), sinus.lead("aVL"), atol=5)
    assert np.allclose(once.lead("V1"), sinus.lead("V1"))


def test_labels_speak_of_codes_that_there_are() -> None:
    known = set(codes.findings())
    for key, means in FINDINGS.items():
        assert means.ours, key
        assert means.ours <= known, key


def test_an_open_label_is_neither_yes_nor_no() -> None:
    assert truth("LVH", "cinc2021", ["164873001"]) is True
    assert truth("LVH", "cinc2021", ["55827005"]) is None
    assert truth("LVH", "cinc2021", ["426783006"]) is False
    assert truth("LVH", "cinc2021", ["426783006"], "CPSC2018") is None
    assert truth("LOW_VOLTAGE", "ludb", ["Sinus rhythm"]) is None
    assert truth("STEMI", "ludb", ["Stemi: anterior wall"]) is True


def test_a_record_is_judged_by_the_fold_that_did_not_see_it(tmp_path: Path) -> None:
    for fold, record in enumerate(("mitdb/101", "mitdb/102")):
        np.savez(tmp_path / f"qrs{fold}.npz", x=np.zeros(1))
        (tmp_path / f"qrs{fold}.txt").write_text(f"{record}\n", encoding="utf-8")
    folds = Folds.of(tmp_path)
    assert folds.choice("mitdb/102") == (("qrs", tmp_path / "qrs1.npz"),)
    assert folds.choice("cinc2011/1") == ()
    assert folds.seen(("qrs", "beats"), "mitdb", ("beats", "qrs")) == ("beats",)
    with pytest.raises(FileNotFoundError):
        Folds.of(tmp_path / "nothing")


def test_other_weights_are_taken_before_any_were_read_and_never_after(tmp_path: Path) -> None:
    np.savez(tmp_path / "qrs0.npz", only=np.arange(3))
    code = (
        "import sys; from pathlib import Path; from ecg import trained\n"
        "trained.use({'qrs': Path(sys.argv[1])})\n"
        "assert list(trained.load('qrs')) == ['only']\n"
        "try: trained.use({})\n"
        "except RuntimeError: sys.exit(0)\n"
        "sys.exit(1)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "qrs0.npz")], cwd=ROOT, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(("key", "value", "reached"), [("A8.qt.mean", -24.0, True), ("A8.qt.mean", -26.0, False)])
def test_a_mean_may_lie_on_either_side(key: str, value: float, reached: bool) -> None:
    assert is_reached(key, value) is reached
    assert is_reached("A1.nothing", 0.0) is None


@pytest.mark.parametrize("words", [["--only", "A99"], ["--coffee"], ["--peers", "many"]])
def test_words_that_the_benchmark_does_not_know_are_refused(words: list[str]) -> None:
    with pytest.raises(ValueError, match=r"A99|coffee|many"):
        accuracy.run(words)


def test_the_kept_figures_are_of_parts_that_there_are() -> None:
    if FIGURES.is_file():
        kept = json.loads(FIGURES.read_text(encoding="utf-8"))
        assert {key.partition(".")[0] for key in kept["figures"]} <= set(PARTS)
