"""HTTP: routes as rows, each with its access rule; JSON in and out by type; errors as problem+json; commands once.

A room's `routes.py` lists `Route` rows whose functions get a `Call` (who, decoded body and query, path) and return a
struct, `Raw` bytes or None. aiohttp's own objects stop here. A route that names no known rule stops the start.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
import structlog
from aiohttp import web
from sqlalchemy import delete, select, update

from ecg.errors import CodedError
from ecg.expected import NOT_AS_EXPECTED
from ecg.reasons import with_reasons
from server.base.context import Ctx
from server.base.database import CommandKey, Database, Tx, current_command
from server.base.errors import (
    AlreadyDone,
    BadInput,
    CutOff,
    FilesBusy,
    ForeignOrigin,
    Internal,
    KeyMissing,
    NotFound,
    NotSignedIn,
    StorageFull,
    TooLarge,
)
from server.base.ids import new_id
from server.base.schema import command

log = structlog.get_logger()
S = TypeVar("S")

BODY_BYTES_MAX = 1_000_000
FILE_BYTES_MAX = 64 * 1024 * 1024
"""Of a route whose body is `bytes`: a file, taken as it is."""
FILES_BYTES_MAX = 512 * 1024 * 1024
"""Of all such bodies that are on their way in or being worked on: each stands in memory."""
COOKIE = "xinlian_session"

NUL_IN_JSON = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
NO_NUL = "the character U+0000 stands in it, which no text may have"
"""PostgreSQL keeps no such text; on SQLite it must not come in either, or the hub could never move."""

PUBLIC = "public"
"""The rule of the few routes that need no session: sign-in, health, the page itself."""
SIGNED_IN = "signed_in"
"""The rule of routes that give a person only what is his own."""


@dataclass(frozen=True)
class Raw:
    """An answer that is not JSON: a signal, a PDF."""

    body: bytes
    content_type: str
    filename: str | None = None
    attachment: bool = False
    """It is to be saved, never shown: the bytes are whatever somebody sent."""
    cache_s: int = 0
    cookie: str | None = None
    status: int = 200
    etag: str = ""
    """A name of these bytes that stays: who has them is answered 304."""


@dataclass(frozen=True)
class Piece:
    """An answer that is a part of something longer, which a player asks for piece by piece (RFC 9110, 14).

    first: where it begins; total: bytes of the whole. Nothing in it: there is nothing there.
    """

    body: bytes
    content_type: str
    first: int
    total: int


@dataclass(frozen=True)
class Call:
    """One request as a use case sees it. `body` and `query` are already of the route's types."""

    ctx: Ctx
    path: dict[str, str]
    body: Any = None
    query: Any = None
    peer: str = ""
    agent: str = ""
    content_type: str = ""
    span: tuple[int, int | None] = (0, None)
    """First and last byte that were asked for; None: as much as is good."""
    set_cookie: Callable[[str | None], None] = field(default=lambda _value: None)


Handler = Callable[[Call], Awaitable[object]]


@dataclass(frozen=True)
class Route:
    """One row of the route table. `rule` is a row of the access table, or PUBLIC or SIGNED_IN. `body` bytes: a file."""

    method: str
    path: str
    rule: str
    call: Handler
    body: type | None = None
    query: type | None = None
    result: Any = None
    kept: bool = True
    """False: the answer is a secret that must not lie in the database for a repeat; a repeat is carried out anew."""


Authenticate = Callable[[str | None], Awaitable[Ctx | None]]


@dataclass
class Http:
    """Builds the aiohttp application from the rooms' rows."""

    db: Database
    authenticate: Authenticate
    rules: Iterable[str]
    origins: Callable[[str], bool]
    secure_cookies: bool
    vital: Iterable[str] = ()
    """The rules whose commands go on when the disk is full: its reserve is kept for them."""
    saving: Callable[[], bool] = lambda: False
    """Whether the reserve is being used."""
    errors: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    routes: tuple[Route, ...] = ()
    _files_bytes: int = 0
    _locks: dict[tuple[str, str], asyncio.Lock] = field(default_factory=dict)

    def application(self, routes: Iterable[Route]) -> web.Application:
        app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[self._edge])
        known = {*self.rules, PUBLIC, SIGNED_IN}
        self.routes = tuple(routes)
        for route in self.routes:
            if route.rule not in known:
                raise RuntimeError(f"{route.method} {route.path} names no access rule ({route.rule!r}): not started")
            app.router.add_route(route.method, route.path, self._endpoint(route))
        return app

    def _endpoint(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def endpoint(request: web.Request) -> web.StreamResponse:
            return await self._answer(route, request)

        return endpoint

    async def _answer(self, route: Route, request: web.Request) -> web.StreamResponse:
        ctx = await self.authenticate(request.cookies.get(COOKIE))
        if route.rule != PUBLIC:
            if ctx is None:
                raise NotSignedIn
            if route.rule != SIGNED_IN:
                ctx.require(route.rule)
        if request.method not in ("GET", "HEAD"):
            self.check_origin(request)
            if self.saving() and route.rule not in (PUBLIC, SIGNED_IN, *self.vital):
                raise StorageFull
        if route.body is not bytes:
            return await self._carry_out(route, request, ctx)
        room = _announced(request)
        if self._files_bytes + room > FILES_BYTES_MAX:
            raise FilesBusy
        self._files_bytes += room
        try:
            return await self._carry_out(route, request, ctx)
        finally:
            self._files_bytes -= room

    async def _carry_out(self, route: Route, request: web.Request, ctx: Ctx | None) -> web.StreamResponse:
        cookies: list[str | None] = []
        try:
            body = await _body(request, route.body)
        except ConnectionResetError as error:
            raise CutOff from error
        call = Call(
            ctx=ctx or Ctx("nobody", "", (), lambda *_: False),
            path=dict(request.match_info),
            body=body,
            query=_query(request, route.query),
            peer=request.remote or "",
            agent=request.headers.get("User-Agent", "")[:200],
            content_type=request.headers.get("Content-Type", "")[:400],
            span=_span(request.headers.get("Range", "")),
            set_cookie=cookies.append,
        )
        if request.method in ("GET", "HEAD") or route.rule == PUBLIC or not route.kept:
            response = _response(await route.call(call), request.headers.get("If-None-Match", ""))
        else:
            response = await self._once(route, call, request)
        for value in cookies:
            self._cookie(response, value)
        return response

    async def _once(self, route: Route, call: Call, request: web.Request) -> web.Response:
        """Carry a command out once: a repeat with the same key gets the first answer again."""
        key = request.headers.get("Idempotency-Key", "")
        if not 8 <= len(key) <= 64:
            raise KeyMissing
        name = (call.ctx.actor, key)
        lock = self._locks.setdefault(name, asyncio.Lock())
        async with lock:
            try:
                known = await self.db.read(
                    lambda conn: conn.execute(
                        select(command.c.status, command.c.answer).where(
                            command.c.actor == name[0], command.c.key == name[1]
                        )
                    ).first()
                )
                if known is not None:
                    if known.status is None:
                        raise AlreadyDone
                    return web.Response(body=known.answer, status=known.status, content_type="application/json")
                mark = CommandKey(*name)
                token = current_command.set(mark)
                try:
                    response = _response(await route.call(call))
                finally:
                    current_command.reset(token)
                if mark.claimed:
                    answer = response.body if isinstance(response.body, bytes) else b""
                    await self.db.write(
                        lambda tx: tx.conn.execute(
                            update(command)
                            .where(command.c.actor == name[0], command.c.key == name[1])
                            .values(status=response.status, answer=answer)
                        ).close()
                    )
                return response
            finally:
                self._locks.pop(name, None)

    def check_origin(self, request: web.Request) -> None:
        """Browsers name the page's origin on every command and WebSocket; another site's is refused."""
        origin = request.headers.get("Origin")
        own = f"{request.scheme}://{request.host}"
        if origin is not None and origin != own and not self.origins(origin):
            raise ForeignOrigin

    def _cookie(self, response: web.StreamResponse, value: str | None) -> None:
        if value is None:
            response.del_cookie(COOKIE, path="/")
        else:
            response.set_cookie(COOKIE, value, path="/", httponly=True, samesite="Strict", secure=self.secure_cookies)

    def problem(self, error: CodedError) -> web.Response:
        self.errors[error.code] += 1
        body = {
            "type": f"urn:xinlian:{error.code}",
            "code": error.code,
            "title": str(error),
            "facts": with_reasons(error.facts()),
        }
        return web.Response(
            text=json.dumps(body, default=str), status=error.status, content_type="application/problem+json"
        )

    @web.middleware
    async def _edge(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Where every failure becomes an answer with a code, and every answer gets its headers."""
        try:
            response = await handler(request)
        except CodedError as error:
            response = self.problem(error)
        except web.HTTPNotFound:
            response = self.problem(NotFound(kind="page"))
        except web.HTTPMethodNotAllowed:
            response = self.problem(BadInput(reason=f"{request.method} is not known here"))
        except web.HTTPRequestEntityTooLarge:
            response = self.problem(TooLarge(limit_bytes=BODY_BYTES_MAX))
        except (asyncio.CancelledError, web.HTTPException):
            raise
        except Exception as error:
            number = new_id("e")[-8:]
            log.exception("http.internal", number=number, method=request.method, error=type(error).__name__)
            response = self.problem(Internal(number=number))
        if not response.prepared:
            response.headers.setdefault("Content-Security-Policy", CSP)
            response.headers["X-Content-Type-Options"] = "nosniff"
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
            response.headers["Permissions-Policy"] = "camera=(self), microphone=(self), geolocation=()"
            if self.secure_cookies:
                response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response


CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self' ws: wss:; object-src 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'self'"
)


def forget_commands(tx: Tx, before: str) -> None:
    """A repeat of so old a command would be carried out anew; no page keeps one for that long."""
    tx.conn.execute(delete(command).where(command.c.at < before))


def disposition(filename: str, *, attachment: bool) -> str:
    """`Content-Disposition` for any name: what is not plain ASCII goes percent-encoded (RFC 6266), a path never."""
    name = filename.replace("\\", "/").rpartition("/")[2].strip(". ") or "file"
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    how = f'{"attachment" if attachment else "inline"}; filename="{plain}"'
    return how if plain == name else f"{how}; filename*=UTF-8''{quote(name, safe='')}"


def _span(said: str) -> tuple[int, int | None]:
    """Of a `Range` header: one span that counts from the front; anything else is as if none were there."""
    unit, _, span = said.partition("=")
    first, dash, last = span.partition("-")
    numbers = [word for word in (first, last) if word]
    if unit.strip() != "bytes" or not dash or not first or any(not n.isdecimal() or len(n) > 15 for n in numbers):
        return 0, None
    return int(first), int(last) if last else None


def _piece(piece: Piece) -> web.Response:
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "no-store"}
    if not piece.body:
        headers["Content-Range"] = f"bytes */{piece.total}"
        return web.Response(status=416, headers=headers)
    if len(piece.body) == piece.total:
        return web.Response(body=piece.body, content_type=piece.content_type, headers=headers)
    headers["Content-Range"] = f"bytes {piece.first}-{piece.first + len(piece.body) - 1}/{piece.total}"
    return web.Response(body=piece.body, status=206, content_type=piece.content_type, headers=headers)


def _response(result: object, has: str = "") -> web.Response:
    """`has`: the etag of what the browser holds."""
    if isinstance(result, Piece):
        return _piece(result)
    if isinstance(result, Raw):
        headers = {"Cache-Control": f"private, max-age={result.cache_s}" if result.cache_s else "no-store"}
        if result.filename:
            headers["Content-Disposition"] = disposition(result.filename, attachment=result.attachment)
        if result.etag:
            headers["ETag"] = f'"{result.etag}"'
            if has == headers["ETag"]:
                return web.Response(status=304, headers=headers)
        return web.Response(body=result.body, status=result.status, content_type=result.content_type, headers=headers)
    return web.Response(
        body=msgspec.json.encode(result), content_type="application/json", headers={"Cache-Control": "no-store"}
    )


async def _body(request: web.Request, kind: type[S] | None) -> S | bytes | None:
    if kind is None:
        return None
    if kind is bytes:
        return await _file(request)
    raw = await request.read()
    if NUL_IN_JSON.search(raw):
        raise BadInput(reason=NO_NUL)
    try:
        return msgspec.json.decode(raw, type=kind)
    except NOT_AS_EXPECTED as error:
        raise BadInput(reason=str(error)) from None


def _announced(request: web.Request) -> int:
    """How many bytes a file's body will take. Raises TooLarge before any of it is read."""
    size = request.content_length
    if size is not None and size > FILE_BYTES_MAX:
        raise TooLarge(limit_bytes=FILE_BYTES_MAX)
    return FILE_BYTES_MAX if size is None else size


async def _file(request: web.Request) -> bytes:
    """A body that is a file: read piece by piece up to FILE_BYTES_MAX, whatever length it announces."""
    file = bytearray()
    async for piece in request.content.iter_chunked(64 * 1024):
        file += piece
        if len(file) > FILE_BYTES_MAX:
            raise TooLarge(limit_bytes=FILE_BYTES_MAX)
    return bytes(file)


def _query(request: web.Request, kind: type[S] | None) -> S | None:
    if kind is None:
        return None
    if any("\0" in text for text in request.query.values()):
        raise BadInput(reason=NO_NUL)
    try:
        return msgspec.convert(dict(request.query), kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadInput(reason=str(error)) from None
