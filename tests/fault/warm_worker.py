"""Imported by the process that hubs' workers are forked from: what a worker does first is done here, once.

A hub of these suites lives for a second or two. On a busy machine its worker would be killed while it still warms up,
hub after hub, and no recording would ever be analysed.
"""

from __future__ import annotations

from server.analysis.work import warm_up

warm_up()
