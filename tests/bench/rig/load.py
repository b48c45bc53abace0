"""The load generator: many connections on one core, one epoll loop, raw sockets. Closed loop and open loop.

Python is quick enough because packets are framed beforehand (`packets.Tape`) and a newly granted window goes out as one
slice; what it costs itself is reported with every run (`Load.own_cpu`), so that a generator at its limit is seen.
Knows no protocol: `talks.py` does. Knows no process: whoever measures pins this one and starts the other.
"""

from __future__ import annotations

import errno
import gc
import random
import select
import socket
import time
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from tests.bench.rig.packets import Tape
from tests.bench.rig.talks import Greeting, Refused, State, Talk

READ_BYTES: Final = 65_536
GREETING_S_MAX: Final = 120.0
SEED: Final = 20261122


@dataclass(slots=True)
class Line:
    """One connection."""

    state: State
    socket: socket.socket
    greeting: Greeting | None
    rest: memoryview | None = None  # what the socket's buffer did not take
    sent: int = 0
    due: int = 0  # open loop: packets below this should have been sent
    first_due: float = 0.0  # open loop: when packet 0 was to be sent
    in_flight: deque[tuple[int, float]] = field(default_factory=deque)  # closed loop: packets below, sent when

    def send(self, data: bytes | memoryview, epoll: select.epoll) -> None:
        """All of it, or what the socket takes now; the rest follows when it has room."""
        taken = 0
        with suppress(BlockingIOError):
            taken = self.socket.send(data)
        if taken < len(data):
            self.rest = memoryview(data)[taken:]
            epoll.modify(self.socket, select.EPOLLIN | select.EPOLLOUT)

    def flush(self, epoll: select.epoll) -> bool:
        """True: nothing waits any more."""
        if self.rest is not None:
            try:
                self.rest = self.rest[self.socket.send(self.rest) :]
            except BlockingIOError:
                return False
            if self.rest:
                return False
            self.rest = None
            epoll.modify(self.socket, select.EPOLLIN)
        return True


@dataclass
class Load:
    """What one run came to. Latencies in seconds, one a packet."""

    packets: int
    seconds: float
    latency_s: Sequence[float]
    own_cpu: float  # share of its core that the generator took
    late: int = 0  # open loop: packets whose ack came after more than their own period

    @property
    def rate(self) -> float:
        """Acknowledged packets a second."""
        return self.packets / self.seconds


class Generator:
    """Connections to one system, and the two ways to load it."""

    def __init__(self, port: int, talk: Talk) -> None:
        self.port, self.talk = port, talk
        self.epoll = select.epoll()
        self.lines: dict[int, Line] = {}  # by descriptor
        self.retries = 0  # connections that were refused or cut while greeting, and tried again
        self._rng = random.Random(SEED)

    def __enter__(self) -> Generator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for line in self.lines.values():
            line.socket.close()
        self.lines.clear()
        self.epoll.close()

    # ---- connecting ----

    def connect(self, numbers: Sequence[int], *, at_once: int = 64, wait_s: float = 0.5) -> float:
        """Connect and greet all, `at_once` at a time; one that is turned away comes back. Seconds it took."""
        waiting: deque[tuple[float, int]] = deque((0.0, number) for number in numbers)
        greeting: set[int] = set()
        began = time.monotonic()
        while waiting or greeting:
            now = time.monotonic()
            if now - began > GREETING_S_MAX:
                for fd in greeting:
                    self._drop(fd)
                raise Refused(f"{len(waiting) + len(greeting)} of {len(numbers)} connections were not taken")
            while waiting and len(greeting) < at_once and waiting[0][0] <= now:
                greeting.add(self._begin(waiting.popleft()[1]))
            for fd, events in self.epoll.poll(0.05, 512):
                if fd not in greeting:
                    self._overhear(self.lines[fd])
                    continue
                try:
                    ended = self._greet(self.lines[fd], events)
                except (OSError, Refused) as reason:
                    if isinstance(reason, Refused) and not reason.again:
                        raise
                    number = self._drop(fd)
                    greeting.discard(fd)
                    self.retries += 1
                    waiting.append((now + wait_s * (0.5 + self._rng.random()), number))
                    continue
                if ended:
                    greeting.discard(fd)
        return time.monotonic() - began

    def _begin(self, number: int) -> int:
        made = socket.socket()
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = made.connect_ex(("127.0.0.1", self.port))
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, "connect")
        state = State(number)
        self.lines[made.fileno()] = Line(state, made, self.talk.greet(state))
        self.epoll.register(made, select.EPOLLOUT)
        return made.fileno()

    def _greet(self, line: Line, events: int) -> bool:
        """One step of a greeting. True: it is over."""
        if events & select.EPOLLOUT and not events & select.EPOLLIN:  # connected: the first word is ours
            self.epoll.modify(line.socket, select.EPOLLIN)
            return self._say(line, None)
        came = line.socket.recv(READ_BYTES)
        if not came:
            raise ConnectionResetError
        return self._say(line, came)

    def _say(self, line: Line, came: bytes | None) -> bool:
        assert line.greeting is not None
        try:
            out = next(line.greeting) if came is None else line.greeting.send(came)
        except StopIteration:
            line.greeting = None
            return True
        if out:
            line.send(out, self.epoll)
        return False

    def _overhear(self, line: Line) -> None:
        """What comes on a connection that sends nothing: heartbeats, or its end."""
        try:
            self._hear(line)
        except (Refused, ConnectionError):
            self._drop(line.socket.fileno())

    def hang_up(self) -> None:
        """Cut all connections at once."""
        for fd in list(self.lines):
            self._drop(fd)

    def _drop(self, fd: int) -> int:
        line = self.lines.pop(fd)
        self.epoll.unregister(fd)
        line.socket.close()
        return line.state.number

    # ---- loading ----

    def rest(self, seconds: float) -> None:
        """Answer heartbeats, send nothing; what the other side closes is gone from `lines`."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            for fd, _ in self.epoll.poll(left, 512):
                self._overhear(self.lines[fd])

    def closed_loop(self, window: int, seconds: float, warm_s: float) -> Load:
        """Every connection keeps `window` packets in flight. Counted after `warm_s`, for `seconds`."""
        tapes = {fd: self.talk.tape(line.state.number) for fd, line in self.lines.items()}
        latency = array("d")
        with _undisturbed():
            began = time.monotonic()
            for fd, line in self.lines.items():
                self._fill(line, tapes[fd], window, began)
            first, first_cpu, since = 0, 0.0, 0.0
            while True:
                now = time.monotonic()
                if not since and now >= began + warm_s:
                    since, first, first_cpu = now, self._acked(), time.process_time()
                    del latency[:]
                if since and now >= since + seconds:
                    break
                for fd, events in self.epoll.poll(0.1, 512):
                    line = self.lines[fd]
                    if events & select.EPOLLIN:
                        self._hear(line)
                        now = time.monotonic()
                        flight = line.in_flight
                        while flight and flight[0][0] <= line.state.acked:
                            latency.append(now - flight.popleft()[1])
                    if line.flush(self.epoll):
                        self._fill(line, tapes[fd], window, now)
            own = (time.process_time() - first_cpu) / (now - since)
            return Load(self._acked() - first, now - since, latency, own)

    def send_all(self, window: int, seconds_max: float) -> None:
        """Every connection sends its whole tape, once. Raises Refused when that takes too long."""
        tapes = {fd: self.talk.tape(line.state.number) for fd, line in self.lines.items()}
        left = set(self.lines)
        until = time.monotonic() + seconds_max
        for fd in left:
            self._fill(self.lines[fd], tapes[fd], window, 0.0)
        while left:
            if time.monotonic() > until:
                raise Refused(f"{len(left)} connections were not done in {seconds_max:g} s")
            for fd, events in self.epoll.poll(0.1, 512):
                line = self.lines[fd]
                if events & select.EPOLLIN:
                    self._hear(line)
                if line.flush(self.epoll):
                    self._fill(line, tapes[fd], window, 0.0)
                if line.state.acked >= len(tapes[fd]):
                    left.discard(fd)

    def _acked(self) -> int:
        return sum(line.state.acked for line in self.lines.values())

    def _fill(self, line: Line, tape: Tape, window: int, now: float) -> None:
        upto = min(line.state.acked + window, line.state.limit)
        while line.sent < upto and line.rest is None:
            piece, end = tape.slice(line.sent, upto)
            if not piece:
                return  # the tape is at its end
            line.send(piece, self.epoll)
            line.sent = end
            line.in_flight.append((end, now))

    def open_loop(self, period_s: float, seconds: float, warm_s: float) -> Load:
        """Every connection sends a packet each `period_s`, whatever comes back; timed from when it was to be sent."""
        fds = list(self.lines)
        self._rng.shuffle(fds)
        tapes = {fd: self.talk.tape(self.lines[fd].state.number) for fd in fds}
        latency = array("d")
        late = 0
        with _undisturbed():
            began = time.monotonic() + 0.05
            for place, fd in enumerate(fds):
                self.lines[fd].first_due = began + period_s * place / len(fds)
            turn, first, first_cpu, since = 0, 0, 0.0, 0.0
            while True:
                now = time.monotonic()
                if not since and now >= began + warm_s:
                    since, first, first_cpu = now, self._acked(), time.process_time()
                    del latency[:]
                    late = 0
                if since and now >= since + seconds:
                    break
                # Line number p sends packet r at began + period * (r + p / lines): this is their order.
                while (next_at := began + period_s * turn / len(fds)) <= now:
                    fd = fds[turn % len(fds)]
                    line = self.lines[fd]
                    line.due = turn // len(fds) + 1
                    turn += 1
                    self._send_due(line, tapes[fd])
                for fd, events in self.epoll.poll(max(0.0, next_at - now), 512):
                    line = self.lines[fd]
                    if events & select.EPOLLIN:
                        before = line.state.acked
                        self._hear(line)
                        now = time.monotonic()
                        for seq in range(before, line.state.acked):
                            waited = now - line.first_due - seq * period_s
                            latency.append(waited)
                            late += waited > period_s
                    if line.flush(self.epoll) and line.sent < line.due:
                        self._send_due(line, tapes[fd])
            own = (time.process_time() - first_cpu) / (now - since)
            return Load(self._acked() - first, now - since, latency, own, late)

    def _send_due(self, line: Line, tape: Tape) -> None:
        """What the schedule and the hub's credit allow; a packet that waits is late from its own instant on."""
        upto = min(line.due, line.state.limit)
        while line.sent < upto and line.rest is None:
            piece, end = tape.slice(line.sent, upto)
            if not piece:
                return  # the tape is at its end
            line.send(piece, self.epoll)
            line.sent = end

    def _hear(self, line: Line) -> None:
        came = line.socket.recv(READ_BYTES)
        if not came:
            raise Refused("the connection was closed", again=True)
        self.talk.hear(line.state, came)
        if line.state.answer:
            line.rest = memoryview(bytes(line.rest or b"") + line.state.answer)
            line.state.answer = b""
            line.flush(self.epoll)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Without the garbage collector: its pauses would be taken for the other side's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
