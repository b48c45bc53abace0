"""A real coturn (Debian's package) for the tests: passwords as the hub makes them, relays on loopback."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from server import tls
from tests.waiting import until

SECRET = "shared-with-the-hub"
RELAYS = 200


def free_port() -> int:
    """Of TCP and UDP alike, below where the system takes its own from; the one above it is free too."""
    for port in range(20_000, 30_000, RELAYS + 1):
        with socket.socket() as tcp, socket.socket() as above, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                above.bind(("127.0.0.1", port + 1))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port")


@asynccontextmanager
async def turn_server(folder: Path) -> AsyncIterator[int]:
    """Its port, for UDP and TCP; TLS is one above."""
    process, port = _begin(folder)
    try:
        await until(lambda: _listens(process, port), 20)
        yield port
    finally:
        process.kill()
        process.wait()


def _begin(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    program = shutil.which("turnserver")
    if program is None:
        pytest.fail("The relay tests need coturn: `./run test` installs it (apt-get install coturn).")
    folder.mkdir(exist_ok=True)
    port = free_port()
    _, certificate, key = tls.make(folder / "tls", ("127.0.0.1",))
    options = {
        "--listening-ip": "127.0.0.1", "--relay-ip": "127.0.0.1", "--listening-port": port,
        "--tls-listening-port": port + 1, "--cert": certificate, "--pkey": key,
        "--min-port": port + 2, "--max-port": port + RELAYS, "--static-auth-secret": SECRET, "--realm": "test",
        "--userdb": folder / "turn.db", "--pidfile": folder / "turn.pid", "--log-file": "stdout",
    }  # fmt: skip
    switches = ["-n", "--use-auth-secret", "--lt-cred-mech", "--no-dtls", "--no-cli", "--fingerprint"]
    words = [str(word) for pair in options.items() for word in pair]
    with (folder / "turn.log").open("wb") as log:
        process = subprocess.Popen(
            [program, *switches, "--allow-loopback-peers", *words], stdout=log, stderr=log, cwd=folder
        )
    return process, port


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    assert process.poll() is None, "coturn has ended: its log is turn.log in the folder it was given"
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
