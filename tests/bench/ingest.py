"""Part C of the targets: what a hub takes in, holds and stores, beside systems that are trusted with it.

    ./run bench ingest [--only C1,C2] [--rounds 3] [--quick] [--long] [--json]

C1   durable packets a second, 100 connections with 16 packets in flight each, in turns with every peer; L = 12 x 250
     int16 (500 ms), S = 12 x 50 (100 ms). `C1.L` is the gateway over the product's own service (HMAC, order, credit,
     journal, database), `C1.L.hub` the whole of `xinlian serve` with its analysis on the same core.
     `C1.L.redis_always` is our rate with its ratio to that peer, `C1.L.at.redis_always` that peer's own rate.
C2   send to ack at a live pace, timed from the instant a packet was to be sent: 1,000 devices x L / 500 ms, S / 100 ms.
C3   5,000 and 10,000 proven idle connections: memory each, and how long all of them need to come back at once.
C4   processor time a packet at 1 to 2,000 live streams, its slope; what a watching browser more costs; a page of the
     worklist and one row of it at 1,000 to 100,000 waiting rows.
C7   killed with 0.1 and 1 GB of unsealed journal (--long: 10): until it listens, until the first ack.
C8   lossless coding of the sets in ../shared/data beside FLAC, those of twelve leads beside xz and zstd as well.
C9   bytes an ECG takes on the disk, everything included, from a hub that received, analysed and reported some.
C12  cold start: until the first page, until the first ack; the imports alone.

The measured system runs on one core, the load generator (this process) on another. Data stands on the disk of this
tree (`var/`). `--quick` is for a look: one round, short. Peers are left out by name where their program is missing;
`./run bench ingest` installs them from Debian and as wheels.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.figure import Words, WrongWordsError
from tests.bench.rig import growing, holding, machine, peers, starting, storing, subject
from tests.bench.rig.load import Generator, Load
from tests.bench.rig.packets import ROOT, L, S, Size
from tests.bench.rig.subject import Form
from tests.bench.rig.talks import Devices, Talk
from tests.bench.sheet import Must, Sheet, Spread

PARTS: Final = ("C1", "C2", "C3", "C4", "C7", "C8", "C9", "C12")
CONNECTIONS: Final = 100
WINDOW: Final = 16
DEVICES: Final = 1_000
TAPE: Final = {
    "L": 6_000,
    "S": 20_000,
}  # packets a connection: more than it sends in a turn, less than a recording may hold

MUSTS: Final = {
    "C1.L": Must(">=", 15_000),
    "C1.S": Must(">=", 40_000),
    "C1.L.nats_always": Must(">=", 5, "ratio"),
    "C1.S.nats_always": Must(">=", 10, "ratio"),
    "C1.L.redis_always": Must(">=", 0.8, "ratio"),
    "C1.S.redis_always": Must(">=", 0.3, "ratio"),
    "C1.L.raw_c": Must(">=", 0.4, "ratio"),
    "C1.S.raw_c": Must(">=", 0.2, "ratio"),
    "C2.L.p50_ms": Must("<=", 2),
    "C2.L.p99_ms": Must("<=", 15),
    "C2.S.p99_ms": Must("<=", 60),
    "C2.L.max_ms": Must("<=", 1000),
    "C2.S.max_ms": Must("<=", 1000),
    "C2.L.late": Must("<=", 0),
    "C2.S.late": Must("<=", 0),
    "C3.5000.kb_each": Must("<=", 24),
    "C3.5000.held": Must(">=", 5_000),
    "C3.5000.storm_s": Must("<=", 30),
    "C4.L.slope": Must("<=", 1.0),
    "C4.S.slope": Must("<=", 1.0),
    "C4.hub.core_pct": Must("<=", 60),
    "C4.watcher_us": Must("<=", 20),
    "C4.rows.page.slope": Must("<=", 1.0),
    "C4.rows.push.slope": Must("<=", 1.0),
    "C7.100mb.first_ack_s": Must("<=", 2.15),
    "C7.1000mb.first_ack_s": Must("<=", 3.5),
    "C7.10000mb.first_ack_s": Must("<=", 17),
    "C8.ludb.bits": Must("<=", 3.0),
    "C8.ludb.encode_mb_s": Must(">=", 100),
    "C8.ludb.decode_mb_s": Must(">=", 100),
    "C8.worse_than_flac": Must("<=", 0),
    "C9": Must("<=", 28),
    "C12.first_200_s": Must("<=", 1.5),
    "C12.first_ack_s": Must("<=", 1.5),
}


@dataclass(frozen=True)
class Plan:
    """How long and how often."""

    rounds: int
    turn_s: float  # of a closed loop, after warming up
    pace_s: float  # of an open loop
    warm_s: float
    long: bool
    quick: bool

    @property
    def journals_gb(self) -> list[float]:
        return [0.1] if self.quick else [0.1, 1, 10] if self.long else [0.1, 1]


class Place:
    """The folder of this run on the tree's own disk; each turn gets a fresh one, and a prepared hub to copy."""

    def __init__(self, folder: Path, devices: int) -> None:
        self.folder = folder
        self._count = 0
        self._devices = devices
        self._template: Path | None = None

    def fresh(self) -> Path:
        self._count += 1
        return self.folder / f"turn-{self._count}"

    def hub(self, *, devices: int = 0) -> Path:
        """A hub's folder with its devices registered."""
        if self._template is None or devices > self._devices:
            self._devices = max(self._devices, devices)
            self._template = self.fresh()
            subject.prepare(self._template, self._devices)
        return subject.copied(self._template, self.fresh())


def run(words: Sequence[str] = ()) -> Sheet:
    parser = Words(prog="./run bench ingest", add_help=False)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--long", action="store_true")
    given = parser.parse_args(list(words))
    only = given.only.upper().split(",")
    if unknown := sorted(set(only) - set(PARTS)):
        raise WrongWordsError(f"there is no part {' '.join(unknown)}; the parts are {' '.join(PARTS)}")
    plan = Plan(given.rounds or 3, 4.0, 60.0, 1.5, given.long, quick=False)
    if given.quick:
        plan = Plan(given.rounds or 1, 2.0, 10.0, 1.0, given.long, quick=True)
    machine.lift_limits()
    sheet = Sheet(MUSTS)
    with _place() as place, machine.beside():
        sheet.heads += [machine.describe(), machine.disk_line(place.folder)]
        parts: dict[str, Callable[[], None]] = {
            "C1": lambda: _throughput(sheet, place, plan),
            "C2": lambda: _latency(sheet, place, plan),
            "C3": lambda: holding.measure(sheet, place.hub, quick=plan.quick),
            "C4": lambda: growing.measure(sheet, place.hub, quick=plan.quick),
            "C7": lambda: starting.recovery(sheet, place.hub, plan.journals_gb),
            "C8": lambda: storing.coding(sheet),
            "C9": lambda: storing.whole(sheet, place.hub, quick=plan.quick),
            "C12": lambda: starting.cold(sheet, place.hub, rounds=max(3, plan.rounds)),
        }
        for part in PARTS:
            if part in only:
                say(f"-- {part}; load average {os.getloadavg()[0]:.2f}")
                sheet.measure(part, parts[part])
        sheet.heads.append(f"{machine.disk_line(place.folder)} (after the last part)")
    return sheet


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def _place() -> Iterator[Place]:
    root = ROOT / "var"
    root.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=root))
    folder.chmod(0o755)  # PostgreSQL does not run as root: its own user has to reach its folder
    try:
        yield Place(folder, DEVICES)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# ---- C1 ----


def _throughput(sheet: Sheet, place: Place, plan: Plan) -> None:
    """Every system once a round, each on a fresh folder; ratios round by round."""
    present = peers.present()
    for size in (L, S):
        runs: dict[str, list[float]] = {}
        loads: dict[str, Load] = {}
        for turn in range(plan.rounds):
            for form in ("gateway", "hub"):
                loads[form] = _ours_closed(form, place, size, plan, turn)
                runs.setdefault(form, []).append(loads[form].rate)
            for peer in present:
                loads[peer.key] = _peer_closed(peer, place, size, plan)
                runs.setdefault(peer.key, []).append(loads[peer.key].rate)
            said = ", ".join(f"{key} {each[-1]:.0f} (generator {loads[key].own_cpu:.0%})" for key, each in runs.items())
            say(f"C1.{size.name} round {turn + 1}, packets/s: {said}")
        key, unit = f"C1.{size.name}", "packets/s"
        sheet.put(key, unit, runs["gateway"], spread=_ms(loads["gateway"]))
        sheet.put(f"{key}.hub", unit, runs["hub"], spread=_ms(loads["hub"]))
        for peer in present:
            sheet.put(f"{key}.{peer.key}", unit, runs["gateway"], peer=peer.name, peer_runs=runs[peer.key])
        for peer in present:
            sheet.put(f"{key}.at.{peer.key}", unit, runs[peer.key], spread=_ms(loads[peer.key]))


def _ours_closed(form: Form, place: Place, size: Size, plan: Plan, turn: int) -> Load:
    running = subject.start(form, place.hub())
    try:
        return _closed(running.device_port, Devices(size, TAPE[size.name], turn), plan)
    finally:
        running.remove()


def _peer_closed(peer: peers.Peer, place: Place, size: Size, plan: Plan) -> Load:
    running = peers.start(peer, place.fresh())
    try:
        return _closed(running.port, peer.talk(size), plan)
    finally:
        running.remove()


def _closed(port: int, talk: Talk, plan: Plan) -> Load:
    talk.tape(0)  # made before anything is measured
    with Generator(port, talk) as generator:
        generator.connect(range(CONNECTIONS))
        return generator.closed_loop(WINDOW, plan.turn_s, plan.warm_s)


# ---- C2 ----


def _latency(sheet: Sheet, place: Place, plan: Plan) -> None:
    present = {peer.key: peer for peer in peers.present()}
    for size in (L, S):
        key = f"C2.{size.name}"
        _pace_lines(sheet, key, _ours_open("gateway", place, size, plan))
        _pace_lines(sheet, f"C2.hub.{size.name}", _ours_open("hub", place, size, plan))
        # NATS with a sync a message cannot keep up with 10,000 packets a second: its ceiling stands in C1.
        for wanted in ("redis_always", *(["nats_always"] if size is L else [])):
            if wanted in present:
                _pace_lines(sheet, f"{key}.at.{wanted}", _peer_open(present[wanted], place, size, plan))


def _ours_open(form: Form, place: Place, size: Size, plan: Plan) -> Load:
    running = subject.start(form, place.hub())
    try:
        packets = int((plan.pace_s + plan.warm_s + 5) / size.period_s)
        return _open(running.device_port, Devices(size, packets), size, plan)
    finally:
        running.remove()


def _peer_open(peer: peers.Peer, place: Place, size: Size, plan: Plan) -> Load:
    running = peers.start(peer, place.fresh())
    try:
        return _open(running.port, peer.talk(size), size, plan)
    finally:
        running.remove()


def _open(port: int, talk: Talk, size: Size, plan: Plan) -> Load:
    talk.tape(0)
    with Generator(port, talk) as generator:
        generator.connect(range(DEVICES))
        return generator.open_loop(size.period_s, plan.pace_s, plan.warm_s)


def _pace_lines(sheet: Sheet, key: str, load: Load) -> None:
    spread = _ms(load)
    say(f"{key}: {load.rate:.0f} packets/s, generator {load.own_cpu:.0%} of its core")
    sheet.put(f"{key}.p99_ms", "ms", [spread.p99], spread=spread)
    sheet.put(f"{key}.p50_ms", "ms", [spread.p50], spread=spread)
    sheet.put(f"{key}.max_ms", "ms", [1000 * max(load.latency_s)], spread=spread)
    sheet.put(f"{key}.late", "packets", [load.late], spread=spread)


def _ms(load: Load) -> Spread:
    return Spread.of("ms", [1000 * each for each in load.latency_s])
