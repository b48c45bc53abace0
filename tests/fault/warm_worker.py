"""Imported by the process that hubs' workers are forked from: what a worker does first is done here, once.

A hub of these suites lives for a second or two. On a busy machine its worker would be killed while it still warms up,
hub after hub, and no recording would ever be analysed.
"""

from __future__ import annotations

import errno
import socket
from multiprocessing import reduction

from server.analysis.work import warm_up

_recvfds = reduction.recvfds


def _recvfds_or_go_on(sock: socket.socket, size: int) -> list[int]:
    """A hub that is killed while it asks for a worker must not end the server: it is that of the hubs after it too."""
    try:
        return _recvfds(sock, size)
    except EOFError:
        raise ConnectionAbortedError(errno.ECONNABORTED, "the hub that asked is gone") from None


reduction.recvfds = _recvfds_or_go_on
warm_up()
