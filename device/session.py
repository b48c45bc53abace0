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
from typing import Final

from device.errors import (
    BadProof,
    ClockOff,
    DeviceRevoked,
    EndDiffers,
    GainRefused,
    GapStays,
    LeadMapRefused,
    OpenDiffers,
    OutOfOrder,
    OverCredit,
    RateRefused,
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
    Data,
    End,
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
    """What the hub knows of a device: its valid keys (two while one is being replaced) and whose it is."""

    id: str
    keys: tuple[bytes, ...] = field(repr=False)
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
        self.proved_by: bytes = b""  # the key of the device that its proof was made with
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
        proved = [
            key
            for key in self.device.keys  # all of them are tried: how long it takes does not tell which was right
            if hmac.compare_digest(frame.mac, proof_of(key, self._nonce, self._hello))
        ]
        if not proved:
            raise BadProof
        self.proved_by = proved[0]
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
