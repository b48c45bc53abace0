"""Analysis of received recordings, in the pool of processes.

On `recording.received` the archive goes to a worker; its result row and `analysis.finished` are one transaction. What
cannot be analysed gets a result row with an error code, so that the recording goes on to a person who reads without it.
What the findings mean for the queue and the pagers is not decided here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import msgspec
import structlog
from sqlalchemy import Connection

from ecg.record import Recording, Sex
from ecg.rules.prior import Prior
from server.analysis import store
from server.analysis.work import Facts, Outcome, analyse
from server.base.blobs import Blobs
from server.base.database import Database, Tx
from server.base.eventlog import Event
from server.base.pool import Pool
from server.base.spine import Reaction

log = structlog.get_logger()

LOST = "analysis.lost"
"""The error code of a recording that cost its worker's life, more time than there is, or met a fault of ours."""


@dataclass(frozen=True)
class Analysis:
    """The room. `to_recording` unpacks an archive file; it runs in the worker, so it must pickle. `prior`: what an
    earlier ECG of the same person said, for the rules that ask whether a thing is new."""

    db: Database
    blobs: Blobs
    pool: Pool
    profile: str
    to_recording: Callable[[bytes], Recording]
    prior: Callable[[Connection, str], Prior | None]


class _Received(msgspec.Struct, frozen=True):
    """What `recording.received` says, as far as this room reads it."""

    blob: str
    sex: Sex
    age_years: int | None
    symptoms: tuple[str, ...]


def reactions(room: Analysis) -> tuple[Reaction, ...]:
    async def received(event: Event) -> None:
        if await room.db.read(lambda conn: store.latest(conn, event.subject)) is not None:
            return  # told before
        await _analyse(room, event)

    return (Reaction("analysis.received", frozenset({"recording.received"}), received),)


async def _analyse(room: Analysis, event: Event) -> None:
    said = msgspec.convert(event.body, _Received)
    archive = await room.blobs.get(said.blob)
    started = time.perf_counter()
    prior = await room.db.read(lambda conn: room.prior(conn, event.subject))
    facts = Facts(said.sex, said.age_years, said.symptoms, prior)
    try:
        outcome = await room.pool.run(analyse, archive, facts, room.profile, room.to_recording)
    except (BrokenProcessPool, TimeoutError):
        outcome = Outcome(b"", _nothing(LOST), None, LOST)
    except Exception:  # a fault of ours must not keep an ECG from the person who reads it
        log.exception("analysis.failed", recording=event.subject)
        outcome = Outcome(b"", _nothing(LOST), None, LOST)
    took_ms = round((time.perf_counter() - started) * 1000)
    log.info("analysis.finished", recording=event.subject, took_ms=took_ms, error=outcome.error)

    def keep(tx: Tx) -> None:
        row = store.add(
            tx.conn,
            recording=event.subject,
            at=tx.now,
            took_ms=took_ms,
            profile=room.profile,
            grade=outcome.grade,
            result=outcome.result,
            summary=outcome.summary,
            error=outcome.error,
        )
        tx.append("analysis.finished", event.subject, event.org, {"result": row, "error": outcome.error})

    await room.db.write(keep)


def result_json(conn: Connection, recording_id: str) -> bytes | None:
    """The whole analysis object of the newest run, or None (not analysed, or it could not be)."""
    row = store.latest(conn, recording_id)
    return store.result_of(row) or None if row is not None else None


def _nothing(error: str) -> bytes:
    return msgspec.json.encode(
        {
            "acceptable": False, "findings": [], "vent_rate_bpm": None, "pr_ms": None, "qrs_ms": None, "qt_ms": None,
            "qtc_ms": None, "bad_leads": [], "strip": "", "error": error,
        }
    )  # fmt: skip
