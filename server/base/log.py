"""Logs: a fixed name, then fields, one JSON line each. Never a name, number, birth date, free text or waveform.

Rooms call `structlog.get_logger()`; here is only how lines are written.
"""

from __future__ import annotations

import logging
import sys

import structlog


def configure(*, json_lines: bool, level: str = "info") -> None:
    """Set up logging for the process; `json_lines` false gives a coloured form for a person's terminal."""
    render: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if json_lines else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    # The libraries' own access logs would print addresses with ids; ours say what happened.
    for name in ("aiohttp.access", "websockets"):
        logging.getLogger(name).setLevel(logging.WARNING)
