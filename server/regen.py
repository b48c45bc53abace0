"""Rewrites every file that is produced from the code: TypeScript types and sentences, reference pages.

`./run regen` calls it; `./run lint` fails when the tree then differs. Each page has one function without arguments that
returns its text; what is written by hand does not live here.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, cast, get_type_hints

import msgspec

import device
import ecg
import server
from ecg import codes
from ecg.errors import CodedError, all_errors
from server.alerts import model as alerts
from server.base import words
from server.base.http import Route
from server.base.kinds import KINDS, TIMERS
from server.base.states import StateTable
from server.config import Config
from server.consult import model as consult
from server.consult.after import model as after
from server.consult.films import model as films
from server.consult.help import model as help_model
from server.consult.media import model as media
from server.consult.planning import model as planning
from server.consult.sittings import model as sittings
from server.devices import model as devices
from server.images import model as images
from server.messages import model as messages
from server.metrics import COUNTERS, METRICS
from server.people import model as people
from server.people.access import ACCESS
from server.reading import model as reading
from server.records import model as records
from server.regen_accuracy import accuracy_page
from server.regen_protocol import protocol_page

ROOT = Path(__file__).resolve().parent.parent
MODELS: tuple[ModuleType, ...] = (
    people, devices, records, reading, alerts, media, films, help_model, consult, planning, after, sittings, messages,
    images,
)  # fmt: skip
TABLES: tuple[StateTable, ...] = (
    records.RECORDING,
    devices.DEVICE,
    reading.REPORT,
    alerts.ALERT,
    consult.CONSULT,
    planning.CLINIC,
    sittings.SITTING,
    films.FILM,
)
ROOMS = ("people", "devices", "records", "reading", "alerts", "consult", "messages", "images")
MORE_ROUTES = ("consult.media_routes", "consult.conclusion_routes", "consult.draft_routes", "consult.help.routes")
"""Of rooms whose routes are in several files; each takes the room and a second thing."""
TS_HEADER = "// Produced from the server's definitions by `./run regen`; not to be edited.\n"
MD_HEADER = "<!-- Produced from the code by `./run regen`; not to be edited. -->\n\n"


def errors() -> list[type[CodedError]]:
    """Every error class of the project, by code. Imports every module, so that none is missed."""
    for package in (ecg, device, server):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    ours = (ecg.__name__, device.__name__, server.__name__)  # tests define errors of their own
    found = (e for e in all_errors() if e.__module__.partition(".")[0] in ours and e.code != CodedError.code)
    return sorted(found, key=lambda e: e.code)


def error_sentences() -> str:
    """Both languages of every code, for the pages."""
    chinese = words.chinese()
    sentences = {e.code: {"zh": chinese[e.code], "en": f"{e.what} {e.mend}".strip()} for e in errors()}
    body = msgspec.json.format(msgspec.json.encode(sentences), indent=2).decode()
    kind = "Readonly<Record<string, { readonly zh: string; readonly en: string }>>"
    return f"{TS_HEADER}\nexport const ERRORS: {kind} = {body}\n"


def finding_names() -> str:
    """Names of every finding code, for the pages that show codes before the catalogue has come."""
    rows = [[f"`{c.code}`", c.name_zh, c.name_en, c.group, c.urgency] for c in codes.findings().values()]
    return _page(
        "Finding codes",
        "What the analysis and the readers can say. `urgency` is the default; a rule that fires outranks it.",
        ("code", "中文", "English", "group", "urgency"),
        rows,
    )


def error_page() -> str:
    chinese = words.chinese()
    rows = [[f"`{e.code}`", str(e.status), f"{e.what} {e.mend}".strip(), chinese[e.code]] for e in errors()]
    return _page(
        "Errors",
        "Codes stay for ever: on the web in `application/problem+json`, on the device wire in `error` frames.",
        ("code", "status", "English", "中文"),
        rows,
    )


def event_page() -> str:
    rows = [[f"`{kind}`", text] for kind, text in sorted({**KINDS, **TIMERS}.items())]
    return _page(
        "Events", "The kinds of the event log (docs/architecture.md says what bodies carry).", ("kind", ""), rows
    )


def access_page() -> str:
    rows = [[f"`{r.name}`", r.allows, ", ".join(r.roles), r.reach] for r in ACCESS]
    return _page(
        "Access",
        "The one table of who may do what. Reach: `own` institution, it and all `below`, or `any`.",
        ("rule", "allows to", "roles", "reach"),
        rows,
    )


def metric_page() -> str:
    rows = [[f"`xinlian_{name}{'_total' if name in COUNTERS else ''}`", text] for name, text in METRICS.items()]
    return _page("Metrics", "What `GET /metrics` tells, in Prometheus' form.", ("name", ""), rows)


def route_page() -> str:
    """Every HTTP route. The rooms' route lists need no room to be read."""
    rows = []
    for name in (
        *(f"{room}.routes" for room in ROOMS),
        "consult.planning.routes",
        "consult.after.routes",
        "consult.sittings.routes",
        *MORE_ROUTES,
    ):
        make = cast("Callable[..., tuple[Route, ...]]", importlib.import_module(f"server.{name}").routes)
        rows += [
            [f"`{r.method} {r.path}`", f"`{r.rule}`", _type_name(r.body or r.query), _type_name(r.result)]
            for r in make(*[None] * len(inspect.signature(make).parameters))
        ]
    own = "`GET /api/hub`, `GET /healthz`, `GET /metrics` are public; `GET /api/ws?ticket=` is the live connection,"
    own += " `POST /api/echo` (signed in, up to 16 kB) gives back what it got, `GET /api/consults/{id}/sound?ticket=`"
    own += " carries voices where no media come through."
    text = f"Commands (POST, PUT, DELETE) carry an `Idempotency-Key`. {own} Types: `web/src/api/types.gen.ts`."
    return _page("HTTP", text, ("route", "access rule", "takes", "gives"), sorted(rows))


def state_page() -> str:
    parts = [
        MD_HEADER + "# States\n\nOne table a state machine; the checks, the buttons and these diagrams come from it.\n"
    ]
    for table in TABLES:
        moves = [f"    {r.state} --> {r.target}: {r.event} ({r.by})" for r in table.rows]
        lines = "\n".join(dict.fromkeys(moves))
        parts.append(f"## {table.name}\n\n```mermaid\nstateDiagram-v2\n    [*] --> {table.start}\n{lines}\n```\n")
    return "\n".join(parts)


def config_page() -> str:
    rows = []
    for section in msgspec.structs.fields(Config):
        inner = cast("type[msgspec.Struct]", section.type)
        hints = get_type_hints(inner, include_extras=True)
        for field in msgspec.structs.fields(inner):
            meta = [m for m in getattr(hints[field.name], "__metadata__", ()) if isinstance(m, msgspec.Meta)]
            default = msgspec.json.encode(field.default).decode()
            rows.append([f"`{section.name}.{field.name}`", f"`{default}`", meta[0].description or "" if meta else ""])
    text = "Every key of `config.yaml`. A key that is not here stops the start. Durations carry their unit in the name."
    return _page("Configuration", text, ("key", "default", ""), rows)


def structs(modules: Iterable[ModuleType]) -> list[type[msgspec.Struct]]:
    """Every struct that a model module defines itself, in file order."""
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == module.__name__
    ]


def typescript() -> str:
    """The server's structs as TypeScript types: what is sent and answered, name for name."""
    _, components = msgspec.json.schema_components(structs(MODELS), ref_template="{name}")
    lines = [TS_HEADER]
    for name, schema in sorted(components.items()):
        if note := schema.get("description"):
            lines.append(f"/** {' '.join(note.split())} */")
        lines.append(f"export type {name} = {_type(schema)}")
        lines.append("")
    return "\n".join(lines)


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"])
    if "anyOf" in schema:
        return " | ".join(_type(s) for s in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(msgspec.json.encode(v).decode().replace('"', "'") for v in schema["enum"])
    match schema.get("type"):
        case "object" if "properties" in schema:
            required = set(schema.get("required", ()))
            fields = (
                # A field with a default may be left out by who sends; the hub's answers always carry it.
                f"  readonly {key}{'' if key in required else '?'}: {_type(value)}"
                for key, value in schema["properties"].items()
            )
            return "{\n" + "\n".join(fields) + "\n}"
        case "object":
            return f"Readonly<Record<string, {_type(schema.get('additionalProperties') or {})}>>"
        case "array" if "prefixItems" in schema:
            return f"readonly [{', '.join(_type(s) for s in schema['prefixItems'])}]"
        case "array":
            item = _type(schema.get("items") or {})
            return f"readonly {item if item.isidentifier() else f'({item})'}[]"
        case "string":
            return "string"
        case "integer" | "number":
            return "number"
        case "boolean":
            return "boolean"
        case "null":
            return "null"
        case _:
            return "unknown"


def _type_name(kind: object) -> str:
    if kind is None:
        return ""
    return f"`{kind}`" if isinstance(kind, types.GenericAlias) else f"`{getattr(kind, '__name__', kind)}`"


def _page(title: str, text: str, heads: tuple[str, ...], rows: Iterable[list[str]]) -> str:
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows]
    return f"{MD_HEADER}# {title}\n\n{text}\n\n" + "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "web/src/api/types.gen.ts": typescript,
    "web/src/i18n/errors.gen.ts": error_sentences,
    "docs/reference/errors.md": error_page,
    "docs/reference/events.md": event_page,
    "docs/reference/findings.md": finding_names,
    "docs/reference/access.md": access_page,
    "docs/reference/metrics.md": metric_page,
    "docs/reference/http.md": route_page,
    "docs/reference/states.md": state_page,
    "docs/reference/configuration.md": config_page,
    "docs/reference/accuracy.md": accuracy_page,
    "docs/reference/protocol.md": protocol_page,
}


def main() -> int:
    check = "--check" in sys.argv[1:]
    stale = []
    for name, make in PAGES.items():
        path, content = ROOT / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            stale.append(name)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8")
    for name in stale:
        print(f"{'differs' if check else 'written'}: {name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
