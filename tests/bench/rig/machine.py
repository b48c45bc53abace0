"""The machine under the figures: cores, processes and what they use, the disk's own speed, versions."""

from __future__ import annotations

import os
import platform
import resource
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

CORES: Final = sorted(os.sched_getaffinity(0))
PAGE: Final = os.sysconf("SC_PAGE_SIZE")
PACKAGES: Final = ("aiohttp", "websockets", "uvloop", "numpy", "zstandard")


def lift_limits() -> None:
    """As many open files as the machine allows; child processes inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextmanager
def _on(*cores: int) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(cores))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def under_measure() -> AbstractContextManager[None]:
    """What is started within inherits the core on which the measured system runs."""
    return _on(CORES[0])


def beside() -> AbstractContextManager[None]:
    """On the other core (where there is one): the load generator."""
    return _on(CORES[-1])


def anywhere() -> AbstractContextManager[None]:
    """On any core: a browser, which in life has a machine of its own."""
    return _on(*CORES)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def family(pid: int) -> list[int]:
    """A process and all that came from it."""
    found, rest = [pid], [pid]
    while rest:
        parent = rest.pop()
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                children = [int(word) for word in task.read_text().split()]
            except OSError:
                continue
            found += children
            rest += children
    return found


def cpu_s(pid: int) -> float:
    """Processor time of the living threads of a process and its descendants so far."""
    total_ns = 0
    for one in family(pid):
        for task in Path(f"/proc/{one}/task").glob("*/schedstat"):
            with suppress(OSError):
                total_ns += int(task.read_text().split()[0])
    return total_ns / 1e9


def resident_bytes(pid: int) -> int:
    """Of this one process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def disk_line(folder: Path) -> str:
    """The disk's own write and fdatasync: 6 kB and 1 MB appends, one thread."""
    said = []
    for name, size, count in (("6 kB", 6_000, 600), ("1 MB", 1_000_000, 60)):
        took = _appends(folder, os.urandom(size), count)
        rate, p99 = len(took) / sum(took), statistics.quantiles(took, n=100)[98]
        said.append(
            f"{name} append {rate:.0f}/s p50 {1000 * statistics.median(took):.2f} p99 {1000 * p99:.2f} ms"
            f" ({rate * size / 1e6:.0f} MB/s)"
        )
    return f"disk: write and fdatasync, one thread: {'; '.join(said)}"


def _appends(folder: Path, body: bytes, count: int) -> list[float]:
    took = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(count):
            began = time.perf_counter()
            file.write(body)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    return took


def describe() -> str:
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?"
    )
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"machine: {len(CORES)} x {model}, {platform.system()} {platform.release()},"
        f" Python {platform.python_version()}, {packages}; load average {os.getloadavg()[0]:.2f}"
    )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def first_line(command: Sequence[str]) -> str:
    """The first line that a program prints; empty when it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except OSError:
        return ""
    return (done.stdout or done.stderr).strip().partition("\n")[0]
