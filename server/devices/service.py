"""Use cases of the device register: look, add, name keys and take them back, join by a one-time code, follow the state.

People come through `routes.py`, the gateway's news through `intake`, which calls `move`, `seen` and `clock` inside its
own transactions. Who may do what stands in the access table.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import structlog
from sqlalchemy import Connection, RowMapping

from server.base import eventlog
from server.base.clock import Clock, later
from server.base.context import Ctx
from server.base.database import Database, Tx
from server.base.errors import AppError, BadInput, NotFound, WrongState
from server.base.ids import new_id
from server.devices import enrolment, store
from server.devices.errors import BadCalibration, CodeExpired, CodeUsed, CodeWrong, TooManyCodes, TooManyKeys
from server.devices.model import (
    DEVICE,
    DeviceDetail,
    DeviceEvent,
    DeviceFacts,
    DeviceKey,
    DeviceView,
    Enrol,
    EnrolCode,
    Enrolled,
    NewCode,
    NewDevice,
    NewKey,
)

log = structlog.get_logger()

KEY_BYTES: Final = 32
KEYS_MAX: Final = 4
"""Valid at once: one in use, one on its way, and two that somebody forgot."""
CODES_OPEN_MAX: Final = 10
CODES_KEPT_S: Final = 86400
"""How long a code that has run out is still known, so that it can be said of it that it has."""
HISTORY_MAX: Final = 200
TEXT_MAX: Final = 64
HISTORY: Final = (
    "device.code_made", "device.enrol_refused", "device.added", "device.described", "device.key_added",
    "device.key_revoked", "device.revoked",
)  # fmt: skip
"""What people did to a device. That it came, sent and went again would drown it, and stands with the recordings."""


@dataclass(frozen=True)
class Register:
    """The room. `secret` keys the codes' digests; `gateway` tells the device gateway's port and TLS once it listens."""

    db: Database
    clock: Clock
    secret: bytes
    below: Callable[[str], list[str]]
    org_name: Callable[[str], str]
    names: Callable[[Connection, set[str]], dict[str, str]]
    gateway: Callable[[], tuple[int, bool]]
    tries: enrolment.Tries = field(default_factory=enrolment.Tries)


# ---- what people do ----


async def devices(room: Register, ctx: Ctx, org: str) -> list[DeviceView]:
    """Of the institution and those below it."""
    ctx.see("institution", "device.read", org)
    orgs = room.below(org)
    return await room.db.read(lambda conn: store.devices(conn, orgs))


async def one(room: Register, ctx: Ctx, device_id: str) -> DeviceDetail:
    def look(conn: Connection) -> DeviceDetail:
        row = _row(conn, ctx, device_id, "device.read")
        code = store.code_of_device(conn, device_id)
        events = eventlog.last_of(conn, [device_id, *([code] if code else [])], HISTORY, HISTORY_MAX)
        names = room.names(conn, {e.actor for e in events})
        history = [DeviceEvent(e.at, e.kind, names.get(e.actor, ""), e.body) for e in events]
        return DeviceDetail(store.view(row), store.keys(conn, device_id), history)

    return await room.db.read(look)


async def add_device(room: Register, ctx: Ctx, new: NewDevice) -> DeviceKey:
    """A new device and its key, told once. Raises Forbidden."""
    ctx.require("device.admin", new.org)
    device_id, key = new_id("dev"), secrets.token_bytes(KEY_BYTES)
    await room.db.write(lambda tx: put_device(tx, device_id, new, key), actor=ctx.actor)
    return DeviceKey(device_id, base64.b64encode(key).decode())


async def describe(room: Register, ctx: Ctx, device_id: str, facts: DeviceFacts) -> DeviceView:
    """Write down what is printed on the device and when it was calibrated. Raises BadInput, BadCalibration."""
    if not facts.model.strip():
        raise BadInput(reason="the device has no model")

    def write(tx: Tx) -> DeviceView:
        row = _row(tx.conn, ctx, device_id, "device.admin")
        said: dict[str, str | int | None] = {
            "model": facts.model.strip()[:TEXT_MAX],
            "maker": facts.maker.strip()[:TEXT_MAX],
            "serial": facts.serial.strip()[:TEXT_MAX],
            "calibrated_on": _day(facts.calibrated_on, tx.now),
        }
        changed = sorted(name for name, value in said.items() if row[name] != value)
        if changed:
            store.update_device(tx.conn, device_id, **said)
            tx.append("device.described", device_id, row["org"], {"fields": changed})
        return store.view(_known(tx.conn, device_id))

    return await room.db.write(write, actor=ctx.actor)


async def add_key(room: Register, ctx: Ctx, device_id: str, new: NewKey) -> DeviceKey:
    """A further key, told once; the others stay valid. Raises TooManyKeys, WrongState on a revoked device."""
    secret = secrets.token_bytes(KEY_BYTES)

    def write(tx: Tx) -> DeviceKey:
        _row(tx.conn, ctx, device_id, "device.admin")
        put_key(tx, device_id, secret, new.label)
        return DeviceKey(device_id, base64.b64encode(secret).decode())

    return await room.db.write(write, actor=ctx.actor)


async def revoke_key(room: Register, ctx: Ctx, device_id: str, key_id: str) -> None:
    """Worth nothing from now on; a connection that proved itself with it is ended."""

    def write(tx: Tx) -> None:
        _row(tx.conn, ctx, device_id, "device.admin")
        drop_key(tx, device_id, key_id)

    await room.db.write(write, actor=ctx.actor)


async def revoke_device(room: Register, ctx: Ctx, device_id: str) -> None:
    """None of its keys is worth anything from now on, and its connections are ended."""

    def write(tx: Tx) -> None:
        _row(tx.conn, ctx, device_id, "device.admin")
        drop_device(tx, device_id)

    await room.db.write(write, actor=ctx.actor)


# ---- joining by a code ----


async def make_code(room: Register, ctx: Ctx, new: NewCode) -> EnrolCode:
    """A code for one device of the institution, told once. Raises Forbidden, TooManyCodes."""
    ctx.require("device.enrol", new.org)
    code, code_id = enrolment.fresh_code(), new_id("enr")

    def write(tx: Tx) -> EnrolCode:
        if store.open_codes(tx.conn, new.org, tx.now) >= CODES_OPEN_MAX:
            raise TooManyCodes(open_max=CODES_OPEN_MAX)
        expires_at = later(tx.now, enrolment.CODE_S)
        store.add_code(
            tx.conn, id=code_id, digest=enrolment.digest(room.secret, code), org=new.org, made_by=ctx.actor,
            made_at=tx.now, expires_at=expires_at,
        )  # fmt: skip
        tx.append("device.code_made", code_id, new.org, {"expires_at": expires_at})
        return EnrolCode(code_id, enrolment.shown(code), new.org, expires_at, enrolment.CODE_S)

    return await room.db.write(write, actor=ctx.actor)


async def enrol(room: Register, peer: str, said: Enrol) -> Enrolled:
    """Add the device that holds a code. Raises CodeWrong, CodeUsed, CodeExpired, EnrolmentRests, BadInput."""
    if not said.model.strip():
        raise BadInput(reason="the device has no model")
    taken_s = room.clock.monotonic()
    room.tries.take(peer, taken_s)
    sought = enrolment.digest(room.secret, enrolment.typed(said.code))
    device_id, key = new_id("dev"), secrets.token_bytes(KEY_BYTES)

    def write(tx: Tx) -> str | AppError:
        # All are compared, each in constant time: how long it takes says nothing of how near a guess was.
        matching = [row for row in store.codes(tx.conn) if hmac.compare_digest(row["digest"], sought)]
        found = matching[0] if matching else None
        refusal = _unusable(found, tx.now)
        if found is None or refusal is not None:
            subject, org = (found["id"], found["org"]) if found is not None else ("enrolment", "")
            refused = refusal or CodeWrong(tries=enrolment.PEER_MAX)
            # Not raised here: the transaction would take the audit line back with it.
            tx.append("device.enrol_refused", subject, org, {"code": refused.code}, actor="nobody")
            return refused
        put_device(tx, device_id, NewDevice(found["org"], said.model, "", said.serial, said.software), key, found["id"])
        store.use_code(tx.conn, found["id"], device_id, tx.now)
        return str(found["org"])

    joined = await room.db.write(write, actor=f"device:{device_id}")
    if isinstance(joined, AppError):
        log.warning("device.enrol_refused", code=joined.code, peer=peer)
        raise joined
    room.tries.give_back(peer, taken_s)
    port, tls = room.gateway()
    return Enrolled(device_id, base64.b64encode(key).decode(), room.org_name(joined), port, tls)


def _unusable(code: RowMapping | None, now: str) -> AppError | None:
    if code is None:
        return None
    if code["used_at"] is not None:
        return CodeUsed()
    return CodeExpired(minutes=enrolment.CODE_S // 60) if code["expires_at"] <= now else None


def forget_codes(tx: Tx) -> None:
    """Codes that ran out long ago; the audit trail keeps that they were."""
    store.drop_codes(tx.conn, later(tx.now, -CODES_KEPT_S))


# ---- parts of a transaction, also for the command line and the demonstration ----


def put_device(tx: Tx, device_id: str, new: NewDevice, key: bytes, code_id: str | None = None) -> None:
    """`code_id`: the enrolment code by which it came."""
    store.add_device(
        tx.conn, id=device_id, org=new.org, model=new.model.strip()[:TEXT_MAX], maker=new.maker.strip()[:TEXT_MAX],
        serial=new.serial.strip()[:TEXT_MAX], software=new.software.strip()[:TEXT_MAX], added_at=tx.now,
    )  # fmt: skip
    tx.append("device.added", device_id, new.org, {"enrolment": code_id} if code_id else {})
    put_key(tx, device_id, key, "")


def put_key(tx: Tx, device_id: str, secret: bytes, label: str) -> str:
    """The new key's id. Raises NotFound, WrongState, TooManyKeys."""
    row = _known(tx.conn, device_id)
    if not row["active"]:
        raise WrongState(event="add_key", state="revoked")
    if len(store.valid_keys(tx.conn, device_id)) >= KEYS_MAX:
        raise TooManyKeys(keys_max=KEYS_MAX)
    key_id = new_id("key")
    store.add_key(
        tx.conn, id=key_id, device=device_id, key=secret, label=label.strip()[:TEXT_MAX], added_at=tx.now
    )  # fmt: skip
    tx.append("device.key_added", device_id, row["org"], {"key": key_id})
    return key_id


def drop_key(tx: Tx, device_id: str, key_id: str) -> None:
    """Twice is once. Raises NotFound."""
    row = _known(tx.conn, device_id)
    key = next((k for k in store.keys(tx.conn, device_id) if k.id == key_id), None)
    if key is None:
        raise NotFound(kind="key")
    if key.revoked_at is None:
        store.update_key(tx.conn, key_id, revoked_at=tx.now)
        tx.append("device.key_revoked", device_id, row["org"], {"key": key_id})


def drop_device(tx: Tx, device_id: str) -> None:
    """Twice is once. Raises NotFound."""
    row = _known(tx.conn, device_id)
    if row["active"]:
        store.update_device(tx.conn, device_id, active=0)
        tx.append("device.revoked", device_id, row["org"], {})


# ---- what the gateway tells ----


def move(tx: Tx, device_id: str, event: str, **values: str | int | None) -> None:
    """Move a device along its state table, with `values`; tell of it where the state changes. Unknown: nothing."""
    row = store.device_row(tx.conn, device_id)
    if row is None:
        return
    state = DEVICE.move(row["state"], event)
    now_connected = {"connect": 1, "disconnect": 0}.get(event, row["connected"])
    store.update_device(
        tx.conn, device_id, **{"last_seen_at": tx.now, "state": state, "connected": now_connected, **values}
    )  # fmt: skip
    if now_connected != row["connected"]:
        kind = "device.online" if now_connected else "device.offline"
        tx.append(kind, device_id, row["org"], {"state": state})
    elif state != row["state"]:
        tx.append("device.moved", device_id, row["org"], {"state": state})


def seen(tx: Tx, device_id: str, software: str, key: bytes) -> bool:
    """It has proven itself with `key`. False: that was revoked while it did, and it must not stay."""
    row = store.device_row(tx.conn, device_id)
    held = store.valid_keys(tx.conn, device_id)
    key_id = next((i for i, secret in held.items() if hmac.compare_digest(secret, key)), None)
    if row is None or not row["active"] or key_id is None:
        return False
    store.update_key(tx.conn, key_id, last_used_at=tx.now)
    store.update_device(tx.conn, device_id, software=software.strip()[:TEXT_MAX], last_seen_at=tx.now)
    return True


def clock(tx: Tx, device_id: str, offset_ms: int, uncertainty_ms: int) -> None:
    """The hub's clock less the device's, and how far that may be wrong."""
    store.update_device(
        tx.conn, device_id, clock_offset_ms=offset_ms, clock_uncertainty_ms=uncertainty_ms, clock_at=tx.now
    )  # fmt: skip


def all_away(tx: Tx) -> None:
    """The hub has just started: whoever was connected when it stopped is so no more.

    At once for thousands, and untold: the pages lost their connection too and ask anew when they have it again.
    """
    for state in sorted(DEVICE.states()):
        store.leave(tx.conn, state, DEVICE.move(state, "disconnect"))


# ---- small parts ----


def _known(conn: Connection, device_id: str) -> RowMapping:
    row = store.device_row(conn, device_id)
    if row is None:
        raise NotFound(kind="device")
    return row


def _row(conn: Connection, ctx: Ctx, device_id: str, rule: str) -> RowMapping:
    """The device's row, when `rule` lets this person have it. Raises NotFound otherwise, as if it were not there."""
    row = _known(conn, device_id)
    ctx.see("device", rule, row["org"])
    return row


def _day(given: str | None, now: str) -> str | None:
    if not given:
        return None
    try:
        day = date.fromisoformat(given)
    except ValueError:
        raise BadCalibration(given=given[:TEXT_MAX]) from None
    # "Today" begins fourteen hours earlier in the east than in UTC.
    if day > date.fromisoformat(later(now, 14 * 3600)[:10]):
        raise BadCalibration(given=given[:TEXT_MAX])
    return day.isoformat()
