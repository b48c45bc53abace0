"""D9a: a finger on the trace. From one browser's pointer event to the frame of the other in which it is painted.

At 30 and 60 events a second between two pages, and at 60 with thirty-eight others in the room whose pages hear it too;
then over a line of 150 kbit/s behind which the other sits: how often it comes there, and how much longer an answer of
the hub takes beside it, which is what an ECG on that line would wait. Last: both move the shared view at once, until
both stand on the same. Both pages share one clock; the picture's own way to a panel is not in it.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from tests.bench.media_afar import afar
from tests.bench.media_pages import FAR, NEAR, asked, place
from tests.bench.sheet import Must, Sheet, Spread
from tests.journey.conftest import Person
from tests.journey.test_consult import enter
from tests.line.hosts import Shape
from tests.line.room import Rig
from tests.waiting import until

RATES_HZ: Final = (30, 60)
MEMBERS: Final = 40
NARROW: Final = Shape(rate_bit_s=150_000, delay_s=0.02)
CLEAR: Final = Shape()
CONVERGED_S: Final = 30.0
SETTLE_S: Final = 3.0
MUSTS: Final = {
    **{f"D9a.{rate}hz.p95_ms": Must("<=", 40) for rate in RATES_HZ},
    "D9a.40.p95_ms": Must("<=", 60),
    "D9a.narrow.hz": Must("<=", 12),
    "D9a.narrow.wait_ms": Must("<=", 300),
}
# The sender: when each place was pointed at, by what it is called on the wire. The other: when each was painted, which
# is when its name is drawn, and what the hub's answers take.
WATCH: Final = """
(() => {
  window.pointed = {}; window.painted = []; window.answers = []
  const clock = () => performance.timeOrigin + performance.now()
  let eventAt = 0, newest = null, asked = {}
  addEventListener('pointermove', () => { eventAt = clock() }, true)
  const Socket = WebSocket
  window.WebSocket = class extends Socket {
    constructor(...args) {
      super(...args)
      window.wire = this
      this.addEventListener('message', m => {
        if (typeof m.data !== 'string') return
        const told = JSON.parse(m.data)
        if (told.type === 'whisper' && told.body.kind === 'pointer') newest = told.body.sample ?? null
        if (told.type === 'pong' && asked[told.mark] !== undefined) window.answers.push(clock() - asked[told.mark])
      })
    }
    send(data) {
      if (typeof data === 'string' && data.includes('"kind":"pointer"')) {
        const sample = JSON.parse(data).body.sample
        if (sample !== undefined) window.pointed[sample] = eventAt
      }
      super.send(data)
    }
  }
  window.ask = () => {
    const mark = Math.random()
    asked[mark] = clock()
    window.wire?.send(JSON.stringify({ type: 'ping', mark }))
  }
  const fill = CanvasRenderingContext2D.prototype.fillText
  CanvasRenderingContext2D.prototype.fillText = function (text, ...at) {
    if (newest !== null && window.names?.includes(text)) {
      window.painted.push([newest, clock()])
      newest = null
    }
    return fill.call(this, text, ...at)
  }
})()
"""
# For so many seconds, so many events a second, along the upper third of the paper.
POINT: Final = """([hz, seconds]) => new Promise(done => {
  const canvases = [...document.querySelectorAll('[data-testid=paper] canvas')]
  const over = canvases[canvases.length - 1]
  const box = over.getBoundingClientRect()
  let i = 0
  const timer = setInterval(() => {
    const clientX = box.left + box.width * (0.1 + 0.8 * ((i * 7) % 997) / 997)
    const clientY = box.top + box.height * 0.3
    over.dispatchEvent(new PointerEvent('pointermove', { clientX, clientY, bubbles: true, pointerType: 'mouse' }))
    i += 1
    if (i >= hz * seconds) { clearInterval(timer); setTimeout(done, 1000) }
  }, 1000 / hz)
})"""


async def pointer(sheet: Sheet, rounds: int, seconds: float) -> None:
    async with place("embedded") as rig:
        consult, _ = await asked(rig)
        leads, other = await rig.person("oncall", FAR), await rig.person("clinic", NEAR)
        for person in (leads, other):
            await person.context.add_init_script(WATCH)
            await person.go(f"/room/{consult}")
            await enter(person)
        await other.see("paper").wait_for()
        await _names(other, rig)
        for rate in RATES_HZ:
            _put(sheet, f"{rate}hz", rate, 2, await _late(leads, other, rate, rounds, seconds))
        sheet.put("D9a.converge_ms", "ms", [await _converged(leads, other) for _ in range(rounds)])
        rig.line(NEAR).both(NARROW)
        await asyncio.sleep(SETTLE_S)
        await _narrow(sheet, leads, other, seconds)
        rig.line(NEAR).both(CLEAR)
        async with afar(rig.hub, consult, MEMBERS - 2) as crowd:
            await crowd.enter(5.0)
            await asyncio.sleep(SETTLE_S)
            _put(sheet, "40", RATES_HZ[-1], MEMBERS, await _late(leads, other, RATES_HZ[-1], rounds, seconds))


async def _names(other: Person, rig: Rig) -> None:
    """By what the other's page calls who points: drawn, it says that the pointer is on the canvas."""
    async with await rig.hub.sign_in("oncall") as oncall:
        name = (await oncall.get("/api/me"))["name"]
    await other.page.evaluate("name => { window.names = [name] }", name)


async def _late(leads: Person, other: Person, rate: int, rounds: int, seconds: float) -> list[float]:
    late: list[float] = []
    for _ in range(rounds):
        await leads.page.evaluate("() => { window.pointed = {} }")
        await other.page.evaluate("() => { window.painted = [] }")
        await leads.page.evaluate(POINT, [rate, seconds])
        pointed: dict[str, float] = await leads.page.evaluate("window.pointed")
        painted: list[list[float]] = await other.page.evaluate("window.painted")
        late += [at - pointed[str(round(sample))] for sample, at in painted if str(round(sample)) in pointed]
    if not late:
        raise RuntimeError("no pointer was painted")
    return late


async def _narrow(sheet: Sheet, leads: Person, other: Person, seconds: float) -> None:
    alone = await _answers(other, seconds, None)
    await other.page.evaluate("() => { window.painted = [] }")
    beside = await _answers(other, seconds, asyncio.create_task(leads.page.evaluate(POINT, [60, seconds])))
    painted: list[list[float]] = await other.page.evaluate("window.painted")
    last = [at for _, at in painted if at > painted[-1][1] - 1000 * seconds / 2]  # once the hub has noticed
    hz = (len(last) - 1) / max(0.001, (last[-1] - last[0]) / 1000)
    spread = Spread.of("ms", beside)
    more = spread.p95 - Spread.of("ms", alone).p95
    sheet.put("D9a.narrow.hz", "1/s", [hz])
    sheet.put("D9a.narrow.wait_ms", "ms", [more], spread=spread)
    sheet.heads.append(f"D9a pointer hz=60 line=150k painted_hz={hz:.1f} answer_p95={spread.p95:.0f} more={more:.0f}")


async def _answers(person: Person, seconds: float, beside: asyncio.Task[Any] | None) -> list[float]:
    """What the hub's answers take on this page's line, ten a second."""
    await person.page.evaluate("() => { window.answers = [] }")
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        await person.page.evaluate("window.ask()")
        await asyncio.sleep(0.1)
    if beside is not None:
        await beside
    answers: list[float] = await until(lambda: person.page.evaluate("window.answers"), CONVERGED_S)
    return answers


async def _converged(leads: Person, other: Person) -> float:
    """Both change the layout at once; until both show the same, and go on doing so."""
    began = time.monotonic()
    await asyncio.gather(leads.keys("Alt+2"), other.keys("Alt+3"))
    await asyncio.gather(leads.keys("Alt+1"), leads.keys("Alt+2"))

    async def same() -> bool:
        layouts = [await person.see("paper").get_attribute("data-layout") for person in (leads, other)]
        return layouts[0] == layouts[1]

    await other.page.get_by_role("radio", name="跟随").click()
    await until(same, CONVERGED_S)
    return (time.monotonic() - began) * 1e3


def _put(sheet: Sheet, key: str, rate: int, members: int, late: list[float]) -> None:
    spread = Spread.of("ms", late)
    sheet.put(f"D9a.{key}.p95_ms", "ms", [spread.p95], spread=spread)
    sheet.heads.append(
        f"D9a pointer hz={rate} members={members} p50={spread.p50:.1f} p95={spread.p95:.1f} n={spread.n}"
    )
