"""Who is asking: the actor of a use case, with what he may do. Built by `people`, passed through every room.

The rules themselves stand in `people/access.py`; here is only the shape, so that rooms can ask without
importing people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from server.base.errors import Forbidden, NotFound


@dataclass(frozen=True)
class Grant:
    """One role in one institution; it reaches the institutions below it where the rule says so."""

    role: str
    org: str


Judge = Callable[[str, tuple[Grant, ...], str | None], bool]


@dataclass(frozen=True)
class Ctx:
    """actor: account id (`usr_...`), `device:...` or `system`. name: how reports and pages call the person."""

    actor: str
    name: str
    grants: tuple[Grant, ...]
    judge: Judge
    session: str = ""

    def may(self, rule: str, org: str | None = None) -> bool:
        """Whether a grant satisfies `rule`; for `org` when given, else anywhere."""
        return self.judge(rule, self.grants, org)

    def require(self, rule: str, org: str | None = None) -> None:
        """Raises Forbidden when `rule` is not granted."""
        if not self.may(rule, org):
            raise Forbidden(rule=rule)

    def see(self, kind: str, rule: str, org: str) -> None:
        """Raises NotFound when the thing is not this person's: whether it exists is not told."""
        if not self.may(rule, org):
            raise NotFound(kind=kind)

    def orgs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(g.org for g in self.grants))
