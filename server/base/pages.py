"""The built web app, served from memory: every address that is not the API's gets the page, assets are kept for ever.

The files are read and packed once at start (a megabyte in all); what they show is `web/`'s business.
"""

from __future__ import annotations

import gzip
import mimetypes
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from aiohttp import web

from server.base.errors import AppError

FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(eq=False)
class WebNotBuilt(AppError):
    code: ClassVar[str] = "start.web_not_built"
    what: ClassVar[str] = "The hub did not start: the web app is not built in {folder}."
    mend: ClassVar[str] = "Run `./run build` once, or name the folder in hub.web."
    folder: str


@dataclass(frozen=True)
class _File:
    plain: bytes
    packed: bytes
    kind: str
    cache: str


def handler(folder: Path) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The catch-all GET route. Raises WebNotBuilt."""
    if not (folder / "index.html").is_file():
        raise WebNotBuilt(folder=str(folder))
    files = {f"/{path.relative_to(folder).as_posix()}": _load(path) for path in folder.rglob("*") if path.is_file()}
    index = files["/index.html"]

    async def page(request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/api/"):
            raise web.HTTPNotFound
        file = files.get(request.path, index)
        packed = "gzip" in request.headers.get("Accept-Encoding", "") and len(file.packed) < len(file.plain)
        headers = {"Cache-Control": file.cache, "Vary": "Accept-Encoding"}
        if packed:
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=file.packed if packed else file.plain, content_type=file.kind, headers=headers)

    return page


def _load(path: Path) -> _File:
    plain = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    hashed = path.parent.name == "assets"
    return _File(plain, gzip.compress(plain, 9), kind, FOR_EVER if hashed else "no-cache")
