"""What the benchmarks of part C reckon with: tapes, acks, percentiles, verdicts, the pen on the screen, the load."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from device.errors import Busy
from device.frames import Ack, Data, decode, encode, error_frame
from tests.bench.rig import talks
from tests.bench.rig.load import Generator
from tests.bench.rig.packets import L, S, Size, Tape, bodies
from tests.bench.rig.pixels import RHYTHM, Lane, Seen, breaks, delays_ms, holes, pen_column, sample_at
from tests.bench.rig.talks import Devices, Refused, State, message, take_message
from tests.bench.sheet import Must, Sheet, Spread, percentile


def from_hub(body: bytes, kind: int = talks.BINARY) -> bytes:
    """A message as a server frames it: unmasked."""
    assert len(body) < 126
    return bytes([kind, len(body)]) + body


# ---- what is sent ----


@pytest.mark.parametrize("size", [S, L])
def test_a_packet_is_the_products_own_frame_of_real_samples(size: Size) -> None:
    frames = [decode(body) for body in bodies(size, 3)]
    assert all(isinstance(frame, Data) for frame in frames)
    assert [frame.seq for frame in frames if isinstance(frame, Data)] == [0, 1, 2]
    assert all(frame.count == size.samples and any(frame.body) for frame in frames if isinstance(frame, Data))


def test_a_tape_gives_a_window_in_one_piece_and_ends() -> None:
    tape = Tape.of([b"a", b"bb", b"ccc"], cycles=False)
    assert [bytes(tape.slice(0, 2)[0]), tape.slice(0, 2)[1]] == [b"abb", 2]
    assert [bytes(tape.slice(2, 9)[0]), tape.slice(2, 9)[1]] == [b"ccc", 3]
    assert not tape.slice(3, 9)[0]


def test_a_tape_that_cycles_goes_on_at_its_first_packet() -> None:
    tape = Tape.of([b"a", b"bb", b"ccc"], cycles=True)
    sent, at = b"", 1
    while at < 8:
        piece, at = tape.slice(at, 8)
        sent += piece
    assert sent == b"bbcccabbcccabb"


@pytest.mark.parametrize("size", [0, 1, 125, 126, 6000])
def test_a_message_is_masked_as_a_real_device_masks(size: int) -> None:
    body = bytes(range(256)) * 24
    framed = message(body[:size])
    assert framed[1] & 0x80
    masked = framed[len(framed) - size :]
    assert framed[: len(framed) - size].endswith(talks.MASK)
    assert any(talks.MASK)
    assert bytes(byte ^ talks.MASK[at % 4] for at, byte in enumerate(masked)) == body[:size]


# ---- what comes back ----


def test_acks_are_read_however_the_bytes_are_cut() -> None:
    came = from_hub(encode(Ack(0, 5, 21))) + from_hub(encode(Ack(0, 9, 25)))
    for cut in range(len(came) + 1):
        state, devices = State(0), Devices(S, 1)
        devices.hear(state, came[:cut])
        devices.hear(state, came[cut:])
        assert (state.acked, state.limit, state.carry) == (9, 25, b"")


def test_a_heartbeat_is_answered_and_a_refusal_ends_the_run() -> None:
    state, devices = State(0), Devices(S, 1)
    devices.hear(state, from_hub(b"heart", talks.PING))
    assert state.answer == message(b"heart", talks.PONG)
    with pytest.raises(Refused, match=r"wire\.busy"):
        devices.hear(state, from_hub(encode(error_frame(Busy(retry_after_s=5)))))


def test_a_message_is_taken_only_when_it_is_whole() -> None:
    framed = bytes([talks.BINARY, 126]) + (300).to_bytes(2, "big") + b"y" * 300
    assert all(take_message(framed[:cut], 0) is None for cut in range(len(framed)))
    assert take_message(framed + b"more", 0) == (talks.BINARY, b"y" * 300, len(framed))


def test_a_peers_answers_are_counted_once_however_they_are_cut() -> None:
    answers = b'MSG _INBOX.0 1 28\r\n{"stream":"ecg", "seq":123}\r\n' * 3
    for cut in range(len(answers) + 1):
        state, nats = State(0), talks.nats(S)
        nats.seen[0] = 0
        nats.hear(state, answers[:cut])
        nats.hear(state, answers[cut:])
        assert state.acked == 3


def test_a_peer_that_refuses_is_not_taken_for_a_slow_one() -> None:
    redis = talks.redis(S)
    redis.seen[0] = 0
    with pytest.raises(Refused, match="OOM"):
        redis.hear(State(0), b"-ERR OOM command not allowed\r\n")


# ---- the load generator ----


def answering(listening: socket.socket) -> None:
    """A peer as `raw_journal.c`, for one connection: a plus for each packet that is whole."""
    line, _ = listening.accept()
    with line, contextlib.suppress(ConnectionError):  # the generator hangs up when its time is over
        came = b""
        while more := line.recv(65_536):
            came += more
            while len(came) >= 4 and len(came) >= 4 + int.from_bytes(came[:4], "little"):
                came = came[4 + int.from_bytes(came[:4], "little") :]
                line.sendall(b"+")


@pytest.mark.parametrize("loop", ["closed", "open"])
def test_the_generator_counts_what_the_other_side_acknowledged(loop: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        peer = threading.Thread(target=answering, args=(listening,))
        peer.start()
        with Generator(listening.getsockname()[1], talks.raw_journal(S)) as generator:
            generator.connect([0])
            load = generator.closed_loop(16, 0.5, 0.0) if loop == "closed" else generator.open_loop(0.01, 0.5, 0.0)
            (line,) = generator.lines.values()
            assert 0 < load.packets <= line.state.acked <= line.sent
            assert line.sent - line.state.acked <= 16 or loop == "open"
            assert loop == "closed" or len(load.latency_s) == load.packets
            assert min(load.latency_s) >= 0
        peer.join(10)


# ---- what is said of it ----


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert [percentile([1, 2, 3, 4], share) for share in (0.0, 0.25, 0.5, 0.51, 0.99, 1.0)] == [1, 1, 2, 3, 4, 4]
    assert Spread.of("ms", [3.0, 1.0, 2.0]) == Spread("ms", 3, 2.0, 3.0, 3.0)


def test_a_ratio_is_the_median_of_the_rounds_not_the_ratio_of_the_medians() -> None:
    sheet = Sheet({"C1.L": Must(">=", 2, "ratio")})
    sheet.put("C1.L", "packets/s", [10, 20, 90], peer="it", peer_runs=[10, 5, 30])
    assert sheet["C1.L"] == {"value": 20, "unit": "packets/s", "peer": "it", "ratio": 3, "runs": [10, 20, 90]}
    assert sheet.verdict("C1.L") == "reached (ratio >= 2)"
    assert "n 3" in sheet.lines()[0]


@pytest.mark.parametrize(("value", "verdict"), [(15, "reached (<= 15)"), (15.1, "MISSED (<= 15)")])
def test_a_missed_target_says_so(value: float, verdict: str) -> None:
    sheet = Sheet({"C2.L.p99_ms": Must("<=", 15)})
    sheet.put("C2.L.p99_ms", "ms", [value])
    assert sheet.verdict("C2.L.p99_ms") == verdict


# ---- the pen on the screen ----


def test_the_pen_stands_before_the_erased_bar() -> None:
    assert pen_column("1" * 40 + "0" * 12 + "1" * 100) == 39
    assert pen_column("1" * 40 + "0" * 200) == 39
    assert pen_column("1" * 200) is None
    assert pen_column("0" * 12 + "1" * 100) == 111  # the bar begins the page: the pen stands at the end of the last
    assert pen_column("0" * 6 + "1" * 100 + "0" * 6) == 105
    assert pen_column("0" * 200) is None


def test_a_column_of_the_sweep_is_a_sample_of_the_page_that_is_up() -> None:
    lane = Lane.of(width=1000, height=620, fs=500)
    assert (lane.width, lane.px_per_sample, lane.samples) == (500, 0.2, 2500)
    assert lane.baseline == 60
    assert sample_at(100, lane, expected=600) == 504
    assert sample_at(100, lane, expected=3100) == 3004
    assert sample_at(490, lane, expected=2510) == 2454  # just before the page turned
    assert Lane.of(width=300, height=120, fs=500, layout=RHYTHM).baseline == 72


def test_a_hole_in_the_sweep_is_told_from_its_bar() -> None:
    assert holes("1" * 40 + "0" * 12 + "1" * 100) == 0
    assert holes("0" * 6 + "1" * 140 + "0" * 6) == 0  # the bar lies over the edge of the page
    assert holes("1" * 40 + "0" * 12 + "1" * 50 + "0" * 3 + "1" * 47) == 1
    assert holes("1" * 40 + "0" * 12 + "1" * 50 + "0" + "1" * 49) == 0  # one column is a steep line's own


def test_strokes_that_do_not_make_one_line_are_counted() -> None:
    lane = Lane.of(width=2, height=10, fs=500, layout=RHYTHM)
    assert (lane.samples, lane.px_per_sample) == (10, 0.2)
    whole = [[0.2 * n for n in range(4)], [0.2 * n for n in range(3, 10)], [0.0, 0.2]]
    assert breaks(whole, lane) == 0
    assert breaks([whole[0], whole[2]], lane) == 1  # back to the left before the page was full
    assert breaks([whole[0], [0.2 * n for n in range(2, 10)]], lane) == 1  # a sample once more
    assert breaks([[0.0, 1.5]], lane) == 1


def test_a_packet_counts_from_its_newest_sample_to_the_first_picture_that_shows_it() -> None:
    seen = [Seen(100.05, 20), Seen(100.15, 49), Seen(100.25, 120), Seen(100.40, 149)]
    delays = delays_ms(seen, began_s=100.0, fs=500, per_packet=50, packets=9)
    assert [round(each) for each in delays] == [50, 50, 100]
