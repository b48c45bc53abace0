"""Damaged XML of every format: a document or a refusal, never anything else."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecg import formats
from ecg.errors import EcgError, WrongRate, WrongSignal
from tests.ecg import xml_made as made

LEADS = made.steps(made.TWELVE[:6], 120)
XLI = made.sierra(LEADS, "", attributes=f"dataencoding='Base64' compression='XLI' {made.labels(LEADS)}")
SMALL: dict[str, Callable[[], bytes]] = {
    "aecg": lambda: made.aecg(made.series(made.sequence_set(LEADS), low="20240620084625", high="20240620084626")),
    "aecg utf-16": lambda: made.aecg(made.sequence_set(LEADS), encoding="UTF-16"),
    "muse": lambda: made.muse(made.waveform(LEADS), made.waveform(LEADS, kind="Median")),
    "cardiosoft": lambda: made.cardiosoft(LEADS),
    "disclosure": lambda: made.cardiosoft(LEADS, strip=False),
    "sapphire": lambda: made.sapphire(LEADS),
    "sierra": lambda: XLI.replace(b"></parsed", b">" + made.chunks(LEADS).encode() + b"</parsed"),
    "schiller": lambda: made.schiller(LEADS),
    "mortara": lambda: made.mortara(LEADS),
}
HOSTILE = (
    b"", b"0", b"-1", b"nan", b"inf", b"1e999", b"4294967295", b"-32768", b"99999999999999999999", b"1e-30", b",", b"x",
    b"\xff", b"\0", b"&lt;", b"&#0;", b"]]>", b"20240230256199", b"00000000000000+9999", b"\xe5\xbc", b"-", b".", b"=",
)  # fmt: skip


@cache
def small(name: str) -> bytes:
    return SMALL[name]()


def ends_well(raw: bytes) -> None:
    try:
        got = formats.document(raw)
    except EcgError as error:
        json.dumps([error.facts(), str(error)])
        return
    assert len(got.steps) > 0
    assert got.steps.shape[1] == len(got.leads) == len(got.uv_per_step)
    assert all(uv > 0 for uv in got.uv_per_step)
    with contextlib.suppress(WrongRate, WrongSignal):
        got.recording()


def test_the_small_files_are_whole() -> None:
    for name in SMALL:
        assert formats.document(small(name)).leads == made.TWELVE[:6], name


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.sampled_from(sorted(SMALL)), data=st.data())
def test_bytes_changed_cut_or_doubled(name: str, data: st.DataObject) -> None:
    raw = bytearray(small(name))
    for _ in range(data.draw(st.integers(1, 3))):
        first = data.draw(st.integers(0, max(0, len(raw) - 1)))
        length = data.draw(st.integers(0, 40) | st.integers(0, 4000))
        match data.draw(st.sampled_from(("flip", "cut", "double", "end", "put"))):
            case "flip" if raw:
                raw[first] ^= 1 << data.draw(st.integers(0, 7))
            case "cut":
                del raw[first : first + length]
            case "double":
                raw[first:first] = raw[first : first + length]
            case "end":
                del raw[first:]
            case _:
                raw[first:first] = data.draw(st.binary(max_size=8))
    ends_well(bytes(raw))


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.sampled_from(sorted(SMALL)), data=st.data())
def test_fields_with_hostile_content(name: str, data: st.DataObject) -> None:
    """The content of an element or an attribute gives way to what no field should hold."""
    raw = small(name)
    for _ in range(data.draw(st.integers(1, 3))):
        marks = [at for at, byte in enumerate(raw) if byte in b">\"'"]
        start = data.draw(st.sampled_from(marks)) + 1
        ends = [raw.find(mark, start) for mark in (b"<", b'"', b"'")]
        end = min((at for at in ends if at >= 0), default=start)
        raw = raw[:start] + data.draw(st.sampled_from(HOSTILE)) + raw[end:]
    ends_well(raw)


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from((b"<?xml version='1.0'?>", b"<AnnotatedECG>", b"<RestingECG>", b"\xff\xfe<\0", b"")),
    st.binary(max_size=300),
)
def test_any_bytes(start: bytes, rest: bytes) -> None:
    ends_well(start + rest)
