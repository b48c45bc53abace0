"""A real PostgreSQL of the tests' own, and databases in it. Which tests use it is decided where they are."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import psycopg

USER: Final = "postgres"
START_S: Final = 60
_names = count()


class Cluster:
    """One server on a private port, its files in a folder that goes with it."""

    def __init__(self, port: int) -> None:
        self.port = port

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def create(self, *, order: str = "LOCALE 'C'") -> str:
        """A new, empty database. Returns its URL."""
        name = f"hub{next(_names)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' {order} TEMPLATE template0")
        return self.url(name)

    def ask(self, query: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            conn.execute(query)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Without fsync: no test of ours cuts the power under it. Needs Debian's package `postgresql`."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "PostgreSQL is not installed: ./run test installs it"
    user = USER if os.geteuid() == 0 else None  # it refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="xinlian-postgres-"))
    if user is not None:
        shutil.chown(folder, user)
    data = folder / "data"
    init: list[str | Path] = [found[-1], "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run(init, check=True, cwd=folder, user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    port = _free_port()
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
    started: list[str | Path] = [found[-1].parent / "postgres", "-D", data, "-p", str(port)]
    started += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    process = subprocess.Popen(started, cwd=folder, user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        running = Cluster(port)
        began = time.monotonic()
        while True:
            try:
                running.ask("SELECT 1")
                break
            except psycopg.OperationalError:
                assert process.poll() is None, "PostgreSQL ended at its start"
                assert time.monotonic() - began < START_S, "PostgreSQL did not come to listen"
        yield running
    finally:
        process.send_signal(signal.SIGINT)  # at once: a test that failed may have left it connections
        process.wait()
        shutil.rmtree(folder)


def _free_port() -> int:
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
