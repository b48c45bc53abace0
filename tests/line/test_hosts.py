"""The lines bend what crosses them as told, and nothing else does: what is measured over them rests on this."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from tests.line.hosts import UDP, Hosts, Line, Shape, needs_hosts

ECHO = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((sys.argv[1], 4000)); print("up", flush=True)
while True:
    data, sender = s.recvfrom(2000); s.sendto(data, sender)
"""
ASK = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(float(sys.argv[3]))
heard, began = 0, time.monotonic()
for number in range(int(sys.argv[2])):
    s.sendto(number.to_bytes(4, "big") + bytes(996), (sys.argv[1], 4000))
    try:
        while int.from_bytes(s.recv(2000)[:4], "big") != number: pass
        heard += 1
    except TimeoutError: pass
print(heard, time.monotonic() - began)
"""


def asked(hosts: Hosts, times: int, patience_s: float) -> tuple[int, float]:
    """How many of so many questions of 1 kB were answered, and the seconds all took."""
    command = hosts.command("clinic", sys.executable, "-c", ASK, hosts.address("hub"), str(times), str(patience_s))
    heard, seconds = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(heard), float(seconds)


def test_what_one_host_says_another_hears_as_the_line_lets_it() -> None:
    needs_hosts()
    with Hosts("hub", "clinic") as hosts:
        echo = hosts.command("hub", sys.executable, "-c", ECHO, hosts.address("hub"))
        process = subprocess.Popen(echo, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "up\n"
            line = hosts.line("clinic")
            assert asked(hosts, 20, 5.0)[0] == 20
            line.both(Shape(delay_s=0.05))
            assert asked(hosts, 10, 5.0)[1] >= 10 * 0.1  # there and back
            line.up = Shape(rate_bit_s=80_000)
            assert asked(hosts, 10, 5.0)[1] >= 10 * 0.1  # 1 kB at 80 kbit/s
            line.both(Shape(loss=1.0))
            assert asked(hosts, 3, 0.05)[0] == 0
            line.both(Shape(cut=True))
            assert asked(hosts, 3, 0.05)[0] == 0
            line.both(Shape(blocked=frozenset({UDP})))
            assert asked(hosts, 3, 0.05)[0] == 0
            line.both(Shape())
            assert asked(hosts, 20, 5.0)[0] == 20
            before = hosts.address("clinic")
            hosts.move("clinic")
            assert hosts.address("clinic") != before
            assert asked(hosts, 20, 5.0)[0] == 20
            assert line.counts["cut"] == line.counts["lost"] == line.counts["blocked"] == 3
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


@pytest.mark.parametrize(("loss", "burst", "length"), [(0.05, 1, 1.05), (0.2, 1, 1.25), (0.05, 3, 3), (0.2, 3, 3)])
def test_so_many_packets_are_lost_in_runs_of_that_length(loss: float, burst: float, length: float) -> None:
    line, rng = Line(up=Shape(loss=loss, burst=burst)), random.Random(1)
    fate = [line.leaves_at("up", 1000, 0.0, rng) is None for _ in range(100_000)]
    runs = sum(now and not before for before, now in zip([False, *fate], fate, strict=False))
    assert sum(fate) / len(fate) == pytest.approx(loss, rel=0.06)
    assert sum(fate) / runs == pytest.approx(length, rel=0.06)


def test_a_full_queue_drops_and_a_line_that_rested_is_free() -> None:
    line, rng = Line(up=Shape(rate_bit_s=8_000, queue_s=0.5)), random.Random(1)
    times = [line.leaves_at("up", 100, 0.0, rng) for _ in range(10)]
    assert times[:6] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert times[6:] == [None] * 4
    assert line.leaves_at("up", 100, 10.0, rng) == pytest.approx(10.1)
    assert line.counts == {"passed": 7, "full": 4}
