"""One table a state machine: what may happen in which state, by whom, and where it leads.

From the table come the check in the services, the buttons a page offers, the diagram in `docs/reference/states.md` and
the test that tries every cell. Nothing of any one machine lives here.
"""

from __future__ import annotations

from dataclasses import dataclass

from server.base.errors import WrongState


@dataclass(frozen=True)
class Row:
    state: str
    event: str
    target: str
    by: str


@dataclass(frozen=True)
class StateTable:
    name: str
    start: str
    rows: tuple[Row, ...]

    def states(self) -> frozenset[str]:
        return frozenset({self.start} | {r.state for r in self.rows} | {r.target for r in self.rows})

    def events(self) -> frozenset[str]:
        return frozenset(r.event for r in self.rows)

    def allowed(self, state: str) -> tuple[str, ...]:
        """The events that may happen in `state`, in table order."""
        return tuple(r.event for r in self.rows if r.state == state)

    def move(self, state: str, event: str) -> str:
        """The state after `event`. Raises WrongState when the table has no such row."""
        for row in self.rows:
            if row.state == state and row.event == event:
                return row.target
        raise WrongState(event=event, state=state)
