"""A world in one process, without a socket, a clock or a disk: devices, lines, a hub that crashes, all from one seed.

The rules under test are the product's own (`DeviceSession`, `HubSession`, the journal's records and what they add up
to); this file plays what stands round them: a network with latency, a disk that forgets what was not synced, clocks
that jump. Nothing here waits: a scenario is a heap of events and takes milliseconds. Real sockets and the real gateway
are `test_link.py`'s second half.
"""

from __future__ import annotations

import hashlib
import random
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from device.errors import BadChecksum, HubStopping, Superseded, WireError
from device.frames import NO_SIGNAL, Ack, Data, End, Open, Opened, Opening, Receipt, decode, encode, error_frame
from device.session import (
    OPEN_SEQ,
    Append,
    DeviceRecord,
    FindDevice,
    HubEffect,
    HubSession,
    Kept,
    Online,
    Publish,
    Register,
    Rules,
    Seal,
    Send,
)
from device.simulate import SampledUpload
from device.upload import DeviceEffect, DeviceSession, Done, Hold
from server.intake.segment import (
    NOWHERE,
    Kind,
    Place,
    after,
    record_header,
)
from tests.fault.world_disk import Broken, Disk, Time

NOON_MS: Final = 1_764_000_000_000
RETRY_AFTER_MS: Final = 5_000
SILENCE_MS: Final = 25_000  # a device that hears nothing for so long takes the line for dead, as pings tell a real one
MESSAGE_FAULTS_MAX: Final = 4  # a connection: more is not a bad line but a broken device, see `wire.gap`
CONTROLS: Final = ("acks_before_sync", "stores_repeats", "forgets_a_synced_frame", "makes_samples_up")


@dataclass
class Tape(SampledUpload):
    """An upload whose frames carry the device's clock as it was then, right or wrong."""

    clock_ms: Callable[[], int] = lambda: NOON_MS
    stamps: dict[int, int] = field(default_factory=dict)

    def frame(self, stream: int, seq: int) -> Data:
        made = super().frame(stream, seq)
        stamp = self.stamps.setdefault(seq, self.clock_ms())
        return Data(**{**{name: getattr(made, name) for name in made.__struct_fields__}, "device_ms": stamp})


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
        self.hub = HubSide(world, self)

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


class HubSide:
    """One connection as the hub has it; what `server/intake/gateway.py` does, without its sockets."""

    def __init__(self, world: World, wire: Wire) -> None:
        self.hub, self.wire, self.born = world.hub, wire, len(world.wires)
        self.session = HubSession("world", world.rng.randbytes(32), Rules(), self.hub.kept)

    def hear(self, raw: bytes) -> None:
        try:
            try:
                frame = decode(raw)
            except BadChecksum as error:
                self.do(self.session.damaged(error))
                return
            for effect in self.session.receive(frame, self.hub.clock_ms(), raw):
                self.do([effect])
        except WireError as error:
            self.end(error)

    def end(self, error: WireError) -> None:
        self.wire.to_device(encode(error_frame(error)))
        self.hub.let_go(self)

    def do(self, effects: list[HubEffect]) -> None:
        for effect in effects:
            match effect:
                case Send():
                    self.wire.to_device(encode(effect.frame))
                case FindDevice():
                    device = self.hub.world.device(effect.device_id)
                    self.do(
                        self.session.device_found(
                            DeviceRecord(device.name, (device.key,), "clinic"), self.hub.clock_ms()
                        )
                    )
                case Register():
                    self.do(self.hub.register(self, effect.opening))
                case Append():
                    self.hub.append(self, effect)
                case Publish():
                    self.hub.publish(effect)
                case Seal():
                    self.hub.begin_seal(effect.uid)
                case Online():
                    pass


class Hub:
    """Journal, store and connections of one hub, over all its lives."""

    def __init__(self, world: World) -> None:
        self.world, self.disk = world, Disk(world.rng)
        self.store: dict[bytes, tuple[str, bytes]] = {}  # uid -> recording, samples: as durable as a database
        self.lives = 0
        self.up = False
        self.connections: set[HubSide] = set()
        self._begin()

    def clock_ms(self) -> int:
        return NOON_MS + round(self.world.time.now)

    def _begin(self) -> None:
        """A start: only what stands on the disk is known."""
        self.up, self.lives = True, self.lives + 1
        self.states, self.bodies = self.disk.recover()
        self.durable = dict(self.states)
        self.openings: dict[bytes, tuple[Opening, str]] = {}
        self.ends: dict[bytes, End] = {}
        self.owners: dict[bytes, HubSide | None] = {}
        self.waiting: deque[tuple[HubSide, bytes, int]] = deque()
        self.sealing: set[bytes] = set()
        self.published: dict[str, int] = {}
        self._syncing = self.full = False
        for uid, bodies in self.bodies.items():
            self._take_up(uid, bodies)
        self._check_nothing_acknowledged_is_lost()

    def _take_up(self, uid: bytes, bodies: list[tuple[int, bytes]]) -> None:
        opening = decode(bodies[0][1])
        assert isinstance(opening, Open)
        self.openings[uid] = (opening, _recording_of(uid))
        state = self.states[uid]
        if state.ended and not state.sealed:
            end = decode(next(body for kind, body in bodies if kind == Kind.END))
            assert isinstance(end, End)
            self.ends[uid] = end
            self.begin_seal(uid)

    def _check_nothing_acknowledged_is_lost(self) -> None:
        for device in self.world.devices:
            for uid, safe in device.heard_safe.items():
                if uid not in self.store and (uid not in self.states or self.states[uid].frames < safe):
                    raise Broken(f"frame {safe - 1} was acknowledged and is not on the disk")

    def crash(self) -> None:
        self.up = False
        self.disk.crash(forget=40 if self.world.control == "forgets_a_synced_frame" else 0)
        for connection in list(self.connections):
            self.connections.discard(connection)
            connection.wire.hub_end = False
            connection.wire.cut()
        self.world.time.after(self.world.rng.uniform(100, 20_000), self._begin)

    def fill(self) -> None:
        """The disk is full for a while: nothing is synced, and the devices are told to hold what they have."""
        self.full, life = True, self.lives
        for connection in list(self.connections):
            connection.do(connection.session.hold(RETRY_AFTER_MS))
        self.world.time.after(self.world.rng.uniform(100, 20_000), lambda: self._has_room(life))

    def _has_room(self, life: int) -> None:
        if life == self.lives:
            self.full = False
            self._sync(life)

    def stop(self) -> None:
        """A planned stop says so to every device."""
        for connection in list(self.connections):
            connection.end(HubStopping(reason="planned"))
        self.disk.sync()
        self.crash()

    def let_go(self, connection: HubSide) -> None:
        self.connections.discard(connection)
        for uid, owner in self.owners.items():
            if owner is connection:
                self.owners[uid] = None
        connection.wire.close_from_the_hub()

    def kept(self, device_id: str) -> dict[bytes, Kept]:
        return {
            uid: Kept(opening, device_id, recording, self.durable[uid].frames, self.durable[uid].data_bytes, end)
            for uid, (opening, recording) in self.openings.items()
            if uid in self.durable and not self.durable[uid].sealed and self.world.owner(uid).name == device_id
            for end in [self.ends.get(uid) if self.durable[uid].ended else None]
        }

    def register(self, connection: HubSide, opening: Opening) -> list[HubEffect]:
        recording = _recording_of(opening.uid)
        if opening.uid in self.store:
            samples = self.store[opening.uid][1]
            return connection.session.already_sealed(opening, recording, hashlib.sha256(samples).digest())
        self.openings.setdefault(opening.uid, (opening, recording))
        former = self.owners.get(opening.uid)
        if former is not None and former.born > connection.born:
            raise Superseded
        self.owners[opening.uid] = connection
        effects = connection.session.registered(opening, recording)
        if former is not None and former is not connection:
            former.end(Superseded())
        return effects

    def append(self, connection: HubSide, effect: Append) -> None:
        frame, uid = effect.frame, effect.uid
        kind = {Open: Kind.OPEN, Data: Kind.DATA, End: Kind.END}[type(frame)]
        if isinstance(frame, End):
            self.ends[uid] = frame
        body = frame.body if isinstance(frame, Data) else encode(frame)
        if isinstance(frame, Data) and self.world.control == "makes_samples_up":
            body = body.replace(struct.pack("<h", NO_SIGNAL), b"\0\0")
        at = len(self.disk.synced) + sum(map(len, self.disk.unsynced))
        before = self.states.get(uid)
        state = after(before, kind, effect.seq, len(body), Place(1, at))
        if state is None and self.world.control == "stores_repeats" and before is not None and kind == Kind.DATA:
            state = before._replace(last=Place(1, at))
        if state is not None:
            previous = before.last if before else NOWHERE
            self.disk.write(record_header(self.disk.seed, kind, uid, effect.seq, 0, previous, body) + body)
            self.states[uid] = state
            self.bodies.setdefault(uid, []).append((kind, body))
        self.waiting.append((connection, uid, effect.seq))
        if self.world.control == "acks_before_sync":
            self._tell()
        if not self._syncing:
            self._syncing = True
            life = self.lives
            self.world.time.after(self.world.rng.choice((0.5, 8.0, 300.0)), lambda: self._sync(life))

    def _sync(self, life: int) -> None:
        if self.up and life == self.lives and not self.full:
            self._syncing = False
            self.disk.sync()
            self._tell()

    def _tell(self) -> None:
        """What waits is on the disk: each connection hears the highest frame of each stream, once."""
        self.durable = dict(self.states)
        highest: dict[tuple[HubSide, bytes], int] = {}
        while self.waiting:
            connection, uid, seq = self.waiting.popleft()
            highest[connection, uid] = max(seq, highest.get((connection, uid), OPEN_SEQ))
        for (connection, uid), seq in highest.items():
            if self.owners.get(uid) in (None, connection):
                connection.session.window_frames = self.world.rng.choice((4, 16, 64))
                connection.do(connection.session.stored(uid, seq))

    def publish(self, effect: Publish) -> None:
        at = self.published.get(effect.recording)
        tape = self.world.tape(effect.recording)
        if at is not None and effect.first_sample < at:
            raise Broken("a live sample was shown twice")
        row = 2 * len(tape.opening.leads)
        expected = tape.samples.astype("<i2").tobytes()[effect.first_sample * row :][: len(effect.samples)]
        if effect.samples != expected:
            raise Broken("a live sample stands in the wrong place")
        self.published[effect.recording] = effect.first_sample + len(effect.samples) // row

    def begin_seal(self, uid: bytes) -> None:
        if uid not in self.sealing:
            self.sealing.add(uid)
            life = self.lives
            self.world.time.after(self.world.rng.uniform(1, 500), lambda: self._store(uid, life))

    def _store(self, uid: bytes, life: int) -> None:
        if not self.up or life != self.lives:
            return
        samples = b"".join(body for kind, body in self.bodies[uid] if kind == Kind.DATA)
        if hashlib.sha256(samples).digest() != self.ends[uid].sha256:
            raise Broken("the samples on the disk are not the device's")
        if self.store.setdefault(uid, (_recording_of(uid), samples))[1] != samples:
            raise Broken("a recording was stored twice, differently")
        # A crash may come between the store's commit and the journal's mark.
        self.world.time.after(self.world.rng.choice((0.0, 400.0)), lambda: self._mark(uid, life))

    def _mark(self, uid: bytes, life: int) -> None:
        if not self.up or life != self.lives:
            return
        before = self.states[uid]
        at = self.disk.write(record_header(self.disk.seed, Kind.SEALED, uid, 0, 0, before.last, b""))
        state = after(before, Kind.SEALED, 0, 0, Place(1, at))
        assert state is not None
        self.states[uid] = self.durable[uid] = state
        owner = self.owners.get(uid)
        if owner is not None:
            owner.do(owner.session.sealed(uid, hashlib.sha256(self.store[uid][1]).digest()))


def _recording_of(uid: bytes) -> str:
    return f"rec-{uid.hex()}"


class World:
    """One scenario. `run` returns when every device has a receipt for each of its recordings, or raises Broken."""

    def __init__(self, seed: int, control: str = "") -> None:
        assert control in ("", *CONTROLS)
        self.seed, self.control, self.rng = seed, control, random.Random(seed)
        self.message_faults = self.rng.choice((0.0, 0.0, 0.5))
        self.time = Time()
        self.devices: list[Device] = []
        self.wires: list[Wire] = []
        self.hub = Hub(self)
        self.devices += [Device(self, number) for number in range(self.rng.choice((1, 1, 2, 4)))]
        self.trouble_ms = self.rng.choice((300.0, 1500.0, 8000.0))
        self.trouble_left = self.rng.randint(0, 14)
        self.time.after(self.rng.random() * self.trouble_ms, self._trouble)

    def device(self, name: str) -> Device:
        return next(device for device in self.devices if device.name == name)

    def owner(self, uid: bytes) -> Device:
        return next(device for device in self.devices if any(tape.opening.uid == uid for tape in device.tapes))

    def tape(self, recording: str) -> Tape:
        tapes = (tape for device in self.devices for tape in device.tapes)
        return next(tape for tape in tapes if _recording_of(tape.opening.uid) == recording)

    def run(self) -> None:
        self.time.run(lambda: all(device.done for device in self.devices))
        for device in self.devices:
            for tape in device.tapes:
                self._check(device, tape)

    def _trouble(self) -> None:
        if self.trouble_left == 0:
            return
        self.trouble_left -= 1
        device = self.rng.choice(self.devices)
        match self.rng.choice(("cut", "cut", "crash", "stop", "jump", "full")):
            case "cut" if device.wire is not None:
                device.wire.cut()
            case "crash" if self.hub.up:
                self.hub.crash()
            case "stop" if self.hub.up:
                self.hub.stop()
            case "full" if self.hub.up:
                self.hub.fill()
            case "jump":
                device.jump()
        self.time.after(self.rng.expovariate(1 / self.trouble_ms), self._trouble)

    def _check(self, device: Device, tape: Tape) -> None:
        """The recording equals the device's samples exactly once; gaps are where the device lost samples, as gaps."""
        uid = tape.opening.uid
        if uid not in device.receipts or uid not in self.hub.store:
            raise Broken(f"{device.name}: no receipt")
        recording, stored = self.hub.store[uid]
        receipt = device.receipts[uid]
        if (receipt.recording, receipt.sha256) != (recording, tape.sha256):
            raise Broken(f"{device.name}: a receipt of something else")
        samples = np.frombuffer(stored, "<i2").reshape(-1, len(tape.opening.leads))
        if not np.array_equal(samples, tape.samples):
            raise Broken(f"{device.name}: the stored samples differ")
