"""Tables and queries of devices, their keys and enrolment codes.

A device's state changes only through `service.move`. Keys are secrets: only `valid_keys` gives them out, for the proof.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    RowMapping,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)

from server.base.schema import metadata
from server.devices.model import DeviceView, KeyView

device = Table(
    "device",
    metadata,
    Column("id", Text, primary_key=True),
    Column("org", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("maker", Text, nullable=False, default=""),
    Column("serial", Text, nullable=False, default=""),
    Column("software", Text, nullable=False, default=""),
    Column("fs", Integer),
    Column("leads", Text, nullable=False, default="[]"),
    Column("active", Integer, nullable=False, default=1),
    Column("state", Text, nullable=False, default="offline"),
    Column("connected", Integer, nullable=False, default=0),
    Column("last_seen_at", Text),
    Column("last_ecg_at", Text),
    Column("clock_offset_ms", Integer),
    Column("clock_uncertainty_ms", Integer),
    Column("clock_at", Text),
    Column("calibrated_on", Text),
    Column("refused", Text),
    Column("added_at", Text, nullable=False),
    Index("device_org", "org"),
)

device_key = Table(
    "device_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("device", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),  # as it is: the proof is an HMAC under it
    Column("label", Text, nullable=False, default=""),
    Column("added_at", Text, nullable=False),
    Column("last_used_at", Text),
    Column("revoked_at", Text),
    Index("device_key_device", "device"),
)

enrolment = Table(
    "enrolment",
    metadata,
    Column("id", Text, primary_key=True),
    # Keyed with the hub's secret: who reads the database cannot try codes against it.
    Column("digest", LargeBinary, nullable=False),
    Column("org", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("used_at", Text),
    Column("device", Text),
    Index("enrolment_expires", "expires_at"),
)


def add_device(conn: Connection, **values: str | int | None) -> None:
    conn.execute(insert(device).values(**values))


def device_row(conn: Connection, device_id: str) -> RowMapping | None:
    return conn.execute(select(device).where(device.c.id == device_id)).mappings().first()


def update_device(conn: Connection, device_id: str, **values: str | int | None) -> None:
    conn.execute(update(device).where(device.c.id == device_id).values(**values))


def devices(conn: Connection, orgs: Iterable[str]) -> list[DeviceView]:
    rows = conn.execute(select(device).where(device.c.org.in_(list(orgs))).order_by(device.c.id)).mappings()
    return [view(row) for row in rows]


def leave(conn: Connection, state: str, target: str) -> None:
    """All devices that stand as connected in `state` are so no more."""
    was = (device.c.connected == 1) & (device.c.state == state)
    conn.execute(update(device).where(was).values(connected=0, state=target))


def view(row: RowMapping) -> DeviceView:
    return DeviceView(
        id=row["id"],
        org=row["org"],
        model=row["model"],
        maker=row["maker"],
        serial=row["serial"],
        software=row["software"],
        fs=row["fs"],
        leads=msgspec.json.decode(row["leads"]),
        state=row["state"],
        connected=bool(row["connected"]),
        active=bool(row["active"]),
        added_at=row["added_at"],
        last_seen_at=row["last_seen_at"],
        last_ecg_at=row["last_ecg_at"],
        clock_offset_ms=row["clock_offset_ms"],
        clock_uncertainty_ms=row["clock_uncertainty_ms"],
        clock_at=row["clock_at"],
        calibrated_on=row["calibrated_on"],
        refused=row["refused"],
    )


def add_key(conn: Connection, **values: Any) -> None:
    conn.execute(insert(device_key).values(**values))


def keys(conn: Connection, device_id: str) -> list[KeyView]:
    """Oldest first, without their secrets."""
    rows = conn.execute(
        select(device_key).where(device_key.c.device == device_id).order_by(device_key.c.added_at, device_key.c.id)
    )
    return [KeyView(r.id, r.label, r.added_at, r.last_used_at, r.revoked_at) for r in rows]


def valid_keys(conn: Connection, device_id: str) -> dict[str, bytes]:
    """The secrets that prove this device now, by the key's id."""
    rows = conn.execute(
        select(device_key.c.id, device_key.c.key)
        .where(device_key.c.device == device_id, device_key.c.revoked_at.is_(None))
        .order_by(device_key.c.added_at, device_key.c.id)
    )
    return {row.id: bytes(row.key) for row in rows}


def update_key(conn: Connection, key_id: str, **values: str) -> None:
    conn.execute(update(device_key).where(device_key.c.id == key_id).values(**values))


def add_code(conn: Connection, **values: Any) -> None:
    conn.execute(insert(enrolment).values(**values))


def codes(conn: Connection) -> list[RowMapping]:
    """Every code that is still remembered, used and expired ones too."""
    return list(conn.execute(select(enrolment)).mappings())


def open_codes(conn: Connection, org: str, now: str) -> int:
    query = select(func.count()).where(
        enrolment.c.org == org, enrolment.c.used_at.is_(None), enrolment.c.expires_at > now
    )
    return conn.execute(query).scalar_one()


def use_code(conn: Connection, code_id: str, device_id: str, now: str) -> None:
    conn.execute(update(enrolment).where(enrolment.c.id == code_id).values(used_at=now, device=device_id))


def code_of_device(conn: Connection, device_id: str) -> str | None:
    """The code a device came in by, while it is remembered."""
    return conn.execute(select(enrolment.c.id).where(enrolment.c.device == device_id)).scalar()


def drop_codes(conn: Connection, expired_before: str) -> None:
    conn.execute(delete(enrolment).where(enrolment.c.expires_at < expired_before))
