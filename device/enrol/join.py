"""A new device's first word to its hub: a one-time code for a key.

An administrator reads a code out, a person at the clinic types it, the hub answers with the device's name and key, and
the key file is written. No protocol of samples here: that is `device/client.py`, with the key file made here.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO
from urllib.parse import urlsplit

import aiohttp
import msgspec

from device.client import SOFTWARE, DeviceKey, key_file_text
from device.enrol.errors import EnrolmentRefused, HubNotReached
from device.errors import CertificateRefused, KeyFileRefused
from ecg.expected import NOT_AS_EXPECTED

ANSWER_S: Final = 20
ANSWER_BYTES_MAX: Final = 64 * 1024


class _Enrolled(msgspec.Struct, frozen=True):
    device: str
    key: bytes  # base64
    org_name: str
    gateway_port: int
    gateway_tls: bool


class _Problem(msgspec.Struct, frozen=True):
    code: str
    title: str


@dataclass(frozen=True)
class Joined:
    """The new device's key, whose it is, and the address it sends to."""

    key: DeviceKey
    org_name: str
    gateway: str


async def enrol(
    hub_page_url: str, code: str, model: str, serial: str, key_file: Path, *, trust: ssl.SSLContext | None = None
) -> Joined:
    """Turn the code into a key and write the key file.

    hub_page_url  where the hub's pages are, `https://hub.example:8080`; a path behind it is left out.
    trust         for `https://`: which authorities are trusted; None: the machine's.
    Raises        KeyFileRefused before the code is used; EnrolmentRefused; HubNotReached; CertificateRefused. A code
                  is used up when the hub has answered: where the line breaks just then, ask for a new one.
    """
    with new_key_file(key_file) as file:
        address = urlsplit(hub_page_url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise HubNotReached(address=hub_page_url, reason="this is no http:// or https:// address")
        body = {"code": code, "model": model, "serial": serial, "software": SOFTWARE}
        said = await _ask(f"{address.scheme}://{address.netloc}/api/devices/enrol", body, trust)
        key = DeviceKey(said.device, said.key)
        file.write(key_file_text(key))
    host = f"[{address.hostname}]" if ":" in address.hostname else address.hostname
    gateway = f"ws{'s' if said.gateway_tls else ''}://{host}:{said.gateway_port}"
    return Joined(key, said.org_name, gateway)


@contextmanager
def new_key_file(path: Path) -> Iterator[TextIO]:
    """A file that only its owner may read (on Windows: as the folder's rights say), gone again when writing it fails.

    Opened before there is a key, so that none is made that cannot be kept. Raises KeyFileRefused, also where the file
    exists: another device's key is not written over.
    """
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.chmod(0o600)  # the umask may have taken away even the owner's
        file = path.open("w", encoding="utf-8")
    except FileExistsError:
        raise KeyFileRefused(reason=f"{path.name} exists already and is not written over") from None
    except OSError as error:
        raise KeyFileRefused(reason=f"it cannot be written: {error.strerror}") from None
    try:
        with file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


async def _ask(address: str, body: dict[str, str], trust: ssl.SSLContext | None) -> _Enrolled:
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.post(address, json=body, ssl=trust or True, allow_redirects=False) as answer,
        ):
            content = await answer.content.read(ANSWER_BYTES_MAX)
            status = answer.status
    except aiohttp.ClientConnectorCertificateError as error:
        raise CertificateRefused(reason=str(error.certificate_error)) from None
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise HubNotReached(address=address, reason=str(error) or type(error).__name__) from None
    try:
        if status == 200:
            return msgspec.json.decode(content, type=_Enrolled)
        problem = msgspec.json.decode(content, type=_Problem)
    except NOT_AS_EXPECTED:
        raise HubNotReached(address=address, reason=f"what answers there is no hub (status {status})") from None
    raise EnrolmentRefused(hub_code=problem.code, sentence=problem.title)
