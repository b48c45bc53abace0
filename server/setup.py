"""What an administrator does on the hub's own machine: first account, institutions, devices, the seal of the log.

Each opens the hub's database, does one thing as a use case would, and closes. Works beside a running hub: SQLite lets
one writer in at a time.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from device.client import DeviceKey, key_file_text
from device.enrol import new_key_file
from server.base import eventlog
from server.base.clock import SystemClock
from server.base.database import Database, Tx
from server.base.errors import AppError
from server.base.ids import new_id
from server.config import Config
from server.devices import service as devices
from server.devices import store as device_store
from server.devices.model import DeviceView, KeyView, NewDevice
from server.ground import check_disk
from server.people import store
from server.people.errors import LoginTaken, UnknownOrg
from server.people.model import GrantView
from server.people.service import People, hash_password


@dataclass(eq=False)
class BadOrgId(AppError):
    code: ClassVar[str] = "org.bad_id"
    what: ClassVar[str] = "{org} cannot name an institution, or names one already."
    mend: ClassVar[str] = "Use 2 to 40 lower-case letters, digits and _ that are not yet taken."
    org: str


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[People]:
    """The people room over the hub's database."""
    data = Path(config.hub.data)
    check_disk(data)
    db = Database(config.hub.database or data / "hub.sqlite", SystemClock(), beside=True)
    people = People(db, SystemClock(), config.hub.name)
    await people.reload()
    try:
        yield people
    finally:
        await db.close()


async def create_admin(config: Config, login: str, name: str, org: str, password: str) -> str:
    """Raises UnknownOrg, WeakPassword, LoginTaken."""
    async with opened(config) as people:
        if org not in people.tree:
            raise UnknownOrg(org=org)
        hashed = await hash_password(people, password)
        account = new_id("usr")

        def add(tx: Tx) -> None:
            if store.account_by_login(tx.conn, login) is not None:
                raise LoginTaken(login=login)
            grants = [GrantView("admin", org), GrantView("auditor", org)]
            store.add_account(
                tx.conn, grants, id=account, login=login, name=name, title="", password=hashed, created_at=tx.now
            )
            tx.append("account.created", account, org, {"roles": ["admin", "auditor"]})

        await people.db.write(add)
        return account


async def add_org(
    config: Config, org_id: str, name: str, name_en: str, level: str, parent: str | None, phone: str, reads: bool
) -> None:
    """Raises UnknownOrg, BadOrgId."""
    async with opened(config) as people:
        if parent is not None and parent not in people.tree:
            raise UnknownOrg(org=parent)
        if not re.fullmatch(r"[a-z0-9_]{2,40}", org_id) or org_id in people.tree:
            raise BadOrgId(org=org_id)

        def add(tx: Tx) -> None:
            store.add_org(
                tx.conn, id=org_id, parent=parent, level=level, name=name, name_en=name_en, phone=phone,
                reading_centre=org_id if reads else None,
            )  # fmt: skip
            tx.append("org.added", org_id, org_id, {})

        await people.db.write(add)


async def add_device(config: Config, org: str, model: str, key_file: Path) -> str:
    """Raises UnknownOrg. The key file is readable by its owner alone."""
    async with opened(config) as people:
        if org not in people.tree:
            raise UnknownOrg(org=org)
        key = DeviceKey(new_id("dev"), secrets.token_bytes(devices.KEY_BYTES))
        with new_key_file(key_file) as file:
            await people.db.write(lambda tx: devices.put_device(tx, key.device, NewDevice(org, model), key.key))
            file.write(key_file_text(key))
        return key.device


async def list_devices(config: Config, org: str | None) -> list[DeviceView]:
    """Of the institution and those below it; without one, all. Raises UnknownOrg."""
    async with opened(config) as people:
        if org is not None and org not in people.tree:
            raise UnknownOrg(org=org)
        orgs = list(people.tree) if org is None else people.below(org)
        return await people.db.read(lambda conn: device_store.devices(conn, orgs))


async def list_keys(config: Config, device: str) -> list[KeyView]:
    """Without their secrets."""
    async with opened(config) as people:
        return await people.db.read(lambda conn: device_store.keys(conn, device))


async def add_key(config: Config, device: str, label: str, key_file: Path) -> str:
    """The new key's id. Raises NotFound, WrongState, TooManyKeys, KeyFileRefused."""
    async with opened(config) as people:
        key = DeviceKey(device, secrets.token_bytes(devices.KEY_BYTES))
        with new_key_file(key_file) as file:
            key_id = await people.db.write(lambda tx: devices.put_key(tx, device, key.key, label))
            file.write(key_file_text(key))
        return key_id


async def revoke_key(config: Config, device: str, key: str) -> None:
    """A running hub ends the connection that proved itself with it. Raises NotFound."""
    async with opened(config) as people:
        await people.db.write(lambda tx: devices.drop_key(tx, device, key))


async def revoke_device(config: Config, device: str) -> None:
    """A running hub ends its connections. Raises NotFound."""
    async with opened(config) as people:
        await people.db.write(lambda tx: devices.drop_device(tx, device))


async def verify_audit(config: Config) -> tuple[int, int | None]:
    """How many lines are whole, and where the chain breaks."""
    async with opened(config) as people:
        check = await people.db.read(eventlog.verify_chain)
        return check.lines, check.broken_at
