"""The agent's page on this machine, and the POST by which another program here hands a file over.

On 127.0.0.1 only. No session: whoever sits at this machine may look. So that no web page elsewhere can speak to it
through the browser, a request with a foreign `Origin` or `Host` is refused, and nothing of a person is shown but the
file's name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec
import yaml
from aiohttp import web

from device.agent.app import Agent
from device.agent.store import Item
from device.client import clock_ms
from device.errors import InletRefused, WireError
from device.frames import FILE_BYTES_MAX, NAME_MAX, Request
from ecg.errors import CodedError
from ecg.expected import NOT_AS_EXPECTED
from ecg.reasons import in_chinese

ITEMS: Final = 50
NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
TYPES: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class StatusPage:
    """The page's server. `port` is the real one once it listens."""

    def __init__(self, agent: Agent) -> None:
        self.agent, self.port = agent, 0

    async def run(self) -> None:
        """Until cancelled."""
        app = web.Application(client_max_size=FILE_BYTES_MAX, middlewares=[_only_from_here])
        app.router.add_get("/", self._file)
        app.router.add_get("/{name:page\\.(css|js)}", self._file)
        app.router.add_get("/api/status", self._status)
        app.router.add_post("/ecg", self._take)
        app.router.add_post("/api/items/{uid:[0-9a-f]{32}}/again", self._again)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            port = self.agent.settings.page_port
            try:
                await web.TCPSite(runner, "127.0.0.1", port).start()
            except OSError as error:
                raise InletRefused(port=f"port {port}", reason=error.strerror or "?") from None
            self.port = int(runner.addresses[0][1])
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info.get("name", "page.html")
        body = (files("device.agent") / "page" / name).read_bytes()
        return web.Response(body=body, content_type=TYPES[name.rpartition(".")[2]], charset="utf-8", headers=HEADERS)

    async def _status(self, _request: web.Request) -> web.Response:
        body = await asyncio.to_thread(status_of, self.agent)
        return web.Response(body=msgspec.json.encode(body), content_type="application/json", headers=HEADERS)

    async def _take(self, request: web.Request) -> web.Response:
        """`POST /ecg?name=FILE[&urgent=1]`, the file as body; the request form as JSON in `X-ECG-Request`."""
        name = request.query.get("name", "").strip().replace("\\", "/").rpartition("/")[2][-NAME_MAX:]
        try:
            form = request.headers.get("X-ECG-Request")
            asked = msgspec.json.decode(form, type=Request) if form else None
        except NOT_AS_EXPECTED as error:
            return _refusal(400, "http.input", str(error))
        try:
            file = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _refusal(413, "wire.too_long", f"At most {FILE_BYTES_MAX // 2**20} MiB are taken.")
        if not file or not name:
            return _refusal(400, "ecg.file_empty", "Give the file as body and its name as ?name=.")
        try:
            item, new = await self.agent.take(name, file, urgent=request.query.get("urgent") == "1", request=asked)
        except WireError as error:
            return _refusal(error.status, error.code, str(error))
        body = {"uid": item.uid, "new": new, "state": item.state, "verdict": msgspec.Raw(item.verdict)}
        return web.Response(
            status=202, body=msgspec.json.encode(body), content_type="application/json", headers=HEADERS
        )

    async def _again(self, request: web.Request) -> web.Response:
        await asyncio.to_thread(self.agent.queue.again, request.match_info["uid"])
        self.agent.line.news.set()
        return web.Response(status=204, headers=HEADERS)


@web.middleware
async def _only_from_here(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    host = request.headers.get("Host", "").rpartition(":")[0] or request.headers.get("Host", "")
    origin = request.headers.get("Origin")
    if host not in NAMES or (origin is not None and origin != f"http://{request.headers['Host']}"):
        return _refusal(403, "access.forbidden", "This page is for programs and people at this machine.")
    return await handler(request)


def _refusal(status: int, code: str, sentence: str) -> web.Response:
    body = msgspec.json.encode({"code": code, "sentence": sentence})
    return web.Response(status=status, body=body, content_type="application/json", headers=HEADERS)


def status_of(agent: Agent) -> dict[str, object]:
    """What the page shows, as plain JSON types."""
    line, totals, now_ms = agent.line.state, agent.queue.totals(), clock_ms()
    return {
        "device": agent.key.device,
        "clinic": line.clinic,
        "hub": agent.settings.hub,
        "language": agent.settings.language,
        "now_ms": now_ms,
        "line": {
            "connected": line.connected,
            "since_ms": line.since_ms,
            "refused": _error(line.refused),
            "next_try_in_s": max(0.0, (line.next_try_ms - now_ms) / 1000),
            "bytes_s": round(line.bytes_s),
            "clock_offset_ms": line.clock_offset_ms,
            "clock_uncertainty_ms": line.clock_uncertainty_ms,
        },
        "waiting": totals.waiting,
        "waiting_bytes": totals.waiting_bytes,
        "sending": len(line.sending),
        "received": totals.received,
        "refused": totals.refused,
        "oldest_age_s": None if totals.oldest_ms is None else max(0, (now_ms - totals.oldest_ms) // 1000),
        "full": _error(agent.full),
        "sources": [
            {"kind": source.kind, "name": source.name, "taken": source.taken, "error": _error(source.error)}
            for source in agent.sources
        ],
        "items": [_item(item, line.sending.get(item.uid)) for item in agent.queue.latest(ITEMS)],
    }


def _item(item: Item, sent: float | None) -> dict[str, object]:
    return {
        "uid": item.uid,
        "name": item.name,
        "bytes": item.body_bytes,
        "taken_ms": item.taken_ms,
        "done_ms": item.done_ms,
        "urgent": item.urgent,
        "state": "sending" if item.state == "waiting" and sent is not None else item.state,
        "sent": sent,
        "recording": item.recording,
        "code": item.code,
        "verdict": msgspec.Raw(item.verdict),
    }


@cache
def _chinese() -> dict[str, str]:
    table: dict[str, str] = yaml.safe_load((files("device") / "zh-CN.yaml").read_text("utf-8"))["errors"]
    return table


def _error(error: CodedError | None) -> dict[str, str] | None:
    if error is None:
        return None
    return {"code": error.code, "en": str(error), "zh": _chinese()[error.code].format(**in_chinese(error.facts()))}
