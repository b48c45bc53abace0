"""One conversation on the device wire: what each side answers to each frame.

Holds the rules: who may speak when, proof, order, repeats, gaps, credit, acknowledgement, resuming. No socket, clock,
disk or chance: `server/intake/gateway.py` and `client.py` move the bytes and carry out the effects; bytes are the
business of `frames.py`. Whatever the peer did wrong is raised as a `WireError`; the shell sends it as the last frame
and closes.

The hub's side, told as a story: hello -> FindDevice -> challenge -> proof -> Online, welcome -> open -> Register (the
hub gives the recording its id) -> Append(open) -> on disk -> opened -> data -> Append(data) -> on disk -> Publish, ack
-> end -> Append(end) -> on disk -> Seal -> stored as a file -> receipt.
"""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Final, Protocol

from device.errors import (
    BadProof,
    ClockOff,
    DeviceRevoked,
    EndDiffers,
    GainRefused,
    GapStays,
    HistoryGone,
    LeadMapRefused,
    OpenDiffers,
    OutOfOrder,
    OverCredit,
    RateRefused,
    RefusedByHub,
    StreamTooLong,
    TooManyStreams,
    UnknownDevice,
    VersionRefused,
    WireError,
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
    Data,
    End,
    Error,
    Frame,
    Hello,
    Nack,
    Open,
    Opened,
    OpenStream,
    Ping,
    Pong,
    Proof,
    Receipt,
    Welcome,
    check_range,
    encode,
    proof_of,
)
from ecg.errors import all_errors

OPEN_SEQ: Final = -1  # the place of the open frame before frame 0 of its stream
NACKS_MAX: Final = 8  # how often the same frame is asked for again before the device is taken to be broken
SAME_IN_A_RESUME: Final = ("fs", "leads", "gain_uv_per_lsb", "start_ms", "kind", "mode", "request")


@dataclass(frozen=True)
class Rules:
    """What a hub grants and accepts. Defaults: durability.md 4."""

    rates: tuple[int, ...] = (100, 125, 200, 250, 256, 257, 300, 360, 400, 500, 512, 600, 720, 800, 1000, 1024, 2000)
    window_frames: int = 16
    window_bytes: int = 256 * 1024
    streams_max: int = 4
    clock_off_s_max: int = 300


@dataclass(frozen=True)
class DeviceRecord:
    """What the hub knows of a device: its key and whose it is."""

    id: str
    key: bytes = field(repr=False)
    org: str
    active: bool = True


@dataclass(frozen=True)
class Kept:
    """What the journal holds of a stream: where a resume goes on."""

    opening: Open
    device: str
    recording: str
    next_seq: int  # of the next data frame
    data_bytes: int
    end: End | None = None


# ---- What the hub's shell is asked to do ----


@dataclass(frozen=True)
class Send:
    frame: Frame


@dataclass(frozen=True)
class FindDevice:
    """Look the device up, then call `device_found`."""

    device_id: str


@dataclass(frozen=True)
class Online:
    """The device has proven itself: from here on the connection speaks for it."""


@dataclass(frozen=True)
class Register:
    """Give the recording an id (or say it is sealed), then call `registered` or `already_sealed`."""

    opening: Open


@dataclass(frozen=True)
class Append:
    """Write to the journal; call `stored(uid, seq)` once it is on the disk, never before."""

    uid: bytes
    seq: int
    frame: Open | Data | End
    recording: str


@dataclass(frozen=True)
class Publish:
    """Live samples that are on the disk: now they may be seen."""

    recording: str
    first_sample: int
    samples: bytes


@dataclass(frozen=True)
class Seal:
    """All of the stream is on the disk: make the file, store it, then call `sealed`."""

    uid: bytes
    recording: str
    opening: Open
    end: End


HubEffect = Send | FindDevice | Online | Register | Append | Publish | Seal


class HubState(Enum):
    """Where a connection stands on the hub's side."""

    NEW = "before hello"
    FINDING = "before challenge"
    CHALLENGED = "before proof"
    READY = "after welcome"


@dataclass
class _Incoming:
    """One stream of one connection, as the hub sees it."""

    opening: Open
    recording: str
    expected: int  # the data frame we want next
    safe: int  # data frames below this stand on the disk
    limit: int  # data frames below this may be sent
    data_bytes: int  # taken so far, on disk or on the way there
    safe_samples: int
    waiting: deque[Data] = field(default_factory=deque)  # taken, not yet on the disk
    is_open: bool = False  # the open record is on the disk
    end: End | None = None
    asked: int = 0  # nacks for `expected`
    farthest: int = -1  # the highest frame seen beyond a gap


class HubSession:
    """The hub's side of one connection."""

    def __init__(self, session: str, nonce: bytes, rules: Rules, kept: Callable[[str], dict[bytes, Kept]]) -> None:
        """`kept(device_id)` tells what the journal holds, on disk, of each unsealed stream of a device."""
        self.session, self.rules = session, rules
        self.state = HubState.NEW
        self.device: DeviceRecord | None = None
        self.window_frames = rules.window_frames  # the shell shrinks and widens it; `limit` never goes back
        self.waiting_bytes = 0  # taken from this device, not yet on the disk
        self._nonce, self._kept = nonce, kept
        self._hello = b""
        self._streams: dict[int, _Incoming] = {}

    # ---- frames of the device ----

    def receive(self, frame: Frame, now_ms: int, raw: bytes | None = None) -> list[HubEffect]:
        """Raises WireError for what the device may not send now. `raw` is the message as sent: hello is signed so."""
        move = _HUB_MOVES.get((self.state, type(frame)))
        if move is None:
            raise OutOfOrder(frame=frame.NAME, state=self.state.value)
        if isinstance(frame, Hello):
            self._hello = encode(frame) if raw is None else raw
        return move(self, frame, now_ms)

    def _on_hello(self, frame: Hello, now_ms: int) -> list[HubEffect]:
        if frame.version != VERSION:
            raise VersionRefused(got=frame.version, accepted=VERSION)
        self.state = HubState.FINDING
        return [FindDevice(frame.device)]

    def device_found(self, device: DeviceRecord | None) -> list[HubEffect]:
        if device is None:
            raise UnknownDevice
        self.device = device
        self.state = HubState.CHALLENGED
        return [Send(Challenge(nonce=self._nonce))]

    def _on_proof(self, frame: Proof, now_ms: int) -> list[HubEffect]:
        assert self.device is not None
        if not hmac.compare_digest(frame.mac, proof_of(self.device.key, self._nonce, self._hello)):
            raise BadProof
        if not self.device.active:
            raise DeviceRevoked  # told only to who holds the key
        self.state = HubState.READY
        streams = tuple(
            OpenStream(uid=uid, recording=kept.recording, next_seq=kept.next_seq)
            for uid, kept in self._kept(self.device.id).items()
        )
        return [
            Online(),
            Send(
                Welcome(
                    session=self.session,
                    window_frames=self.window_frames,
                    window_bytes=self.rules.window_bytes,
                    hub_ms=now_ms,
                    rates=self.rules.rates,
                    frame_bytes_max=FRAME_BYTES_MAX,
                    streams=streams[:64],
                )
            ),
        ]

    def _on_open(self, frame: Open, now_ms: int) -> list[HubEffect]:
        assert self.device is not None
        _check_open(frame, self.rules, now_ms)
        if frame.stream in self._streams:
            raise OutOfOrder(frame="open", state=f"stream {frame.stream} is open")
        if len(self._streams) >= self.rules.streams_max:
            raise TooManyStreams(streams_max=self.rules.streams_max)
        kept = self._kept(self.device.id).get(frame.uid)
        if kept is not None:
            _check_same(frame, kept.opening)
        self._streams[frame.stream] = _Incoming(frame, "", 0, 0, 0, 0, 0)
        return [Register(frame)]

    def registered(self, opening: Open, recording: str) -> list[HubEffect]:
        """The recording has its id. A stream the journal knows goes on where the disk ends; a new one begins there."""
        assert self.device is not None
        stream = self._streams[opening.stream]
        stream.recording = recording
        kept = self._kept(self.device.id).get(opening.uid)
        if kept is None:
            return [Append(opening.uid, OPEN_SEQ, opening, recording)]
        stream.expected = stream.safe = kept.next_seq
        stream.data_bytes = kept.data_bytes
        stream.safe_samples = kept.data_bytes // (2 * len(opening.leads))
        effects = self._begin(stream)
        if kept.end is not None:
            stream.end = kept.end
            effects.append(Seal(opening.uid, recording, opening, kept.end))
        return effects

    def already_sealed(self, opening: Open, recording: str, sha256: bytes) -> list[HubEffect]:
        """Sent five times, stored once: the receipt is given again, nothing is opened."""
        del self._streams[opening.stream]
        return [Send(Receipt(uid=opening.uid, recording=recording, sha256=sha256))]

    def _begin(self, stream: _Incoming) -> list[HubEffect]:
        stream.is_open = True
        stream.limit = stream.safe + self.window_frames
        opened = Opened(stream.opening.stream, stream.recording, stream.expected, stream.limit)
        return [Send(opened)]

    def _on_data(self, frame: Data, now_ms: int) -> list[HubEffect]:
        stream = self._open_stream(frame)
        if frame.leads != len(stream.opening.leads):
            raise LeadMapRefused(reason=f"a frame has {frame.leads} leads, open named {len(stream.opening.leads)}")
        if frame.seq < stream.expected:
            # A repeat: the device missed our ack. Answer with what is safe, store nothing twice.
            return [self._ack(stream)]
        over_bytes = self.waiting_bytes + len(frame.samples) > self.rules.window_bytes
        if frame.seq >= stream.limit or over_bytes:
            raise OverCredit(seq=frame.seq, limit=stream.limit, bytes_max=self.rules.window_bytes)
        if frame.seq > stream.expected:
            return self._gap(stream, frame.seq)
        check_range(frame, stream.opening.gain_uv_per_lsb)
        if stream.data_bytes + len(frame.samples) > STREAM_BYTES_MAX or frame.seq >= FRAMES_MAX:
            raise StreamTooLong(bytes_max=STREAM_BYTES_MAX)
        stream.expected += 1
        stream.asked, stream.farthest = 0, -1
        stream.data_bytes += len(frame.samples)
        self.waiting_bytes += len(frame.samples)
        stream.waiting.append(frame)
        return [Append(stream.opening.uid, frame.seq, frame, stream.recording)]

    def _gap(self, stream: _Incoming, seq: int) -> list[HubEffect]:
        """Ask once for what is missing, and again only when the device has gone back and it is still missing."""
        went_back = seq <= stream.farthest
        stream.farthest = seq if went_back else max(stream.farthest, seq)
        if stream.asked and not went_back:
            return []
        stream.asked += 1
        if stream.asked > NACKS_MAX:
            raise GapStays(expected=stream.expected, asked=NACKS_MAX)
        return [Send(Nack(stream.opening.stream, stream.expected))]

    def _on_end(self, frame: End, now_ms: int) -> list[HubEffect]:
        stream = self._known_stream(frame.stream, "end")
        if stream.end is not None:
            if not _same_end(frame, stream.end):
                raise OutOfOrder(frame="end", state="it was ended before, differently")
            return []  # the seal is under way; the receipt will come
        if not stream.is_open:
            raise OutOfOrder(frame="end", state="before opened")
        if frame.frames > stream.expected:
            return self._gap(stream, frame.frames)
        samples = stream.data_bytes // (2 * len(stream.opening.leads))
        if frame.frames != stream.expected or frame.samples != samples or samples == 0:
            raise EndDiffers(
                frames=frame.frames, samples=frame.samples, got_frames=stream.expected, got_samples=samples
            )
        stream.end = frame
        return [Append(stream.opening.uid, frame.frames, frame, stream.recording)]

    def _on_ping(self, frame: Ping, now_ms: int) -> list[HubEffect]:
        return [Send(Pong(device_ms=frame.device_ms, hub_ms=now_ms))]

    # ---- what the disk says ----

    def stored(self, uid: bytes, seq: int) -> list[HubEffect]:
        """Everything of `uid` up to `seq` is on the disk: only now may it be seen, and acknowledged."""
        stream = next((s for s in self._streams.values() if s.opening.uid == uid), None)
        if stream is None:
            return []
        if not stream.is_open:
            return self._begin(stream)
        effects: list[HubEffect] = []
        while stream.waiting and stream.waiting[0].seq <= seq:
            frame = stream.waiting.popleft()
            self.waiting_bytes -= len(frame.samples)
            if stream.opening.mode == "live":
                effects.append(Publish(stream.recording, stream.safe_samples, frame.samples))
            stream.safe_samples += frame.count
            stream.safe = frame.seq + 1
        effects.append(self._ack(stream))
        if stream.end is not None and seq >= stream.end.frames:
            effects.append(Seal(uid, stream.recording, stream.opening, stream.end))
        return effects

    def sealed(self, uid: bytes, sha256: bytes) -> list[HubEffect]:
        """The recording stands as a file and a row: the receipt, and the stream is over."""
        for number, stream in list(self._streams.items()):
            if stream.opening.uid == uid:
                del self._streams[number]
                return [Send(Receipt(uid=uid, recording=stream.recording, sha256=sha256))]
        return []

    # ---- small parts ----

    def _ack(self, stream: _Incoming) -> Send:
        stream.limit = max(stream.limit, stream.safe + self.window_frames)
        return Send(Ack(stream.opening.stream, stream.safe, stream.limit))

    def _known_stream(self, number: int, name: str) -> _Incoming:
        stream = self._streams.get(number)
        if stream is None:
            raise OutOfOrder(frame=name, state=f"stream {number} is not open")
        return stream

    def _open_stream(self, frame: Data) -> _Incoming:
        stream = self._known_stream(frame.stream, "data")
        if not stream.is_open:
            raise OutOfOrder(frame="data", state="before opened")
        if stream.end is not None:
            raise OutOfOrder(frame="data", state="after end")
        return stream


_HUB_MOVES: Final[dict[tuple[HubState, type], Callable[..., list[HubEffect]]]] = {
    (HubState.NEW, Hello): HubSession._on_hello,
    (HubState.CHALLENGED, Proof): HubSession._on_proof,
    (HubState.READY, Open): HubSession._on_open,
    (HubState.READY, Data): HubSession._on_data,
    (HubState.READY, End): HubSession._on_end,
    (HubState.READY, Ping): HubSession._on_ping,
}


def _check_open(opening: Open, rules: Rules, now_ms: int) -> None:
    """Raises RateRefused, LeadMapRefused, GainRefused, ClockOff."""
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
    # A start long ago is a recording sent late; a start in the future is a wrong clock.
    off_ms = max(abs(opening.device_ms - now_ms), opening.start_ms - now_ms)
    if off_ms > rules.clock_off_s_max * 1000:
        raise ClockOff(off_s=off_ms // 1000, off_s_max=rules.clock_off_s_max)


def _check_same(opening: Open, before: Open) -> None:
    """Raises OpenDiffers: a resume must be of the same recording."""
    for name in SAME_IN_A_RESUME:
        if getattr(opening, name) != getattr(before, name):
            raise OpenDiffers(field=name)


def _same_end(one: End, other: End) -> bool:
    """Whether two ends say the same; the stream's number may differ from connection to connection."""
    return (one.frames, one.samples, one.sha256) == (other.frames, other.samples, other.sha256)


# ---- errors on the wire ----


def error_frame(error: WireError) -> Error:
    """The error as its last frame: code and fields, no sentence."""
    facts: dict[str, str | int | float | list[int]] = {}
    for name, value in error.facts().items():
        if isinstance(value, tuple):
            facts[name] = [int(part) for part in value]
        elif isinstance(value, str | int | float):
            facts[name] = value
    return Error(code=error.code, facts=facts)


def error_of(frame: Error) -> WireError:
    """The same error on the other side; RefusedByHub for a code or fields this software does not know."""
    for cls in all_errors(WireError):
        if cls.code == frame.code and issubclass(cls, WireError):
            facts = {name: tuple(value) if isinstance(value, list) else value for name, value in frame.facts.items()}
            if {field_.name for field_ in fields(cls)} == set(facts):
                return cls(**facts)
    return RefusedByHub(hub_code=frame.code[:64])


# ---- the device's side ----


class Upload(Protocol):
    """A recording on its way out, as the device keeps it until the receipt.

    `opening` names it; `frames` is how many frames exist by now, `kept_from` the first the device still has;
    `frame()` cuts one; `end()` is None while more samples may come.
    """

    @property
    def opening(self) -> Open: ...
    @property
    def frames(self) -> int: ...
    @property
    def kept_from(self) -> int: ...
    def frame(self, stream: int, seq: int) -> Data: ...
    def end(self, stream: int) -> End | None: ...


@dataclass(frozen=True)
class Done:
    """The hub has the recording for good."""

    receipt: Receipt


DeviceEffect = Send | Done


@dataclass
class _Outgoing:
    upload: Upload
    cursor: int = 0  # the frame to send next
    safe: int = 0  # frames below this are on the hub's disk
    limit: int = 0
    is_open: bool = False
    end_sent: bool = False


class DeviceSession:
    """The device's side of one connection. A new connection takes a new one; the uploads go on."""

    def __init__(self, device_id: str, key: bytes, software: str) -> None:
        self._key = key
        self._hello = Hello(device=device_id, version=VERSION, software=software)
        self._welcome: Welcome | None = None
        self._streams: dict[int, _Outgoing] = {}
        self._numbers = 0
        self._flying: deque[tuple[int, int, int]] = deque()  # (stream, seq, bytes) sent, not acknowledged
        self._flying_bytes = 0

    @property
    def welcome(self) -> Welcome | None:
        return self._welcome

    @property
    def safe_frames(self) -> int:
        """Frames of all streams of this connection that the hub has on its disk."""
        return sum(out.safe for out in self._streams.values())

    def start(self) -> list[DeviceEffect]:
        return [Send(self._hello)]

    def offer(self, upload: Upload, now_ms: int) -> list[DeviceEffect]:
        """Begin or resume an upload on this connection, now or as soon as the hub has said welcome."""
        number = self._numbers
        self._numbers += 1
        self._streams[number] = _Outgoing(upload)
        return [] if self._welcome is None else [self._open(number, now_ms)]

    def receive(self, frame: Frame, now_ms: int) -> list[DeviceEffect]:
        """Raises what the hub refused (as the same WireError), or OutOfOrder for a hub that breaks the rules."""
        match frame:
            case Challenge():
                return [Send(Proof(mac=proof_of(self._key, frame.nonce, encode(self._hello))))]
            case Welcome():
                self._welcome = frame
                return [self._open(number, now_ms) for number in self._streams]
            case Opened():
                return self._on_opened(frame)
            case Ack():
                return self._on_ack(frame)
            case Nack():
                return self._on_nack(frame)
            case Receipt():
                return self._on_receipt(frame)
            case Pong():
                return []
            case Error():
                raise error_of(frame)
            case _:
                raise OutOfOrder(frame=frame.NAME, state="on the device's side")

    def pump(self) -> list[DeviceEffect]:
        """Everything the credit lets out now: call it after `receive` and when an upload has grown."""
        if self._welcome is None:
            return []
        effects: list[DeviceEffect] = []
        for number, out in self._streams.items():
            while out.is_open and out.cursor < min(out.limit, out.upload.frames):
                data = out.upload.frame(number, out.cursor)
                if self._flying_bytes + len(data.samples) > self._welcome.window_bytes:
                    return effects
                effects.append(Send(data))
                self._flying.append((number, out.cursor, len(data.samples)))
                self._flying_bytes += len(data.samples)
                out.cursor += 1
            end = out.upload.end(number) if out.is_open and out.cursor == out.upload.frames else None
            if end is not None and not out.end_sent:
                out.end_sent = True
                effects.append(Send(end))
        return effects

    def _open(self, number: int, now_ms: int) -> Send:
        opening = self._streams[number].upload.opening
        return Send(_with(opening, stream=number, device_ms=now_ms))

    def _on_opened(self, frame: Opened) -> list[DeviceEffect]:
        out = self._stream(frame.stream, "opened")
        self._check_kept(out, frame.next_seq)
        out.cursor = out.safe = frame.next_seq
        out.limit, out.is_open = frame.limit, True
        return []

    def _on_ack(self, frame: Ack) -> list[DeviceEffect]:
        out = self._stream(frame.stream, "ack")
        out.safe, out.limit = max(out.safe, frame.next_seq), max(out.limit, frame.limit)
        out.cursor = max(out.cursor, out.safe)
        self._landed(lambda stream, seq: stream == frame.stream and seq < out.safe)
        return []

    def _on_nack(self, frame: Nack) -> list[DeviceEffect]:
        out = self._stream(frame.stream, "nack")
        self._check_kept(out, frame.next_seq)
        out.cursor, out.end_sent = max(out.safe, frame.next_seq), False
        self._landed(lambda stream, seq: stream == frame.stream and seq >= frame.next_seq)
        return []

    def _on_receipt(self, frame: Receipt) -> list[DeviceEffect]:
        over = {number for number, out in self._streams.items() if out.upload.opening.uid == frame.uid}
        for number in over:
            del self._streams[number]
        self._landed(lambda stream, _: stream in over)
        return [Done(frame)]

    def _landed(self, gone: Callable[[int, int], bool]) -> None:
        """Take what is acknowledged, or will be sent again, off the count of flying bytes."""
        self._flying = deque(entry for entry in self._flying if not gone(entry[0], entry[1]))
        self._flying_bytes = sum(size for _, _, size in self._flying)

    def _stream(self, number: int, name: str) -> _Outgoing:
        out = self._streams.get(number)
        if out is None:
            raise OutOfOrder(frame=name, state=f"stream {number} is not open")
        return out

    def _check_kept(self, out: _Outgoing, wanted: int) -> None:
        if not out.upload.kept_from <= wanted <= out.upload.frames:
            raise HistoryGone(wanted=wanted, kept=out.upload.kept_from)


def _with(opening: Open, *, stream: int, device_ms: int) -> Open:
    """The same opening for another connection."""
    return Open(
        stream=stream,
        uid=opening.uid,
        fs=opening.fs,
        leads=opening.leads,
        gain_uv_per_lsb=opening.gain_uv_per_lsb,
        start_ms=opening.start_ms,
        device_ms=device_ms,
        kind=opening.kind,
        mode=opening.mode,
        request=opening.request,
    )
