"""Every setting of the hub: one frozen struct, read from `config.yaml`. The descriptions are the reference page.

A key that is not here, a value of the wrong kind or broken YAML stops the start with one line: file, line, key, what is
accepted. No default stands anywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
import yaml
from msgspec import Meta

from server.base.errors import AppError


@dataclass(eq=False)
class ConfigRefused(AppError):
    code: ClassVar[str] = "config.refused"
    what: ClassVar[str] = "The hub did not start: {where}: {reason}."
    mend: ClassVar[str] = "Correct it there; docs/reference/configuration.md names every key."
    where: str
    reason: str


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One part of the file."""


class Hub(_Section, frozen=True):
    """The hub and its web side."""

    name: Annotated[str, Meta(description="How the hub is called on the sign-in page and on reports.")] = "心联 XinLian"
    name_en: Annotated[str, Meta(description="The same in English; empty: the name above.")] = ""
    host: Annotated[
        str, Meta(description="Address to listen on. Without TLS only the loopback address is accepted.")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port of the web pages; 0: any free one.")] = 8080
    device_port: Annotated[int | None, Meta(description="Port of the device gateway; empty: the next one.")] = None
    origins: Annotated[
        tuple[str, ...], Meta(description="Further origins that may send commands, such as a reverse proxy's address.")
    ] = ()
    data: Annotated[str, Meta(description="Folder of the database, the journal and the files.")] = "var"
    database: Annotated[
        str,
        Meta(
            description="postgresql://user@host:5432/name: the tables live there; the password stands in the URL or in "
            "the `.pgpass` of the hub's user. Empty: SQLite in the folder above."
        ),
    ] = ""
    low_disk_mb: Annotated[
        int, Meta(ge=0, description="Below so many free megabytes the administrators are told that the disk runs full.")
    ] = 2048
    web: Annotated[str, Meta(description="Folder of the built web app.")] = "web/dist"


class Tls(_Section, frozen=True):
    """Encryption. Needed as soon as the hub listens on more than the loopback address."""

    certificate: Annotated[str, Meta(description="PEM file of the certificate (with its chain).")] = ""
    key: Annotated[str, Meta(description="PEM file of its key.")] = ""
    device_ca: Annotated[
        str, Meta(description="Authority of the devices' certificates; set: each device has to show one that names it.")
    ] = ""


class Devices(_Section, frozen=True):
    """What the device gateway accepts."""

    sample_rates: Annotated[tuple[int, ...], Meta(description="Accepted samples a second.")] = (
        100, 125, 200, 250, 256, 257, 300, 360, 400, 500, 512, 600, 720, 800, 1000, 1024, 2000,
    )  # fmt: skip
    connections_max: Annotated[int, Meta(ge=1, description="Device connections at the same time.")] = 12_000
    unfinished_max: Annotated[
        int, Meta(ge=4, description="Recordings that one device may have begun and not ended; more are refused.")
    ] = 64
    silent_s: Annotated[
        int, Meta(ge=60, description="A recording of which nothing comes for so long is ended as incomplete.")
    ] = 6 * 3600


class AnalysisSection(_Section, frozen=True):
    """The automatic analysis."""

    workers: Annotated[int, Meta(ge=1, le=64, description="Processes that analyse and print.")] = 2
    profile: Annotated[str, Meta(description="Rule profile of critical values (ecg/profiles).")] = "xinlian-safe"
    watched_max: Annotated[
        int, Meta(ge=0, description="Live recordings watched at the same time; one core carries about 250.")
    ] = 200


class ReadingSection(_Section, frozen=True):
    """The worklist and its promises."""

    lease_s: Annotated[int, Meta(ge=30, description="How long a claim holds without a sign of life.")] = 600
    promise_critical_s: Annotated[int, Meta(ge=1, description="Promised report time, critical.")] = 600
    promise_urgent_s: Annotated[int, Meta(ge=1, description="Promised report time, urgent.")] = 900
    promise_soon_s: Annotated[int, Meta(ge=1, description="Promised report time, soon.")] = 1800
    promise_routine_s: Annotated[int, Meta(ge=1, description="Promised report time, routine.")] = 1800
    prints_mb: Annotated[
        int,
        Meta(
            ge=1, description="Room for printed reports; beyond it the oldest in use are printed anew when asked for."
        ),
    ] = 500


class AlertSection(_Section, frozen=True):
    """The ladder of a critical value: seconds after it was raised."""

    second_channel_s: Annotated[int, Meta(gt=0, description="The first person again, by a second channel.")] = 60
    second_line_s: Annotated[int, Meta(gt=0, description="The second line in parallel; the desk rings.")] = 120
    head_s: Annotated[int, Meta(gt=0, description="Head of shift and the hospital's general duty.")] = 300
    expire_s: Annotated[int, Meta(gt=0, description="Nobody answered: the desk phones. The alert stays open.")] = 600
    reader_s: Annotated[
        int,
        Meta(gt=0, description="Rules that wait for a reader start their ladder by themselves after this."),
    ] = 120


class ConsultSection(_Section, frozen=True):
    """Consultations."""

    ice_urls: Annotated[
        tuple[str, ...], Meta(description="STUN/TURN servers for video; empty: the two browsers reach each other.")
    ] = ()
    ice_username: Annotated[str, Meta(description="User of the TURN server.")] = ""
    ice_credential: Annotated[str, Meta(description="Password of the TURN server.")] = ""
    answer_s: Annotated[
        int, Meta(ge=60, le=86_400, description="An expert's time to answer before the next is asked.")
    ] = 1800
    emergency_answer_s: Annotated[int, Meta(ge=30, le=3600, description="The same in an emergency.")] = 120
    ice_secret: Annotated[
        str,
        Meta(description="coturn's static-auth-secret: who enters gets a password of his own for twelve hours."),
    ] = ""
    media_port: Annotated[
        Annotated[int, Meta(ge=0, le=65535)] | None,
        Meta(description="UDP port of sound and picture of three and more (janus: of films); empty: that of hub.port."),
    ] = None
    media_addresses: Annotated[
        tuple[str, ...],
        Meta(description="IPv4 addresses under which browsers reach that port; empty: this computer's own."),
    ] = ()
    media: Annotated[
        str,
        Meta(
            pattern="^(embedded|janus)$",
            description="Who passes on what three and more send: embedded or janus.",
        ),
    ] = "embedded"
    janus_url: Annotated[
        str, Meta(pattern="^wss?://", description="The WebSocket of that Janus; keep it where only the hub reaches it.")
    ] = "ws://127.0.0.1:8188"
    janus_secret: Annotated[str, Meta(description="Its api_secret (janus.jcfg).")] = ""
    janus_admin_key: Annotated[
        str, Meta(description="Its admin_key (janus.plugin.videoroom.jcfg), where it has one.")
    ] = ""

    film_key: Annotated[
        str,
        Meta(
            description="File of the key that seals films of rooms, made once; empty: `films.key` in the data folder."
        ),
    ] = ""
    film_short_days: Annotated[int, Meta(ge=1, le=3650, description="Days a film asked for briefly is kept.")] = 30
    film_case_days: Annotated[
        int, Meta(ge=1, le=36_500, description="Days a film that belongs to the case is kept.")
    ] = 5475


class LogSection(_Section, frozen=True):
    """Log lines on standard error."""

    json_lines: Annotated[bool, Meta(description="One JSON object a line; false: coloured text.")] = True
    level: Annotated[str, Meta(pattern="^(debug|info|warning|error)$", description="Least level written.")] = "info"


class Config(_Section, frozen=True):
    """The whole file. Each part may be left out."""

    hub: Hub = Hub()
    tls: Tls = Tls()
    devices: Devices = Devices()
    analysis: AnalysisSection = AnalysisSection()
    reading: ReadingSection = ReadingSection()
    alerts: AlertSection = AlertSection()
    consult: ConsultSection = ConsultSection()
    log: LogSection = LogSection()


def load(path: Path) -> Config:
    """The configuration in `path`. Raises ConfigRefused with file, line and what is accepted."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigRefused(where=path.name, reason=f"it cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigRefused(where=path.name, reason="it is not UTF-8") from None
    try:
        raw = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise ConfigRefused(
            where=f"{path.name}{line}", reason=f"not YAML ({getattr(error, 'problem', 'broken')})"
        ) from None
    try:
        return msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        raise ConfigRefused(where=f"{path.name}{_line_of(text, str(error))}", reason=str(error)) from None


def _line_of(text: str, sentence: str) -> str:
    """` line N` of the key a validation error speaks of, when it can be found."""
    keys = [part.strip("`$") for part in sentence.replace("`", " ` ").split() if part not in ("`", "-")]
    dotted = next((k for k in keys if k.startswith(".")), "")
    names = [n for n in dotted.split(".") if n] + [k for k in keys if f"{k}:" in text]
    for number, line in enumerate(text.splitlines(), 1):
        if names and line.strip().startswith(f"{names[-1]}:"):
            return f" line {number}"
    return ""
