"""What stands round the hub in `world.py`: devices with their tapes, lines with faults, a disk that forgets.

All from one seed, without a socket, a clock or a file; the hub itself is `played_hub.py`.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from device.errors import WireError
from device.frames import NO_SIGNAL, Ack, Data, Open, Opened, Receipt, decode, encode
from device.session import (
    Send,
)
from device.simulate import SampledUpload
from device.upload import DeviceEffect, DeviceSession, Done, Hold
from server.intake.segment import (
    NOWHERE,
    SEGMENT_HEADER,
    Damage,
    Place,
    StreamState,
    after,
    crc32c,
    scan,
)

if TYPE_CHECKING:
    from tests.fault.world import World

NOON_MS: Final = 1_764_000_000_000
WORLD_MS_MAX: Final = 3 * 3600 * 1000  # a scenario that is not done by then never will be
RETRY_AFTER_MS: Final = 5_000
SILENCE_MS: Final = 25_000  # a device that hears nothing for so long takes the line for dead, as pings tell a real one
MESSAGE_FAULTS_MAX: Final = 4  # a connection: more is not a bad line but a broken device, see `wire.gap`
CONTROLS: Final = (
    "acks_before_sync",
    "stores_repeats",
    "forgets_a_synced_frame",
    "makes_samples_up",
    "shows_twice",
)


class Broken(AssertionError):
    """A promise of the wire was not kept."""


@dataclass
class Tape(SampledUpload):
    """An upload whose frames carry the device's clock as it was then, right or wrong."""

    clock_ms: Callable[[], int] = lambda: NOON_MS
    stamps: dict[int, int] = field(default_factory=dict)

    def frame(self, stream: int, seq: int) -> Data:
        made = super().frame(stream, seq)
        stamp = self.stamps.setdefault(seq, self.clock_ms())
        return Data(**{**{name: getattr(made, name) for name in made.__struct_fields__}, "device_ms": stamp})


class Time:
    """A heap of what happens when."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, wait_ms: float, what: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (self.now + wait_ms, self._count, what))

    def run(self, done: Callable[[], bool]) -> None:
        while self._heap and not done():
            self.now, _, what = heapq.heappop(self._heap)
            if self.now > WORLD_MS_MAX:
                raise Broken("not done after three hours of the world's time")
            what()


class Disk:
    """One journal segment: what is synced stays, of the rest a crash keeps any beginning."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.seed = rng, crc32c(0, b"world")
        self.synced = bytearray(SEGMENT_HEADER.size)
        self.unsynced: list[bytes] = []

    def write(self, record: bytes) -> int:
        """Returns where it stands."""
        at = len(self.synced) + sum(map(len, self.unsynced))
        self.unsynced.append(record)
        return at

    def sync(self) -> None:
        self.synced += b"".join(self.unsynced)
        self.unsynced.clear()

    def crash(self, *, forget: int = 0) -> None:
        """The process or the power is gone: of what was not synced some bytes may stand there, torn anywhere."""
        tail = b"".join(self.unsynced)
        self.unsynced.clear()
        self.synced += tail[: self.rng.randint(0, len(tail))]
        if forget:
            del self.synced[max(SEGMENT_HEADER.size, len(self.synced) - forget) :]

    def recover(self) -> tuple[dict[bytes, StreamState], dict[bytes, list[tuple[int, bytes]]]]:
        """The states and bodies (kind, body) of each stream; what is torn at the end is cut off."""
        states: dict[bytes, StreamState] = {}
        bodies: dict[bytes, list[tuple[int, bytes]]] = {}
        for item in scan(bytes(self.synced), 1, self.seed):
            if isinstance(item, Damage):
                if not item.torn:
                    raise Broken("damage in the middle of the journal")
                del self.synced[item.start :]
                break
            before = states.get(item.stream)
            if item.previous != (before.last if before else NOWHERE):
                raise Broken("a record of the journal does not belong")
            state = after(before, item.kind, item.seq, len(item.body), Place(1, item.start))
            if state is None:
                raise Broken("a record stands twice in the journal")
            states[item.stream] = state
            bodies.setdefault(item.stream, []).append((item.kind, item.body))
        return states, bodies


class Wire:
    """One connection: two queues with latency; it can lose both ends at different times, and whole data messages."""

    def __init__(self, world: World, device: Device) -> None:
        self.world, self.device = world, device
        self.up_due = self.down_due = 0.0
        self.device_end = self.hub_end = True  # whether that end still believes in it
        self.faults_left = MESSAGE_FAULTS_MAX if world.rng.random() < world.message_faults else 0
        self.held: bytes | None = None  # a data message that lets the next one pass
        self.latency_ms = world.rng.choice((1.0, 20.0, 400.0))
        self.bytes_per_ms = world.rng.choice((2.0, 20.0, 1e9))  # 16 kbit/s, 160 kbit/s, any
        self.hub = world.hub_side(self)

    def to_hub(self, raw: bytes) -> None:
        for message in self._spoilt(raw):
            self.up_due = self._due(self.up_due, len(message))
            self.world.time.after(self.up_due - self.world.time.now, lambda m=message: self._at_hub(m))  # type: ignore[misc]

    def to_device(self, raw: bytes) -> None:
        self.down_due = self._due(self.down_due, len(raw))
        self.world.time.after(self.down_due - self.world.time.now, lambda: self._at_device(raw))

    def cut(self) -> None:
        """Each end learns of it in its own time; what is on its way is lost from some message on."""
        rng, time = self.world.rng, self.world.time
        time.after(rng.choice((0, 50, 5_000)) * rng.random(), self.lose_device_end)
        time.after(rng.choice((0, 50, 60_000)) * rng.random(), self.lose_hub_end)

    def lose_device_end(self) -> None:
        if self.device_end:
            self.device_end = False
            self.device.lost(self)

    def lose_hub_end(self) -> None:
        if self.hub_end:
            self.world.hub.let_go(self.hub)

    def close_from_the_hub(self) -> None:
        """The device hears what was said before, then that it is over."""
        self.hub_end = False
        self.world.time.after(max(self.down_due - self.world.time.now, 0.0) + 1.0, self.lose_device_end)

    def _due(self, last: float, size: int) -> float:
        jitter = self.latency_ms * self.world.rng.random()
        return max(last, self.world.time.now + self.latency_ms + jitter) + size / self.bytes_per_ms

    def _at_hub(self, raw: bytes) -> None:
        if self.hub_end and self.hub in self.world.hub.connections:
            self.hub.hear(raw)

    def _at_device(self, raw: bytes) -> None:
        if self.device_end:
            self.device.hear(self, raw)

    def _spoilt(self, raw: bytes) -> list[bytes]:
        """A device whose own memory drops, repeats, exchanges or damages whole data messages."""
        if self.held is not None:
            held, self.held = self.held, None
            return [raw, held]
        if self.faults_left == 0 or raw[0] != Data.KIND or self.world.rng.random() > 0.1:
            return [raw]
        self.faults_left -= 1
        match self.world.rng.choice(("drop", "repeat", "exchange", "flip")):
            case "drop":
                return []
            case "repeat":
                return [raw, raw]
            case "flip":
                damaged = bytearray(raw)
                damaged[self.world.rng.randrange(1, len(raw))] ^= 1 << self.world.rng.randrange(8)
                return [bytes(damaged)]
            case _:
                self.held = raw
                return []


class Device:
    """A device of the product, with a clock of its own, sending its tapes one after the other or together."""

    def __init__(self, world: World, number: int) -> None:
        rng = world.rng
        self.world, self.name, self.key = world, f"cart-{number}", rng.randbytes(32)
        self.offset_ms = rng.choice((0, 0, -3_600_000, 3_600_000, rng.randint(-2000, 2000)))
        self.drift = rng.choice((0.0, 200e-6, -200e-6))
        self.tapes = [self._tape() for _ in range(rng.choice((1, 1, 2, 3)))]
        self.heard_safe: dict[bytes, int] = {}  # the oracle: frames this device was told are on the disk
        self.receipts: dict[bytes, Receipt] = {}
        self.wire: Wire | None = None
        self.failures = 0
        self.heard_at = 0.0
        for tape in self.tapes:
            world.time.after(0, lambda tape=tape: self._measure(tape))  # type: ignore[misc]
        world.time.after(rng.random() * 1000, self.connect)

    def clock_ms(self) -> int:
        return NOON_MS + round(self.world.time.now * (1 + self.drift)) + self.offset_ms

    @property
    def done(self) -> bool:
        return len(self.receipts) == len(self.tapes)

    def _tape(self) -> Tape:
        rng = self.world.rng
        leads = rng.choice((("II",), ("I", "II", "V1"), ("I", "II", "III", "aVR", "aVL", "aVF")))
        n, per_frame = rng.randint(1, 900), rng.choice((20, 50, 125))
        samples = np.frombuffer(rng.randbytes(2 * n * len(leads)), "<i2").reshape(n, len(leads)).copy() // 8
        for _ in range(rng.choice((0, 0, 1, 3))):  # samples the device itself lost: sent as lost, never made up
            first = rng.randrange(n)
            samples[first : first + rng.randint(1, 60)] = NO_SIGNAL
        opening = Open(
            stream=0,
            uid=rng.randbytes(16),
            fs=500,
            leads=leads,
            gain_uv_per_lsb=1.0,
            start_ms=self.clock_ms(),
            device_ms=self.clock_ms(),
            kind="stream",
            mode=rng.choice(("live", "live", "batch")),
        )
        tape = Tape(opening, samples, per_frame, clock_ms=self.clock_ms)
        tape.frames = tape.total if opening.mode == "batch" else 0
        return tape

    def _measure(self, tape: Tape) -> None:
        if tape.frames < tape.total:
            tape.frames += 1
            self.world.time.after(1000 * tape.per_frame / tape.opening.fs, lambda: self._measure(tape))
            self._pump()

    def jump(self) -> None:
        self.offset_ms += self.world.rng.choice((-3_600_000, 3_600_000, -500, 500))

    def connect(self) -> None:
        if self.done or self.wire is not None:
            return
        if not self.world.hub.up:
            self._later()
            return
        self.session = DeviceSession(self.name, self.key, "world/1")
        self.wire = wire = Wire(self.world, self)
        self.heard_at = self.world.time.now
        self.world.wires.append(wire)
        self.world.hub.connections.add(wire.hub)
        self._do(self.session.start())
        for tape in self.tapes:
            if tape.opening.uid not in self.receipts:
                self._do(self.session.offer(tape, self.clock_ms()))
        self._watch(wire)

    def _watch(self, wire: Wire) -> None:
        """A line on which nothing comes is given up, as a real client does after its pings."""
        if wire is self.wire and not self.done:
            if self.world.time.now - self.heard_at > SILENCE_MS:
                wire.lose_device_end()
            else:
                self.world.time.after(SILENCE_MS, lambda: self._watch(wire))

    def hear(self, wire: Wire, raw: bytes) -> None:
        if wire is not self.wire:
            return
        self.heard_at = self.world.time.now
        frame = decode(raw)
        try:
            effects = self.session.receive(frame, self.clock_ms())
        except WireError as error:
            if not error.again:
                raise Broken(f"a device was refused with {error.code}: {error}") from None
            wire.lose_device_end()
            return
        if isinstance(frame, Opened | Ack):
            uid = self._uid_of(frame.stream)
            self.heard_safe[uid] = max(self.heard_safe.get(uid, 0), frame.next_seq)
            self.failures = 0
        for effect in effects:
            if isinstance(effect, Done):
                self.receipts[effect.receipt.uid] = effect.receipt
        self._do(effects)
        self._pump()

    def _uid_of(self, stream: int) -> bytes:
        """The streams of a connection are numbered in the order of their offers: those without a receipt then."""
        return self.offered[stream]

    def lost(self, wire: Wire) -> None:
        if wire is self.wire:
            self.wire = None
            self._later()

    def _later(self) -> None:
        self.failures = min(self.failures + 1, 7)
        self.world.time.after(200 * 2**self.failures * self.world.rng.uniform(0.5, 1.0), self.connect)

    def _pump(self) -> None:
        if self.wire is not None:
            self._do(self.session.pump(self.clock_ms()))

    def _do(self, effects: list[DeviceEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Send) and self.wire is not None:
                if isinstance(effect.frame, Open):
                    if effect.frame.stream == 0:
                        self.offered: dict[int, bytes] = {}
                    self.offered[effect.frame.stream] = effect.frame.uid
                self.wire.to_hub(encode(effect.frame))
            elif isinstance(effect, Hold):
                self.world.time.after(effect.ms, self._pump)
