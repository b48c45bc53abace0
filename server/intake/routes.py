"""HTTP route of files that people hand over in the browser; devices come over the wire."""

from __future__ import annotations

from typing import Annotated

import msgspec

from server.base.http import Call, Route
from server.intake.service import Intake
from server.records.model import Recording


class FileQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`name`: the file's own, for people to know it again; never a path."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


def routes(room: Intake) -> tuple[Route, ...]:
    async def upload(call: Call) -> Recording:
        return await room.upload(call.ctx, call.path["org"], call.query.name, call.body)

    return (
        Route(
            "POST", "/api/orgs/{org}/files", "recording.order", upload, body=bytes, query=FileQuery, result=Recording
        ),
    )  # fmt: skip
