"""A whole hub for the tests: real sockets, a real SQLite file, the demonstration's consortium, a clock where wanted."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
import msgspec
import pytest

from device.client import DeviceKey
from device.frames import Patient, Receipt, Request
from device.simulate import run_device, upload_of
from ecg import synth
from ecg.record import Recording
from server import demo
from server.base import database
from server.base.clock import Clock, SystemClock
from server.base.engines import Postgres
from server.config import Config
from server.main import Application, DemoLogin
from server.people.service import hash_password
from tests.postgres import Cluster, cluster
from tests.server.media_rig import rig as rig

HASH: list[str] = []


@dataclass
class Hub:
    """A running hub and what tests do with it."""

    data: Path
    clock: Clock = field(default_factory=SystemClock)
    config: Config = field(default_factory=Config)
    keys: dict[str, DeviceKey] = field(default_factory=dict)
    serve_pages: bool = False
    demo_logins: tuple[DemoLogin, ...] = ()

    async def __aenter__(self) -> Hub:
        hub = msgspec.structs.replace(self.config.hub, port=0, device_port=0, data=str(self.data))
        analysis = msgspec.structs.replace(self.config.analysis, workers=1)
        self.app = Application(
            msgspec.structs.replace(self.config, hub=hub, analysis=analysis),
            self.clock,
            demo_logins=self.demo_logins,
            serve_pages=self.serve_pages,
        )
        await self.app.start()
        if not self.app.people.tree:
            if not HASH:  # argon2 is slow on purpose: once is enough
                HASH.append(await hash_password(self.app.people, demo.PASSWORD))
            self.keys = await self.app.db.write(lambda tx: demo.seed(tx, HASH[0]))
            await self.app.people.reload()
        else:
            self.keys = await demo.device_keys(self.app.db)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.app.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.app.port}"

    async def sign_in(self, login: str) -> Browser:
        browser = Browser(self.url)
        answer = await browser.post("/api/session", {"login": login, "password": demo.PASSWORD})
        browser.me = answer
        return browser

    async def send(self, org: str, recording: Recording, request: Request | None = None) -> Receipt:
        """Send a recording as the device of `org`, over a real socket, as a batch."""
        upload = upload_of(recording, mode="batch", request=request)
        return await run_device(upload, f"ws://127.0.0.1:{self.app.device_port}", self.keys[org])


class Refused(AssertionError):
    """The hub answered with a problem."""

    def __init__(self, status: int, code: str, facts: dict[str, Any]) -> None:
        super().__init__(f"{status} {code} {facts}")
        self.status, self.code, self.facts = status, code, facts


class Browser:
    """One signed-in person's HTTP side."""

    def __init__(self, url: str, trust: ssl.SSLContext | None = None) -> None:
        self.url = url
        self.me: dict[str, Any] = {}
        connector = aiohttp.TCPConnector(ssl=trust or True)
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), connector=connector)

    async def __aenter__(self) -> Browser:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()

    async def get(self, path: str) -> Any:
        return await self._ask("GET", path, None, {})

    async def post(self, path: str, body: object = None, *, key: str | None = None, method: str = "POST") -> Any:
        return await self._ask(method, path, body, {"Idempotency-Key": key or str(uuid.uuid4())})

    async def _ask(self, method: str, path: str, body: object, headers: dict[str, str]) -> Any:
        raw = None if body is None else msgspec.json.encode(body)
        async with self.http.request(method, self.url + path, data=raw, headers=headers) as answer:
            content = await answer.read()
            if answer.status >= 400:
                problem = msgspec.json.decode(content)
                raise Refused(answer.status, problem["code"], problem["facts"])
            return msgspec.json.decode(content) if answer.content_type == "application/json" else content


def normal(seconds: float = 10.0) -> Recording:
    """A recording in which there is nothing to find."""
    import numpy as np

    return synth.twelve_lead(np.random.default_rng(1), [synth.Segment("sinus", seconds, rate_bpm=70)]).recording


REQUEST = Request(patient=Patient(name="马德福", sex="M", age=58), symptoms=("chest_pain",))


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    async with Hub(tmp_path) as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgres"])
def either_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever opens SQLite's file gets, the second time round, a database of a real PostgreSQL in its place."""
    if request.param == "postgres":
        running: Cluster = request.getfixturevalue("postgres")
        made: dict[Path | str, str] = {}

        def engines(where: Path | str, *, beside: bool = False) -> Postgres:
            return Postgres(made.get(where) or made.setdefault(where, running.create()), beside=beside)

        monkeypatch.setattr(database, "engines", engines)
