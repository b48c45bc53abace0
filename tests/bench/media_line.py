"""Parts D5 and D7 of the targets: a room of two over a clinic's line that loses packets, and over one that is narrow.

D7   150, 200 and 256 kbit/s both ways, 30 ms one way, at most 0.6 s of packets wait; a live device of 41 kbit/s on
     the same line. The call begins on the narrow line; 14 s to settle, then a window of 12 s. `ecg_p95_ms`: from a
     sample's instant until the hub has it safe. `start_ms`: the oldest it was from the click until the line settled.
D5   5, 10 and 20 % of packets lost both ways, each by itself and (10 %) in runs of three, 20 ms one way; windows of
     8 s. RED is on where loss asks for it, as in the product.

Real pages of the product in Chromium, by `p2p`, `embedded` and `janus` in turns, a voice that does not fall silent.
Needs root, /dev/net/tun and Chromium.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from playwright.async_api import expect

from tests.bench.media_pages import NEAR, place
from tests.bench.sheet import Must, Sheet, Spread
from tests.line.call import Engine, Told, connect, hang_up, listen, lobby, narrow
from tests.line.hosts import Shape
from tests.line.room import WAIT_MS, Monitor, Rig

ENGINES: Final[tuple[Engine, ...]] = ("p2p", "embedded", "janus")
LINES_KBIT_S: Final = {150: 5.0, 200: 10.0, 256: 15.0}
"""And how many frames a second there must be at least."""
LOSSES: Final = {
    "5": Shape(loss=0.05),
    "10": Shape(loss=0.1),
    "10_runs": Shape(loss=0.1, burst=3),
    "20": Shape(loss=0.2),
}
SETTLE_S: Final = 14.0
NARROW_S, LOSSY_S = 12.0, 8.0
DEVICE_S: Final = 900.0
MUSTS: Final = {
    **{
        f"D7.{engine}_{line}_{name}": must
        for engine in ENGINES
        for line, fps in LINES_KBIT_S.items()
        for name, must in {
            "ecg_p95_ms": Must("<=", 300), "start_ms": Must("<=", 1000), "conceal_pct": Must("<=", 1),
            "audio_jb_ms": Must("<=", 400), "fps": Must(">=", fps),
        }.items()
    },
    **{f"D5.{engine}_5_conceal_pct": Must("<=", 0.5) for engine in ENGINES},
    **{f"D5.{engine}_5_freeze_s": Must("<=", 0) for engine in ENGINES},
    **{f"D5.{engine}_10_conceal_pct": Must("<=", 1) for engine in ENGINES},
    **{f"D5.{engine}_10_fps": Must(">=", 15) for engine in ENGINES},
}  # fmt: skip


async def narrow_lines(sheet: Sheet, rounds: int, _seconds: float) -> None:
    expect.set_options(timeout=WAIT_MS)
    turns: dict[tuple[Engine, int], list[tuple[Told, float]]] = {}
    for _ in range(rounds):
        for engine in ENGINES:
            async with place(engine) as rig, rig.device(NEAR, seconds=DEVICE_S) as monitor:
                await monitor.begun()
                for line in LINES_KBIT_S:
                    turns.setdefault((engine, line), []).append(await _narrow(rig, monitor, engine, line))
    for (engine, line), told in turns.items():
        _put_narrow(sheet, engine, line, told)


async def _narrow(rig: Rig, monitor: Monitor, engine: Engine, line: int) -> tuple[Told, float]:
    rig.line(NEAR).both(Shape())
    people = await lobby(rig, engine, narrow(line))
    began = time.monotonic()
    await connect(*people)
    await asyncio.sleep(SETTLE_S)
    start_ms = max(monitor.ages_since(began))
    told = await listen(monitor, people, NARROW_S)
    await hang_up(*people)
    return told, start_ms


def _put_narrow(sheet: Sheet, engine: Engine, line: int, turns: list[tuple[Told, float]]) -> None:
    key = f"D7.{engine}_{line}"
    ages = Spread.of("ms", [age for told, _ in turns for age in told.ecg_ms])
    sheet.put(f"{key}_ecg_p95_ms", "ms", [ages.p95], spread=ages)
    sheet.put(f"{key}_start_ms", "ms", [start for _, start in turns])
    # The worse of the two directions: both go over the narrow line.
    for name, unit, values in (
        ("conceal_pct", "%", [max(t.clinic.concealed_pct, t.city.concealed_pct) for t, _ in turns]),
        ("audio_jb_ms", "ms", [max(t.clinic.audio_wait_ms, t.city.audio_wait_ms) for t, _ in turns]),
        ("fps", "frames/s", [min(t.clinic.fps, t.city.fps) for t, _ in turns]),
        ("kbps", "kbit/s", [t.city.video_kbit_s for t, _ in turns]),
    ):
        sheet.put(f"{key}_{name}", unit, values)
    sheet.heads.append(
        f"D7 line={line} engine={engine} ecg_p50={ages.p50:.0f} ecg_p95={ages.p95:.0f} "
        + " ".join(
            f"{name}={sheet[f'{key}_{name}']['value']:.3g}" for name in ("conceal_pct", "audio_jb_ms", "fps", "kbps")
        )
        + f" size={turns[-1][0].city.size} start_max={max(start for _, start in turns):.0f}"
    )


async def lossy_lines(sheet: Sheet, rounds: int, _seconds: float) -> None:
    expect.set_options(timeout=WAIT_MS)
    turns: dict[tuple[Engine, str], list[Told]] = {}
    for _ in range(rounds):
        for engine in ENGINES:
            async with place(engine) as rig:
                for name, shape in LOSSES.items():
                    turns.setdefault((engine, name), []).append(await _lossy(rig, engine, shape))
    for (engine, name), told in turns.items():
        _put_lossy(sheet, engine, name, told)


async def _lossy(rig: Rig, engine: Engine, shape: Shape) -> Told:
    rig.line(NEAR).both(Shape(delay_s=0.02))
    people = await lobby(rig, engine)
    rig.line(NEAR).both(Shape(loss=shape.loss, burst=shape.burst, delay_s=0.02))
    await connect(*people)
    await asyncio.sleep(SETTLE_S)
    told = await listen(None, people, LOSSY_S)
    await hang_up(*people)
    return told


def _put_lossy(sheet: Sheet, engine: Engine, loss: str, turns: list[Told]) -> None:
    key = f"D5.{engine}_{loss}"
    for name, unit, values in (
        ("conceal_pct", "%", [t.city.concealed_pct for t in turns]),
        ("fps", "frames/s", [t.city.fps for t in turns]),
        ("freeze_s", "s", [t.city["video.totalFreezesDuration"] for t in turns]),
        ("maxgap_ms", "ms", [t.gap_ms for t in turns]),
        ("nack", "", [t.city["video.nackCount"] for t in turns]),
        ("pli", "", [t.city["video.pliCount"] for t in turns]),
    ):
        sheet.put(f"{key}_{name}", unit, values)
    names = ("conceal_pct", "fps", "freeze_s", "maxgap_ms", "nack", "pli")
    said = " ".join(f"{name}={sheet[f'{key}_{name}']['value']:.3g}" for name in names)
    audio = sum(t.city.audio_kbit_s for t in turns) / len(turns)
    sheet.heads.append(f"D5 loss={loss} engine={engine} red={'yes' if audio > 32 else 'no'} {said}")
