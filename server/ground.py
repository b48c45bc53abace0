"""What a start needs of the machine: its disk, its ports, its certificates, and whether the hub before stopped well.

What is started is `main.py`'s.
"""

from __future__ import annotations

import errno
import shutil
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from server.base.errors import AppError
from server.config import Config

FREE_BYTES_MIN = 200 * 2**20
RUNNING = "running"
"""The file that says that a hub has not stopped as it should."""


@dataclass(eq=False)
class NotLoopback(AppError):
    code: ClassVar[str] = "start.no_tls"
    what: ClassVar[str] = "The hub did not start: without TLS it listens only on the loopback address, not on {host}."
    mend: ClassVar[str] = "Set tls.certificate and tls.key (`xinlian tls make` makes a pair), or hub.host: 127.0.0.1."
    host: str


@dataclass(eq=False)
class PortTaken(AppError):
    code: ClassVar[str] = "start.port_taken"
    what: ClassVar[str] = "The hub did not start: port {port} on {host} is taken."
    mend: ClassVar[str] = "Stop the other program or choose another port (--port N, or hub.port)."
    host: str
    port: int


@dataclass(eq=False)
class NoDisk(AppError):
    code: ClassVar[str] = "start.no_disk"
    what: ClassVar[str] = "The hub did not start: {folder} cannot be written or has only {free_mb} MB left."
    mend: ClassVar[str] = "Make room or name another folder in hub.data; {needed_mb} MB are needed."
    folder: str
    free_mb: int
    needed_mb: int


@dataclass(eq=False)
class BadCertificate(AppError):
    code: ClassVar[str] = "start.certificate"
    what: ClassVar[str] = "The hub did not start: the certificate or key cannot be used ({reason})."
    mend: ClassVar[str] = "Check tls.certificate and tls.key; `xinlian tls make` gives a private pair."
    reason: str


def mark_running(data: Path) -> bool:
    """Whether the hub before has stopped without saying so; from here on this one is running."""
    path = data / RUNNING
    unclean = path.exists()
    path.touch()
    return unclean


def check_disk(data: Path) -> None:
    """Raises NoDisk."""
    needed = FREE_BYTES_MIN // 2**20
    try:
        data.mkdir(parents=True, exist_ok=True)
        probe = data / ".probe"
        probe.write_bytes(b"")
        probe.unlink()
        free = shutil.disk_usage(data).free
    except OSError:
        raise NoDisk(folder=str(data), free_mb=0, needed_mb=needed) from None
    if free < FREE_BYTES_MIN:
        raise NoDisk(folder=str(data), free_mb=free // 2**20, needed_mb=needed)


def tls_context(config: Config) -> ssl.SSLContext | None:
    """Raises BadCertificate."""
    if not config.tls.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(config.tls.certificate, config.tls.key or None)
    except (OSError, ssl.SSLError) as error:
        raise BadCertificate(reason=str(error)) from None
    return context


def device_tls_context(config: Config) -> ssl.SSLContext | None:
    """As `tls_context`, and with `tls.device_ca` every device has to show a certificate. Raises BadCertificate."""
    context = tls_context(config)
    if context is not None and config.tls.device_ca:
        try:
            context.load_verify_locations(config.tls.device_ca)
        except (OSError, ssl.SSLError) as error:
            raise BadCertificate(reason=f"tls.device_ca: {error}") from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def port_error(error: OSError, host: str, port: int) -> Exception:
    return PortTaken(host=host, port=port) if error.errno == errno.EADDRINUSE else error
