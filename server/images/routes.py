"""HTTP of the images room: decode, call, encode. STOW-RS needs no idempotency key: instances have names."""

from __future__ import annotations

from server.base.errors import NotFound
from server.base.http import Call, Raw, Route
from server.images import service, stow
from server.images.model import AddedImage, AddImageQuery, Image, ImageList, StowQuery
from server.images.service import Images

CACHE_S = 3600


def routes(room: Images) -> tuple[Route, ...]:
    async def add(call: Call) -> AddedImage:
        said = call.query
        return await service.add(
            room, call.ctx, call.path["id"], said.name, call.body, case=said.case, confirmed=said.confirmed
        )

    async def of_patient(call: Call) -> ImageList:
        return await service.of_patient(room, call.ctx, call.path["id"])

    async def one(call: Call) -> Image:
        return await service.one(room, call.ctx, call.path["id"])

    async def frame(call: Call) -> Raw:
        number = call.path["number"]
        if not (number.isascii() and number.isdigit() and len(number) < 6):
            raise NotFound(kind="frame")
        body, kind = await service.frame(room, call.ctx, call.path["id"], int(number))
        return Raw(body, kind, cache_s=CACHE_S, etag=f"{call.path['id']}.{number}")

    async def thumbnail(call: Call) -> Raw:
        body = await service.thumbnail(room, call.ctx, call.path["id"])
        return Raw(body, "image/png", cache_s=CACHE_S, etag=f"{call.path['id']}.thumb")

    async def original(call: Call) -> Raw:
        file, name = await service.original(room, call.ctx, call.path["id"])
        return Raw(file, "application/octet-stream", filename=name, attachment=True)

    async def store(call: Call) -> Raw:
        told = await stow.store(
            room, call.ctx, call.content_type, call.body, patient=call.query.patient,
            confirmed=call.query.confirmed, study=call.path.get("study", ""),
        )  # fmt: skip
        return Raw(told.body, "application/dicom+json", status=told.status)

    read, write = "image.read", "image.add"
    return (
        Route("POST", "/api/patients/{id}/images", write, add, body=bytes, query=AddImageQuery, result=AddedImage),
        Route("GET", "/api/patients/{id}/images", read, of_patient, result=ImageList),
        Route("GET", "/api/images/{id}", read, one, result=Image),
        Route("GET", "/api/images/{id}/frames/{number}", read, frame),
        Route("GET", "/api/images/{id}/thumbnail", read, thumbnail),
        Route("GET", "/api/images/{id}/original", read, original),
        Route("POST", "/api/dicom/studies", write, store, body=bytes, query=StowQuery, kept=False),
        Route("POST", "/api/dicom/studies/{study}", write, store, body=bytes, query=StowQuery, kept=False),
    )
