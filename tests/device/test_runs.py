"""Frames that came together are taken as one run, and nothing but the speed differs from taking each by itself."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from device.errors import BadChecksum, WireError
from device.frames import (
    FRAME_BYTES_MAX,
    RUN_BYTES_MAX,
    RUN_FRAMES_MAX,
    Ack,
    Chunk,
    Coding,
    Data,
    End,
    Frame,
    Hello,
    Nack,
    Ping,
    Pong,
    Proof,
    Receipt,
    Run,
    decode,
    encode,
    proof_of,
    run_of,
)
from device.session import Append, DeviceRecord, HubSession, Rules
from tests.device.fake_hub import KEY
from tests.device.rig import RawDevice, a_frame, an_opening, raw_device, running, samples_of_archive

LEADS = ("I", "II")


def frame(seq: int, *, samples: bytes = bytes(range(12)), stream: int = 0, ms: int | None = None) -> Data:
    return Data(stream, seq, 3 * seq, 100 * seq if ms is None else ms, 2, len(samples) // 4, samples)


def test_frames_that_go_on_from_each_other_are_one_run() -> None:
    raws = [encode(frame(seq, samples=bytes([seq] * 12))) for seq in range(4, 9)]
    run = run_of(raws, 1)
    assert run == Run(0, 8, 15, 2, (500, 600, 700, 800), b"".join(bytes([seq] * 12) for seq in range(5, 9)))
    assert run.frames == 4
    assert run_of(raws, 4) is None, "one by itself is none"


def test_a_run_ends_where_anything_is_different() -> None:
    good = [encode(frame(seq)) for seq in range(3)]
    packed = encode(Data(0, 2, 6, 0, 2, 3, bytes(12), Coding.PACKED))
    for other in (
        encode(frame(1)),
        encode(frame(3)),
        encode(frame(2, stream=1)),
        encode(frame(2, samples=bytes(8))),
        good[2][:-1] + b"\xff",
        good[2][:20],
        b"",
        packed,
        encode(Data(0, 2, 7, 0, 2, 3, bytes(12))),
        encode(Chunk(0, 2, 0, bytes(28))),
        encode(Ping(1)),
    ):
        run = run_of([*good[:2], other, good[2]], 0)
        assert run is not None
        assert run.seq == 1
        assert run_of([other, *good[:2]], 0) is None
    assert run_of([packed, packed], 0) is None


def test_a_run_fits_into_a_record() -> None:
    small = [encode(Data(0, seq, seq, 0, 1, 1, bytes(2))) for seq in range(200)]
    run = run_of(small, 0)
    assert run is not None
    assert run.frames == RUN_FRAMES_MAX
    large = [encode(Data(0, seq, 250 * seq, 0, 12, 250, bytes(6000))) for seq in range(20)]
    run = run_of(large, 0)
    assert run is not None
    assert len(run.body) == RUN_BYTES_MAX
    size = FRAME_BYTES_MAX - 36
    largest = [encode(Data(0, seq, seq * size // 2, 0, 1, size // 2, bytes(size))) for seq in range(2)]
    assert run_of(largest, 0) is None, "two of them do not"


# ---- the same as one by one ----


OPENING = an_opening(uid=bytes(16), leads=LEADS)


def a_session() -> HubSession:
    """Ready, with stream 0 of two leads open."""
    session = HubSession("x", bytes(32), Rules(window_frames=8, window_bytes=100), lambda device_id: {})
    hello = Hello(device="cart-1")
    session.receive(hello, 0, encode(hello))
    session.device_found(DeviceRecord("cart-1", (KEY,), "clinic"), 0)
    session.receive(Proof(mac=proof_of(KEY, bytes(32), encode(hello), 0), device_ms=0), 0)
    session.receive(OPENING, 0)
    session.registered(OPENING, "rec")
    session.stored(bytes(16), -1)
    return session


def told(session: HubSession, raws: list[bytes], *, runs: bool) -> tuple[list[tuple[int, int, bytes]], str]:
    """What a connection does with these messages: each frame that goes to the journal, and the code that ended it."""
    appended: list[tuple[int, int, bytes]] = []
    at = 0
    try:
        while at < len(raws):
            run = run_of(raws, at) if runs else None
            whole = session.receive_run(run) if run is not None else None
            if run is not None and whole is not None:
                size = len(run.body) // run.frames
                appended += [
                    (run.seq - run.frames + 1 + n, stamp, run.body[n * size :][:size])
                    for n, stamp in enumerate(run.stamps)
                ]
                at += run.frames
                continue
            try:
                effects = session.receive(decode(raws[at]), 0)
            except BadChecksum as error:
                effects = session.damaged(error)
            for effect in effects:
                if isinstance(effect, Append) and isinstance(effect.frame, Data):
                    appended.append((effect.seq, effect.frame.device_ms, effect.frame.body))
            at += 1
    except WireError as error:
        return appended, error.code
    return appended, ""


said = st.one_of(
    st.builds(frame, st.integers(0, 9)),
    st.builds(frame, st.just(3), samples=st.sampled_from((bytes(8), b"\xff\x7f" * 6, b"\0\x80" * 6))),
    st.builds(lambda seq: Data(0, seq, 0, 0, 2, 3, bytes(12)), st.integers(0, 9)),
    st.sampled_from((Ping(1), End(0, 3, 9, bytes(32)), frame(0, stream=1))),
)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 4), st.lists(said, max_size=6), st.integers(0, 9), st.integers(-1, 400))
def test_taken_as_runs_or_one_by_one_the_journal_gets_the_same(
    first: int, odd: list[Frame], more: int, damaged: int
) -> None:
    frames = [*map(frame, range(first)), *odd, *map(frame, range(first, more))]
    raws = [encode(one) for one in frames]
    if raws and damaged >= 0:
        hit = raws[damaged % len(raws)]
        raws[damaged % len(raws)] = bytes([*hit[:-1], hit[-1] ^ 0x40])
    one, other = a_session(), a_session()
    assert told(one, raws, runs=True) == told(other, raws, runs=False)
    assert one.waiting_bytes == other.waiting_bytes
    assert one._streams.keys() == other._streams.keys()
    assert one.stored(bytes(16), 9)[-1:] == other.stored(bytes(16), 9)[-1:]


# ---- over a socket ----


def say_at_once(device: RawDevice, frames: list[Frame], spoil: int = -1) -> None:
    """All in one write. `spoil`: of this one a bit of the body is wrong."""
    for number, one in enumerate(frames):
        raw = bytearray(encode(one))
        raw[-1] ^= number == spoil
        device.socket.protocol.send_binary(bytes(raw))
    device.socket.send_data()


async def test_what_comes_in_one_read_is_stored_acknowledged_and_sealed(tmp_path: Path) -> None:
    async with running(tmp_path) as hub, raw_device(hub.url) as device:
        hub.hub.add("cart-1")
        await device.prove()
        opening = an_opening()
        await device.open(opening)
        frames = [a_frame(seq, value=seq) for seq in range(16)]
        say_at_once(device, [*frames[:7], Ping(5), *frames[7:]])
        await device.until(Pong)
        while (await device.until(Ack)).next_seq < 16:  # type: ignore[union-attr]
            pass
        sha256 = hashlib.sha256(b"".join(one.body for one in frames)).digest()
        await device.say(End(0, 16, 16 * 50, sha256))
        await device.until(Receipt)
        assert (samples_of_archive(hub.hub, opening.uid)[::50, 0] == range(16)).all()


async def test_a_damaged_frame_in_the_middle_of_a_read_is_asked_for_and_what_stood_before_it_is_kept(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as hub, raw_device(hub.url) as device:
        hub.hub.add("cart-1")
        await device.prove()
        await device.open(an_opening())
        frames: list[Frame] = [a_frame(seq) for seq in range(8)]
        say_at_once(device, frames, spoil=5)
        assert (await device.until(Nack)).next_seq == 5  # type: ignore[union-attr]
        say_at_once(device, frames[5:])
        while (await device.until(Ack)).next_seq < 8:  # type: ignore[union-attr]
            pass
        assert hub.gateway.damaged_frames == 1


async def test_more_than_the_credit_in_one_read_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as hub, raw_device(hub.url) as device:
        hub.hub.add("cart-1")
        await device.prove()
        opened = await device.open(an_opening())
        with contextlib.suppress(OSError):
            say_at_once(device, [a_frame(seq) for seq in range(opened.limit + 1)])
        assert await device.refusal() == "wire.credit"
