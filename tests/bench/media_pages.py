"""D1 and D2 of the targets: from the click to the first picture, and how old a picture is. Two real browsers.

D1   "enter room" is clicked twenty times (ten over a line) in one browser while the other is in the room: until the
     first frame of the other is presented, and the stages on the way. ws and cam are 0 where the lobby has opened them.
     By who looks at his own picture for a second first, and (`at_once`) by who clicks the moment it is there.
D2   a clock of twenty black and white blocks is painted on a canvas that stands for the camera (640x360, 25 a second);
     the other browser reads it back from each presented frame. Windows of 8 s. Both browsers share one clock. No
     camera and no panel are in it.

Each over p2p, embedded and janus, on lines of 0, 30 and 100 ms one way (the one who enters sits behind it). Over an
engine a third member is in the room, who only speaks. The hub is on its host with TLS (`tests/line`).
"""

from __future__ import annotations

import asyncio
import math
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import structlog
from playwright.async_api import expect

from device.simulate import run_device, upload_of
from server import demo
from tests.bench.media_afar import afar
from tests.bench.sheet import Must, Sheet, Spread
from tests.forty import Crowd, invite
from tests.journey.conftest import Person
from tests.journey.test_consult import enter
from tests.line.hosts import Shape
from tests.line.room import Ear, Rig, town_with
from tests.server.conftest import REQUEST, normal

ENGINES: Final = ("p2p", "embedded", "janus")
LINES_MS: Final = (0, 30, 100)
STAGES: Final = ("ws", "cam", "ice", "dtls", "first")
JOIN_S: Final = 30.0
LOOKS_S: Final = 1.0
"""How long a person looks at his own picture before he clicks."""
AT_ONCE: Final = "at_once"
JOINS_EACH, JOINS_QUICK = 20, 5
SETTLE_S: Final = 4.0
MEMBERS: Final = 40
NEAR, FAR = "clinic", "city"
WINDOW_S: Final = 8.0
MUSTS: Final = {
    **{f"D1.{engine}.0.p50_ms": Must("<=", 400) for engine in ENGINES},
    **{f"D1.{engine}.0.p95_ms": Must("<=", 800) for engine in ENGINES},
    **{f"D1.{engine}.100.p95_ms": Must("<=", 1800) for engine in ENGINES},
    **{f"D2.{engine}.0.p95_ms": Must("<=", 100) for engine in ENGINES},
    "D2.embedded.0.more_than_p2p_ms": Must("<=", 10),
}
# When each stage was reached, by the page's clock: window.marks, from the click on. What the lobby did before is 0.
JOINS: Final = """
(() => {
  let clicked = null
  window.marks = {}
  const mark = name => { window.marks[name] ??= clicked === null ? 0 : performance.now() - clicked }
  document.addEventListener('click', event => {
    if (event.target.closest('[data-testid=lobby] button')?.textContent.includes('进入') !== true) return
    clicked = performance.now()
  }, true)
  const Socket = WebSocket
  window.WebSocket = class extends Socket {
    constructor(...args) { super(...args); this.addEventListener('open', () => mark('ws')) }
  }
  const media = navigator.mediaDevices
  if (media !== undefined) {
    const plain = media.getUserMedia.bind(media)
    media.getUserMedia = async wish => {
      const got = await plain(wish)
      mark('cam')
      return got
    }
  }
  const Plain = RTCPeerConnection
  window.RTCPeerConnection = class extends Plain {
    constructor(...args) {
      super(...args)
      let receives = false
      this.addEventListener('track', () => { receives = true })
      this.addEventListener('iceconnectionstatechange', () => {
        if (receives && ['connected', 'completed'].includes(this.iceConnectionState)) mark('ice')
      })
      this.addEventListener('connectionstatechange', () => {
        if (receives && this.connectionState === 'connected') mark('dtls')
      })
    }
  }
  setInterval(() => {
    if (clicked !== null) for (const video of document.querySelectorAll('[data-testid=peer-tile] video')) {
      if (video.seen) continue
      video.seen = true
      video.requestVideoFrameCallback(() => mark('first'))
    }
  }, 5)
})()
"""
# The marks once the first picture is there.
FIRST: Final = """within_ms => new Promise((done, fail) => {
  const begun = performance.now()
  const look = () => {
    if (window.marks.first) done(window.marks)
    else if (performance.now() - begun > within_ms) fail(new Error('no picture came'))
    else setTimeout(look, 20)
  }
  look()
})"""
# A camera whose picture is the time: bits from the left, below them the same turned over.
CLOCK: Final = """
(() => {
  const media = navigator.mediaDevices
  if (media === undefined) return
  const plain = media.getUserMedia.bind(media)
  media.getUserMedia = async wish => {
    const got = await plain(wish)
    if (!wish.video) return got
    const canvas = document.createElement('canvas')
    canvas.width = 640; canvas.height = 360
    const pen = canvas.getContext('2d')
    const draw = () => {
      const now_ms = Math.floor(performance.timeOrigin + performance.now()) % 1048576
      for (let bit = 0; bit < 20; bit++) {
        const on = Math.floor(now_ms / 2 ** bit) % 2 === 1
        pen.fillStyle = on ? '#fff' : '#000'
        pen.fillRect(bit * 32, 0, 32, 180)
        pen.fillStyle = on ? '#000' : '#fff'
        pen.fillRect(bit * 32, 180, 32, 180)
      }
      requestAnimationFrame(draw)
    }
    draw()
    for (const track of got.getVideoTracks()) { got.removeTrack(track); track.stop() }
    for (const track of canvas.captureStream(25).getVideoTracks()) got.addTrack(track)
    return got
  }
})()
"""
# For so many seconds: how old each presented frame is, of those whose blocks are whole. [ages in ms, frames]
READ: Final = """([account, seconds]) => new Promise(done => {
  const video = document.querySelector(`[data-testid=peer-tile][data-account=${account}] video`)
  const canvas = document.createElement('canvas')
  canvas.width = 160; canvas.height = 16
  const pen = canvas.getContext('2d', { willReadFrequently: true })
  const ages = []
  let frames = 0
  const end = performance.now() + seconds * 1000
  const frame = () => {
    const now_ms = (performance.timeOrigin + performance.now()) % 1048576
    pen.drawImage(video, 0, 0, 160, 16)
    const pixels = pen.getImageData(0, 0, 160, 16).data
    const bright = (x, y) => pixels[(y * 160 + x) * 4] > 128
    let said_ms = 0, whole = true
    for (let bit = 0; bit < 20; bit++) {
      const on = bright(bit * 8 + 4, 4)
      whole &&= on !== bright(bit * 8 + 4, 12)
      if (on) said_ms += 2 ** bit
    }
    frames += 1
    const age_ms = (now_ms - said_ms + 1048576) % 1048576
    if (whole && age_ms < 20000) ages.push(age_ms)
    if (performance.now() < end) video.requestVideoFrameCallback(frame)
    else done([ages, frames])
  }
  video.requestVideoFrameCallback(frame)
  setTimeout(() => done([ages, frames]), seconds * 1000 + 2000)
})"""

# For so many seconds: pauses of more than 200 ms between presented frames, and how many frames. [pauses in ms, frames]
GAPS: Final = """([account, seconds]) => new Promise(done => {
  const video = document.querySelector(`[data-testid=peer-tile][data-account=${account}] video`)
  const gaps = []
  let frames = 0, last = performance.now()
  const begun = last
  const frame = now => {
    if (now - last > 200) gaps.push(now - last)
    last = now
    frames += 1
    if (now - begun < seconds * 1000) video.requestVideoFrameCallback(frame)
  }
  video.requestVideoFrameCallback(frame)
  setTimeout(() => {
    if (performance.now() - last > 700) gaps.push(performance.now() - last)
    done([gaps, frames])
  }, seconds * 1000 + 500)
})"""


@dataclass
class Room:
    """A room in which one is, `here_account`, and which the other, behind the bent line, enters and leaves."""

    rig: Rig
    consult: str
    here_account: str
    enters: Person

    def bend(self, delay_ms: int) -> None:
        self.rig.line(NEAR).both(Shape(delay_s=delay_ms / 1000))

    async def join(self, looks_s: float) -> dict[str, float]:
        """One stay: the lobby, the click, the first picture. ms of each stage after the click.

        looks_s: how long the person looks at his own picture before he clicks. Between click and picture the page is
        asked nothing: what Playwright's `expect` does to a page that is not there yet took 80 ms of it.
        """
        await self.enters.go(f"/room/{self.consult}")
        await expect(self.enters.see("self-tile")).to_have_attribute("data-state", "on")
        await asyncio.sleep(looks_s)
        await self.enters.see("lobby").get_by_role("button", name="进入").click()
        marks: dict[str, float] = await self.enters.page.evaluate(FIRST, JOIN_S * 1000)
        return marks

    async def out(self) -> None:
        await self.enters.see("leave").get_by_role("button").click()

    async def ages(self, seconds: float) -> tuple[list[float], float]:
        """How old the other's frames are (ms), and how many came a second."""
        ages, frames = await self.enters.page.evaluate(READ, [self.here_account, seconds])
        return ages, frames / seconds


@asynccontextmanager
async def place(engine: str) -> AsyncIterator[Rig]:
    """A hub on its host with that engine, and hosts for two browsers."""
    with tempfile.TemporaryDirectory(prefix="xinlian-bench-") as folder:
        async with town_with(engine, Path(folder), NEAR, FAR) as rig:
            yield rig


async def asked(rig: Rig) -> tuple[str, dict[str, str]]:
    """A consultation of the clinic and the specialist, both of whom may enter, and their accounts by login."""
    upload = upload_of(normal(), mode="batch", request=REQUEST)
    receipt = await run_device(upload, rig.hub.device_url, rig.hub.keys["org_hewan"], trust=rig.hub.trust)
    wish = {
        "recording": receipt.recording, "invitee_org": demo.CENTRE, "purpose": "是否需要上转",
        "summary": "反复心悸三天", "priority": "routine", "consent": "written",
        "consent_paper": {"kind": "written", "by": "家属", "relation": "self"},
    }  # fmt: skip
    async with await rig.hub.sign_in("clinic") as clinic, await rig.hub.sign_in("oncall") as oncall:
        consult = str((await clinic.post("/api/consults", wish))["id"])
        await oncall.post(f"/api/consults/{consult}/accept", {})
        pages = {"clinic": clinic, "oncall": oncall}
        return consult, {login: str((await page.get("/api/me"))["id"]) for login, page in pages.items()}


@asynccontextmanager
async def room(engine: str) -> AsyncIterator[Room]:
    """`p2p`: the two alone; else with a third who only speaks, over that engine."""
    async with place(engine) as rig:
        consult, accounts = await asked(rig)
        here, enters = await rig.person("oncall", FAR), await rig.person("clinic", NEAR)
        await here.context.add_init_script(CLOCK)
        await enters.context.add_init_script(JOINS)
        await here.go(f"/room/{consult}")
        await enter(here)
        third = {} if engine == "p2p" else await invite(rig.hub, consult, 1)
        crowd = Crowd(rig.hub.url, consult, third, rig.hub.trust)
        try:
            if third:
                await crowd.enter(0)
                crowd.talk()
            yield Room(rig, consult, accounts["oncall"], enters)
        finally:
            await crowd.close()


Times = dict[str, list[float]]
"""By what they are of: each stage of a join, or `age` and `fps` of frames."""


async def apart(what: str, engine: str, count: int) -> dict[int, Times]:
    """By line. In a process of its own: the hub's helpers stay for good on the host where the first one was started."""
    words = ("-m", "tests.bench.media_pages", what, engine, str(count))
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)
    told, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{what} over {engine} ended with {process.returncode}")
    found: dict[int, Times] = msgspec.json.decode(told.splitlines()[-1], type=dict[int, Times])
    return found


async def in_turns(what: str, rounds: int, count: int) -> dict[str, dict[int, Times]]:
    """By engine, then by line: each engine once a round."""
    found: dict[str, dict[int, Times]] = {engine: {} for engine in ENGINES}
    for _ in range(rounds):
        for engine in ENGINES:
            for line_ms, told in (await apart(what, engine, count)).items():
                kept = found[engine].setdefault(line_ms, {name: [] for name in told})
                for name, values in told.items():
                    kept[name] += values
    return found


async def joins(sheet: Sheet, rounds: int, seconds: float) -> None:
    """D1."""
    count = -(-JOINS_EACH // rounds) if rounds > 1 else JOINS_QUICK
    for engine, told in (await in_turns("joins", rounds, count)).items():
        for line_ms, took in told.items():
            _put_join(sheet, engine, line_ms, took)


async def _joins(engine: str, count: int) -> dict[int, Times]:
    found: dict[int, Times] = {}
    async with room(engine) as made:
        await made.join(0.0)  # what a browser does once: its cache, its code
        await made.out()
        for line_ms in LINES_MS:
            made.bend(line_ms)
            took = found[line_ms] = {stage: [] for stage in (*STAGES, AT_ONCE)}
            for turn in range(count if line_ms == 0 else count // 2):
                marks = await made.join(LOOKS_S)
                await made.out()
                for stage in STAGES:
                    took[stage].append(marks.get(stage, 0.0))
                if turn % 2 == 0:
                    took[AT_ONCE].append((await made.join(0.0))["first"])
                    await made.out()
    return found


def _put_join(sheet: Sheet, engine: str, line_ms: int, took: dict[str, list[float]]) -> None:
    spread, at_once = Spread.of("ms", took["first"]), Spread.of("ms", took[AT_ONCE])
    for key, told in ((f"D1.{engine}.{line_ms}", spread), (f"D1.{engine}.{line_ms}.{AT_ONCE}", at_once)):
        sheet.put(f"{key}.p50_ms", "ms", [told.p50], spread=told)
        sheet.put(f"{key}.p95_ms", "ms", [told.p95])
    limits = {0: (400.0, 800.0), 100: (math.inf, 1800.0)}.get(line_ms)
    stages = " ".join(f"{stage}={statistics.median(took[stage]):.0f}" for stage in STAGES)
    sheet.heads.append(
        f"D1 join engine={engine} line={line_ms}ms n={spread.n} p50={spread.p50:.0f} p95={spread.p95:.0f} {stages} "
        f"at_once_p50={at_once.p50:.0f} at_once_p95={at_once.p95:.0f} "
        + _judged({0: "p50<=400,p95<=800", 100: "p95<=1800"}.get(line_ms), limits, (spread.p50, spread.p95))
    )


async def latency(sheet: Sheet, rounds: int, seconds: float) -> None:
    """D2."""
    for engine, by_line in (await in_turns("latency", rounds, 1)).items():
        for line_ms, told in by_line.items():
            spread, rate = Spread.of("ms", told["age"]), statistics.median(told["fps"])
            key = f"D2.{engine}.{line_ms}"
            sheet.put(f"{key}.p50_ms", "ms", [spread.p50], spread=spread)
            sheet.put(f"{key}.p95_ms", "ms", [spread.p95])
            sheet.put(f"{key}.fps", "frames/s", told["fps"])
            for way in ("up", "down"):
                sheet.put(f"{key}.{way}_kbit_s", "kbit/s", told[f"{way}_kbit_s"])
            limits = {0: (math.inf, 100.0)}.get(line_ms)
            sheet.heads.append(
                f"D2 frame_latency engine={engine} line={line_ms}ms p50={spread.p50:.0f} p95={spread.p95:.0f} "
                f"p99={spread.p99:.0f} fps={rate:.1f} n={spread.n} "
                + _judged({0: "p95<=100"}.get(line_ms), limits, (spread.p50, spread.p95))
            )
    ours, direct = (sheet[f"D2.{engine}.0.p95_ms"]["value"] for engine in ("embedded", "p2p"))
    sheet.put("D2.embedded.0.more_than_p2p_ms", "ms", [ours - direct])


async def _latency(engine: str, windows: int) -> dict[int, Times]:
    found: dict[int, Times] = {}
    async with room(engine) as made:
        for line_ms in LINES_MS:
            made.bend(line_ms)
            told = found[line_ms] = {"age": [], "fps": [], "up_kbit_s": [], "down_kbit_s": []}
            await made.join(0.0)
            await asyncio.sleep(SETTLE_S)  # the sender's rate climbs
            ear = Ear(made.enters)
            await ear.look()
            for _ in range(windows):
                ages, rate = await made.ages(WINDOW_S)
                told["age"] += ages
                told["fps"].append(rate)
                used = await ear.look()
                told["down_kbit_s"].append(used.video_kbit_s + used.audio_kbit_s)
                told["up_kbit_s"].append((used["video.sent"] + used["audio.sent"]) * 8 / 1000 / used.seconds)
            await made.out()
    return found


async def forty(engine: str, seconds: float) -> Times:
    """Of D4, what two browsers see in a room of forty: gaps, how long the last took to be in, kbit/s, messages."""
    return (await apart("forty", engine, round(seconds)))[0]


async def _forty(engine: str, seconds: int) -> dict[int, Times]:
    async with place(engine) as rig:
        consult, accounts = await asked(rig)
        here, enters = await rig.person("oncall", FAR), await rig.person("clinic", NEAR)
        await enters.context.add_init_script(JOINS)
        made = Room(rig, consult, accounts["oncall"], enters)
        async with afar(rig.hub, consult, MEMBERS - 2) as crowd:
            await crowd.enter(5.0)
            await here.go(f"/room/{consult}")
            await enter(here)
            await crowd.talk()
            join = (await made.join(LOOKS_S))["first"]
            await enters.page.get_by_role("button", name="举手").click()  # so that the host sees him in the strip
            await crowd.watch(accounts["oncall"], accounts["clinic"])
            await asyncio.sleep(SETTLE_S)
            ear = Ear(enters)
            await ear.look()
            looking = [
                asyncio.create_task(page.page.evaluate(GAPS, [accounts[other], seconds]))
                for page, other in ((enters, "oncall"), (here, "clinic"))
            ]
            told_ms, behind_ms = await crowd.chat(seconds)
            told = [await look for look in looking]
            used = await ear.look()
            gaps = [float(gap) for gaps, _ in told for gap in gaps]
            return {
                0: {
                    "join": [join], "gaps": gaps, "fps": [frames / seconds for _, frames in told],
                    "chat": told_ms, "behind": [behind_ms],
                    "down_kbit_s": [used.video_kbit_s + used.audio_kbit_s],
                    "up_kbit_s": [(used["video.sent"] + used["audio.sent"]) * 8 / 1000 / used.seconds],
                }
            }  # fmt: skip


def _judged(target: str | None, limits: tuple[float, float] | None, got: tuple[float, float]) -> str:
    if target is None or limits is None:
        return "target=- verdict=-"
    good = all(value <= limit for value, limit in zip(got, limits, strict=True))
    return f"target={target} verdict={'pass' if good else 'fail'}"


def main(words: list[str]) -> None:
    what, engine, count = words
    work = {"joins": _joins, "latency": _latency, "forty": _forty}[what]
    print(msgspec.json.encode(asyncio.run(work(engine, int(count)))).decode())


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    main(sys.argv[1:])
