"""STOW-RS: store the instances of one request, and the answer that says of each whether it is here (PS3.18, 10.5).

Each instance stands for itself: one that is refused does not undo its neighbours. 200 all are stored, 202 some, 409
none. The reasons of failures are those of PS3.18 table 10.5.3-1 and PS3.4 annex B.2.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from server.base.context import Ctx
from server.base.errors import AppError, NotFound, StorageFull
from server.images import service
from server.images.errors import (
    ImageBroken,
    ImageBusy,
    ImageIsEcg,
    ImageSyntaxRefused,
    ImageTooLarge,
    ImageTooManyFrames,
    ImageUidTaken,
    ImageUnknown,
    ImageWithoutPixels,
)
from server.images.multipart import parts
from server.images.service import Images

CANNOT_UNDERSTAND: Final = 0xC000
SYNTAX_REFUSED: Final = 0xC122
CLASS_REFUSED: Final = 0x0122
DUPLICATE: Final = 0x0111
OUT_OF_RESOURCES: Final = 0xA700
DOES_NOT_MATCH: Final = 0xA900
PROCESSING_FAILURE: Final = 0x0110
REASONS: Final[dict[type[AppError], int]] = {
    ImageBroken: CANNOT_UNDERSTAND,
    ImageUnknown: CANNOT_UNDERSTAND,
    ImageSyntaxRefused: SYNTAX_REFUSED,
    ImageIsEcg: CLASS_REFUSED,
    ImageWithoutPixels: CLASS_REFUSED,
    ImageUidTaken: DUPLICATE,
    ImageTooLarge: OUT_OF_RESOURCES,
    ImageTooManyFrames: OUT_OF_RESOURCES,
    ImageBusy: OUT_OF_RESOURCES,
    StorageFull: OUT_OF_RESOURCES,
}


class _Value(msgspec.Struct, frozen=True):
    """One attribute in DICOM JSON (PS3.18 annex F)."""

    vr: str
    Value: list[str] | list[int] | list[dict[str, _Value]]


Attributes = dict[str, _Value]


@dataclass(frozen=True)
class Stored:
    """The answer: its status and its body in DICOM JSON."""

    status: int
    body: bytes


async def store(
    room: Images, ctx: Ctx, content_type: str, body: bytes, *, patient: str, confirmed: bool, study: str = ""
) -> Stored:
    """`study`: the study the address names; an instance of another one is not taken. Raises StowUnreadable."""
    here: list[Attributes] = []
    failed: list[Attributes] = []
    for number, file in enumerate(parts(body, content_type), 1):
        try:
            added = await service.add(room, ctx, patient, f"{number}.dcm", file, confirmed=confirmed, study=study)
        except AppError as error:
            failed.append({"00081197": _Value("US", [_reason(error)])})
        else:
            here.append(
                {
                    "00081150": _Value("UI", [added.image.facts.sop_class]),
                    "00081155": _Value("UI", [added.image.facts.instance]),
                    "00081190": _Value("UR", [f"/api/images/{added.image.id}/original"]),
                }
            )
    answer: Attributes = {}
    if here:
        answer["00081199"] = _Value("SQ", here)
    if failed:
        answer["00081198"] = _Value("SQ", failed)
    status = 200 if not failed else 202 if here else 409
    return Stored(status, msgspec.json.encode(answer))


def _reason(error: AppError) -> int:
    """What is not in the table could not be processed: another patient's, or nobody's."""
    return REASONS.get(type(error), DOES_NOT_MATCH if isinstance(error, NotFound) else PROCESSING_FAILURE)
