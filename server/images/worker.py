"""What the hub and the worker that reads an image share: the call, what comes back, and the bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.images.model import ImageFacts, Kind

MB: Final = 1_000_000
WORKER_BYTES: Final = 3 * 1024**3
WORKER_S: Final = 60.0
PACK_BYTES_MAX: Final = 256 * MB
"""Of all frames of one file as they travel: it passes through the hub's memory once."""


@dataclass(frozen=True)
class Person:
    """Whom the file names; empty where it does not."""

    id_no: str = ""
    names: tuple[str, ...] = ()
    """The name in each of its scripts, without separators."""
    sex: str = ""
    birth_date: str = ""


@dataclass(frozen=True)
class Taken:
    """A file as it is stored. `frames`: all of them one after the other, `ends` where each ends in it."""

    kind: Kind
    facts: ImageFacts
    frames: bytes
    ends: tuple[int, ...]
    thumb: bytes
    person: Person


def warm_up() -> None:
    """Nothing: the first image may wait for the process; most hubs see none for hours."""


def take_in(file: bytes, name: str) -> Taken:
    """Read one file. For a worker. Raises ImageError."""
    from server.images.decode import read_image  # here: only the worker pays for pydicom and Pillow

    return read_image(file, name)
