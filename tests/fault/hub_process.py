"""A hub in a process of its own that is there again half a second after it was killed.

`python -m tests.fault.hub_process` imports the hub once and then forks it on request: an `Order` as a line of JSON on
standard input, a `Said` with the process id on standard output, and another one with the exit code when that process
has ended, however it did. The forked process runs `xinlian serve --config FILE` as installed; a shim (`shims.py`) may
be put under it, because no product code knows of these tests.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing import forkserver

import msgspec
import uvloop

import server.main
from server.base.pool import begin_worker
from server.cli import main as xinlian
from tests.fault import shims


class Order(msgspec.Struct, frozen=True):
    """Start a hub. `shim` is one of `shims.SHIMS` or empty; `nth` is its number, `note` the file it may write to."""

    config: str
    shim: str = ""
    nth: int = 0
    note: str = ""


class Said(msgspec.Struct, frozen=True):
    pid: int
    code: int | None = None  # negative: the signal that ended it


READY = (server.main, uvloop)
"""What the command imports when it is called: here it is there before the first hub is forked."""


def main() -> None:
    # The workers' imports too are paid once: they are forked from this server, and end with the hub that asked for one.
    begin_worker(os.getppid(), None)  # a test that is cancelled leaves no hub behind
    multiprocessing.set_forkserver_preload(["tests.fault.warm_worker", "server.reading.paper"])
    forkserver.ensure_running()
    for line in sys.stdin:
        order = msgspec.json.decode(line, type=Order)
        pid = os.fork()
        if pid == 0:
            _become_hub(order)
        _say(Said(pid))
        _, status = os.waitpid(pid, 0)
        _say(Said(pid, os.waitstatus_to_exitcode(status)))


def _say(said: Said) -> None:
    sys.stdout.write(msgspec.json.encode(said).decode() + "\n")
    sys.stdout.flush()


def _become_hub(order: Order) -> None:
    begin_worker(os.getppid(), None)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)  # what the hub prints must not look like an answer
    # The server above is our parent's child: asking whether it lives is not ours to do.
    forkserver._forkserver.ensure_running = lambda: None  # type: ignore[method-assign]  # there is no public way
    if order.shim:
        shims.put(order.shim, order.nth, order.note)
    sys.argv = ["xinlian", "serve", "--config", order.config]
    code = 70
    try:
        xinlian()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
