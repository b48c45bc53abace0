"""Use cases of images: take one in, list a patient's, give a frame, a thumbnail or the original; STOW-RS.

A file is read by a worker before anything is stored; its frames, thumbnail and original are blobs under the image's
id, the row comes last. The same file at the same patient is kept once; another file under an instance number that
stands at the institution is refused. Who may see the patient's recordings sees his images, and who is in one of his
consultations.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Final

import msgspec
import structlog
from sqlalchemy import Connection, RowMapping

from server.base import eventlog
from server.base.blobs import Blobs
from server.base.clock import Clock
from server.base.context import Ctx
from server.base.database import Database, Tx
from server.base.errors import NotFound, StorageFull
from server.base.ids import new_id
from server.base.pool import Pool
from server.images import store
from server.images.errors import ImageBroken, ImageBusy, ImagePatientDiffers, ImageUidTaken, ImageUnknown
from server.images.model import AddedImage, Image, ImageFacts, ImageList
from server.images.worker import Person, Taken, take_in
from server.people import store as people
from server.records import store as records

log = structlog.get_logger()

LIST_MAX: Final = 500
READING_MAX: Final = 16
"""Files with the worker or before it; more are told to come again."""
VIEW_S: Final = 600
VIEWS_MAX: Final = 10_000


@dataclass
class Images:
    """The room. `pool` reads files; `case_patient` gives the patient of a recording or consultation (NotFound where
    there is none), `invited` whether an account is in a consultation about the patient; both are handed in."""

    db: Database
    blobs: Blobs
    clock: Clock
    pool: Pool
    case_patient: Callable[[Connection, str], str]
    invited: Callable[[Connection, str, str], bool]
    saving: Callable[[], bool] = lambda: False
    """Whether the disk's reserve is being used: files wait then."""
    _reading: int = 0
    _views: OrderedDict[tuple[str, str], float] = field(default_factory=OrderedDict)


async def add(
    room: Images, ctx: Ctx, patient: str, name: str, file: bytes, *, case: str = "", confirmed: bool = False,
    study: str | None = None,
) -> AddedImage:  # fmt: skip
    """Take a file in for a patient. `patient` empty: whom the number in the file names at one of the sender's
    institutions. `study`: only DICOM, and of this study unless it is empty. Raises ImageError, NotFound, StorageFull.
    """
    if room.saving():
        raise StorageFull
    sha256 = await asyncio.to_thread(lambda: hashlib.sha256(file).hexdigest())
    taken = None
    if not patient:
        taken = await _read(room, file, name)
        patient = await _patient_of_number(room, ctx, taken.person.id_no)

    def look(conn: Connection) -> tuple[RowMapping, RowMapping | None]:
        row = _patient(room, conn, ctx, patient, "image.add")
        if case and room.case_patient(conn, case) != patient:
            raise NotFound(kind="case")
        return row, store.same_file(conn, patient, sha256)

    person, known = await room.db.read(look)
    if known is not None:
        return AddedImage(await _view(room, known["id"]), known=True)
    taken = taken or await _read(room, file, name)
    if study is not None and (taken.kind != "dicom" or study not in ("", taken.facts.study)):
        raise ImageUnknown(name=name)
    if not confirmed:
        _check_person(taken.person, person)
    image_id = new_id("img")
    if taken.frames:
        await room.blobs.put(f"images/{image_id}.frames", taken.frames)
        await room.blobs.put(f"images/{image_id}.png", taken.thumb)
    if taken.kind != "photo":  # a photo is kept as it was packed anew: the original says where the phone was
        await room.blobs.put(f"images/{image_id}.original", file)

    def keep(tx: Tx) -> tuple[str, bool]:
        again = store.same_file(tx.conn, patient, sha256)
        if again is not None:
            return str(again["id"]), True
        facts = taken.facts
        if facts.instance and store.other_content(tx.conn, person["org"], facts.instance, sha256):
            raise ImageUidTaken(instance=facts.instance)
        store.add_image(
            tx.conn, id=image_id, patient=patient, org=person["org"], case=case, kind=taken.kind, name=name[:128],
            bytes=len(file), sha256=sha256, study=facts.study, series=facts.series, instance=facts.instance,
            facts=msgspec.json.encode(facts).decode(), ends=msgspec.json.encode(taken.ends).decode(),
            added_by=ctx.actor, added_at=tx.now,
        )  # fmt: skip
        tx.append(
            "image.added", image_id, person["org"],
            {"patient": patient, "case": case, "kind": taken.kind, "frames": facts.frames, "confirmed": confirmed},
        )  # fmt: skip
        return image_id, False

    stored, was_known = await room.db.write(keep, actor=ctx.actor)
    log.info("image.added", image=stored, kind=taken.kind, bytes=len(file), frames=taken.facts.frames)
    return AddedImage(await _view(room, stored), known=was_known)


async def of_patient(room: Images, ctx: Ctx, patient: str) -> ImageList:
    def look(conn: Connection) -> ImageList:
        cursor = eventlog.last_id(conn)
        _patient(room, conn, ctx, patient, "image.read")
        return ImageList(_views(conn, store.of_patient(conn, patient, LIST_MAX)), cursor)

    return await room.db.read(look)


async def one(room: Images, ctx: Ctx, image_id: str) -> Image:
    await _access(room, ctx, image_id)
    return await _view(room, image_id)


async def frame(room: Images, ctx: Ctx, image_id: str, number: int) -> tuple[bytes, str]:
    """One frame and its content type. Raises NotFound."""
    row = await _access(room, ctx, image_id)
    ends = msgspec.json.decode(row["ends"], type=list[int])
    if not 0 <= number < len(ends):
        raise NotFound(kind="frame")
    await _note_view(room, ctx, row, "image.viewed")
    first = ends[number - 1] if number else 0
    content = await room.blobs.part(f"images/{image_id}.frames", first, ends[number] - first)
    if content.startswith(b"\x89PNG"):
        return content, "image/png"
    return content, "image/jpeg" if row["kind"] == "photo" else "application/octet-stream"


async def thumbnail(room: Images, ctx: Ctx, image_id: str) -> bytes:
    row = await _access(room, ctx, image_id)
    if row["ends"] == "[]":
        raise NotFound(kind="thumbnail")
    return await room.blobs.get(f"images/{image_id}.png")


async def original(room: Images, ctx: Ctx, image_id: str) -> tuple[bytes, str]:
    """The file as it was handed over, and its name. Raises NotFound; a photo is kept only as it is shown."""
    row = await _access(room, ctx, image_id)
    if row["kind"] == "photo":
        raise NotFound(kind="file")
    await room.db.write(
        lambda tx: tx.append("image.downloaded", image_id, row["org"], {}, topic="audit"), actor=ctx.actor
    )
    return await room.blobs.get(f"images/{image_id}.original"), row["name"]


async def _patient_of_number(room: Images, ctx: Ctx, id_no: str) -> str:
    """The patient with this number at one of the sender's institutions. Raises NotFound."""

    def look(conn: Connection) -> str:
        for org in ctx.orgs() if id_no else ():
            if ctx.may("image.add", org) and (found := records.patient_by_id_no(conn, org, id_no)):
                return found
        raise NotFound(kind="patient")

    return await room.db.read(look)


async def _read(room: Images, file: bytes, name: str) -> Taken:
    if room._reading >= READING_MAX:
        raise ImageBusy
    room._reading += 1
    try:
        return await room.pool.run(take_in, file, name)
    except (BrokenProcessPool, TimeoutError, MemoryError):
        raise ImageBroken(name=name) from None
    finally:
        room._reading -= 1


def _check_person(in_file: Person, here: RowMapping) -> None:
    """Raises ImagePatientDiffers where the file names somebody and number, name, sex or birth date of both sides are
    known and not the same, or neither number nor name says that he is this patient: then a person has to compare."""
    own = "".join(here["name"].split()).casefold()
    names = {form.casefold() for form in in_file.names}
    # A name in Latin letters says nothing of one in Chinese.
    alike = {form for form in names if form.isascii() == own.isascii()}
    differs = (
        (in_file.id_no and here["id_no"] and in_file.id_no != here["id_no"])
        or (own and alike and own not in alike)
        or (in_file.sex and here["sex"] in ("M", "F") and in_file.sex != here["sex"])
        or (in_file.birth_date and here["birth_date"] and in_file.birth_date != here["birth_date"])
    )
    proven = (in_file.id_no and in_file.id_no == here["id_no"]) or (own and own in names)
    if differs or ((in_file.id_no or names) and not proven):
        told = (*in_file.names, in_file.id_no, in_file.sex, in_file.birth_date)
        said = (here["name"], here["id_no"], here["sex"], here["birth_date"] or "")
        raise ImagePatientDiffers(in_file=", ".join(filter(None, told)), here=", ".join(filter(None, said)))


def _patient(room: Images, conn: Connection, ctx: Ctx, patient: str, rule: str) -> RowMapping:
    row = records.patient_row(conn, patient)
    if not ctx.may(rule, row["org"]) and not room.invited(conn, patient, ctx.actor):
        raise NotFound(kind="patient")
    return row


async def _access(room: Images, ctx: Ctx, image_id: str) -> RowMapping:
    def look(conn: Connection) -> RowMapping:
        row = store.image_row(conn, image_id)
        if not ctx.may("image.read", row["org"]) and not room.invited(conn, row["patient"], ctx.actor):
            raise NotFound(kind="image")
        return row

    return await room.db.read(look)


async def _note_view(room: Images, ctx: Ctx, row: RowMapping, kind: str) -> None:
    """Into the audit trail before the first frame leaves; the frames of one look are one line."""
    key, now = (ctx.actor, row["id"]), room.clock.monotonic()
    if now - room._views.get(key, -VIEW_S) < VIEW_S:
        return
    await room.db.write(lambda tx: tx.append(kind, row["id"], row["org"], {}, topic="audit"), actor=ctx.actor)
    room._views[key] = now
    room._views.move_to_end(key)
    if len(room._views) > VIEWS_MAX:
        room._views.popitem(last=False)


async def _view(room: Images, image_id: str) -> Image:
    return await room.db.read(lambda conn: _views(conn, [store.image_row(conn, image_id)])[0])


def _views(conn: Connection, rows: list[RowMapping]) -> list[Image]:
    names = people.names(conn, {row["added_by"] for row in rows})
    return [
        Image(
            id=row["id"],
            patient=row["patient"],
            case=row["case"],
            kind=row["kind"],
            name=row["name"],
            bytes=row["bytes"],
            facts=msgspec.json.decode(row["facts"], type=ImageFacts),
            added_by_name=names.get(row["added_by"], ""),
            added_at=row["added_at"],
        )
        for row in rows
    ]
