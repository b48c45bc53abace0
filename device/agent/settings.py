"""What a clinic sets: one YAML file, read once at the start. Every field has a default but the hub and the key."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from device.errors import SettingsRefused
from ecg.expected import NOT_AS_EXPECTED

MIB: Final = 1024 * 1024


class Folder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A folder that another program writes ECG files to. They are left where they are unless `move_to` is given."""

    path: str
    settle_s: Annotated[float, Meta(ge=0, le=600)] = 2.0
    """A file is complete when neither its size nor its time has changed for so long and nobody holds it open."""
    patterns: tuple[str, ...] = ("*",)
    move_to: str = ""


class Socket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A TCP port on this machine: each connection brings one file and closes."""

    port: Annotated[int, Meta(ge=0, le=65535)]
    host: str = "127.0.0.1"
    suffix: str = ".ecg"


class Serial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A serial line (COM3, /dev/ttyUSB0): what comes until the line is quiet for `quiet_s` is one file."""

    port: str
    baud: int = 115200
    quiet_s: Annotated[float, Meta(gt=0, le=60)] = 2.0
    suffix: str = ".ecg"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of it. Paths are relative to the folder of the settings file."""

    hub: str
    key_file: str
    data: str = "agent-data"
    """Where the queue is kept; on a disk that survives the power going."""
    ca: str = ""
    certificate: str = ""
    certificate_key: str = ""
    """Of this device, where the hub asks for one (mutual TLS)."""
    folders: tuple[Folder, ...] = ()
    sockets: tuple[Socket, ...] = ()
    serials: tuple[Serial, ...] = ()
    page_port: Annotated[int, Meta(ge=0, le=65535)] = 8610
    """The status page and the local POST, on 127.0.0.1 only. 0: any free one."""
    language: Literal["zh", "en"] = "zh"
    limit_kbit_s: Annotated[float, Meta(ge=0)] = 0.0
    """The most this clinic's line may be filled with; 0: as it is. What is urgent is not slowed down."""
    bulk_hours: Annotated[str, Meta(pattern=r"^(\d{2}:\d{2}-\d{2}:\d{2})?$")] = ""
    """When files older than a day are sent ("22:00-06:00"); empty: at any time."""
    queue_files: Annotated[int, Meta(ge=1)] = 10_000
    queue_mib: Annotated[int, Meta(ge=1)] = 2048
    keep_days: Annotated[int, Meta(ge=0)] = 7
    """How long files that the hub has are kept here."""
    profile: str = ""


def read_settings(path: Path) -> Settings:
    """Raises SettingsRefused."""
    try:
        settings = msgspec.yaml.decode(_unicode(path.read_bytes()), type=Settings)
    except OSError as error:
        raise SettingsRefused(path=str(path), reason=f"it cannot be read: {error.strerror}") from None
    except NOT_AS_EXPECTED as error:
        raise SettingsRefused(path=str(path), reason=str(error)) from None
    return checked(settings, path.parent)


def _unicode(raw: bytes) -> bytes:
    """A Chinese Windows writes GB18030 where nobody asks it for UTF-8; UTF-16 says so itself."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return raw if raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else raw.decode("gb18030", "replace").encode()
    return raw


def checked(settings: Settings, base: Path) -> Settings:
    """Paths made absolute, what cannot work refused. Raises SettingsRefused."""
    if not settings.hub.startswith(("ws://", "wss://")):
        raise SettingsRefused(path="hub", reason="it has to begin with ws:// or wss://")
    if not (settings.folders or settings.sockets or settings.serials or settings.page_port):
        raise SettingsRefused(path="folders", reason="nothing is watched: no folder, no socket, no serial line")

    def absolute(path: str) -> str:
        return str((base / path).resolve()) if path else ""

    folders = tuple(
        msgspec.structs.replace(folder, path=absolute(folder.path), move_to=absolute(folder.move_to))
        for folder in settings.folders
    )
    return msgspec.structs.replace(
        settings,
        key_file=absolute(settings.key_file),
        data=absolute(settings.data),
        ca=absolute(settings.ca),
        certificate=absolute(settings.certificate),
        certificate_key=absolute(settings.certificate_key),
        folders=folders,
    )
