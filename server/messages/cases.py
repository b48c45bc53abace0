"""What the messages room must be told of the cases that people talk about; `main.py` hands it in (server/adapters.py).

Cases belong to other rooms of this floor: this one only asks whether a thread is somebody's, and what to call it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from server.base.context import Ctx
from server.base.errors import NotFound
from server.messages.model import ThreadAbout
from server.people import store as people
from server.people.model import Org

CONSULT_PREFIX = "con_"


@dataclass(frozen=True)
class Cases:
    """org      the institution a thread belongs to; raises NotFound when it is not there or not this person's.
    about    what a thread is called. Raises NotFound.
    members  accounts that belong to a thread whatever their institution (those of a consultation).
    threads  the threads to which an account belongs in that way.
    ctx      somebody else as he would ask; None when he may no longer sign in.
    """

    org: Callable[[Connection, Ctx, str], str]
    about: Callable[[Connection, str], ThreadAbout]
    members: Callable[[Connection, str], list[str]]
    threads: Callable[[Connection, str], list[str]]
    ctx: Callable[[Connection, str], Ctx | None]

    def seen(self, conn: Connection, ctx: Ctx, thread: str) -> bool:
        try:
            self.org(conn, ctx, thread)
        except NotFound:
            return False
        return True


def topic(thread: str) -> str:
    """Where a thread's events are heard: by the institution, or by those in the consultation alone."""
    return f"consult:{thread}" if thread.startswith(CONSULT_PREFIX) else "message"


def audience(cases: Cases, conn: Connection, thread: str, org: str) -> dict[str, tuple[str, list[str]]]:
    """Who may see a thread and so be named in it: account to name and roles.

    Asked are the people of the thread's institution and of those above it, and who belongs to it.
    """
    path = _path(people.orgs(conn), org)
    staff: dict[str, list[str]] = {account: [] for account in cases.members(conn, thread)}
    for account, role in people.staff(conn, path):
        staff.setdefault(account, []).append(role)
    names = people.names(conn, staff)
    found = {}
    for account, roles in sorted(staff.items()):
        ctx = cases.ctx(conn, account)
        if ctx is not None and cases.seen(conn, ctx, thread):
            found[account] = (names.get(account, ""), roles)
    return found


def _path(orgs: list[Org], org: str) -> tuple[str, ...]:
    return next((o.path for o in orgs if o.id == org), ())
