"""The surfaces that strangers reach: their sound inputs, and how one input is handed to them.

The wire gets the frames of a whole conversation, the journal segments; files are `files.py`'s. What is hostile about
them is `guide.py`'s to find.
"""

from __future__ import annotations

import contextlib
import shutil
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from device import coding, compact
from device.client import clock_ms
from device.frames import (
    CHUNK_HEADER_BYTES,
    DATA_HEADER_BYTES,
    Chunk,
    Coding,
    Data,
    Deposit,
    End,
    Hello,
    Open,
    Ping,
    Proof,
    decode,
    deposit_uid,
    encode,
    proof_of,
)
from device.glance import glance_of, read_glance, strip_of
from device.header import MAGIC_1, Header
from device.session import Append, DeviceRecord, HubSession, Register, Rules
from ecg import synth
from ecg.analysis import analyze
from ecg.record import STANDARD_LEADS
from server.base.clock import SystemClock
from server.consult.media import rtp, sdp, stun
from server.consult.media.engine import BadSdp
from server.consult.room import Rooms
from server.intake.journal import Journal, JournalDamaged
from server.intake.segment import RECORD, RECORD_MAGIC, Kind, Place, crc32c, segment_path
from tests.device.fake_hub import KEY
from tests.device.test_compact import KINDS
from tests.fault.test_hostile_journal import OPENED, SEED, START, footer, record, segment
from tests.fuzz import files
from tests.fuzz.guide import Surface

_LENGTH: Final = struct.Struct("<I")


def surface(name: str) -> Surface:
    """One of `NAMES`."""
    if name.startswith("file."):
        return files.surface(name.removeprefix("file."))
    return _OTHERS[name]()


# ---- the wire ----


def _conversation() -> list[bytes]:
    """What a device says from proof to receipt: live samples, packed samples, a file."""
    uid, leads = bytes(range(16)), ("I", "II")
    samples = (np.arange(100, dtype=np.int16).reshape(50, 2) % 17) * 3
    raw = samples.tobytes()
    file_sha = bytes(range(32))
    return [
        encode(Open(1, uid, 500, leads, 1.0, 0, 0, "stream", "live")),
        encode(Data(1, 0, 0, 0, 2, 50, raw)),
        encode(Data(1, 1, 50, 100, 2, 50, coding.pack(samples, leads), Coding.PACKED)),
        encode(Ping(7)),
        encode(End(1, 2, 100, coding.sha256_of(np.concatenate([samples, samples])))),
        encode(Deposit(2, deposit_uid("cart-1", file_sha), "a.xml", 10, file_sha, 0, 0)),
    ]


def _joined(messages: Sequence[bytes]) -> bytes:
    """Messages in one input, each behind its length."""
    return b"".join(_LENGTH.pack(len(message)) + message for message in messages)


def _crc_renewed(frame: bytes) -> bytes:
    """A frame of samples or of a file with the checksum of what it now says; the others have none."""
    at = {Data.KIND: DATA_HEADER_BYTES - 4, Chunk.KIND: CHUNK_HEADER_BYTES - 4}.get(frame[0] if frame else 0)
    if at is None or len(frame) < at + 4:
        return frame
    return frame[:at] + struct.pack("<I", zlib.crc32(frame[at + 4 :], zlib.crc32(frame[:at]))) + frame[at + 4 :]


def _frames_renewed(raw: bytes) -> bytes:
    return _joined([_crc_renewed(message) for message in _messages(raw)])


def _messages(raw: bytes) -> list[bytes]:
    messages, at = [], 0
    while at + _LENGTH.size <= len(raw):
        (size,) = _LENGTH.unpack_from(raw, at)
        messages.append(raw[at + _LENGTH.size : at + _LENGTH.size + size])
        at += _LENGTH.size + size
    return messages


def _converse(raw: bytes) -> None:
    """Length-prefixed frames to a hub's side that has proven its device; the first refusal ends it, as on the wire."""
    session = HubSession("x", bytes(32), Rules(), lambda device_id: {})
    hello = Hello(device="cart-1")
    session.receive(hello, 0, encode(hello))
    session.device_found(DeviceRecord("cart-1", (KEY,), "clinic"), 0)
    session.receive(Proof(mac=proof_of(KEY, bytes(32), encode(hello), 0), device_ms=0), 0)
    for message in _messages(raw):
        for effect in session.receive(decode(message), 0, message):
            _carry_out(session, effect)
    assert session.waiting_bytes <= Rules().window_bytes


def _carry_out(session: HubSession, effect: object) -> None:
    if isinstance(effect, Register):
        for more in session.registered(effect.opening, "rec"):
            _carry_out(session, more)
    elif isinstance(effect, Append):
        for more in session.stored(effect.uid, effect.seq):
            _carry_out(session, more)


# ---- coding and glance ----


def _archives() -> list[bytes]:
    """Of both versions."""
    samples = ((np.arange(600, dtype=np.int16).reshape(300, 2) % 91) - 40).astype(np.int16)
    header = Header(
        fs=500, leads=("I", "II"), gain_uv_per_lsb=1.0, n=300, start_ms=0, uid="0" * 32,
        sha256=coding.sha256_of(samples).hex(),
    )  # fmt: skip
    head = msgspec.json.encode(header)
    version_1 = struct.pack("<8sII", MAGIC_1, len(head), zlib.crc32(head)) + head + coding.pack(samples, header.leads)
    named = msgspec.structs.replace(header, leads=("I", "a lead"), fs=977.5, gain_uv_per_lsb=0.1, derived=("I",))
    return [version_1, coding.encode(header, samples), coding.encode(named, samples)]


def _header_renewed(raw: bytes) -> bytes:
    """The archive with the checksum of its header, as it now is, where its lengths still point into the file."""
    if raw.startswith(MAGIC_1):
        size = int.from_bytes(raw[8:12], "little")
        head = raw[16 : 16 + size]
        return raw[:12] + struct.pack("<I", zlib.crc32(head)) + raw[16:]
    with contextlib.suppress(IndexError):
        flags = raw[12]
        end = 13 + (8 if flags & 32 else 2) + (8 if flags & 64 else 4) + 4 + (8 if flags & 16 else 6) + 16 + 32
        for _ in range((flags & 15) + 1):
            end += 2 + raw[end + 1] if raw[end] == 255 else 1
        end += 2 if flags & 128 else 0
        return raw[:8] + struct.pack("<I", zlib.crc32(raw[12:end])) + raw[12:]
    return raw


def _packed_samples() -> list[bytes]:
    """Of each way there is to pack them, each with the count of its leads and of its samples in front."""
    return [struct.pack("<BH", len(leads), n) + raw for raw, n, leads in KINDS]


def _unpack_samples(raw: bytes) -> None:
    if len(raw) >= 3 and 0 < raw[0] <= len(STANDARD_LEADS):
        leads, n = struct.unpack_from("<BH", raw)
        assert compact.unpack(raw[3:], n, STANDARD_LEADS[:leads]).shape == (n, leads)


def _packed_bodies() -> list[bytes]:
    """Each with its count in front."""
    bodies = []
    for count in (1, 50, 250):
        samples = (np.arange(2 * count, dtype=np.int16).reshape(count, 2) % 17).astype(np.int16)
        bodies.append(struct.pack("<H", count) + coding.pack(samples, ("I", "II")))
    return bodies


def _unpack(raw: bytes) -> None:
    if len(raw) >= 2:
        (count,) = struct.unpack_from("<H", raw)
        assert len(coding.unpack(raw[2:], count, ("I", "II"))) == 4 * count


def _glance() -> bytes:
    drawn = synth.twelve_lead(np.random.default_rng(1), [synth.Segment("sinus", 10.0, rate_bpm=70.0)]).recording
    return glance_of(drawn, analyze(drawn))


def _deflated(raw: bytes) -> bytes:
    """As if what was changed had been changed before it was packed."""
    try:
        plain = bytearray(zlib.decompressobj().decompress(raw, 8192))
    except zlib.error:
        return zlib.compress(raw)
    if plain:
        plain[len(raw) * 31 % len(plain)] ^= 1 + len(raw) % 255
    return zlib.compress(bytes(plain))


# ---- journal ----


def _segments() -> Iterator[bytes]:
    """One segment each: sound, and the hostile ones of the journal's suite."""
    body = msgspec.json.encode({"device": "cart-1"})
    data = record(Kind.DATA, 0, Place(1, START), bytes(40))
    yield segment(1, OPENED, data)
    yield segment(
        1, record(Kind.OPEN, -1, body=body), data, record(Kind.END, 1, Place(1, START + len(OPENED)), bytes(52))
    )
    yield segment(
        1, OPENED, footer(START + len(OPENED), msgspec.msgpack.encode({"records": 1, "streams": [], "damaged": []}))
    )


def _records_renewed(raw: bytes) -> bytes:
    """The segment with the checksum of every record it now has, and of its own header left as it is."""
    out, at = bytearray(raw), START
    while at + RECORD.size <= len(out):
        magic, length = struct.unpack_from("<II", out, at)
        if magic != RECORD_MAGIC or at + RECORD.size + length > len(out):
            at += 1
            continue
        head, body = bytes(out[at : at + RECORD.size - 4]), bytes(out[at + RECORD.size : at + RECORD.size + length])
        struct.pack_into("<I", out, at + RECORD.size - 4, crc32c(crc32c(SEED, head), body))
        at += RECORD.size + length
    return bytes(out)


def _recover(raw: bytes) -> None:
    """A journal that is this one segment, opened and read through."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        segment_path(folder, 1).write_bytes(raw)
        journal, recovery = Journal.open(folder, clock_ms)
        try:
            for stream in recovery.streams:
                with contextlib.suppress(JournalDamaged):
                    assert journal.read(stream.state)[0].kind == Kind.OPEN
        finally:
            journal.close()
    finally:
        shutil.rmtree(folder)


# ---- the room: what a member's browser sends besides commands ----

_OWN_END: Final = sdp.OwnEnd("name", "word", "AA", (("127.0.0.1", 9),))


def _descriptions() -> list[bytes]:
    """An offer as a browser makes it, in small, and the hub's own."""
    rows = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", f"a=fingerprint:sha-256 {':'.join(32 * ['AB'])}"]
    rows += ["a=setup:actpass"]
    for kind, mid, number, codec in (("audio", "0", 111, "opus/48000/2"), ("video", "1", 96, "VP8/90000")):
        rows += [f"m={kind} 9 UDP/TLS/RTP/SAVPF {number}", f"a=mid:{mid}", f"a=rtpmap:{number} {codec}"]
        rows += [f"a=extmap:1 {sdp.LEVEL_URI}", "a=ssrc-group:FID 7 8", "a=ssrc:7 cname:x"]
    offer = sdp.offer(_OWN_END, [1, 2, 3], list(range(9)))
    return [("\r\n".join(rows) + "\r\n").encode(), offer.encode()]


def _describe(raw: bytes) -> None:
    with contextlib.suppress(BadSdp):
        assert len(sdp.answer(_OWN_END, sdp.read(raw.decode("utf-8", "replace")))) < 4 * len(raw) + 2000


def _packets() -> list[bytes]:
    """One of each kind that comes to the hub's port of media, opened."""
    extended = b"\xbe\xde\x00\x01\x10\x14\x00\x00"
    return [
        rtp.HEAD.pack(0x90, 111, 1, 2, 3) + extended + b"\x90\xe0\x80\x01\x00\x00\x00",
        rtp.sender_report(1, 2, 3, 4, 5) + rtp.nack(1, 2, (3, 4, 40)) + rtp.key_frame_request(1, 2),
        rtp.receiver_report(1, [(2, 3, 4, 5, 6, 7)]) + rtp.bandwidth(1, 1_000_000, [2]),
        stun.request(bytes(12), "name:me", "word", nominates=True),
    ]


def _take_packet(raw: bytes) -> None:
    if len(raw) <= 12:
        return
    for said in rtp.read_rtcp(raw):
        assert not isinstance(said, rtp.Feedback) or len(said.lost) <= rtp.LOST_MAX + 17
    at = rtp.payload_offset(raw)
    assert at <= len(raw)
    rtp.begins_vp8_key_frame(raw[at:])
    assert 0 <= rtp.level_dbov(raw, 1) <= rtp.SILENCE_DBOV
    asked = stun.read_binding(raw)
    assert asked is None or not asked.is_signed_with("another word")


def _whispers() -> list[bytes]:
    return [
        b'{"kind":"pointer","lead":"II","sample":5,"uv":1.0}',
        b'{"kind":"view","recording":"rec_1","layout":"6x2","first":0,"end":5000,"speed":25,"gain":10}',
        b'{"kind":"signal","description":{"type":"offer","sdp":"v=0","session":"s","to":"t"}}',
        b'{"kind":"mark","id":"m","on":"board","shape":"pen","lead":"","points":[[1,2],[3,4]],"words":"x"}',
        b'{"kind":"give","to":"usr_b"}', b'{"kind":"stage","source":"board"}', b'{"kind":"hello"}',
    ]  # fmt: skip


def _whisper(raw: bytes) -> None:
    """To a room with a host, from him: what goes on is no longer than what came, the room's own word apart."""
    rooms = Rooms(SystemClock())
    rooms.admit("con_1", "usr_a", "host")
    rooms.hear("con_1", "usr_a", b'{"kind":"hello"}')
    heard = rooms.hear("con_1", "usr_a", raw)
    assert heard.on is None or len(heard.on) <= 6 * len(raw) + 200
    assert sum(map(len, rooms.first_whispers("con_1"))) <= 6 * len(raw) + 1000


_OTHERS: Final[dict[str, Callable[[], Surface]]] = {
    "frames": lambda: Surface(_conversation(), decode, ("device/frames.py", "device/layout.py"), _crc_renewed),
    "session": lambda: Surface(
        [_joined(_conversation())], _converse, ("device/",), _frames_renewed, _messages, _joined
    ),
    "archive": lambda: Surface(_archives(), coding.decode, ("device/coding.py", "device/header.py"), _header_renewed),
    "samples": lambda: Surface(
        _packed_samples(), _unpack_samples, ("device/compact.py", "device/blocks.py", "device/flac.py")
    ),
    "packed": lambda: Surface(_packed_bodies(), _unpack, ("device/coding.py",)),
    "glance": lambda: Surface([_glance()], lambda raw: strip_of(read_glance(raw)), ("device/glance.py",), _deflated),
    "sdp": lambda: Surface(_descriptions(), _describe, ("server/consult/media/sdp.py",)),
    "packets": lambda: Surface(
        _packets(), _take_packet, ("server/consult/media/rtp.py", "server/consult/media/stun.py")
    ),
    "whispers": lambda: Surface(_whispers(), _whisper, ("server/consult/room.py", "server/consult/floor.py")),
    "journal": lambda: Surface(list(_segments()), _recover, ("server/intake/",), _records_renewed),
}
NAMES: Final = (*_OTHERS, *(f"file.{name}" for name in files.NAMES))
