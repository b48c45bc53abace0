"""A session at a Janus over its WebSocket: what is asked, each with its answer, and what Janus says besides.

The hub's end only. What the VideoRoom plugin is told, and what follows from its words, is `janus`'s affair. Source:
Janus 1.1.2, `janus.c` (requests and their order) and `plugins/janus_videoroom.c`.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from typing import Final, Literal

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from server.consult.media.engine import BadSdp, EngineGone

log = structlog.get_logger()

ANSWER_S: Final = 10.0
KEEP_S: Final = 20.0
"""Janus forgets a session that says nothing for a minute."""
MESSAGE_BYTES_MAX: Final = 1 << 20
PENDING_MAX: Final = 2000
PLUGIN: Final = "janus.plugin.videoroom"
INVALID_SDP: Final = frozenset({431, 434, 437, 464, 465, 469, 471})
"""Janus's and the plugin's ways to say that a description is none, or not for this moment."""

Words = dict[str, object]


class Jsep(msgspec.Struct, frozen=True):
    """A description on its way."""

    type: Literal["offer", "answer"]
    sdp: str


class Fault(msgspec.Struct, frozen=True):
    code: int = 0
    reason: str = ""


class Made(msgspec.Struct, frozen=True):
    """A session or a handle."""

    id: int = 0


class Fed(msgspec.Struct, frozen=True):
    """A line of a receiving connection, and which publisher's line flows in it."""

    mid: str
    feed_id: int = 0
    feed_mid: str = ""


class Participant(msgspec.Struct, frozen=True):
    id: int
    dummy: bool = False


class Forwarder(msgspec.Struct, frozen=True):
    """A line that Janus sends on to an address. srtp: sealed."""

    stream_id: int
    srtp: bool = False


class Told(msgspec.Struct, frozen=True):
    """What the plugin says; which of it is there goes by `videoroom`."""

    videoroom: str = ""
    id: int = 0
    level_dbov: float = msgspec.field(default=127.0, name="audio-level-dBov-avg")
    streams: list[Fed] = []
    participants: list[Participant] = []
    forwarders: list[Forwarder] = []
    error_code: int = 0
    error: str = ""


class Plugin(msgspec.Struct, frozen=True):
    data: Told = Told()


class Message(msgspec.Struct, frozen=True):
    """Anything Janus says. sender: a handle of ours; mid and receiving: of `media`; reason: of `hangup`."""

    janus: str
    transaction: str = ""
    sender: int = 0
    data: Made = Made()
    plugindata: Plugin = Plugin()
    jsep: Jsep | None = None
    error: Fault | None = None
    mid: str = ""
    receiving: bool = False
    reason: str = ""

    @property
    def told(self) -> Told:
        return self.plugindata.data

    @property
    def is_news(self) -> bool:
        """An offer nobody asked for bears the number of the request that led to it: it is not its answer."""
        return self.transaction == "" or self.told.videoroom == "updated"


class RefusedError(Exception):
    """Janus, or its plugin, says no."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code


class Link:
    """One connection and the session on it. heard: what comes besides answers; it must not wait."""

    def __init__(self, socket: ClientConnection, secret: str, heard: Callable[[Message], None]) -> None:
        self._socket, self._secret, self._heard = socket, secret, heard
        self._pending: dict[str, tuple[asyncio.Future[Message], bool]] = {}
        """By number: the answer, and whether a bare `ack` is one."""
        self._session = 0
        self._decoder = msgspec.json.Decoder(Message)

    @property
    def own_host(self) -> str:
        """This computer's address on the way to Janus."""
        return str(self._socket.local_address[0])

    async def run(self, there: Callable[[], None]) -> None:
        """Until the connection or the session ends; `there` is called when requests may come. Raises what ended it."""
        keeping = asyncio.create_task(self._keep(there), name="janus session")
        try:
            reading = asyncio.create_task(self._read(), name="janus")
            try:
                done, _ = await asyncio.wait({keeping, reading}, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                reading.cancel()
        finally:
            keeping.cancel()
            for answer, _ in self._pending.values():
                if not answer.done():
                    answer.set_exception(EngineGone())

    async def ask(self, kind: str, *, handle: int = 0, body: Words | None = None, jsep: Jsep | None = None) -> Message:
        """One request. Raises RefusedError, BadSdp, EngineGone."""
        if len(self._pending) >= PENDING_MAX:
            raise EngineGone
        number = secrets.token_hex(6)
        words: Words = {"janus": kind, "transaction": number}
        for name, value in (
            ("apisecret", self._secret), ("session_id", self._session), ("handle_id", handle), ("body", body),
            ("jsep", jsep), ("plugin", PLUGIN if kind == "attach" else None),
        ):  # fmt: skip
            if value:
                words[name] = value
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._pending[number] = answer, kind == "keepalive"
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._socket.send(msgspec.json.encode(words).decode())
                said = await answer
        except (TimeoutError, ConnectionClosed) as error:
            raise EngineGone from error
        finally:
            self._pending.pop(number, None)
        fault = said.error or Fault(said.told.error_code, said.told.error)
        if jsep is not None and fault.code in INVALID_SDP:
            raise BadSdp(fault.reason)
        if fault.code:
            raise RefusedError(fault.code, fault.reason)
        return said

    async def _keep(self, there: Callable[[], None]) -> None:
        self._session = (await self.ask("create")).data.id
        there()
        try:
            while True:
                await asyncio.sleep(KEEP_S)
                await self.ask("keepalive")
        finally:
            with contextlib.suppress(ConnectionClosed, asyncio.CancelledError):
                bye: Words = {"janus": "destroy", "transaction": "bye", "session_id": self._session}
                await self._socket.send(msgspec.json.encode({**bye, "apisecret": self._secret}).decode())

    async def _read(self) -> None:
        async for raw in self._socket:
            try:
                said = self._decoder.decode(raw)
            except msgspec.DecodeError as error:
                log.warning("media.janus_words", error=str(error)[:200])
                continue
            if said.is_news:
                if said.janus == "timeout":
                    raise EngineGone("the session was forgotten")
                self._heard(said)
                continue
            answer, takes_ack = self._pending.get(said.transaction, (None, False))
            if answer is not None and not answer.done() and (takes_ack or said.janus != "ack"):
                answer.set_result(said)
        raise EngineGone("the connection was closed")
