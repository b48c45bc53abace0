"""The produced parts of `docs/reference/protocol.md`: tables of frames, bytes and codes, and the diagram of states.

The page is written by hand around them; each part stands between `<!-- produced: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final, get_args

from device import layout
from device.errors import WireError
from device.frames import Ack, Challenge, Frame, Nack, Opened, Pong, Receipt, Welcome
from device.frames import Error as ErrorFrame
from device.session import _HUB_MOVES, HubState
from ecg.errors import all_errors

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "reference" / "protocol.md"
_PART = re.compile(r"(<!-- produced: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_FROM_HUB: Final = (Challenge, Welcome, Opened, Ack, Nack, Receipt, Pong)
_TYPES: Final = {"B": "u8", "I": "u32", "Q": "u64", "q": "i64", "32s": "32 bytes"}


def protocol_page() -> str:
    """The page with its produced parts as the code has them now."""
    parts = {"frames": _frames(), "states": _states(), "codes": _codes()}
    parts |= {name: _bytes(fields) for name, fields in layout.LAYOUTS.items()}
    return _PART.sub(lambda found: found[1] + parts[found[2]] + found[3], PAGE.read_text("utf-8"))


def _table(heads: tuple[str, ...], rows: Iterable[Iterable[str]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


def _frames() -> str:
    rows = []
    for frame in sorted(get_args(Frame), key=lambda cls: int(cls.KIND)):
        sender = "either" if frame is ErrorFrame else "hub" if frame in _FROM_HUB else "device"
        fixed = layout.LAYOUTS.get(frame.NAME)
        size = 0 if fixed is None else layout.struct_of(fixed).size
        body = {"data": " + samples", "chunk": " + bytes of the file"}.get(frame.NAME, "")
        rows.append(
            (f"0x{frame.KIND:02x}", f"`{frame.NAME}`", sender, f"fixed, {size} bytes{body}" if size else "JSON")
        )
    return _table(("kind", "name", "from", "form"), rows)


def _bytes(fields: layout.Layout) -> str:
    rows, at = [], 0
    for field in fields:
        size = struct.calcsize(f"<{field.form}")
        where = f"{at}" if size == 1 else f"{at}-{at + size - 1}"
        rows.append((where, _TYPES.get(field.form, "0"), field.name or "-", field.note))
        at += size
    return _table(("bytes", "type", "field", "meaning"), rows)


def _states() -> str:
    names = {state: f"s{number}" for number, state in enumerate(HubState)}
    lines = [f'    state "{state.value}" as {name}' for state, name in names.items()]
    lines.append(f"    [*] --> {names[HubState.NEW]}")
    lines += [
        f"    {names[state]} --> {names[move.target]}: {frame.NAME}" for (state, frame), move in _HUB_MOVES.items()
    ]
    lines.append(f"    {names[HubState.FINDING]} --> {names[HubState.CHALLENGED]}: device found, challenge sent")
    return "\n```mermaid\nstateDiagram-v2\n" + "\n".join(lines) + "\n```\n\n"


def _codes() -> str:
    rows = []
    for error in sorted(all_errors(WireError), key=lambda cls: cls.code):
        assert issubclass(error, WireError)
        facts = tuple(name for name, kind in error.__annotations__.items() if not str(kind).startswith("ClassVar"))
        what = error.what.format(**{name: name for name in facts})
        rows.append((f"`{error.code}`", what, ", ".join(facts) or "-", "yes" if error.again else "no"))
    return _table(("code", "sentence", "facts", "again"), rows)
