"""The rules of the wire, both sides, without a socket: whatever the line does, the journal gets each frame once."""

from __future__ import annotations

import contextlib
import hashlib
from collections import deque
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.errors import BadChecksum, BadProof, GapStays, HistoryGone, OutOfOrder, OverCredit, WireError
from device.frames import (
    Ack,
    Chunk,
    Clock,
    Data,
    Deposit,
    End,
    Error,
    Frame,
    Hello,
    Nack,
    Open,
    Opened,
    Ping,
    Pong,
    Proof,
    Receipt,
    Run,
    Welcome,
    Why,
    decode,
    deposit_uid,
    encode,
    error_frame,
    error_of,
    proof_of,
)
from device.session import (
    _HUB_MOVES,
    Append,
    ClockKnown,
    DeviceRecord,
    FindDevice,
    HubEffect,
    HubSession,
    HubState,
    Kept,
    Online,
    Publish,
    Register,
    Rules,
    Seal,
    Send,
)
from device.simulate import SampledUpload
from device.upload import DeviceSession, Done, Hold
from ecg.errors import all_errors

KEY = bytes(32)
DEVICE = DeviceRecord("cart-1", (KEY,), "clinic-1")
NOW = 1_700_000_000_000
LEADS = ("I", "II")


def an_upload(frames: int, per_frame: int = 3) -> SampledUpload:
    rng = np.random.default_rng(frames)
    samples = rng.integers(-3000, 3000, (frames * per_frame, 2)).astype(np.int16)
    opening = Open(0, bytes(16), 500, LEADS, 1.0, NOW, NOW, "resting", "live")
    return SampledUpload(opening, samples, per_frame, frames=frames)


class Disk:
    """The journal as the session sees it: takes appends at once, has them on the disk when the test says so."""

    def __init__(self) -> None:
        self.kept: dict[bytes, Kept] = {}
        self.written: list[Append] = []  # on the disk, in order, repeats dropped as the journal does
        self.queue: deque[tuple[HubSession, Append]] = deque()
        self.published: list[Publish] = []

    def of(self, device_id: str) -> dict[bytes, Kept]:
        return self.kept

    def sync_one(self) -> list[HubEffect]:
        """One append reaches the disk; what its own session says to that (nobody may listen any more)."""
        session, append = self.queue.popleft()
        kept = self.kept.get(append.uid)
        assert not isinstance(append.frame, Deposit | Chunk), "this world sends samples"
        if isinstance(append.frame, Open):
            if kept is None:
                self.kept[append.uid] = Kept(append.frame, DEVICE.id, append.recording, 0, 0)
                self.written.append(append)
        elif kept is not None and kept.end is None and append.seq >= kept.next_seq:
            assert append.seq == kept.next_seq, "the session hands frames over without a gap"
            self.written.append(append)
            assert not isinstance(append.frame, Run)
            self.kept[append.uid] = after(kept, append.frame)
        return session.stored(append.uid, append.seq)

    @property
    def samples(self) -> bytes:
        return b"".join(a.frame.body for a in self.written if isinstance(a.frame, Data))


def after(kept: Kept, frame: Data | End) -> Kept:
    if isinstance(frame, End):
        return Kept(kept.opening, kept.device, kept.recording, kept.next_seq, kept.data_bytes, frame)
    return Kept(
        kept.opening, kept.device, kept.recording, kept.next_seq + 1, kept.data_bytes + frame.size
    )  # fmt: skip


class World:
    """A device, a hub, a line between them and a disk, stepped by a list of choices: a simulation to be replayed."""

    def __init__(self, upload: SampledUpload, *, lossy: bool) -> None:
        self.upload, self.lossy, self.disk = upload, lossy, Disk()
        self.receipt: Receipt | None = None
        self.sealed: bytes | None = None
        self.seals = self.damages = 0
        self.connect()

    def connect(self) -> None:
        """A new connection; what was on the old line is gone, what the journal took is still on its way to the disk."""
        self.up: deque[Frame] = deque()
        self.down: deque[Frame] = deque()
        self.device = DeviceSession(DEVICE.id, KEY, "test")
        self.hub = HubSession("s", bytes(32), Rules(window_frames=4), self.disk.of)
        for effect in self.device.start() + self.device.offer(self.upload, NOW):
            assert isinstance(effect, Send)
            self.up.append(effect.frame)

    def step(self, choice: int) -> None:
        """One thing happens: a frame arrives up or down, the disk syncs, or the line does something bad."""
        if choice == 0 and self.up:
            self.hub_hears(self.up.popleft())
        elif choice == 1 and self.down:
            self.device_hears(self.down.popleft())
        elif choice == 2 and self.disk.queue:
            session, _ = self.disk.queue[0]
            self.hub_does(self.disk.sync_one(), session)
        elif choice == 3:
            self.connect()
        elif choice == 4 and self.lossy and self.up and isinstance(self.up[0], Data):
            self.up.popleft()
        elif choice == 5 and self.lossy and self.up and isinstance(self.up[0], Data):
            self.up.appendleft(self.up[0])
        elif choice == 6 and self.lossy and self.up and isinstance(self.up[0], Data) and self.damages < 3:
            self.damages += 1
            self.hub_hears_damaged(self.up.popleft())

    def hub_hears(self, frame: Frame) -> None:
        self.hub_does(self.hub.receive(decode(encode(frame)), NOW), self.hub)

    def hub_hears_damaged(self, frame: Frame) -> None:
        raw = bytearray(encode(frame))
        raw[-1] ^= 1
        with pytest.raises(BadChecksum) as damaged:
            decode(bytes(raw))
        with contextlib.suppress(BadChecksum):  # before welcome it ends the connection
            self.hub_does(self.hub.damaged(damaged.value), self.hub)

    def hub_does(self, effects: list[HubEffect], session: HubSession) -> None:
        for effect in effects:
            match effect:
                case Send():
                    if isinstance(effect.frame, Ack):
                        kept = self.disk.kept[self.upload.opening.uid]
                        assert effect.frame.next_seq <= kept.next_seq, "an ack went ahead of the disk"
                    if session is self.hub:
                        self.down.append(effect.frame)
                case FindDevice():
                    self.hub_does(session.device_found(DEVICE, NOW), session)
                case Register():
                    if self.sealed is not None:
                        self.hub_does(session.already_sealed(effect.opening, "rec", self.sealed), session)
                    else:
                        self.hub_does(session.registered(effect.opening, "rec"), session)
                case Append():
                    self.disk.queue.append((session, effect))
                case Publish():
                    self.disk.published.append(effect)
                case Seal():
                    self.seals += 1
                    self.sealed = hashlib.sha256(self.disk.samples).digest()
                    self.hub_does(self.hub.sealed(effect.uid, self.sealed), self.hub)
                case Online() | ClockKnown():
                    pass

    def device_hears(self, frame: Frame) -> None:
        for effect in self.device.receive(decode(encode(frame)), NOW) + self.device.pump(NOW):
            if isinstance(effect, Done):
                self.receipt = effect.receipt
            elif isinstance(effect, Send):
                self.up.append(effect.frame)

    def settle(self) -> None:
        """A good line from here on: everything has to come to its end by itself, over one more connection."""
        self.lossy = False
        self.connect()
        for _ in range(2000):
            if self.receipt is not None:
                return
            for choice in (0, 2, 1):
                self.step(choice)
        raise AssertionError("the recording never came to its receipt")


CHOICES = st.lists(st.sampled_from([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 4, 5, 6]), max_size=150)


@settings(max_examples=150, deadline=None)
@given(CHOICES, st.integers(1, 12))
def test_whatever_the_line_does_the_journal_gets_each_frame_once_and_in_order(choices: list[int], frames: int) -> None:
    world = World(an_upload(frames), lossy=True)
    for choice in choices:
        if world.receipt is None:
            world.step(choice)
    world.settle()
    seqs = [append.seq for append in world.disk.written]
    assert seqs == list(range(-1, frames + 1)), "open, each frame once, end"
    assert world.disk.samples == world.upload.samples.tobytes()
    assert world.receipt is not None
    assert world.receipt.sha256 == world.upload.sha256


@settings(max_examples=60, deadline=None)
@given(CHOICES, st.integers(1, 12))
def test_what_is_published_stands_on_the_disk_and_follows_without_a_hole(choices: list[int], frames: int) -> None:
    world = World(an_upload(frames), lossy=False)
    for choice in choices:
        if choice != 3 and world.receipt is None:
            world.step(choice)
            shown = b"".join(publish.samples for publish in world.disk.published)
            assert world.disk.samples.startswith(shown)
    while world.receipt is None:
        for choice in (0, 2, 1):
            world.step(choice)
    assert b"".join(publish.samples for publish in world.disk.published) == world.upload.samples.tobytes()
    assert [p.first_sample for p in world.disk.published] == [3 * n for n in range(frames)]


def ready_hub(window: int = 4) -> tuple[HubSession, Disk, Open]:
    """A hub session with one stream open on disk."""
    world = World(an_upload(1), lossy=False)
    world.upload.frames = 0
    world.hub.rules = Rules(window_frames=window)
    world.hub.window_frames = window
    while not any(isinstance(frame, Opened) for frame in world.down):
        for choice in (0, 2):
            world.step(choice)
        if world.down and not isinstance(world.down[0], Opened):
            world.step(1)
    return world.hub, world.disk, world.upload.opening


def a_frame(seq: int) -> Data:
    return Data(0, seq, 3 * seq, NOW, 2, 3, bytes(12))


@given(st.lists(st.integers(0, 5), max_size=60))
def test_whatever_the_order_of_frames_each_is_appended_once_and_in_order(seqs: list[int]) -> None:
    hub, _, _ = ready_hub(window=16)
    appended = []
    for seq in seqs:
        try:
            effects = hub.receive(a_frame(seq), NOW)
        except GapStays:
            break
        appended += [effect.seq for effect in effects if isinstance(effect, Append)]
    assert appended == list(range(len(appended)))


def test_an_acknowledgement_waits_for_the_disk() -> None:
    hub, _, opening = ready_hub()
    assert [type(effect) for effect in hub.receive(a_frame(0), NOW)] == [Append]
    assert [type(effect) for effect in hub.receive(a_frame(1), NOW)] == [Append]
    effects = hub.stored(opening.uid, 0)
    assert effects[-1] == Send(Ack(0, 1, 5))
    assert hub.stored(opening.uid, 1)[-1] == Send(Ack(0, 2, 6))


def test_a_repeat_is_answered_with_what_is_safe_and_stored_nowhere() -> None:
    hub, _, opening = ready_hub()
    hub.receive(a_frame(0), NOW)
    assert hub.receive(a_frame(0), NOW) == [Send(Ack(0, 0, 4))]
    hub.stored(opening.uid, 0)
    assert hub.receive(a_frame(0), NOW) == [Send(Ack(0, 1, 5))]


def test_a_gap_is_asked_for_once_and_again_when_the_device_went_back_in_vain() -> None:
    hub, _, _ = ready_hub(window=16)
    assert hub.receive(a_frame(2), NOW) == [Send(Nack(0, 0))]
    assert hub.receive(a_frame(3), NOW) == []
    assert hub.receive(a_frame(2), NOW) == [Send(Nack(0, 0))]
    assert hub.receive(a_frame(3), NOW) == []
    assert [type(effect) for effect in hub.receive(a_frame(0), NOW)] == [Append]


def test_who_sends_beyond_the_credit_is_refused_not_buffered() -> None:
    hub, _, _ = ready_hub(window=2)
    for seq in range(2):
        hub.receive(a_frame(seq), NOW)
    with pytest.raises(OverCredit):
        hub.receive(a_frame(2), NOW)


def test_the_byte_window_holds_too() -> None:
    hub, _, _ = ready_hub(window=16)
    hub.rules = Rules(window_bytes=30)
    for seq in range(2):
        hub.receive(a_frame(seq), NOW)
    with pytest.raises(OverCredit):
        hub.receive(a_frame(2), NOW)


def test_credit_once_given_is_never_taken_back() -> None:
    hub, _, opening = ready_hub(window=16)
    hub.receive(a_frame(0), NOW)
    hub.window_frames = 4
    assert hub.stored(opening.uid, 0) [-1] == Send(Ack(0, 1, 16))  # fmt: skip


FRAMES: tuple[Frame, ...] = (
    Hello(device="x"),
    Proof(mac=bytes(32), device_ms=NOW),
    Welcome("s", 1, 1, 0, 0, 0, (), 0),
    Open(9, bytes(16), 500, LEADS, 1.0, NOW, NOW, "resting", "live"),
    Opened(0, "r", 0, 0),
    a_frame(0),
    Ack(0, 0, 0),
    Nack(0, 0),
    End(0, 0, 0, bytes(32)),
    Receipt(bytes(16), "r", bytes(32)),
    Deposit(9, bytes(16), "a.xml", 4, bytes(32), NOW, NOW),
    Chunk(0, 0, 0, b"file"),
    Ping(0),
    Pong(0, 0),
    Clock(0, 0),
    Error("x"),
)


@pytest.mark.parametrize("state", list(HubState))
@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.NAME)
def test_every_frame_in_every_state_moves_or_is_refused_with_a_code(state: HubState, frame: Frame) -> None:
    hub = HubSession("s", bytes(32), Rules(), lambda _: {})
    hub.state, hub.device = state, DEVICE
    if (state, type(frame)) in _HUB_MOVES:
        with contextlib.suppress(WireError):  # anything else fails the test
            hub.receive(frame, NOW)
    else:
        with pytest.raises(OutOfOrder):
            hub.receive(frame, NOW)


def test_a_device_goes_on_where_the_hub_says() -> None:
    device = DeviceSession("cart-1", KEY, "test")
    device.offer(an_upload(4), NOW)
    device.receive(Welcome("s", 4, 1000, NOW, 0, 0, (500,), 1000), NOW)
    device.receive(Opened(0, "rec", 2, 5), NOW)
    sent = [effect.frame for effect in device.pump(NOW) if isinstance(effect, Send)]
    assert [frame.seq for frame in sent if isinstance(frame, Data)] == [2, 3]
    assert isinstance(sent[-1], End)


def test_damage_on_the_way_is_asked_for_again_until_it_is_plain_that_it_stays() -> None:
    hub, _, _ = ready_hub()
    hub.receive(a_frame(0), NOW)
    for _ in range(8):
        assert hub.damaged(BadChecksum(stream=0)) == [Send(Nack(0, 1, Why.CHECKSUM))]
    with pytest.raises(BadChecksum):
        hub.damaged(BadChecksum(stream=0))
    with pytest.raises(BadChecksum):
        hub.damaged(BadChecksum(stream=7))


def test_a_device_waits_as_long_as_the_full_hub_says_and_then_goes_on() -> None:
    hub, _, _ = ready_hub()
    device = DeviceSession("cart-1", KEY, "test")
    device.offer(an_upload(4), NOW)
    device.receive(Welcome("s", 4, 1000, NOW, 0, 0, (500,), 1000), NOW)
    device.receive(Opened(0, "rec", 0, 5), NOW)
    (told,) = hub.hold(5000)
    assert told == Send(Nack(0, 0, Why.FULL, 5000))
    assert isinstance(told, Send)
    assert device.receive(told.frame, NOW) == [Hold(5000)]
    assert device.pump(NOW + 4999) == []
    assert len(device.pump(NOW + 5000)) == 5


@given(st.integers(-10_000_000, 10_000_000), st.integers(0, 900), st.integers(0, 900))
def test_a_clock_is_known_to_half_of_the_way_there_and_back(off_ms: int, down_ms: int, up_ms: int) -> None:
    """The hub from challenge and proof, the device from ping and pong; both name an error that holds the truth."""
    hub = HubSession("s", bytes(32), Rules(), lambda _: {})
    device = DeviceSession(DEVICE.id, KEY, "test")
    (hello,) = device.start()
    assert isinstance(hello, Send)
    hub.receive(hello.frame, NOW)
    (challenge,) = hub.device_found(DEVICE, NOW)
    assert isinstance(challenge, Send)
    (proof,) = device.receive(challenge.frame, NOW + down_ms - off_ms)
    assert isinstance(proof, Send)
    known = hub.receive(proof.frame, NOW + down_ms + up_ms)[1]
    assert isinstance(known, ClockKnown)
    assert abs(known.offset_ms - off_ms) <= known.uncertainty_ms <= (down_ms + up_ms) / 2 + 1

    at = NOW
    effects = device.look_at_clock(at - off_ms)
    while isinstance(effect := effects[0], Send) and isinstance(effect.frame, Ping):
        (pong,) = hub.receive(effect.frame, at + up_ms)
        at += up_ms + down_ms
        assert isinstance(pong, Send)
        effects = device.receive(pong.frame, at - off_ms)
    assert isinstance(effect, Send)
    (told,) = hub.receive(effect.frame, at)
    assert isinstance(told, ClockKnown)
    assert abs(told.offset_ms - off_ms) <= told.uncertainty_ms + 1


def test_a_file_has_the_uid_of_its_content_and_comes_in_chunks_of_bytes() -> None:
    world = World(an_upload(1), lossy=False)
    while world.hub.state is not HubState.READY:
        for choice in (0, 1):
            world.step(choice)
    file = b"<AnnotatedECG/>"
    sha256 = hashlib.sha256(file).digest()
    deposit = Deposit(5, deposit_uid(DEVICE.id, sha256), "a.xml", len(file), sha256, NOW, NOW)
    with pytest.raises(WireError, match="uid"):
        world.hub.receive(Deposit(5, bytes(16), "a.xml", len(file), sha256, NOW, NOW), NOW)
    assert world.hub.receive(deposit, NOW) == [Register(deposit)]
    (append,) = world.hub.registered(deposit, "rec_f")
    assert isinstance(append, Append)
    world.hub.stored(deposit.uid, append.seq)
    with pytest.raises(OutOfOrder):
        world.hub.receive(Data(5, 0, 0, NOW, 1, 2, file[:4]), NOW)
    appended = [world.hub.receive(chunk, NOW) for chunk in (Chunk(5, 0, 0, file[:9]), Chunk(5, 1, 9, file[9:]))]
    assert [type(effects[0]) for effects in appended] == [Append, Append]
    assert not any(isinstance(effect, Publish) for effect in world.hub.stored(deposit.uid, 1))
    end = End(5, 2, len(file), sha256)
    assert [type(effect) for effect in world.hub.receive(end, NOW)] == [Append]
    assert Seal(deposit.uid, "rec_f", deposit, end) in world.hub.stored(deposit.uid, 2)


def test_a_device_that_forgot_what_the_hub_lacks_says_so() -> None:
    device = DeviceSession("cart-1", KEY, "test")
    upload = an_upload(4)
    upload.kept_from = 3
    device.offer(upload, NOW)
    device.receive(Welcome("s", 4, 1000, NOW, 0, 0, (500,), 1000), NOW)
    with pytest.raises(HistoryGone):
        device.receive(Opened(0, "rec", 1, 5), NOW)


def test_every_wire_error_arrives_as_itself() -> None:
    from device import errors

    for cls in all_errors(errors.WireError):
        if cls is errors.RefusedByHub or not issubclass(cls, errors.WireError):
            continue
        kinds = {"int": 3, "str": "x", "float": 1.5, "tuple[int, ...]": (1, 2)}
        error = cls(**{name: kinds[str(kind)] for name, kind in annotations_of(cls).items()})
        back = error_of(decoded_error(error_frame(error)))
        assert type(back) is cls
        assert str(back) == str(error)
    assert error_of(Error("wire.of_tomorrow", {"x": 1})).code == "wire.refused"


def annotations_of(cls: type) -> dict[str, object]:
    return {field.name: field.type for field in fields(cls)}


def decoded_error(frame: Error) -> Error:
    back = decode(encode(frame))
    assert isinstance(back, Error)
    return back


@pytest.mark.parametrize("proving", [b"a" * 32, b"b" * 32])
def test_any_of_a_devices_keys_proves_it_and_the_session_knows_which(proving: bytes) -> None:
    keys = (b"a" * 32, b"b" * 32)
    device = DeviceSession(DEVICE.id, proving, "test")
    hub = HubSession("s", bytes(32), Rules(), Disk().of)
    hello, *_ = (e.frame for e in device.start() if isinstance(e, Send))
    assert hub.receive(hello, NOW) == [FindDevice(DEVICE.id)]
    for challenge in hub.device_found(DeviceRecord(DEVICE.id, keys, "clinic-1"), NOW):
        assert isinstance(challenge, Send)
        for proof in device.receive(challenge.frame, NOW):
            assert isinstance(proof, Send)
            assert Online() in hub.receive(proof.frame, NOW)
    assert hub.proved_by == proving


def test_a_key_that_is_no_longer_among_them_proves_nothing() -> None:
    hub, nonce = HubSession("s", bytes(32), Rules(), Disk().of), bytes(32)
    hello = Hello(device=DEVICE.id, software="test")
    hub.receive(hello, NOW)
    hub.device_found(DeviceRecord(DEVICE.id, (b"b" * 32,), "clinic-1"), NOW)
    with pytest.raises(BadProof):
        hub.receive(Proof(mac=proof_of(b"a" * 32, nonce, encode(hello), NOW), device_ms=NOW), NOW)


@pytest.mark.parametrize("device_ms", [2**63 - 1, -(2**63)])
def test_a_clock_that_says_anything_is_told_as_far_off_as_a_page_can_count(device_ms: int) -> None:
    hub, hello = HubSession("s", bytes(32), Rules(), Disk().of), Hello(device=DEVICE.id, software="test")
    hub.receive(hello, NOW)
    hub.device_found(DEVICE, NOW)
    proof = Proof(mac=proof_of(KEY, bytes(32), encode(hello), device_ms), device_ms=device_ms)
    assert hub.receive(proof, NOW)[1] == ClockKnown(-(2**53) if device_ms > 0 else 2**53, 0)
    assert hub.receive(Clock(-(2**63), 1), NOW) == [ClockKnown(-(2**53), 1)]
