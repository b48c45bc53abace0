"""Tables and queries of patients, orders, recordings and the analysis' result row.

Other rooms read through `recording`, `recordings_of_org`, ... and change a recording's state only through `move`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Float,
    Index,
    Integer,
    Label,
    LargeBinary,
    RowMapping,
    Select,
    Table,
    Text,
    and_,
    insert,
    select,
    update,
)

from server.base import eventlog
from server.base.database import Tx
from server.base.errors import NotFound
from server.base.schema import metadata
from server.base.upsert import upsert
from server.devices.store import device
from server.records.model import RECORDING, FileNote, GlanceView, MachineSummary, Order, Patient, Recording

patient = Table(
    "patient",
    metadata,
    Column("id", Text, primary_key=True),
    Column("org", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sex", Text, nullable=False),
    Column("age_years", Integer),
    Column("birth_date", Text),
    Column("id_no", Text, nullable=False, default=""),
    Column("identity", Text, nullable=False),
    Index("patient_id_no", "id_no"),
)

order = Table(
    "order_form",
    metadata,
    Column("id", Text, primary_key=True),
    Column("org", Text, nullable=False),
    Column("patient", Text, nullable=False),
    Column("symptoms", Text, nullable=False),
    Column("urgency", Text, nullable=False),
    Column("device", Text),
    Column("note", Text, nullable=False),
    Column("ordered_by", Text, nullable=False),
    Column("ordered_at", Text, nullable=False),
    Column("recording", Text),
    Index("order_open", "org", "recording", "ordered_at"),
)

recording = Table(
    "recording",
    metadata,
    Column("id", Text, primary_key=True),
    Column("uid", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("org", Text, nullable=False),
    # As they were when it was taken: a later change of the tree does not move old recordings.
    Column("org_name", Text, nullable=False),
    Column("centre", Text, nullable=False),
    Column("patient", Text, nullable=False),
    Column("order_form", Text),
    Column("state", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("urgency", Text, nullable=False),
    Column("symptoms", Text, nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("fs", Float, nullable=False),
    Column("leads", Text, nullable=False),
    Column("samples", Integer, nullable=False, default=0),
    Column("sha256", Text),
    Column("blob", Text),
    Column("started_at", Text),
    Column("time_from", Text, nullable=False, default=""),
    Column("clock_offset_ms", Integer),
    Column("clock_uncertainty_ms", Integer),
    # Of a file: its bytes as they were found, what it is, and what was odd about it.
    Column("original", Text),
    Column("original_sha256", Text),
    Column("original_name", Text),
    Column("format", Text),
    Column("notes", Text, nullable=False, default="[]"),
    Column("derived", Text, nullable=False, default="[]"),
    Column("glance", LargeBinary),  # a GlanceView as JSON
    Column("opened_at", Text, nullable=False),
    Column("received_at", Text),
    Column("grade", Text, nullable=False, default="unassessed"),
    Column("machine_grade", Text),
    Column("machine", LargeBinary),
    Column("reader", Text),
    Column("reader_name", Text),
    Column("return_reason", Text),
    Column("returned_note", Text),
    Column("return_leads", Text, nullable=False, default="[]"),
    Column("report", Text),
    Column("impression", Text, nullable=False, default="[]"),
    # The hub ended it; its device may send it whole, as a recording of its own.
    Column("interrupted", Integer, nullable=False, default=0),
    Column("replaces", Text),
    Column("replaced_by", Text),
    Index("recording_uid", "uid", unique=True),
    Index("recording_org", "org", "opened_at"),
    Index("recording_patient", "patient", "opened_at"),
    Index("recording_blob", "sha256"),
    Index("recording_original", "original_sha256"),
)

guest = Table(
    # Who may see this one recording though his institution does not reach it: an expert who was asked about it.
    "recording_guest",
    metadata,
    Column("recording", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("since", Text, nullable=False),
)


def admit(conn: Connection, recording_id: str, account: str, now: str) -> None:
    """He may see it from now on; once is as good as twice."""
    row = upsert(guest).values(recording=recording_id, account=account, since=now)
    conn.execute(row.on_conflict_do_nothing())


def is_guest(conn: Connection, recording_id: str, account: str) -> bool:
    query = select(guest.c.since).where(guest.c.recording == recording_id, guest.c.account == account)
    return conn.execute(query).first() is not None


def add_patient(conn: Connection, **values: str | int | None) -> None:
    conn.execute(insert(patient).values(**values))


def update_patient(conn: Connection, patient_id: str, **values: str | int | None) -> None:
    conn.execute(update(patient).where(patient.c.id == patient_id).values(**values))


def patient_by_id_no(conn: Connection, org: str, id_no: str) -> str | None:
    """The patient of this institution with the national id number, if known already."""
    query = select(patient.c.id).where(patient.c.org == org, patient.c.id_no == id_no)
    return conn.execute(query.limit(1)).scalar()


def add_order(conn: Connection, **values: str | None) -> None:
    conn.execute(insert(order).values(**values))


def bind_order(conn: Connection, order_id: str, recording_id: str) -> None:
    conn.execute(update(order).where(order.c.id == order_id).values(recording=recording_id))


def open_order(conn: Connection, org: str, device_id: str, since: str) -> RowMapping | None:
    """The oldest form of `org` since `since` that waits for a recording of this device, or of any."""
    query = (
        select(order)
        .where(
            order.c.org == org,
            order.c.recording.is_(None),
            order.c.ordered_at >= since,
            (order.c.device == device_id) | order.c.device.is_(None),
        )
        .order_by(order.c.ordered_at)
        .limit(1)
    )
    return conn.execute(query).mappings().first()


def waiting_order(conn: Connection, org: str, order_id: str) -> RowMapping:
    """A form of `org` that has no recording yet. Raises NotFound."""
    query = select(order).where(order.c.id == order_id, order.c.org == org, order.c.recording.is_(None))
    row = conn.execute(query).mappings().first()
    if row is None:
        raise NotFound(kind="order")
    return row


def order_row(conn: Connection, order_id: str | None) -> RowMapping | None:
    return conn.execute(select(order).where(order.c.id == order_id)).mappings().first()


def orders(conn: Connection, org: str, since: str) -> list[Order]:
    query = (
        select(order, *_patient_columns())
        .join(patient, patient.c.id == order.c.patient)
        .where(order.c.org == org, order.c.ordered_at >= since)
        .order_by(order.c.ordered_at.desc())
        .limit(200)
    )
    return [
        Order(
            r["id"], r["org"], _patient(r), msgspec.json.decode(r["symptoms"]), r["urgency"], r["device"], r["note"],
            r["ordered_at"], r["recording"],
        )
        for r in conn.execute(query).mappings()
    ]  # fmt: skip


def add_recording(conn: Connection, **values: Any) -> None:
    conn.execute(insert(recording).values(**values))


def recording_by_uid(conn: Connection, uid: str) -> RowMapping | None:
    """The recording a device named so; whose it is the caller compares."""
    return conn.execute(select(recording).where(recording.c.uid == uid)).mappings().first()


def recording_by_file(conn: Connection, org: str, sha256: str) -> RowMapping | None:
    """The recording this institution has of a file with these bytes, however it came."""
    query = select(recording).where(recording.c.original_sha256 == sha256, recording.c.org == org)
    return conn.execute(query.limit(1)).mappings().first()


def recording_row(conn: Connection, recording_id: str) -> RowMapping:
    """The bare row. Raises NotFound."""
    row = conn.execute(select(recording).where(recording.c.id == recording_id)).mappings().first()
    if row is None:
        raise NotFound(kind="recording")
    return row


def update_recording(conn: Connection, recording_id: str, **values: Any) -> None:
    """Change fields that are not the state."""
    assert "state" not in values, "a state moves through `move`"
    conn.execute(update(recording).where(recording.c.id == recording_id).values(**values))


def move(
    tx: Tx, recording_id: str, event: str, kind: str, body: eventlog.Body | None = None, *, actor: str | None = None,
    **values: Any,
) -> str:  # fmt: skip
    """Move a recording along its state table, change `values` with it, and tell of it as event `kind`.

    Returns the new state. Raises WrongState when the table has no such row.
    """
    row = recording_row(tx.conn, recording_id)
    target = RECORDING.move(row["state"], event)
    tx.conn.execute(update(recording).where(recording.c.id == recording_id).values(state=target, **values))
    tx.append(kind, recording_id, row["org"], {"state": target, **(body or {})}, topic="recording", actor=actor)
    return target


def view(conn: Connection, recording_id: str) -> Recording:
    """One recording as pages see it. Raises NotFound."""
    row = conn.execute(_views().where(recording.c.id == recording_id)).mappings().first()
    if row is None:
        raise NotFound(kind="recording")
    return _recording(row)


def recordings_of_orgs(
    conn: Connection, orgs: Iterable[str], since: str, limit: int, state: str = ""
) -> list[Recording]:
    """Newest first, opened since `since`; of one state oldest first, so that who waits longest is among them."""
    opened = recording.c.opened_at
    query = _views().where(and_(recording.c.org.in_(list(orgs)), opened >= since)).limit(limit)
    query = query.where(recording.c.state == state).order_by(opened) if state else query.order_by(opened.desc())
    return [_recording(row) for row in conn.execute(query).mappings()]


def recordings_of_patient(conn: Connection, patient_id: str, limit: int) -> list[Recording]:
    query = _views().where(recording.c.patient == patient_id).order_by(recording.c.opened_at.desc()).limit(limit)
    return [_recording(row) for row in conn.execute(query).mappings()]


def views(conn: Connection, ids: Iterable[str]) -> dict[str, Recording]:
    """Many at once, by id; what is missing is left out."""
    rows = conn.execute(_views().where(recording.c.id.in_(list(ids)))).mappings()
    return {row["id"]: _recording(row) for row in rows}


def patient_view(conn: Connection, patient_id: str) -> Patient:
    query = select(*_patient_columns()).where(patient.c.id == patient_id)
    row = conn.execute(query).mappings().first()
    if row is None:
        raise NotFound(kind="patient")
    return _patient(row)


def patient_row(conn: Connection, patient_id: str) -> RowMapping:
    """The bare row, with the whole number: not for pages. Raises NotFound."""
    row = conn.execute(select(patient).where(patient.c.id == patient_id)).mappings().first()
    if row is None:
        raise NotFound(kind="patient")
    return row


def _patient_columns() -> list[Label[Any]]:
    return [patient.c[name].label(f"patient_{name}") for name in patient.c.keys()]  # noqa: SIM118 - not a dict


def _views() -> Select[Any]:
    return (
        select(recording, *_patient_columns(), device.c.model.label("device_model"))
        .join(patient, patient.c.id == recording.c.patient)
        .join(device, device.c.id == recording.c.device, isouter=True)
    )


def _patient(row: RowMapping) -> Patient:
    number = row["patient_id_no"]
    masked = f"{number[:4]}{'*' * (len(number) - 8)}{number[-4:]}" if len(number) > 8 else "*" * len(number)
    return Patient(
        row["patient_id"], row["patient_name"], row["patient_sex"], row["patient_age_years"], row["patient_birth_date"],
        masked, row["patient_identity"],
    )  # fmt: skip


def _recording(row: RowMapping) -> Recording:
    return Recording(
        id=row["id"],
        state=row["state"],
        org=row["org"],
        org_name=row["org_name"],
        centre=row["centre"],
        patient=_patient(row),
        symptoms=msgspec.json.decode(row["symptoms"]),
        urgency=row["urgency"],
        note=row["note"],
        device=row["device"],
        device_model=row["device_model"] or "",
        kind=row["kind"],
        fs=row["fs"],
        leads=msgspec.json.decode(row["leads"]),
        samples=row["samples"],
        started_at=row["started_at"],
        time_from=row["time_from"],
        clock_offset_ms=row["clock_offset_ms"],
        clock_uncertainty_ms=row["clock_uncertainty_ms"],
        file=row["original_name"] or "",
        format=row["format"] or "",
        notes=msgspec.json.decode(row["notes"], type=list[FileNote]),
        derived=msgspec.json.decode(row["derived"]),
        interrupted=bool(row["interrupted"]),
        replaced_by=row["replaced_by"],
        glance=msgspec.json.decode(row["glance"], type=GlanceView) if row["glance"] and not row["blob"] else None,
        opened_at=row["opened_at"],
        received_at=row["received_at"],
        grade=row["grade"],
        machine_grade=row["machine_grade"],
        machine=msgspec.json.decode(row["machine"], type=MachineSummary) if row["machine"] else None,
        reader_name=row["reader_name"],
        return_reason=row["return_reason"],
        returned_note=row["returned_note"],
        return_leads=msgspec.json.decode(row["return_leads"]),
        report=row["report"],
        impression=msgspec.json.decode(row["impression"]),
    )
