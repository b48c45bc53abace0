"""A consultation room across lines: the whole hub on one host, each member's browser and a device on others.

    async with town(folder, "clinic", "city") as rig:
        clinic, city = await rig.person("clinic", "clinic"), await rig.person("oncall", "city")
        async with rig.device("clinic") as device: ...     # a monitor beside the clinic's browser, on the same line
        rig.line("clinic").both(Shape(rate_bit_s=150_000, queue_s=0.6, delay_s=0.03))

Here: the hub with TLS on its host, a Chromium for each host, `Monitor` (a device that sends live, and how old its
samples are when the hub has them safe), `Ear` (what a page's connections have counted). What is done with them, and
what must come of it, stands in the tests and in tests/bench.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import ssl
import stat
import threading
import time
import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import forkserver
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec
import numpy as np
from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserType, async_playwright

from device.client import trust_of
from device.frames import Patient, Receipt, Request
from device.simulate import resampled, run_device, upload_of
from ecg import synth
from ecg.record import Recording
from server import demo, tls
from server.base.live import Samples
from server.base.pool import keep_to_one_thread
from server.config import Config
from tests import janus
from tests.journey.conftest import CHROMIUM, PC, WEB, Person
from tests.line.hosts import Hosts, Line, needs_hosts
from tests.server.conftest import Browser, Hub
from tests.waiting import until

HUB: Final = "hub"
VOICE_HZ: Final = 48_000
VOICE_S: Final = 20
# A member's browser is no background window, and the hub's authority is the test's own.
AWAKE: Final = (
    "--ignore-certificate-errors",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)
# The pages' own connections, so that what was decoded, heard and sent can be asked of them.
WATCH: Final = """
window.connections = []
const Plain = RTCPeerConnection
window.RTCPeerConnection = class extends Plain {
  constructor(...args) { super(...args); window.connections.push(this) }
}
"""
COUNTED: Final = """async () => {
  const sum = { at_ms: performance.now(), voices: {} }
  const add = (name, value) => { sum[name] = (sum[name] ?? 0) + (value ?? 0) }
  for (const [i, c] of window.connections.entries()) {
    if (c.connectionState !== 'connected') continue
    ;(await c.getStats()).forEach(s => {
      if (s.type === 'inbound-rtp' && s.kind === 'audio' && s.packetsReceived > 0) {
        sum.voices[`${i} ${s.id}`] = Object.fromEntries(
          ['concealedSamples', 'totalSamplesReceived', 'jitterBufferDelay', 'jitterBufferEmittedCount',
           'bytesReceived', 'packetsReceived', 'packetsLost', 'nackCount', 'silentConcealedSamples',
          ].map(k => [k, s[k] ?? 0]))
      }
      if (s.type === 'inbound-rtp' && s.kind === 'video' && s.packetsReceived > 0) {
        for (const k of ['framesDecoded', 'bytesReceived', 'freezeCount', 'totalFreezesDuration', 'nackCount',
                         'pliCount', 'packetsLost', 'jitterBufferDelay', 'jitterBufferEmittedCount'])
          add('video.' + k, s[k])
        sum['video.size'] = `${s.frameWidth}x${s.frameHeight}`
      }
      if (s.type === 'outbound-rtp') add(s.kind + '.sent', s.bytesSent + (s.headerBytesSent ?? 0))
    })
  }
  return sum
}"""


@dataclass
class Counted:
    """What a page's connections counted between two looks, summed over them."""

    seconds: float
    rows: dict[str, float]
    size: str

    def __getitem__(self, name: str) -> float:
        return self.rows.get(name, 0.0)

    @property
    def concealed_pct(self) -> float:
        """Of the samples that came out of the speaker: made up for lost ones."""
        return 100 * self["audio.concealedSamples"] / max(1.0, self["audio.totalSamplesReceived"])

    @property
    def audio_wait_ms(self) -> float:
        return 1000 * self["audio.jitterBufferDelay"] / max(1.0, self["audio.jitterBufferEmittedCount"])

    @property
    def fps(self) -> float:
        return self["video.framesDecoded"] / self.seconds

    @property
    def video_kbit_s(self) -> float:
        return self["video.bytesReceived"] * 8 / 1000 / self.seconds

    @property
    def audio_kbit_s(self) -> float:
        return self["audio.bytesReceived"] * 8 / 1000 / self.seconds


class Ear:
    """What flows into one page, from look to look."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._last: dict[str, Any] = {}

    async def look(self) -> Counted:
        now = await self._person.page.evaluate(COUNTED)
        last, self._last = self._last, now
        rows = {
            name: float(value) - float(last.get(name, 0))
            for name, value in now.items()
            if isinstance(value, int | float)
        }
        rows |= _voices(now["voices"], last.get("voices", {}))
        return Counted(rows.pop("at_ms") / 1000, rows, str(now.get("video.size", "")))


def _voices(now: dict[str, dict[str, float]], last: dict[str, dict[str, float]]) -> dict[str, float]:
    """Of the voices to which anything came. Of a slot that its voice has left for another one a browser goes on making
    up silence, which nobody hears. Where nothing came at all, all is made up."""
    grown = [{name: value - last.get(key, {}).get(name, 0) for name, value in now[key].items()} for key in now]
    flowing = [voice for voice in grown if voice["packetsReceived"] > 0]
    return {f"audio.{name}": sum(v[name] for v in flowing or grown) for name in (grown[0] if grown else ())}


class Monitor:
    """A device that sends live from its host until the block ends. `ages_ms`: (when, by the monotonic clock; age)."""

    def __init__(self, hub: FarHub, hosts: Hosts, host: str, org: str, seconds: float) -> None:
        self._hub, self._hosts, self._host, self._org = hub, hosts, host, org
        self._signal = monitored(seconds)
        self._ready = threading.Event()
        self._topic = ""
        self.ages_ms: list[tuple[float, float]] = []

    async def __aenter__(self) -> Self:
        who = Request(patient=Patient(name="马德福", sex="M", age=58), symptoms=("palpitation",))
        self._upload = upload_of(self._signal, mode="live", frame_ms=100, gain_uv_per_lsb=2.5, request=who)
        self._thread = threading.Thread(target=self._run, name="device", daemon=True)
        self._thread.start()
        self._ready.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._topic:
            self._hub.app.bus.detach(self._topic, self)
        self._loop.call_soon_threadsafe(self._task.cancel)
        await asyncio.to_thread(self._thread.join)

    async def begun(self) -> str:
        """The recording under which the hub has the first samples; from now on their age is noted."""

        async def stands() -> str | None:
            rows = await self._hub.receiving()
            return next((str(row["id"]) for row in rows if row["org"] == self._org), None)

        recording = str(await until(stands, 30))
        self._topic = f"stream:{recording}"
        self._hub.app.bus.attach(self._topic, self)
        return recording

    def put(self, packet: Samples | None) -> None:
        """A packet that the hub has safe: it shows none before."""
        if packet is None:
            return
        newest_ms = self._upload.opening.start_ms + 1000 * (packet.first + packet.count) / packet.fs
        self.ages_ms.append((time.monotonic(), time.time() * 1000 - newest_ms))

    def ages_since(self, moment: float) -> list[float]:
        return [age for at, age in self.ages_ms if at >= moment]

    def _run(self) -> None:
        # Sockets of this thread are made on the device's host.
        with self._hosts.inside(self._host):
            self._loop = asyncio.new_event_loop()
            key = self._hub.keys[self._org]
            self._task = self._loop.create_task(
                run_device(self._upload, self._hub.device_url, key, trust=self._hub.trust)
            )
            self._ready.set()
            with contextlib.suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._task)
            self._loop.close()


def monitored(seconds: float) -> Recording:
    """41 kbit/s in steps of 16 bits: ten leads, 256 samples a second."""
    segment = synth.Segment("sinus", seconds, rate_bpm=70)
    made = resampled(synth.twelve_lead(np.random.default_rng(5), [segment]).recording, 256)
    return replace(made, leads=made.leads[:10], signal_uv=made.signal_uv[:, :10])


class FarHub(Hub):
    """A hub that is reached over a line: on an address of its own, with TLS."""

    address = "127.0.0.1"
    ca: Path | None = None
    trust: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        return f"https://{self.address}:{self.app.port}"

    @property
    def device_url(self) -> str:
        return f"wss://{self.address}:{self.app.device_port}"

    async def sign_in(self, login: str) -> Browser:
        browser = Browser(self.url, self.trust)
        browser.me = await browser.post("/api/session", {"login": login, "password": demo.PASSWORD})
        return browser

    async def send(self, org: str, recording: Recording, request: Request | None = None) -> Receipt:
        upload = upload_of(recording, mode="batch", request=request)
        return await run_device(upload, self.device_url, self.keys[org], trust=self.trust)

    async def receiving(self) -> list[dict[str, Any]]:
        async with await self.sign_in("reader") as reader:
            rows: list[dict[str, Any]] = await reader.get("/api/orgs/org_city/recordings?state=receiving")
            return rows


@dataclass
class Rig:
    """A hub and browsers on hosts with lines."""

    hub: FarHub
    hosts: Hosts
    folder: Path
    kind: BrowserType
    stack: AsyncExitStack
    browsers: dict[str, Chromium] = field(default_factory=dict)
    people: list[Person] = field(default_factory=list)

    def line(self, host: str) -> Line:
        return self.hosts.line(host)

    async def browser(self, host: str) -> Chromium:
        """The Chromium of that host; one for all who sit there."""
        if host not in self.browsers:
            path = self.folder / f"chromium-{host}"
            path.write_text(f'#!/bin/sh\nexec {" ".join(self.hosts.command(host, _chromium()))} "$@"\n')
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
            voice = f"--use-file-for-fake-audio-capture={self.folder / 'voice.wav'}"
            made = await self.kind.launch(executable_path=path, args=[*CHROMIUM, *AWAKE, voice])
            self.stack.push_async_callback(made.close)
            self.browsers[host] = made
        return self.browsers[host]

    async def person(self, login: str, host: str, path: str = "", *, signed_in: bool = True) -> Person:
        """At a browser of that host, watched for what it must never do, as in the journeys."""
        browser = await self.browser(host)
        context = await browser.new_context(
            viewport={"width": PC[0], "height": PC[1]}, locale="zh-CN", timezone_id="Asia/Shanghai",
            reduced_motion="reduce", ignore_https_errors=True,
        )  # fmt: skip
        context.set_default_timeout(WAIT_MS)
        self.stack.push_async_callback(context.close)
        await context.add_init_script(WATCH)
        if signed_in:
            who = {"login": login, "password": demo.PASSWORD}
            answer = await context.request.post(f"{self.hub.url}/api/session", data=who)
            assert answer.ok, await answer.text()
        person = Person(self.hub, login, context, await context.new_page(), "zh")
        person.watch(person.page)
        self.people.append(person)
        if path:
            await person.go(path)
        return person

    def device(self, host: str, org: str = "org_hewan", seconds: float = 600) -> Monitor:
        return Monitor(self.hub, self.hosts, host, org, seconds)

    def no_faults(self) -> None:
        faults = [(p.login, fault) for p in self.people for fault in p.faults]
        assert not faults, faults


WAIT_MS: Final = 60_000
"""A page over a line of 150 kbit/s is there after half a minute."""


@asynccontextmanager
async def town(folder: Path, *places: str, config: Config | None = None) -> AsyncIterator[Rig]:
    """The hub, and a host with a line for each place. While it runs, this thread stands on the hub's host."""
    needs_hosts()
    speak(folder / "voice.wav")
    with Hosts(HUB, *places) as hosts, ExitStack() as after, hosts.inside(HUB):
        begin_forkserver()
        after.callback(begin_forkserver)  # where this thread was before
        address = hosts.address(HUB)
        ca, certificate, key = tls.make(folder / "tls", (address,))
        config = config or Config()
        config = msgspec.structs.replace(
            config,
            hub=msgspec.structs.replace(config.hub, host=address, web=str(WEB)),
            tls=msgspec.structs.replace(config.tls, certificate=str(certificate), key=str(key)),
        )
        hub = FarHub(folder / "hub", config=config, serve_pages=True, demo_logins=demo.LOGINS)
        hub.address, hub.ca, hub.trust = address, ca, trust_of(ca)
        (folder / "hub").mkdir(exist_ok=True)
        async with hub, async_playwright() as playwright, AsyncExitStack() as stack:
            yield Rig(hub, hosts, folder, playwright.chromium, stack)


@asynccontextmanager
async def town_with(engine: str, folder: Path, *places: str) -> AsyncIterator[Rig]:
    """As `town`, its rooms over that engine; a Janus stands on the hub's host."""
    server = janus.Janus() if engine == "janus" else None
    async with town(folder, *places, config=None if server is None else server.config()) as rig:
        with contextlib.nullcontext() if server is None else server:
            yield rig


def begin_forkserver() -> None:
    """The process that forks a hub's side processes lives on the host of the thread that first needed it, and that may
    be one which an earlier hub has left behind on another. So a new one is begun on this thread's host."""
    keep_to_one_thread()
    while True:
        forkserver._forkserver._stop()  # type: ignore[attr-defined]  # no public way to end it
        forkserver.ensure_running()
        number = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]  # nor to learn where it lives
        if os.readlink(f"/proc/{number}/ns/net") == os.readlink("/proc/thread-self/ns/net"):
            return


def speak(path: Path) -> None:
    """A voice that never falls silent for long: syllables of a hummed tone, so that what is lost of it is heard."""
    rng = np.random.default_rng(7)
    t = np.arange(VOICE_S * VOICE_HZ) / VOICE_HZ
    pitch = 120 + 25 * np.sin(2 * np.pi * 0.31 * t) + 10 * np.sin(2 * np.pi * 1.7 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / VOICE_HZ
    sound = sum(np.sin(n * phase + rng.random()) / n for n in range(1, 24))
    syllables = 0.35 + 0.65 * np.abs(np.sin(2 * np.pi * 2.2 * t))
    noise = rng.normal(0, 0.02, len(t))
    steps = np.asarray(9_000 * (np.asarray(sound) * syllables / 2 + noise), np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(VOICE_HZ)
        file.writeframes(steps.tobytes())


def _chromium() -> str:
    path = shutil.which("chromium")
    assert path is not None, "The room across lines needs Chromium: `./run test` installs it."
    return path
