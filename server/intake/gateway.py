"""Where devices connect: the shell between their sockets, the journal and the hub.

`device.session` decides, this moves bytes. The rest of the hub is known only as the protocol of `hub.py`. No SQL, no
medicine, no HTTP for browsers.

Two things keep the promise: an ack leaves only from `Journal`'s callback after its fdatasync, and a receipt only
after `Hub.sealed` has returned. Memory: a stream is not held; at its end its frames are read back from the journal in a
thread, at most `seals_max` at once, each at most `STREAM_BYTES_MAX`. So an hour of 1,000 devices costs what is between
socket and disk, which `pool_bytes` bounds.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import ssl
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import structlog
from websockets.asyncio.server import Server, ServerConnection, serve

from device.errors import (
    Busy,
    ChecksumDiffers,
    DeviceRevoked,
    FileRefused,
    HubFault,
    HubStopping,
    OpenDiffers,
    RateDiffers,
    SilentTooLong,
    Superseded,
    TooManyUnfinished,
    WireError,
)
from device.frames import (
    FRAME_BYTES_MAX,
    Chunk,
    Data,
    Deposit,
    End,
    Open,
    Opening,
    Run,
    decode,
    encode,
)
from device.session import (
    Append,
    HubEffect,
    Kept,
    Publish,
    Rules,
)
from ecg.expected import NOT_AS_EXPECTED
from server.intake.connection import Connection
from server.intake.hub import DeviceRecord, Hub
from server.intake.journal import Journal, JournalDamaged, JournalFailed, Recovered
from server.intake.sealing import archive_of, archive_of_part, whole_file
from server.intake.segment import Damage, Kind, run_body, segment_path
from server.intake.silence import HubEnd, Silence, hub_end
from server.intake.socket import DeviceSocket
from server.intake.turns import Turns

log = structlog.get_logger()

RETRY_AFTER_S: Final = 5
UNFINISHED_AFTER_S: Final = 60  # a device with too many unfinished recordings is told to come back so late
SEAL_RETRY_S_MAX: Final = 60.0
BACKLOG: Final = 4096  # after a power cut a whole county's devices come back in the same second


@dataclass(frozen=True)
class GatewaySettings:
    """How the gateway listens and what it grants."""

    host: str = "127.0.0.1"
    port: int = 0  # 0: any free one, see `Gateway.port`
    rules: Rules = field(default_factory=Rules)
    connections_max: int = 12_000
    unfinished_max: int = 64  # recordings of one device that are neither ended nor sealed
    silent_s: float = 6 * 3600.0  # a recording of which nothing comes for so long is ended by the hub
    pool_bytes: int = 128 * 1024 * 1024  # of all devices together, received and not yet on the disk
    handshake_s: float = 10.0  # for the WebSocket handshake, and again for hello and proof
    ping_s: float = 20.0
    seals_max: int = 2
    tls: ssl.SSLContext | None = None


class _OpenRecord(msgspec.Struct, frozen=True):
    """The body of a stream's first journal record: from it alone a stream can be taken up again."""

    device: str
    recording: str
    opening: Open | None = None
    deposit: Deposit | None = None


@dataclass
class _Stream:
    """An unsealed recording, whether or not its device is connected."""

    uid: bytes
    device: str
    recording: str
    opening: Opening
    end: End | None = None
    owner: Connection | None = None  # the connection that sends it now
    shown: int = 0  # samples below this were published
    silent: HubEnd | None = None  # the hub ends it: nothing more of it is taken
    damaged: bool = False  # cannot be read back: it stays in the journal for whoever looks into it


class Gateway:
    """All device connections of this process and the journal they share."""

    def __init__(
        self,
        hub: Hub,
        folder: Path,
        settings: GatewaySettings,
        clock_ms: Callable[[], int],
        on_failed: Callable[[JournalFailed], None],
    ) -> None:
        """`on_failed` is told when the disk refused: the process has to end with an error and be started anew."""
        self.hub, self.settings, self.clock_ms = hub, settings, clock_ms
        self.refused: Counter[str] = Counter()  # error code -> how often; a metric
        self.damaged_frames = 0  # asked for again; a metric
        self.connections: set[Connection] = set()
        self._folder, self._on_failed = folder, on_failed
        self._streams: dict[bytes, _Stream] = {}
        self._of: defaultdict[str, dict[bytes, _Stream]] = defaultdict(dict)  # the same by device
        self._online: Counter[str] = Counter()
        self.births = itertools.count()
        self._seals: dict[bytes, asyncio.Task[None]] = {}
        self._seal_slots = asyncio.Semaphore(settings.seals_max)
        self._silence = Silence()
        self._stopping = asyncio.Event()
        self.turns = Turns()
        self.journal: Journal
        self._server: Server

    @property
    def port(self) -> int:
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def start(self) -> None:
        """Recover the journal, finish what was ended before a crash, listen. Raises JournalInUse."""
        self.journal, recovery = await asyncio.to_thread(Journal.open, self._folder, self.clock_ms)
        loop = asyncio.get_running_loop()
        self.journal.start(loop.call_soon_threadsafe, self._journal_failed, self._storage_full)
        for damage in recovery.damaged:
            self._report_damage(damage)
        for recovered in recovery.streams:
            await self._take_up(recovered)
            self._silence.begin(
                recovered.uid, recovered.state.next_seq, loop.time(), self._silent_until_now_s(recovered)
            )
        log.info(
            "journal.recovered",
            streams=len(recovery.streams),
            torn=len(recovery.torn),
            damaged=len(recovery.damaged),
            stranded=recovery.stranded,
            scanned_bytes=recovery.scanned_bytes,
            took_ms=round(recovery.took_ms),
        )
        self._server = await serve(
            self._serve,
            self.settings.host,
            self.settings.port,
            compression=None,  # int16 samples do not shrink, and each compressor holds 64 KiB
            max_size=2 * FRAME_BYTES_MAX,  # a little too large is answered with a code, far too large is cut off
            max_queue=16,
            ssl=self.settings.tls,
            open_timeout=self.settings.handshake_s,
            ping_interval=self.settings.ping_s,
            ping_timeout=self.settings.ping_s,
            close_timeout=2.0,
            create_connection=DeviceSocket,
            backlog=BACKLOG,
        )

    async def stop(self) -> None:
        """Tell the devices to come back, let seals end, put everything on the disk."""
        self._stopping.set()
        self._server.close(close_connections=False)
        await self._end_all(HubStopping(reason="planned"))
        await self._server.wait_closed()
        if self._seals:
            await asyncio.gather(*self._seals.values(), return_exceptions=True)
        await asyncio.to_thread(self.journal.close)

    async def scrub(self) -> None:
        """Read the closed segments of the journal over; what has rotted is told as damage."""
        for damage in await asyncio.to_thread(self.journal.scrub):
            self._report_damage(damage)

    async def drop_device(self, device_id: str) -> None:
        """A device was revoked: end its connections now."""
        for connection in list(self.connections):
            if connection.device_id == device_id:
                connection.end(DeviceRevoked())

    # ---- what connections ask ----

    def kept(self, device_id: str) -> dict[bytes, Kept]:
        """What stands on the disk of each unsealed stream of a device."""
        kept: dict[bytes, Kept] = {}
        for uid, stream in self._of.get(device_id, {}).items():
            state = self.journal.streams.get(uid)
            # A sealed state is that of the stream before: this one begins anew.
            if stream.silent is None and state is not None and not state.sealed:
                end = stream.end if state.ended else None
                kept[uid] = Kept(stream.opening, device_id, stream.recording, state.frames, state.data_bytes, end)
        return kept

    def window_frames(self) -> int:
        """Credit from one pool: wide while the disk keeps up, narrow when half of the pool waits for it."""
        pool, pending = self.settings.pool_bytes, self.journal.pending_bytes
        if pending < pool // 4:
            return 4 * self.settings.rules.window_frames
        return self.settings.rules.window_frames if pending < pool // 2 else 4

    def check_room(self) -> None:
        """Raises Busy or HubStopping where a new connection cannot be taken."""
        if self.journal.failed is not None or self._stopping.is_set():
            raise HubStopping(reason="journal" if self.journal.failed else "planned")
        crowded = len(self.connections) > self.settings.connections_max
        if crowded or self.journal.full or self.journal.pending_bytes > 0.9 * self.settings.pool_bytes:
            raise Busy(retry_after_s=RETRY_AFTER_S + secrets.randbelow(RETRY_AFTER_S))

    async def register(self, connection: Connection, device: DeviceRecord, opening: Opening) -> list[HubEffect]:
        """Find or make the recording of `opening` and give it to this connection."""
        receipt = await self.hub.sealed_receipt(device, opening)
        if receipt is None:
            self._check_unfinished(device.id, opening.uid)
        recording = "" if receipt else await self.hub.opened(device, opening, connection.clock)
        receipt = receipt or await self.hub.sealed_receipt(device, opening)  # a seal may have ended while we asked
        if receipt is not None:
            self._forget(opening.uid)
            return connection.session.already_sealed(opening, receipt.recording, receipt.sha256)
        known = self._streams.get(opening.uid)
        if known is not None and known.device != device.id:
            raise OpenDiffers(field="device")
        if known is not None and known.silent is not None:
            raise Busy(retry_after_s=RETRY_AFTER_S)  # it is being ended: in a moment it can be begun anew
        stream = known or self._know(_Stream(opening.uid, device.id, recording, opening))
        if stream.owner is not None and stream.owner.born > connection.born:
            raise Superseded  # an `open` that lay on a dying line and came after that of the connection after it
        # In one step: the new owner goes on where the disk stands now.
        former, stream.owner = stream.owner, connection
        effects = connection.session.registered(opening, recording)
        if former is not None and former is not connection:
            former.end(Superseded())
        return effects

    def _know(self, stream: _Stream) -> _Stream:
        self._streams[stream.uid] = self._of[stream.device][stream.uid] = stream
        return stream

    def _check_unfinished(self, device_id: str, uid: bytes) -> None:
        """Raises TooManyUnfinished: each of them pins its part of the journal."""
        if uid in self._streams:
            return
        theirs = sum(s.uid not in self._seals for s in self._of.get(device_id, {}).values())
        if theirs >= self.settings.unfinished_max:
            raise TooManyUnfinished(UNFINISHED_AFTER_S, theirs, self.settings.unfinished_max)

    def append(self, connection: Connection, effect: Append) -> None:
        stream = self._streams[effect.uid]
        frame = effect.frame
        device_ms = 0
        match frame:
            case Data():
                kind, body, device_ms = Kind.DATA, frame.body, frame.device_ms
            case Run():
                kind, body = Kind.RUN, run_body(frame.stamps, frame.body)
            case Chunk():
                kind, body = Kind.DATA, frame.body
            case Open():
                kind, body = Kind.OPEN, msgspec.json.encode(_OpenRecord(stream.device, stream.recording, frame))
            case Deposit():
                record = _OpenRecord(stream.device, stream.recording, deposit=frame)
                kind, body = Kind.OPEN, msgspec.json.encode(record)
            case End():
                kind, body = Kind.END, encode(frame)
                stream.end = frame
        self.journal.append(effect.uid, effect.seq, kind, body, connection.listener(effect.uid), device_ms)

    def publish(self, effect: Publish) -> None:
        """Show live samples, each once, whichever of two connections' writes reached the disk first."""
        stream = self._streams.get(effect.uid)
        if stream is None:
            return
        assert isinstance(stream.opening, Open)
        first, row = max(effect.first_sample, stream.shown), 2 * len(stream.opening.leads)
        if samples := effect.samples[row * (first - effect.first_sample) :]:
            stream.shown = first + len(samples) // row
            self.hub.publish(effect.recording, first, samples)

    def set_online(self, device_id: str, *, online: bool) -> None:
        self._online[device_id] += 1 if online else -1
        count = self._online[device_id]
        if count == 0:
            del self._online[device_id]
        if count == int(online):  # the first has come, or the last has gone
            self.hub.device_online(device_id, online)

    def let_go(self, connection: Connection) -> None:
        """A connection has ended: its streams wait for the next one."""
        self.connections.discard(connection)
        for stream in self._of.get(connection.device_id or "", {}).values():
            if stream.owner is connection:
                stream.owner = None

    # ---- recordings that nobody ends ----

    @property
    def unfinished(self) -> int:
        """Recordings that are neither sealed nor about to be; a metric."""
        return len(self._streams) - len(self._seals)

    def end_silent(self, now_s: float) -> None:
        """End every recording that was silent for longer than `silent_s`; to be called now and then.

        What came of it is sealed as incomplete, what was refused is set aside: the journal keeps neither. The device
        finds the recording gone when it opens it again, and sends it whole, from its first frame.
        """
        if self.journal.full or self.journal.failed is not None:
            self._silence.wake(now_s)  # nobody could send
            return
        states = self.journal.streams
        idle = {
            uid: states[uid].next_seq
            for uid, stream in self._streams.items()
            if uid in states and uid not in self._seals and not stream.damaged
        }
        for uid, silent_s in self._silence.look(idle, now_s).items():
            if silent_s > self.settings.silent_s:
                self._end_silent(self._streams[uid], HubEnd(round(silent_s)))

    def _end_silent(self, stream: _Stream, end: HubEnd) -> None:
        log.warning("recording.silent", recording=stream.recording, device=stream.device, silent_s=end.silent_s)
        former, stream.owner, stream.silent = stream.owner, None, end
        if former is not None:
            former.end(SilentTooLong(end.silent_s))
        state = self.journal.streams[stream.uid]
        if state.ended:
            self.begin_seal(stream.uid)
            return

        def ended(_seq: int) -> None:
            if self.journal.streams[stream.uid].ended:
                self.begin_seal(stream.uid)
            else:
                stream.silent = None  # a frame was on its way to the disk and came before: it is not silent

        self.journal.append(stream.uid, state.next_seq, Kind.END, msgspec.json.encode(end), ended)

    async def _seal_silent(self, stream: _Stream, end: HubEnd) -> None:
        """Store what there is of a recording its device has not ended, or whose end the hub could not take."""
        opening = stream.opening
        records = await asyncio.to_thread(self.journal.read, self.journal.streams[stream.uid])
        raw = b"".join(record.body for record in records if record.kind == Kind.DATA)
        archive = None
        if isinstance(opening, Open) and raw and stream.end is None:
            archive = await asyncio.to_thread(archive_of_part, opening, raw)
        await self.hub.interrupted(stream.device, stream.recording, archive, raw, end.silent_s)
        self._forget(stream.uid)

    # ---- sealing ----

    def begin_seal(self, uid: bytes) -> None:
        if uid in self._streams and uid not in self._seals and not self._stopping.is_set():
            task = asyncio.create_task(self._seal(uid), name=f"seal {uid.hex()}")
            self._seals[uid] = task
            task.add_done_callback(lambda _: self._seals.pop(uid, None))

    async def _seal(self, uid: bytes) -> None:
        """Try until the hub has it: the samples are safe in the journal, and the device waits for its receipt."""
        wait_s = 1.0
        while not self._stopping.is_set():
            try:
                async with self._seal_slots:
                    await self._seal_once(self._streams[uid])
                return
            except JournalDamaged as error:
                self._streams[uid].damaged = True
                self.hub.journal_damaged(str(error))
                await self._reject(self._streams[uid], error.code, HubFault(ref=uid.hex()[:8]))
                return
            except (ChecksumDiffers, FileRefused, RateDiffers) as error:
                await self._reject(self._streams[uid], error.code, error)
                return
            except Exception as error:
                self.refused[HubFault.code] += 1
                log.error("seal.failed", uid=uid.hex(), error=type(error).__name__, again_in_s=wait_s)
            try:
                await asyncio.wait_for(self._stopping.wait(), wait_s)
            except TimeoutError:
                wait_s = min(2 * wait_s, SEAL_RETRY_S_MAX)

    async def _seal_once(self, stream: _Stream) -> None:
        if stream.silent is not None:
            await self._seal_silent(stream, stream.silent)
            return
        assert stream.end is not None
        opening = stream.opening
        records = await asyncio.to_thread(self.journal.read, self.journal.streams[stream.uid])
        pieces = [record for record in records if record.kind == Kind.DATA]
        raw, stamps = b"".join(piece.body for piece in pieces), [piece.device_ms for piece in pieces]
        del records, pieces
        if isinstance(opening, Deposit):
            file = await asyncio.to_thread(whole_file, opening, stream.end, raw)
            await self.hub.deposited(stream.device, stream.recording, file, opening)
            sha256, stored = opening.sha256, len(file)
        else:
            sha256 = stream.end.sha256
            archive = await asyncio.to_thread(archive_of, opening, stream.end, raw, stamps)
            await self.hub.sealed(stream.device, stream.recording, archive, opening, sha256)
            stored = len(archive)
        log.info("recording.sealed", recording=stream.recording, samples=stream.end.samples, stored_bytes=stored)
        self._forget(stream.uid)
        if stream.owner is not None:
            stream.owner.do_now(stream.owner.session.sealed(stream.uid, sha256))

    async def _reject(self, stream: _Stream, code: str, error: WireError) -> None:
        log.error("recording.rejected", recording=stream.recording, code=code)
        await self.hub.rejected(stream.device, stream.recording, code)
        if stream.owner is not None:
            stream.owner.end(error)

    def _forget(self, uid: bytes) -> None:
        """The recording is stored for good: the journal may let its samples go."""
        stream = self._streams.pop(uid, None)
        if stream is not None:
            del self._of[stream.device][uid]
            if not self._of[stream.device]:
                del self._of[stream.device]
        state = self.journal.streams.get(uid)
        if state is not None and not state.sealed and self.journal.failed is None:
            self.journal.seal(uid)

    # ---- start, trouble ----

    async def _take_up(self, recovered: Recovered) -> None:
        """An unsealed stream of the journal: seal it if it was ended, else wait for its device.

        One that cannot be read keeps nobody from starting: it is told as damage and stays where it is.
        """
        at = recovered.state.opened
        try:
            record = msgspec.json.decode(recovered.open_body, type=_OpenRecord)
            opening = record.opening or record.deposit
            end, silent = None, None
            if recovered.state.ended:
                at = recovered.state.last
                body = (await asyncio.to_thread(self.journal.read_last, recovered.state)).body
                silent = hub_end(body)
                end = None if silent else decode(body)
        except (*NOT_AS_EXPECTED, WireError, JournalDamaged, OSError, KeyError):
            opening, end, silent = None, None, None
        if opening is None or not isinstance(end, End | None):
            self._report_damage(Damage(at.segment, at.offset, at.offset, torn=False))
            return
        self._know(_Stream(recovered.uid, record.device, record.recording, opening, end, silent=silent))
        if end is not None or silent is not None:
            # The process may have died between the hub's commit and the journal's mark: `sealed` is idempotent.
            self.begin_seal(recovered.uid)

    def _silent_until_now_s(self, recovered: Recovered) -> float:
        """Since its last record's segment was written last; that a start closes an open segment makes it too short."""
        path = segment_path(self._folder, recovered.state.last.segment)
        try:
            return self.clock_ms() / 1000 - path.stat().st_mtime
        except OSError:
            return 0.0

    def _report_damage(self, damage: Damage) -> None:
        sentence = str(JournalDamaged(segment=damage.segment, start=damage.start, end=damage.end))
        log.error("journal.damaged", segment=damage.segment, start=damage.start, end=damage.end)
        self.hub.journal_damaged(sentence)

    def _storage_full(self, full: bool) -> None:
        self.hub.storage_full(full)
        if full:
            for connection in self.connections:
                connection.do_now(connection.session.hold(1000 * RETRY_AFTER_S))

    def _journal_failed(self, error: JournalFailed) -> None:
        log.critical("journal.failed", reason=error.reason)
        self._failing = asyncio.create_task(self._end_after_failure(error))

    async def _end_after_failure(self, error: JournalFailed) -> None:
        await self._end_all(HubStopping(reason="journal"))
        self._on_failed(error)

    async def _end_all(self, error: WireError) -> None:
        for connection in list(self.connections):
            connection.end(error)

    async def _serve(self, socket: ServerConnection) -> None:
        assert isinstance(socket, DeviceSocket)
        connection = Connection(self, socket)
        self.connections.add(connection)
        try:
            await connection.run()
        finally:
            self.let_go(connection)
