"""A Janus of our own on private ports: Debian's package with a configuration of a few lines, in a folder that goes.

For the tests of `server/consult/media/janus.py` and for `./run bench media`. It runs as whoever runs the tests, is
asked on the loopback address only, and ends with the `with`.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from server.config import Config
from server.consult.media.engine import Hear
from server.consult.media.janus import Janus as Engine
from server.consult.media.janus import JanusAt

SECRET: Final = "only for tests"  # of this process on this machine
UNUSED: Final = {
    "plugins": "audiobridge echotest recordplay sip streaming textroom videocall voicemail nosip lua duktape",
    "transports": "http pfunix mqtt rabbitmq nanomsg",
}
READY_S: Final = 20.0


class Janus:
    """event_loops 0: a thread for every handle, as it comes from Debian. Media go over every address of this host.

    admin_key: without it no room is made, and nothing sent on.
    """

    def __init__(self, *, event_loops: int = 2, admin_key: str = "") -> None:
        self._event_loops, self._admin_key = event_loops, admin_key
        self._folder = Path(tempfile.mkdtemp(prefix="xinlian-janus-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._log: deque[str] = deque(maxlen=200)
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def config(self) -> Config:
        """Of a hub that uses it."""
        at = {"janus_url": self.url, "janus_secret": SECRET}
        return Config(consult=msgspec.structs.replace(Config().consult, media="janus", **at))

    def engine(self, hear: Hear) -> Engine:
        return Engine(JanusAt(self.url, SECRET, self._admin_key), hear, time.monotonic)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """Its last words."""
        return "".join(self._log)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def forwards(self, room: int) -> int:
        """How many streams of this room it sends on to an address, by its own word."""
        async with connect(self.url, subprotocols=[Subprotocol("janus-protocol")], proxy=None) as line:

            async def ask(**words: object) -> dict[str, Any]:
                await line.send(json.dumps({**words, "transaction": "t", "apisecret": SECRET}))
                return dict(json.loads(await line.recv()))

            at = {"session_id": (await ask(janus="create"))["data"]["id"]}
            at["handle_id"] = (await ask(janus="attach", plugin="janus.plugin.videoroom", **at))["data"]["id"]
            said = await ask(janus="message", body={"request": "listforwarders", "room": room}, **at)
        publishers = said["plugindata"]["data"]["publishers"]
        return sum(len(publisher["forwarders"]) for publisher in publishers)

    def start(self) -> None:
        """Returns when its WebSocket takes connections (blocking: 0.1 s)."""
        self._configure()
        self._log.clear()
        ready = threading.Event()
        self._process = subprocess.Popen(
            ["janus", "-F", str(self._folder), "-C", str(self._folder / "janus.jcfg")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._listen, args=(self._process, ready), name="janus log", daemon=True).start()
        if not ready.wait(READY_S) or self._process.poll() is not None:
            self.stop()
            raise RuntimeError(f"Janus does not start: {self.log[-2000:]}")

    def _listen(self, process: subprocess.Popen[bytes], ready: threading.Event) -> None:
        assert process.stdout is not None
        for row in process.stdout:
            self._log.append(row.decode(errors="replace"))
            if "WebSockets thread started" in self._log[-1]:
                ready.set()
        ready.set()

    def kill(self) -> None:
        """At once, as a machine would take it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def _configure(self) -> None:
        library = next(Path("/usr/lib").glob("*/janus"))
        lists = {kind: ",".join(f"libjanus_{name}.so" for name in names.split()) for kind, names in UNUSED.items()}
        loops = f"event_loops = {self._event_loops}" if self._event_loops else ""
        (self._folder / "janus.jcfg").write_text(f"""
general: {{
  configs_folder = "{self._folder}"
  plugins_folder = "{library}/plugins"
  transports_folder = "{library}/transports"
  events_folder = "{self._folder}"
  loggers_folder = "{self._folder}"
  api_secret = "{SECRET}"
  debug_level = 4
  debug_colors = false
  {loops}
}}
media: {{ rtp_port_range = "32000-39999", ipv6 = false }}
plugins: {{ disable = "{lists["plugins"]}" }}
transports: {{ disable = "{lists["transports"]}" }}
""")
        (self._folder / "janus.transport.websockets.jcfg").write_text(
            f'general: {{ json = "compact", ws = true, ws_port = {self.port}, ws_ip = "127.0.0.1" }}\n'
        )
        key = f'admin_key = "{self._admin_key}", lock_rtp_forward = true' if self._admin_key else ""
        (self._folder / "janus.plugin.videoroom.jcfg").write_text(f"general: {{ {key} }}\n")


def free_port() -> int:
    """Below where the system takes its own from: while Janus is down, no page's connection may take its place."""
    for port in random.sample(range(10_000, 20_000), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port")


def needs_janus() -> None:
    """Skips a test where there is no Janus; on CI that is a failure."""
    if shutil.which("janus") is not None:
        return
    if os.environ.get("CI"):
        pytest.fail("CI needs Debian's package janus")
    pytest.skip("Janus is not installed: apt-get install janus")
