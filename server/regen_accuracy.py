"""The produced parts of docs/reference/accuracy.md: figures as measured, rules of medicine with their sources.

The page itself is written by hand; what stands between `<!-- produced: NAME -->` and `<!-- end -->` in it is made here:
figures from docs/reference/accuracy.json (which `./run bench accuracy --write-docs` keeps; nothing is measured here),
critical rules from the profiles, criteria from the docstrings and limits of the modules that apply them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path

import msgspec

from ecg.rules import ruleset
from ecg.rules.ruleset import Condition, Levels, Rule

ROOT = Path(__file__).resolve().parent.parent
PAGE, FIGURES = ROOT / "docs/reference/accuracy.md", ROOT / "docs/reference/accuracy.json"
# Where criteria are applied, in the order of the page.
CRITERIA = (
    *("statements.rhythm", "statements.conduction", "statements.voltage", "statements.ischaemia"),
    *("statements.repolarisation", "statements.quality", "waves.left_ventricle", "waves.reversal"),
    *("signal.quality", "signal.readable", "signal.pacing", "rhythm.watch", "rhythm.base", "rhythm.atria"),
    *("rhythm.strip_atria", "rhythm.conduction", "rhythm.flutter", "rhythm.fibrillation", "rhythm.screen"),
    *("beats.ectopy", "beats.classes", "waves.median", "waves.measure", "waves.delineation"),
)
PARTS = {
    "A1": "QRS complexes",
    "A2": "QRS complexes in noise (electrode motion, from minute 5 on)",
    "A3": "Beat classes at our own detections",
    "A4": "Atrial fibrillation and flutter",
    "A5": "One-lead strips (CinC 2017)",
    "A6": "Fibrillation and ventricular runs",
    "A7": "Wave marks, all leads (LUDB)",
    "A8": "Intervals of a recording (LUDB)",
    "A9": "Findings of twelve leads (LUDB and CinC 2021)",
    "A10": "Signal quality and abstention",
    "A11": "Alarms of a bedside monitor (CinC 2015)",
    "A12": "Exchanged electrodes",
    "A13": "Pacing",
}
MARKS = {"S": "read", "P": "read in part", "C": "corroborated", "K": "known, not verified"}
NOT_MEASURED = "Not measured yet: `./run bench accuracy --write-docs` fills this in.\n"
_SECTION = re.compile(r"(<!-- produced: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


class Measured(msgspec.Struct, frozen=True):
    """One figure as the benchmark kept it."""

    value: float
    unit: str
    peer: str | None
    ratio: float | None
    runs: tuple[float, ...]
    must: str | None = None
    reached: bool | None = None


Cell = str | float | int | None


class Kept(msgspec.Struct, frozen=True):
    """docs/reference/accuracy.json. folds: by part, the models that were blind to the records they judged."""

    figures: dict[str, Measured] = {}
    records: dict[str, dict[str, dict[str, Cell]]] = {}
    notes: dict[str, str] = {}
    folds: dict[str, tuple[str, ...]] = {}


def accuracy_page() -> str:
    """The page, with its produced sections as the code says now."""
    kept = msgspec.json.decode(FIGURES.read_bytes(), type=Kept) if FIGURES.is_file() else Kept()
    sections: dict[str, Callable[[], str]] = {
        "figures": lambda: figures(kept),
        "missed": lambda: missed(kept),
        "records": lambda: by_record(kept),
        "cards": cards,
        "profiles": profiles,
        "criteria": criteria,
    }
    text = PAGE.read_text(encoding="utf-8")
    return _SECTION.sub(lambda found: f"{found[1]}\n{sections[found[2]]()}\n{found[3]}", text)


def figures(kept: Kept) -> str:
    parts = []
    for part, title in PARTS.items():
        rows = [
            [f"`{key}`", _number(figure.value), figure.unit, figure.must or "", _tick(figure.reached), _peer(figure)]
            for key, figure in kept.figures.items()
            if key.partition(".")[0] == part
        ]
        if rows or part in kept.notes:
            blind = ", ".join(kept.folds.get(part, ()))
            lines = [f"### {part}: {title}", ""]
            lines += [f"Out of fold: {blind}.", ""] if blind else []
            lines += [f"{kept.notes[part][0].upper()}{kept.notes[part][1:]}.", ""] if part in kept.notes else []
            lines += [_table(("id", "value", "unit", "must", "", "beside"), rows)] if rows else []
            parts.append("\n".join(lines))
    return "\n".join(parts) or NOT_MEASURED


def missed(kept: Kept) -> str:
    rows = [
        [f"`{key}`", f"{_number(figure.value)} {figure.unit}", figure.must or ""]
        for key, figure in kept.figures.items()
        if figure.reached is False
    ]
    return _table(("id", "measured", "must"), rows) if rows else NOT_MEASURED


def by_record(kept: Kept) -> str:
    parts = []
    for name, rows in kept.records.items():
        heads = tuple(dict.fromkeys(head for row in rows.values() for head in row))
        cells = [[record, *(_cell(row.get(head)) for head in heads)] for record, row in rows.items()]
        parts.append(f"<details><summary>{name}</summary>\n\n{_table(('', *heads), cells)}\n</details>\n")
    return "\n".join(parts) or NOT_MEASURED


def cards() -> str:
    """The model cards beside the weights: what stands in them is measured by the training scripts."""
    rows = []
    folder = ROOT / "ecg/trained"
    for weights in sorted(folder.glob("*.npz")):
        card = weights.with_suffix(".md")
        title = card.read_text(encoding="utf-8").splitlines()[0].lstrip("# ") if card.is_file() else "no card yet"
        name = f"[{weights.stem}](../../ecg/trained/{card.name})" if card.is_file() else weights.stem
        rows.append([name, f"{weights.stat().st_size / 1000:.1f}", title])
    return _table(("model", "kB", "card"), rows)


def profiles() -> str:
    """Every rule of every profile, as its own file has it (not those it takes over)."""
    parts = []
    for name in ruleset.names():
        text = resources.files("ecg").joinpath("profiles", f"{name}.yaml").read_text(encoding="utf-8")
        own = _own_rules(text)
        head = " ".join(line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))
        stack = (own.stack and f" Stands on {', '.join(own.stack)}.") or ""
        rows = [
            [f"`{rule.id}`", rule.code, rule.grade, rule.of, _escaped(condition(rule)), MARKS[rule.mark]]
            for rule in own.rules
        ]
        table = _table(("rule", "says", "grade", "of", "when", "figure"), rows) if rows else ""
        parts.append(f"### {own.profile} (version {own.version})\n\n{head}{stack}\n\n{table}")
    return "\n".join(parts)


def _own_rules(text: str) -> ruleset.Profile:
    import yaml

    return msgspec.convert(yaml.safe_load(text), ruleset.Profile)


def condition(rule: Rule) -> str:
    """A rule's condition in one line."""
    parts = [_condition(rule)]
    if rule.any_of:
        parts.append("one of: " + " | ".join(_condition(other) for other in rule.any_of))
    if rule.levels is not None:
        parts.append(_levels(rule.levels))
    if rule.yields_to:
        parts.append(f"not beside {', '.join(rule.yields_to)}")
    if rule.children:
        parts.append("children too")
    if len(rule.applies) == 1:
        parts.append(f"{rule.applies[0]} recordings only")
    return "; ".join(part for part in parts if part) or "always"


def _condition(given: Condition) -> str:
    parts = [f"{fact} {limit.op} {limit.value}" for fact, limit in given.when.items()]
    parts += [f"unless {fact} {limit.op} {limit.value}" for fact, limit in given.unless.items()]
    parts += [f"with {', '.join(given.flags)}"] if given.flags else []
    parts += [f"without {', '.join(given.no_flags)}"] if given.no_flags else []
    parts += [f"symptoms {', '.join(given.symptoms)} or unknown"] if given.symptoms else []
    parts += [f"none of {', '.join(given.no_symptoms)}"] if given.no_symptoms else []
    parts += ["first found"] if given.first_found else []
    parts += ["known before"] if given.known else []
    return ", ".join(parts)


def _levels(levels: Levels) -> str:
    limits = []
    for limit in levels.limits_uv:
        who = [{"M": "men", "F": "women"}[limit.sex]] if limit.sex else []
        who += [f"from {limit.age_from}"] if limit.age_from else []
        who += [f"below {limit.age_below}"] if limit.age_below != ruleset.LeadLimit(leads=(), uv=0).age_below else []
        people = f" ({' '.join(who)})" if who else ""
        limits.append(f"{' '.join(limit.leads)} {limit.op} {limit.uv} uV{people}")
    return f"{levels.contiguous} neighbouring leads: {', '.join(limits)}"


def criteria() -> str:
    """What each module that applies criteria says of them: its own docstrings, and the limits it compares with."""
    parts = []
    for name in CRITERIA:
        path = ROOT / "ecg" / f"{name.replace('.', '/')}.py"
        if path.is_file():
            parts.append(_module(name, path.read_text(encoding="utf-8")))
    return "\n".join(parts)


def _module(name: str, source: str) -> str:
    tree = ast.parse(source)
    lines = [f"### ecg.{name}", "", _escaped(" ".join((ast.get_docstring(tree) or "").split())), ""]
    limits = [f"`{ast.unparse(node)}`" for node in tree.body if _is_limit(node)]
    lines += [f"Limits: {', '.join(limits)}.", ""] if limits else []
    rows = [
        [f"`{node.name}`", _escaped(_said(ast.get_docstring(node) or ""))]
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node)
    ]
    lines += [_table(("function", "criterion and source"), rows)] if rows else []
    return "\n".join(lines)


def _is_limit(node: ast.stmt) -> bool:
    """A module constant that is a number, or several."""
    if not isinstance(node, ast.Assign):
        return False
    names = [name for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    values = [value for value in ast.walk(node.value) if not isinstance(value, ast.Load | ast.operator | ast.unaryop)]
    plain = all(
        isinstance(value, ast.Tuple | ast.UnaryOp | ast.BinOp)
        or (isinstance(value, ast.Constant) and isinstance(value.value, int | float))
        for value in values
    )
    return plain and all(name.id.isupper() for name in names)


def _said(docstring: str) -> str:
    """The first paragraph, what follows it in plain sentences, and the source; not the list of arguments."""
    kept, inside = [], False
    for paragraph in docstring.split("\n\n"):
        for line in paragraph.splitlines():
            field = re.match(r"^[\w, ]+?\s{2,}\S", line)
            inside = line.startswith("Source") or (inside and line.startswith(" "))
            if inside or not (field or line.startswith(("  ", "Raises", "Returns"))):
                kept.append(line.strip())
    return " ".join(" ".join(kept).split())


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 90 else f"{value:.5g}"


def _cell(value: Cell) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else _escaped(str(value))


def _tick(reached: bool | None) -> str:
    return "" if reached is None else "reached" if reached else "**below**"


def _peer(figure: Measured) -> str:
    return "" if figure.peer is None or figure.ratio is None else f"{figure.ratio:.3f} x {figure.peer}"


def _escaped(text: str) -> str:
    return text.replace("|", "&#124;").replace("<", "&lt;")


def _table(heads: tuple[str, ...], rows: Iterable[list[str]]) -> str:
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"
