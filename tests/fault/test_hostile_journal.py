"""E5 for the journal: segments whose checksums are right and whose content is hostile never stop the hub with a riddle.

Torn writes and flipped bits are the power-cut suite's. Here somebody who knows the format has written the files: each
start either recovers or names the damage, and what it recovers can be read or is refused with a code.
"""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.client import clock_ms
from ecg.errors import CodedError
from server.intake.gateway import Gateway, GatewaySettings
from server.intake.journal import Journal, JournalDamaged
from server.intake.segment import (
    NOWHERE,
    SEGMENT_HEADER,
    TRAILER,
    Kind,
    Place,
    crc32c,
    record_header,
    run_body,
    segment_header,
    segment_path,
)
from tests.device.fake_hub import FakeHub

ID = bytes(16)
SEED = crc32c(0, ID)
FIRST, SECOND = "segment-0000000001.journal", "segment-0000000002.journal"
ONE, OTHER = b"a" * 16, b"b" * 16


def segment(number: int, *records: bytes, seed_id: bytes = ID) -> bytes:
    return segment_header(number, seed_id, 0) + b"".join(records)


def record(kind: int, seq: int, previous: Place = NOWHERE, body: bytes = b"x", stream: bytes = ONE) -> bytes:
    return record_header(SEED, kind, stream, seq, 0, previous, body) + body


def footer(at: int, body: bytes, offset: int | None = None) -> bytes:
    trailer = TRAILER.pack(b"XLJEND1\n", at if offset is None else offset, 0)[:-4]
    return record(Kind.FOOTER, 1, NOWHERE, body, bytes(16)) + trailer + struct.pack("<I", crc32c(SEED, trailer))


START = SEGMENT_HEADER.size
OPENED = record(Kind.OPEN, -1)
HOSTILE: dict[str, dict[str, bytes]] = {
    "an open that is no JSON": {FIRST: segment(1, OPENED)},
    "an open of something else": {FIRST: segment(1, record(Kind.OPEN, -1, body=b'{"device":1}'))},
    "an end that is no end": {FIRST: segment(1, OPENED, record(Kind.END, 0, Place(1, START), b"\xff" * 52))},
    **{
        f"a run {what}": {FIRST: segment(1, OPENED, record(Kind.RUN, 3, Place(1, START), body))}
        for what, body in {
            "of nothing": b"",
            "that is cut short": b"\1\0",
            "of no frames": run_body([], b"xx"),
            "without samples": run_body([1, 2], b""),
            "of a frame and a half": run_body([1, 2], b"xxx"),
            "of less than no frames": struct.pack("<q", -1) + b"x",
            "of more than it holds": struct.pack("<q", 2**62) + b"x" * 100,
            "that begins before its stream": run_body(range(9), b"x" * 9),
        }.items()
    },
    "a kind nobody knows": {FIRST: segment(1, OPENED, record(77, 0, Place(1, START)))},
    "data before its open": {FIRST: segment(1, record(Kind.DATA, 0))},
    "a record that points at itself": {FIRST: segment(1, OPENED, record(Kind.DATA, 0, Place(1, START + len(OPENED))))},
    "a record that points ahead": {FIRST: segment(1, OPENED, record(Kind.DATA, 0, Place(9, 9)))},
    "a sequence with a hole": {FIRST: segment(1, OPENED, record(Kind.DATA, 5, Place(1, START)))},
    "a negative sequence": {FIRST: segment(1, OPENED, record(Kind.DATA, -9, Place(1, START)))},
    "sealed and never opened": {FIRST: segment(1, record(Kind.SEALED, 0))},
    "a footer that is no footer": {FIRST: segment(1, OPENED, footer(START + len(OPENED), b"\xc1"))},
    "a footer that leads out of the file": {
        FIRST: segment(
            1,
            OPENED,
            footer(
                START + len(OPENED),
                msgspec.msgpack.encode(
                    {"records": 1, "streams": [[ONE, [9, 9], [1, 10**9], 1, 1, False, False]], "damaged": []}
                ),
            ),
        )
    },
    "a trailer that names byte 0": {FIRST: segment(1, OPENED, footer(0, b"\x80"))},
    "a trailer beyond the file": {FIRST: segment(1, OPENED, footer(2**63, b"\x80", 2**63))},
    "a segment of another number": {FIRST: segment(7, OPENED)},
    "a segment number of 2^64": {"segment-18446744073709551616.journal": segment(1, OPENED)},
    "a name that is no number": {"segment-abc.journal": segment(1, OPENED)},
    "an empty segment": {FIRST: b"", SECOND: segment(2)},
    "only a header, in the middle": {
        FIRST: segment(1)[:10],
        SECOND: segment(2, OPENED),
    },
    "the same stream opened twice": {FIRST: segment(1, OPENED, OPENED)},
    "two segments with one id": {
        FIRST: segment(1, OPENED),
        SECOND: segment(2, record(Kind.DATA, 0, Place(1, START))),
    },
    "a body of 4 GiB announced": {FIRST: segment(1, OPENED[:4] + struct.pack("<I", 2**32 - 1) + OPENED[8:], OPENED)},
}


async def start_of(folder: Path) -> tuple[FakeHub, str]:
    """Start a gateway over these files and stop it; what the operator was told, and the code where it did not start."""
    hub = FakeHub()
    gateway = Gateway(hub, folder, GatewaySettings(), clock_ms, lambda error: None)
    try:
        await gateway.start()
    except CodedError as error:
        return hub, error.code
    await gateway.stop()
    return hub, ""


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_journal_somebody_has_written_is_recovered_or_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    for file, content in HOSTILE[name].items():
        (folder / file).write_bytes(content)
    _, code = await start_of(folder)
    assert code == "", "one file of a stranger does not keep the hub from starting"
    _, again = await start_of(folder)
    assert again == "", "nor the next time"


places = st.builds(Place, st.integers(0, 3), st.sampled_from((0, START, START + 60, 2**32 - 1)))
records = st.builds(
    record,
    st.sampled_from((*Kind, 0, 77)),
    st.integers(-2, 4),
    places,
    st.binary(max_size=20) | st.just(b'{"device":"x"}'),
    st.sampled_from((ONE, OTHER)),
)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.lists(st.lists(records, max_size=6), min_size=1, max_size=3), st.binary(max_size=30))
def test_no_combination_of_sound_records_keeps_a_journal_from_opening(
    tmp_path_factory: pytest.TempPathFactory, segments: list[list[bytes]], tail: bytes
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    for number, content in enumerate(segments, 1):
        segment_path(folder, number).write_bytes(segment(number, *content) + tail)
    journal, recovery = Journal.open(folder, clock_ms)
    try:
        for stream in recovery.streams:
            with contextlib.suppress(JournalDamaged):
                assert journal.read(stream.state)[0].kind == Kind.OPEN
    finally:
        journal.close()
