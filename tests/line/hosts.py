"""Several hosts on this machine, each in a network namespace with one line to all the others, which can be bent.

    with Hosts("hub", "clinic", "city") as hosts:
        hosts.line("clinic").up = hosts.line("clinic").down = Shape(rate_bit_s=256_000, loss=0.05, delay_s=0.03)
        subprocess.Popen(hosts.command("clinic", "chromium", ...))

A namespace's only way out is a TUN device; a thread here reads its packets, holds them back as the line says and writes
them to the other's (the kernel's own `netem` is not in every kernel, and has no switch that tells when it was thrown).
IPv4 only, no way to the world outside. Needs root and /dev/net/tun. Good for two browsers at a few Mbit/s: a packet
costs some 20 us. What runs on the hosts is not decided here.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import os
import random
import select
import socket
import struct
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Final, Self

import pytest

TUNSETIFF: Final = 0x400454CA  # linux/if_tun.h
IFF_TUN: Final = 0x0001
CLONE_NEWNET: Final = 0x40000000  # linux/sched.h
IFF_NO_PI: Final = 0x1000
MTU: Final = 1400
PACKET_MAX: Final = 65_536
AT_ONCE: Final = 64
WAIT_S: Final = 0.05
TCP, UDP = socket.IPPROTO_TCP, socket.IPPROTO_UDP
_names = count()


@dataclass(frozen=True)
class Shape:
    """One direction of a line. A packet that would wait longer than `queue_s` for its turn is dropped."""

    rate_bit_s: float = 0.0  # 0: as fast as this machine
    loss: float = 0.0  # share of packets, each by itself
    burst: float = 1.0  # above 1: they are lost in runs of this mean length; the share stays `loss`
    delay_s: float = 0.0
    queue_s: float = 0.5
    cut: bool = False
    blocked: frozenset[int] = frozenset()  # IP protocols that a firewall drops: TCP, UDP


@dataclass
class Line:
    """A host's line: `up` away from it, `down` to it. May be set at any time; the next packet obeys."""

    up: Shape = field(default_factory=Shape)
    down: Shape = field(default_factory=Shape)
    counts: Counter[str] = field(default_factory=Counter)  # passed, lost, full, cut, blocked
    busy_until: dict[str, float] = field(default_factory=lambda: {"up": 0.0, "down": 0.0})
    losing: dict[str, bool] = field(default_factory=lambda: {"up": False, "down": False})

    def both(self, shape: Shape) -> None:
        self.up = self.down = shape

    def leaves_at(self, way: str, size: int, now: float, rng: random.Random, protocol: int = UDP) -> float | None:
        """When a packet of so many bytes that comes now is at the line's other end; None when it is lost."""
        shape = self.up if way == "up" else self.down
        if protocol in shape.blocked:
            self.counts["blocked"] += 1
            return None
        if shape.cut:
            self.counts["cut"] += 1
            return None
        if self._loses(way, shape, rng):
            self.counts["lost"] += 1
            return None
        at = now
        if shape.rate_bit_s:
            free = max(self.busy_until[way], now)
            if free - now > shape.queue_s:
                self.counts["full"] += 1
                return None
            at = self.busy_until[way] = free + 8 * size / shape.rate_bit_s
        self.counts["passed"] += 1
        return at + shape.delay_s

    def _loses(self, way: str, shape: Shape, rng: random.Random) -> bool:
        """Each by itself; or as Gilbert has it: in a bad state, which lasts `burst` packets on average, all go."""
        if shape.burst <= 1 or shape.loss in (0, 1):
            self.losing[way] = rng.random() < shape.loss
        elif self.losing[way]:
            self.losing[way] = rng.random() >= 1 / shape.burst
        else:
            self.losing[way] = rng.random() < shape.loss / (shape.burst * (1 - shape.loss))
        return self.losing[way]


class Hosts:
    """The hosts, by name, from entering to leaving. Their addresses: `address(name)`."""

    def __init__(self, *names: str, seed: int = 20261122) -> None:
        self._number = next(_names)
        self._lines = {name: Line() for name in names}
        self._addresses = {name: f"10.77.{self._number % 250}.{place + 1}" for place, name in enumerate(names)}
        self._rng = random.Random(seed)
        self._fds: dict[int, str] = {}
        self._devices: dict[str, str] = {}
        self._to_fd: dict[bytes, tuple[int, str]] = {}
        self._moves = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="line", daemon=True)

    def address(self, name: str) -> str:
        return self._addresses[name]

    def line(self, name: str) -> Line:
        return self._lines[name]

    def command(self, name: str, *words: str) -> list[str]:
        """What to start so that it runs on that host."""
        # Not `ip netns exec`: it takes a copy of all mounts with it, and a disk unmounted meanwhile elsewhere lives on.
        return ["nsenter", f"--net=/run/netns/{self._space(name)}", *words]

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """What this thread opens or starts within is on that host: sockets, processes, threads."""
        with open("/proc/thread-self/ns/net", "rb") as before, open(f"/run/netns/{self._space(name)}", "rb") as space:
            _enter(space.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())

    def __enter__(self) -> Self:
        try:
            for name, address in self._addresses.items():
                self._make(name, address)
        except BaseException:
            self._remove()
            raise
        self._find()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._remove()

    def move(self, name: str) -> None:
        """The host has another address from now on, and the old one no more, as when a laptop changes its network."""
        before, self._moves = self._addresses[name], self._moves + 1
        self._addresses[name] = f"10.77.{self._number % 250}.{100 + self._moves}"
        device = self._devices[name]
        _run("ip", "-n", self._space(name), "addr", "del", f"{before}/24", "dev", device)
        _run("ip", "-n", self._space(name), "addr", "add", f"{self._addresses[name]}/24", "dev", device)
        self._find()

    def _find(self) -> None:
        self._to_fd = {socket.inet_aton(self._addresses[name]): (fd, name) for fd, name in self._fds.items()}

    def _space(self, name: str) -> str:
        return f"xl{os.getpid()}-{self._number}-{name}"

    def _make(self, name: str, address: str) -> None:
        # The device's name is nobody else's while it is on its way to its host, and is 15 letters at most.
        space, device = self._space(name), f"xl{os.getpid()}.{self._number % 100}.{len(self._fds)}"[:15]
        _run("ip", "netns", "add", space)
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._fds[fd], self._devices[name] = name, device
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TUN | IFF_NO_PI))
        _run("ip", "link", "set", device, "netns", space)
        _run("ip", "-n", space, "addr", "add", f"{address}/24", "dev", device)
        _run("ip", "-n", space, "link", "set", device, "up", "mtu", str(MTU), "txqueuelen", "1000")
        _run("ip", "-n", space, "link", "set", "lo", "up")

    def _remove(self) -> None:
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()
        for name in self._addresses:
            subprocess.run(["ip", "netns", "del", self._space(name)], capture_output=True, check=False)

    # ---- the thread ----

    def _carry(self) -> None:
        waiting: list[tuple[float, int, int, bytes]] = []
        order = count()
        while not self._stop.is_set():
            now = time.monotonic()
            wait = min(WAIT_S, max(0.0, waiting[0][0] - now)) if waiting else WAIT_S
            for fd in select.select(list(self._fds), [], [], wait)[0]:
                for packet in _read(fd):
                    found = self._to_fd.get(packet[16:20])
                    if packet[0] >> 4 != 4 or found is None:
                        continue  # IPv6, broadcast: nobody there
                    at = self._passes(self._fds[fd], found[1], packet)
                    if at is not None:
                        heapq.heappush(waiting, (at, next(order), found[0], packet))
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, _, fd, packet = heapq.heappop(waiting)
                try:
                    os.write(fd, packet)
                except OSError:
                    continue  # the other side's queue is full, or it has gone: lost, as on a line

    def _passes(self, sender: str, receiver: str, packet: bytes) -> float | None:
        size, protocol = len(packet), packet[9]
        at = self._lines[sender].leaves_at("up", size, time.monotonic(), self._rng, protocol)
        return None if at is None else self._lines[receiver].leaves_at("down", size, at, self._rng, protocol)


def _read(fd: int) -> list[bytes]:
    packets = []
    for _ in range(AT_ONCE):
        try:
            packets.append(os.read(fd, PACKET_MAX))
        except BlockingIOError:
            break
    return packets


def needs_hosts() -> None:
    """Skips a test where there are no namespaces; on CI that is a failure."""
    if os.geteuid() == 0 and os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return
    if os.environ.get("CI"):
        pytest.fail("CI needs root and /dev/net/tun for hosts on lines of their own")
    pytest.skip("hosts on lines of their own need root and /dev/net/tun")


def _enter(space_fd: int) -> None:
    """Raises OSError. (os.setns is Python 3.12's.)"""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(space_fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
