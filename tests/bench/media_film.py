"""D9b of the targets: a film of a room without decoding, beside decoding and encoding it with Chromium's own libvpx.

Three members send real VP8 of 640x360 at 25 a second and a voice; the forwarder's process is measured with and without
a film, in turns. A picture is sent 80 ms after it was taken, as from a real camera, and the sender's reports say when
it was: how far voice and picture then stand apart in the file is the offset. At last the process is killed.
"""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import shutil
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.async_api import Route, async_playwright

from server.consult.films.parts import Part, parts
from server.consult.media import rtp
from server.consult.media.embedded import Embedded
from server.consult.media.engine import Film
from server.consult.media.webm import PICTURE, SILENCE, SOUND
from tests.bench.media_crowd import ROOM, TICKS_S, Crowd, crowd
from tests.bench.sheet import Must, Sheet
from tests.server.film_reader import read
from tests.server.media_member import SyntheticMember

MUSTS: Final = {
    "D9b.core_pct": Must("<=", 0.5),
    "D9b.av_offset_ms": Must("<=", 40),
    "D9b.missing": Must("<=", 0),
    "D9b.lost_by_kill_s": Must("<=", 2),
    "D9b.start_s": Must("<=", 1),
}
MEMBERS: Final = ("usr_a", "usr_b", "usr_c")
FPS: Final = 25
LATE_S: Final = 0.08
PACKET_BYTES: Final = 1100
CHROMIUM: Final = ("--no-sandbox", "--disable-gpu", "--in-process-gpu")
VOICE: Final = b"\x78" + bytes(59)
ENCODE: Final = """async count => {
  const canvas = new OffscreenCanvas(640, 360), paint = canvas.getContext('2d')
  const config = { codec: 'vp8', width: 640, height: 360, bitrate: 600000, framerate: 25, latencyMode: 'realtime' }
  const chunks = []
  const keep = c => { const b = new Uint8Array(c.byteLength); c.copyTo(b); chunks.push([b, c.type]) }
  const encoder = new VideoEncoder({ output: keep, error: e => { throw e } })
  encoder.configure(config)
  for (let i = 0; i < count; i++) {
    for (let x = 0; x < 640; x += 8) {
      paint.fillStyle = `hsl(${(x + i * 5) % 360} 60% ${40 + 20 * Math.sin((x + i * 9) / 40)}%)`
      paint.fillRect(x, 0, 8, 360)
    }
    const frame = new VideoFrame(canvas, { timestamp: i * 40000 })
    encoder.encode(frame, { keyFrame: i === 0 })
    frame.close()
    if (encoder.encodeQueueSize > 4) await new Promise(r => setTimeout(r, 0))
  }
  await encoder.flush()
  window.chunks = chunks
  return chunks.map(([b, type]) => [btoa(String.fromCharCode(...b)), type === 'key'])
}"""
TRANSCODE: Final = """async () => {
  let done = 0
  const config = { codec: 'vp8', width: 640, height: 360, bitrate: 600000, framerate: 25, latencyMode: 'realtime' }
  const encoder = new VideoEncoder({ output: () => { done++ }, error: e => { throw e } })
  encoder.configure(config)
  const decoder = new VideoDecoder({ output: f => { encoder.encode(f); f.close() }, error: e => { throw e } })
  decoder.configure({ codec: 'vp8' })
  for (const [i, [data, type]] of window.chunks.entries()) {
    decoder.decode(new EncodedVideoChunk({ data, type, timestamp: i * 40000 }))
    if (decoder.decodeQueueSize > 4) await new Promise(r => setTimeout(r, 0))
  }
  await decoder.flush()
  await encoder.flush()
  return done
}"""


def _descendants() -> list[Path]:
    """/proc of every process below this one."""
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (said := _stat(entry)):
            below.setdefault(int(said[1]), []).append(int(entry.name))
    found, look = [], [os.getpid()]
    while look:
        look = [child for parent in look for child in below.get(parent, [])]
        found += look
    return [Path(f"/proc/{pid}") for pid in found]


def _stat(process: Path) -> list[str]:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _cpu_s(processes: list[Path]) -> float:
    return sum(int(said[11]) + int(said[12]) for process in processes if (said := _stat(process))) / TICKS_S


async def _encoded(count: int) -> tuple[list[tuple[bytes, bool]], float]:
    """Frames of VP8, and the processor time in microseconds that decoding and encoding one again takes."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(CHROMIUM))
        page = await browser.new_page()

        async def empty(route: Route) -> None:
            await route.fulfill(body="<!doctype html>", content_type="text/html")

        await page.route("**/*", empty)
        await page.goto("http://localhost/")  # a secure context, as WebCodecs needs
        frames = await page.evaluate(ENCODE, count)
        before = _cpu_s(_descendants())
        done = await page.evaluate(TRANSCODE)
        took = _cpu_s(_descendants()) - before
        await browser.close()
    return [(base64.b64decode(data), key) for data, key in frames], took / max(1, done) * 1e6


@dataclass
class Sender:
    """One member at his camera: what he takes at which moment of his clock, and when it goes out."""

    member: SyntheticMember
    frames: list[tuple[bytes, bool]]
    began: float = field(default_factory=time.perf_counter)
    pictures: int = 0
    words: int = 0
    reported: float = -1.0
    keys: list[int] = field(default_factory=list)
    _next: int = 0

    def __post_init__(self) -> None:
        self._voice_time, self._picture_time = self.member.voice.time, self.member.large.time

    def go_on(self) -> None:
        now = time.perf_counter() - self.began
        if now - self.reported > 0.5:
            self.reported = now
            ntp = int((1000 + now) * 2**32)
            for line, at, rate in (
                (self.member.voice, self._voice_time, 48),
                (self.member.large, self._picture_time, 90),
            ):
                self.member.sending.send(rtp.sender_report(line.ssrc, ntp, at + round(now * 1000) * rate, 1, 1))
        while self.words * 0.02 <= now:
            self.member.voice.time = (self._voice_time + 960 * self.words - 960) & 0xFFFFFFFF
            self.member.voice.say(VOICE + self.words.to_bytes(4, "big"), 40)
            self.words += 1
        while self.pictures / FPS + LATE_S <= now:
            if any(isinstance(said, rtp.Feedback) and said.key for said in self.member.asked):
                self._next = 0
            self.member.asked.clear()
            data, key = self.frames[self._next]
            self._next = (self._next + 1) % len(self.frames)
            if key:
                self.keys.append(self.pictures)
            self._show(data)
            self.pictures += 1

    def _show(self, data: bytes) -> None:
        line = self.member.large
        pieces = [data[i : i + PACKET_BYTES] for i in range(0, len(data), PACKET_BYTES)]
        time_now = (self._picture_time + 3600 * self.pictures) & 0xFFFFFFFF
        for i, piece in enumerate(pieces):
            line.time = time_now - 3600  # `packet` steps it
            packet = bytearray(line.packet((b"\x10" if i == 0 else b"\x00") + piece))
            if i == len(pieces) - 1:
                packet[1] |= 0x80
            self.member.sending.send(bytes(packet))


async def _send(senders: list[Sender], seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for sender in senders:
            sender.go_on()
        await asyncio.sleep(0.004)


def _offset_ms(part: Part, keys: list[int]) -> float:
    """How far the pictures stand from the voice, beside how they were taken. keys: which of them were key frames."""
    told = read(part.bytes(0, part.size))
    words = [(b.ms, int.from_bytes(b.data[-4:], "big")) for b in told.of(SOUND) if b.data != SILENCE]
    voice = statistics.median(ms - 20 * number for ms, number in words)
    pictures = [block.ms - voice for block in told.of(PICTURE)]
    # The first is a key frame, and those are half a second apart at least.
    first = min(keys, key=lambda number: abs(number * 1000 / FPS - pictures[0]))
    return abs(statistics.median(ms - (first + i) * 1000 / FPS for i, ms in enumerate(pictures)))


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="xinlian-film-") as folder:
        yield Path(folder)


async def filming(sheet: Sheet, rounds: int, seconds: float) -> None:
    """D9b."""
    frames, transcode_us = await _encoded(FPS * 4)
    with _folder() as folder:
        async with crowd("embedded") as made:
            await _film(sheet, made, frames, folder, rounds, seconds, transcode_us)


async def _film(
    sheet: Sheet, made: Crowd, frames: list[tuple[bytes, bool]], folder: Path, rounds: int, seconds: float,
    transcode_us: float,
) -> None:  # fmt: skip
    engine = made.engine
    assert isinstance(engine, Embedded)
    for account in MEMBERS:
        await made.join(account)
    senders = [Sender(made.members[account], frames) for account in MEMBERS]
    await _send(senders, 2)
    key = secrets.token_bytes(32)
    costs, cores, offsets, starts, missing = [], [], [], [], []
    for number in range(rounds):
        plain = await _used(engine, senders, seconds)
        here = folder / str(number)
        here.mkdir()
        film = Film(ROOM, f"film_{number}", str(here), key, list(MEMBERS))
        sent = [sender.pictures for sender in senders]
        await engine.film(film)
        used = await _used(engine, senders, seconds)
        filmed = (await engine.stats())["filmed"]
        await engine.end_film(ROOM)
        await asyncio.sleep(0.5)
        found = parts(here, key)
        costs.append((used - plain) / filmed * 1e6)
        cores.append((used - plain) / seconds / len(MEMBERS) * 100)
        keys = {account: sender.keys for account, sender in zip(MEMBERS, senders, strict=True)}
        offsets += [_offset_ms(part, keys[part.said.account]) for part in found]
        first = [read(part.bytes(0, part.size)).of(PICTURE)[0].ms + part.said.first_ms for part in found]
        starts.append(max(first) / 1000)
        due = sum(sender.pictures - before for sender, before in zip(senders, sent, strict=True))
        missing.append(max(0.0, due - filmed - sum(ms * FPS / 1000 for ms in first) - len(MEMBERS)))
    lost_s = await _killed(engine, senders, folder, key)
    ratio = transcode_us / statistics.median(costs)
    sheet.put("D9b.us_per_frame", "us", costs, peer="libvpx in Chromium", peer_runs=[transcode_us] * len(costs))
    for name, unit, runs in (
        ("core_pct", "%", cores), ("av_offset_ms", "ms", offsets), ("start_s", "s", starts),
        ("missing", "pictures", missing), ("lost_by_kill_s", "s", [lost_s]),
    ):  # fmt: skip
        sheet.put(f"D9b.{name}", unit, runs)
    sheet.heads.append(
        f"D9b remux us_per_frame={statistics.median(costs):.0f} core_pct={statistics.median(cores):.2f} "
        f"av_offset_ms={max(offsets):.1f} ratio_to_transcode={ratio:.0f} lost_by_kill_s={lost_s:.2f}"
    )


async def _used(engine: Embedded, senders: list[Sender], seconds: float) -> float:
    """Processor time of the forwarder's process, its writing thread too, in seconds."""
    before = (await engine.stats())["cpu_s"]
    await _send(senders, seconds)
    return (await engine.stats())["cpu_s"] - before


async def _killed(engine: Embedded, senders: list[Sender], folder: Path, key: bytes) -> float:
    """How much of what had been sent is not in the film when its process is killed: the worst of the members."""
    here = folder / "killed"
    here.mkdir()
    await engine.film(Film(ROOM, "film_killed", str(here), key, list(MEMBERS)))
    await _send(senders, 5)
    sent = {account: sender.words for account, sender in zip(MEMBERS, senders, strict=True)}
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    kept = dict.fromkeys(MEMBERS, 0)
    for part in parts(here, key):
        words = [b.data for b in read(part.bytes(0, part.size)).of(SOUND) if b.data != SILENCE]
        kept[part.said.account] = max(kept[part.said.account], int.from_bytes(words[-1][-4:], "big") + 1)
    return max(sent[account] - kept[account] for account in MEMBERS) * 0.02
