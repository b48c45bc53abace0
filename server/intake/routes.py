"""HTTP route of files that people hand over in the browser; devices come over the wire."""

from __future__ import annotations

from typing import Annotated

import msgspec

from server.base.http import Call, Route
from server.intake.service import Intake
from server.records.model import HandedOver


class FileQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`name`: the file's own, for people to know it again; never a path. `order`: the request form it answers."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    order: str = ""


def routes(room: Intake) -> tuple[Route, ...]:
    async def upload(call: Call) -> HandedOver:
        return await room.upload(call.ctx, call.path["org"], call.query.name, call.body, call.query.order)

    return (
        Route(
            "POST", "/api/orgs/{org}/files", "recording.order", upload, body=bytes, query=FileQuery, result=HandedOver
        ),
    )  # fmt: skip
