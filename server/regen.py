"""Rewrites every file that is produced from the code: TypeScript types and sentences, reference pages.

`./run regen` calls it; `./run lint` fails when the tree then differs. Each page has one function `(...) -> str`;
what is written by hand does not live here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from server.alerts import model as alerts
from server.consult import model as consult
from server.messages import model as messages
from server.people import model as people
from server.reading import model as reading
from server.records import model as records

ROOT = Path(__file__).resolve().parent.parent
MODELS: tuple[ModuleType, ...] = (people, records, reading, alerts, consult, messages)
HEADER = "// Produced from the server's definitions by `./run regen`; not to be edited.\n\n"


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
    lines = [HEADER.rstrip("\n"), ""]
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


def pages() -> dict[Path, str]:
    """Every produced file and its content."""
    return {ROOT / "web/src/api/types.gen.ts": typescript()}


def main() -> int:
    check = "--check" in sys.argv[1:]
    stale = []
    for path, content in pages().items():
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            stale.append(path.relative_to(ROOT))
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8")
    for name in stale:
        print(f"{'differs' if check else 'written'}: {name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
