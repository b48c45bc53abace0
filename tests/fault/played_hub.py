"""The hub's shell as `world.py` plays it: what `server/intake/gateway.py` does with the product's rules and records.

No socket and no clock: its journal is `played.Disk`, its time the world's. It can be told to break one promise
(`CONTROLS`), so that a suite which would not notice is found out.
"""

from __future__ import annotations

import hashlib
import struct
from collections import deque
from typing import TYPE_CHECKING

from device.errors import BadChecksum, HubStopping, Superseded, WireError
from device.frames import NO_SIGNAL, Data, End, Open, Opening, decode, encode, error_frame
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
from server.intake.segment import (
    NOWHERE,
    Kind,
    Place,
    after,
    record_header,
)
from tests.fault.played import NOON_MS, RETRY_AFTER_MS, Broken, Disk, Wire

if TYPE_CHECKING:
    from tests.fault.world import World


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
        self.openings[uid] = (opening, recording_of(uid))
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
        recording = recording_of(opening.uid)
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
        assert isinstance(frame, Open | Data | End), "no files in this world, and frames come one by one"
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
            connection.session.window_frames = self.world.rng.choice((4, 16, 64))
            connection.do(connection.session.stored(uid, seq))

    def publish(self, effect: Publish) -> None:
        tape = self.world.tape(effect.recording)
        at = self.published.get(effect.recording)
        if at is not None and effect.first_sample < at:
            if self.world.control == "shows_twice":
                raise Broken("a live sample was shown twice")
            return  # another connection's write reached the disk first and was shown
        if at is not None and effect.first_sample > at:
            raise Broken("a live sample was left out")
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
        if self.store.setdefault(uid, (recording_of(uid), samples))[1] != samples:
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


def recording_of(uid: bytes) -> str:
    return f"rec-{uid.hex()}"
