"""One conversation on the device wire, the hub's side: what it answers to each frame.

Holds the rules: who may speak when, proof, order, repeats, gaps, credit, acknowledgement, resuming. No socket, clock,
disk or chance: `server/intake/gateway.py` moves the bytes and carries out the effects; bytes are the business of
`frames.py`, the device's side is `upload.py`. Whatever the device did wrong is raised as a `WireError`; the shell sends
it as the last frame and closes.

Told as a story: hello -> FindDevice -> challenge -> proof -> Online, welcome -> open -> Register (the hub gives the
recording its id) -> Append(open) -> on disk -> opened -> data -> Append(data) -> on disk -> Publish, ack -> end ->
Append(end) -> on disk -> Seal -> stored as a file -> receipt.
"""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

import msgspec

from device import coding
from device.errors import (
    BadChecksum,
    BadProof,
    DeviceRevoked,
    EndDiffers,
    FileRefused,
    GainRefused,
    GapStays,
    IndexDiffers,
    LeadMapRefused,
    OpenDiffers,
    OutOfOrder,
    OverCredit,
    RateRefused,
    SampleOutOfRange,
    StreamTooLong,
    TooManyStreams,
    UnknownDevice,
    VersionRefused,
)
from device.frames import (
    FRAME_BYTES_MAX,
    FRAMES_MAX,
    GAIN_UV_LEAST,
    GAIN_UV_MOST,
    LEADS,
    LEADS_MAX,
    STREAM_BYTES_MAX,
    VERSION,
    Ack,
    Challenge,
    Chunk,
    Clock,
    Coding,
    Data,
    Deposit,
    End,
    Frame,
    Hello,
    Nack,
    Open,
    Opened,
    Opening,
    OpenStream,
    Piece,
    Ping,
    Pong,
    Proof,
    Range,
    Receipt,
    Run,
    Welcome,
    Why,
    deposit_uid,
    encode,
    levelled,
    proof_of,
)

OPEN_SEQ: Final = -1  # the place of the open frame before frame 0 of its stream
OVER_MAX: Final = 16  # streams of a connection whose receipt is said again where their end comes once more
OFFSET_MS_MAX: Final = 2**53  # the most a page's number holds; a clock that is further off is told as this far
NACKS_MAX: Final = 8  # how often the same frame is asked for again before the device is taken to be broken
SAME_IN_A_RESUME: Final = {
    Open: ("fs", "leads", "gain_uv_per_lsb", "offset_lsb", "start_ms", "kind", "mode", "request"),
    Deposit: ("size", "sha256", "packing"),
}


@dataclass(frozen=True)
class Rules:
    """What a hub grants and accepts. Defaults: durability.md 4."""

    rates: tuple[int, ...] = (100, 125, 200, 250, 256, 257, 300, 360, 400, 500, 512, 600, 720, 800, 1000, 1024, 2000)
    window_frames: int = 16
    window_bytes: int = 256 * 1024
    streams_max: int = 4


@dataclass(frozen=True)
class DeviceRecord:
    """What the hub knows of a device: its valid keys (two while one is being replaced) and whose it is."""

    id: str
    keys: tuple[bytes, ...] = field(repr=False)
    org: str
    active: bool = True
    org_name: str = ""  # told to the device, so that whoever stands before it sees where its ECGs go


@dataclass(frozen=True)
class Kept:
    """What the journal holds of a stream: where a resume goes on."""

    opening: Opening
    device: str
    recording: str
    next_seq: int  # of the next piece
    data_bytes: int
    end: End | None = None


# ---- What the hub's shell is asked to do: structs, because one is made for every frame ----


class Send(msgspec.Struct, frozen=True, gc=False):
    frame: Frame


class FindDevice(msgspec.Struct, frozen=True, gc=False):
    """Look the device up, then call `device_found`."""

    device_id: str


class Online(msgspec.Struct, frozen=True, gc=False):
    """The device has proven itself: from here on the connection speaks for it."""


class ClockKnown(msgspec.Struct, frozen=True, gc=False):
    """How far the device's clock is from ours: `offset_ms` is ours less its own, wrong by `uncertainty_ms` at most."""

    offset_ms: int
    uncertainty_ms: int


class Register(msgspec.Struct, frozen=True, gc=False):
    """Give the recording an id (or say it is sealed), then call `registered` or `already_sealed`."""

    opening: Opening


class Append(msgspec.Struct, frozen=True, gc=False):
    """Write to the journal; call `stored(uid, seq)` once it is on the disk, never before."""

    uid: bytes
    seq: int  # of a run, that of its last frame
    frame: Opening | Piece | Run | End
    recording: str


class Publish(msgspec.Struct, frozen=True, gc=False):
    """Live samples that are on the disk: now they may be seen."""

    uid: bytes
    recording: str
    first_sample: int
    samples: bytes


class Seal(msgspec.Struct, frozen=True, gc=False):
    """All of the stream is on the disk: make the file, store it, then call `sealed`."""

    uid: bytes
    recording: str
    opening: Opening
    end: End


HubEffect = Send | FindDevice | Online | ClockKnown | Register | Append | Publish | Seal


class HubState(Enum):
    """Where a connection stands on the hub's side."""

    NEW = "before hello"
    FINDING = "before challenge"
    CHALLENGED = "before proof"
    READY = "after welcome"


@dataclass
class _Incoming:
    """One stream of one connection, as the hub sees it. A piece is a data frame, or a chunk of a file."""

    opening: Opening
    recording: str
    expected: int  # the piece we want next
    safe: int  # pieces below this stand on the disk
    limit: int  # pieces below this may be sent
    data_bytes: int  # unpacked, taken so far, on disk or on the way there
    safe_samples: int
    unit: int  # bytes that `first` and `samples` count as one: a sample of all leads, or a byte of a file
    range: Range | None  # of a recording's samples
    waiting: deque[tuple[int, bytes]] = field(default_factory=deque)  # taken, not yet on the disk: seq, plain body
    is_open: bool = False  # the open record is on the disk
    end: End | None = None
    asked: int = 0  # nacks for `expected`
    farthest: int = -1  # the highest piece seen beyond a gap


class HubSession:
    """The hub's side of one connection."""

    def __init__(self, session: str, nonce: bytes, rules: Rules, kept: Callable[[str], dict[bytes, Kept]]) -> None:
        """`kept(device_id)` tells what the journal holds, on disk, of each unsealed stream of a device."""
        self.session, self.rules = session, rules
        self.state = HubState.NEW
        self.device: DeviceRecord | None = None
        self.software = ""  # what the device says it runs
        self.proved_by: bytes = b""  # the key of the device that its proof was made with
        self.window_frames = rules.window_frames  # the shell shrinks and widens it; `limit` never goes back
        self.waiting_bytes = 0  # taken from this device, not yet on the disk
        self._nonce, self._kept = nonce, kept
        self._hello = b""
        self._challenged_ms = 0
        self._streams: dict[int, _Incoming] = {}
        self._over_streams: dict[int, Receipt] = {}  # the last ones of this connection

    # ---- frames of the device ----

    def receive(self, frame: Frame, now_ms: int, raw: bytes | None = None) -> list[HubEffect]:
        """Raises WireError for what the device may not send now. `raw` is the message as sent: hello is signed so."""
        move = _HUB_MOVES.get((self.state, type(frame)))
        if move is None:
            raise OutOfOrder(frame=frame.NAME, state=self.state.value)
        if isinstance(frame, Hello):
            self._hello = encode(frame) if raw is None else raw
        effects = move.run(self, frame, now_ms)
        self.state = move.target
        return effects

    def damaged(self, error: BadChecksum) -> list[HubEffect]:
        """A piece came with a wrong checksum: ask for it again. Raises the error where that does not help."""
        stream = self._streams.get(error.stream)
        if self.state is not HubState.READY or stream is None or not stream.is_open:
            raise error
        stream.asked += 1
        if stream.asked > NACKS_MAX:
            raise error
        return [Send(Nack(error.stream, stream.expected, Why.CHECKSUM))]

    def hold(self, retry_after_ms: int) -> list[HubEffect]:
        """Our disk is full: tell every open stream to keep what it has."""
        return [
            Send(Nack(number, stream.expected, Why.FULL, retry_after_ms))
            for number, stream in self._streams.items()
            if stream.is_open and stream.end is None
        ]

    def _on_hello(self, frame: Hello, now_ms: int) -> list[HubEffect]:
        if frame.version != VERSION:
            raise VersionRefused(got=frame.version, accepted=VERSION)
        self.software = frame.software
        return [FindDevice(frame.device)]

    def device_found(self, device: DeviceRecord | None, now_ms: int) -> list[HubEffect]:
        if device is None:
            raise UnknownDevice
        self.device = device
        self.state = HubState.CHALLENGED
        self._challenged_ms = now_ms
        return [Send(Challenge(nonce=self._nonce))]

    def _on_proof(self, frame: Proof, now_ms: int) -> list[HubEffect]:
        assert self.device is not None
        proved = [
            key
            for key in self.device.keys  # all of them are tried: how long it takes does not tell which was right
            if hmac.compare_digest(frame.mac, proof_of(key, self._nonce, self._hello, frame.device_ms))
        ]
        if not proved:
            raise BadProof
        self.proved_by = proved[0]
        if not self.device.active:
            raise DeviceRevoked  # told only to who holds the key
        streams = tuple(
            OpenStream(uid=uid, recording=kept.recording, next_seq=kept.next_seq)
            for uid, kept in self._kept(self.device.id).items()
        )
        # The device wrote its time somewhere between our two: the middle is the best guess, half the way its error.
        uncertainty_ms = max(0, now_ms - self._challenged_ms + 1) // 2
        offset_ms = _bounded(self._challenged_ms + uncertainty_ms - frame.device_ms)
        return [
            Online(),
            ClockKnown(offset_ms, uncertainty_ms),
            Send(
                Welcome(
                    session=self.session,
                    clock_offset_ms=offset_ms,
                    clock_uncertainty_ms=uncertainty_ms,
                    window_frames=self.window_frames,
                    window_bytes=self.rules.window_bytes,
                    hub_ms=now_ms,
                    rates=self.rules.rates,
                    frame_bytes_max=FRAME_BYTES_MAX,
                    streams=streams[:64],
                    clinic=self.device.org_name,
                )
            ),
        ]

    def _on_open(self, frame: Open, now_ms: int) -> list[HubEffect]:
        _check_open(frame, self.rules)
        return self._admit(frame, 2 * len(frame.leads), Range(frame.gain_uv_per_lsb, frame.offset_lsb))

    def _on_deposit(self, frame: Deposit, now_ms: int) -> list[HubEffect]:
        assert self.device is not None
        if frame.uid != deposit_uid(self.device.id, frame.sha256):
            raise FileRefused(reason="its uid is not the one of its SHA-256")
        return self._admit(frame, 1, None)

    def _admit(self, opening: Opening, unit: int, allowed: Range | None) -> list[HubEffect]:
        assert self.device is not None
        if opening.stream in self._streams:
            raise OutOfOrder(frame=opening.NAME, state=f"stream {opening.stream} is open")
        if len(self._streams) >= self.rules.streams_max:
            raise TooManyStreams(streams_max=self.rules.streams_max)
        kept = self._kept(self.device.id).get(opening.uid)
        if kept is not None:
            _check_same(opening, kept.opening)
        self._over_streams.pop(opening.stream, None)
        self._streams[opening.stream] = _Incoming(opening, "", 0, 0, 0, 0, 0, unit, allowed)
        return [Register(opening)]

    def registered(self, opening: Opening, recording: str) -> list[HubEffect]:
        """The recording has its id. A stream the journal knows goes on where the disk ends; a new one begins there."""
        assert self.device is not None
        stream = self._streams[opening.stream]
        stream.recording = recording
        kept = self._kept(self.device.id).get(opening.uid)
        if kept is None:
            return [Append(opening.uid, OPEN_SEQ, opening, recording)]
        stream.expected = stream.safe = kept.next_seq
        stream.data_bytes = kept.data_bytes
        stream.safe_samples = kept.data_bytes // stream.unit
        effects = self._begin(stream)
        if kept.end is not None:
            stream.end = kept.end
            effects.append(Seal(opening.uid, recording, opening, kept.end))
        return effects

    def already_sealed(self, opening: Opening, recording: str, sha256: bytes) -> list[HubEffect]:
        """Sent five times, stored once: the receipt is given again, nothing is opened."""
        return [self._over(opening.stream, Receipt(uid=opening.uid, recording=recording, sha256=sha256))]

    def _begin(self, stream: _Incoming) -> list[HubEffect]:
        stream.is_open = True
        stream.limit = stream.safe + self.window_frames
        opened = Opened(stream.opening.stream, stream.recording, stream.expected, stream.limit)
        return [Send(opened)]

    def _on_piece(self, frame: Piece, now_ms: int) -> list[HubEffect]:
        if frame.stream in self._over_streams:
            return []
        stream = self._open_stream(frame)
        if frame.seq < stream.expected:
            # A repeat: the device missed our ack. Answer with what is safe, store nothing twice.
            return [self._ack(stream)]
        over_bytes = self.waiting_bytes + frame.size > self.rules.window_bytes
        if frame.seq >= stream.limit or over_bytes:
            raise OverCredit(seq=frame.seq, limit=stream.limit, bytes_max=self.rules.window_bytes)
        if frame.seq > stream.expected:
            return self._gap(stream, frame.seq)
        if isinstance(frame, Data):
            frame = _plain(frame, stream)
        counted = stream.data_bytes // stream.unit
        if frame.first != counted:
            raise IndexDiffers(seq=frame.seq, got=frame.first, expected=counted)
        if stream.data_bytes + frame.size > STREAM_BYTES_MAX or frame.seq >= FRAMES_MAX:
            raise StreamTooLong(bytes_max=STREAM_BYTES_MAX)
        stream.expected += 1
        stream.asked, stream.farthest = 0, -1
        stream.data_bytes += frame.size
        self.waiting_bytes += frame.size
        stream.waiting.append((frame.seq, frame.body))
        return [Append(stream.opening.uid, frame.seq, frame, stream.recording)]

    def receive_run(self, run: Run) -> Append | None:
        """All frames of `run` at once, where each is what is expected next and within its credit.

        None, and nothing is changed, where one of them is not: then `receive` has to look at each.
        """
        stream = self._streams.get(run.stream)
        if stream is None or not stream.is_open or stream.end is not None or stream.range is None:
            return None
        size = len(run.body)
        if (
            run.seq - run.frames + 1 != stream.expected
            or run.seq >= min(stream.limit, FRAMES_MAX)
            or self.waiting_bytes + size > self.rules.window_bytes
            or 2 * run.leads != stream.unit
            or run.first * stream.unit != stream.data_bytes
            or stream.data_bytes + size > STREAM_BYTES_MAX
        ):
            return None
        try:
            stream.range.check(run.body, run.seq)
        except SampleOutOfRange:
            return None
        stream.expected = run.seq + 1
        stream.asked, stream.farthest = 0, -1
        stream.data_bytes += size
        self.waiting_bytes += size
        stream.waiting.append((run.seq, run.body))
        return Append(stream.opening.uid, run.seq, run, stream.recording)

    def _gap(self, stream: _Incoming, seq: int) -> list[HubEffect]:
        """Ask once for what is missing, and again only when the device has gone back and it is still missing."""
        went_back = seq <= stream.farthest
        stream.farthest = seq if went_back else max(stream.farthest, seq)
        if stream.asked and not went_back:
            return []
        stream.asked += 1
        if stream.asked > NACKS_MAX:
            raise GapStays(expected=stream.expected, asked=NACKS_MAX)
        return [Send(Nack(stream.opening.stream, stream.expected, Why.GAP))]

    def _on_end(self, frame: End, now_ms: int) -> list[HubEffect]:
        if frame.stream in self._over_streams:
            return [Send(self._over_streams[frame.stream])]
        stream = self._known_stream(frame.stream, "end")
        if stream.end is not None:
            if not _same_end(frame, stream.end):
                raise OutOfOrder(frame="end", state="it was ended before, differently")
            return []  # the seal is under way; the receipt will come
        if not stream.is_open:
            raise OutOfOrder(frame="end", state="before opened")
        if frame.frames > stream.expected:
            return self._gap(stream, frame.frames)
        samples = stream.data_bytes // stream.unit
        if frame.frames != stream.expected or frame.samples != samples or samples == 0:
            raise EndDiffers(
                frames=frame.frames, samples=frame.samples, got_frames=stream.expected, got_samples=samples
            )
        stream.end = frame
        return [Append(stream.opening.uid, frame.frames, frame, stream.recording)]

    def _on_ping(self, frame: Ping, now_ms: int) -> list[HubEffect]:
        return [Send(Pong(device_ms=frame.device_ms, hub_ms=now_ms))]

    def _on_clock(self, frame: Clock, now_ms: int) -> list[HubEffect]:
        return [ClockKnown(_bounded(frame.offset_ms), frame.uncertainty_ms)]

    # ---- what the disk says ----

    def stored(self, uid: bytes, seq: int) -> list[HubEffect]:
        """Everything of `uid` up to `seq` is on the disk: only now may it be seen, and acknowledged."""
        stream = next((s for s in self._streams.values() if s.opening.uid == uid), None)
        if stream is None:
            return []
        if not stream.is_open:
            return self._begin(stream)
        effects: list[HubEffect] = []
        while stream.waiting and stream.waiting[0][0] <= seq:
            last, body = stream.waiting.popleft()
            self.waiting_bytes -= len(body)
            opening = stream.opening
            if isinstance(opening, Open) and opening.mode == "live":
                samples = levelled(body, opening.offset_lsb)
                effects.append(Publish(opening.uid, stream.recording, stream.safe_samples, samples))
            stream.safe_samples += len(body) // stream.unit
            stream.safe = last + 1
        effects.append(self._ack(stream))
        if stream.end is not None and seq >= stream.end.frames:
            effects.append(Seal(uid, stream.recording, stream.opening, stream.end))
        return effects

    def sealed(self, uid: bytes, sha256: bytes) -> list[HubEffect]:
        """The recording stands as a file and a row: the receipt, and the stream is over."""
        for number, stream in list(self._streams.items()):
            if stream.opening.uid == uid:
                return [self._over(number, Receipt(uid=uid, recording=stream.recording, sha256=sha256))]
        return []

    def _over(self, number: int, receipt: Receipt) -> Send:
        """The stream is over. What the device sends of it before it hears so is no fault."""
        del self._streams[number]
        self._over_streams[number] = receipt
        if len(self._over_streams) > OVER_MAX:
            del self._over_streams[next(iter(self._over_streams))]
        return Send(receipt)

    # ---- small parts ----

    def _ack(self, stream: _Incoming) -> Send:
        stream.limit = max(stream.limit, stream.safe + self.window_frames)
        return Send(Ack(stream.opening.stream, stream.safe, stream.limit))

    def _known_stream(self, number: int, name: str) -> _Incoming:
        stream = self._streams.get(number)
        if stream is None:
            raise OutOfOrder(frame=name, state=f"stream {number} is not open")
        return stream

    def _open_stream(self, frame: Piece) -> _Incoming:
        stream = self._known_stream(frame.stream, frame.NAME)
        if isinstance(frame, Data) is not isinstance(stream.opening, Open):
            raise OutOfOrder(frame=frame.NAME, state=f"stream {frame.stream} was begun by {stream.opening.NAME}")
        if not stream.is_open:
            raise OutOfOrder(frame=frame.NAME, state="before opened")
        if stream.end is not None and frame.seq >= stream.expected:
            raise OutOfOrder(frame=frame.NAME, state="after end")
        return stream


class _Move(NamedTuple):
    run: Callable[..., list[HubEffect]]
    target: HubState


_HUB_MOVES: Final[dict[tuple[HubState, type[Frame]], _Move]] = {
    (HubState.NEW, Hello): _Move(HubSession._on_hello, HubState.FINDING),
    (HubState.CHALLENGED, Proof): _Move(HubSession._on_proof, HubState.READY),
    (HubState.READY, Open): _Move(HubSession._on_open, HubState.READY),
    (HubState.READY, Deposit): _Move(HubSession._on_deposit, HubState.READY),
    (HubState.READY, Data): _Move(HubSession._on_piece, HubState.READY),
    (HubState.READY, Chunk): _Move(HubSession._on_piece, HubState.READY),
    (HubState.READY, End): _Move(HubSession._on_end, HubState.READY),
    (HubState.READY, Ping): _Move(HubSession._on_ping, HubState.READY),
    (HubState.READY, Clock): _Move(HubSession._on_clock, HubState.READY),
}
"""What a connection takes in which state; `device_found` alone moves it besides. The page's diagram comes from here."""


def _bounded(offset_ms: int) -> int:
    return max(-OFFSET_MS_MAX, min(OFFSET_MS_MAX, offset_ms))


def _check_open(opening: Open, rules: Rules) -> None:
    """Raises RateRefused, LeadMapRefused, GainRefused. No clock is refused: its offset is measured and kept."""
    if opening.fs not in rules.rates:
        raise RateRefused(got=opening.fs, accepted=rules.rates)
    if not 1 <= len(opening.leads) <= LEADS_MAX:
        raise LeadMapRefused(reason=f"{len(opening.leads)} leads, 1 to {LEADS_MAX} are possible")
    if len(set(opening.leads)) != len(opening.leads):
        raise LeadMapRefused(reason="a lead stands twice")
    if not LEADS.issuperset(opening.leads):
        raise LeadMapRefused(reason="a lead's name is unknown")
    if not GAIN_UV_LEAST <= opening.gain_uv_per_lsb <= GAIN_UV_MOST:  # False for NaN too
        raise GainRefused(got=opening.gain_uv_per_lsb, least=GAIN_UV_LEAST, most=GAIN_UV_MOST)


def _check_same(opening: Opening, before: Opening) -> None:
    """Raises OpenDiffers: a resume must be of the same recording."""
    if type(opening) is not type(before):
        raise OpenDiffers(field="kind")
    for name in SAME_IN_A_RESUME[type(opening)]:
        if getattr(opening, name) != getattr(before, name):
            raise OpenDiffers(field=name)


def _plain(frame: Data, stream: _Incoming) -> Data:
    """The frame with raw samples, each within range. Raises LeadMapRefused, BadFrame, SampleOutOfRange."""
    opening = stream.opening
    assert isinstance(opening, Open)
    assert stream.range is not None
    if frame.leads != len(opening.leads):
        raise LeadMapRefused(reason=f"a frame has {frame.leads} leads, open named {len(opening.leads)}")
    if frame.coding == Coding.PACKED:
        body = coding.unpack(frame.body, frame.count, opening.leads)
        frame = Data(frame.stream, frame.seq, frame.first, frame.device_ms, frame.leads, frame.count, body)
    stream.range.check(frame.body, frame.seq)
    return frame


def _same_end(one: End, other: End) -> bool:
    """Whether two ends say the same; the stream's number may differ from connection to connection."""
    return (one.frames, one.samples, one.sha256) == (other.frames, other.samples, other.sha256)
