"""House rules that need a whole file: how a module opens, how long it is, what it is called.

Each function takes a path and its text and returns what is wrong as a sentence, or None. `test_shape.py` proves them on
examples and runs them on the tree; rules that a single line can break stand in `rules.py`.
"""

import ast
from pathlib import PurePosixPath

LINES_MAX = 600
CODE = (".py", ".ts", ".tsx", ".css", ".sh")
VAGUE = {
    "utils",
    "util",
    "helpers",
    "helper",
    "manager",
    "handler",
    "handlers",
    "misc",
    "common",
    "data",
    "info",
    "stuff",
}


def opens_with_what_lives_here(path: str, text: str) -> str | None:
    file = PurePosixPath(path)
    if _is_produced(path) or not text.strip():
        return None
    if file.suffix == ".py":
        said = ast.get_docstring(ast.parse(text)) or ""
    elif file.suffix in (".ts", ".tsx") and ".test." not in path:
        said = text.lstrip()[:400] if text.lstrip().startswith(("//", "/*")) else ""
    else:
        return None
    return None if len(said) >= 20 else f"{path}: opens without a sentence on what lives here."


def is_short_enough(path: str, text: str) -> str | None:
    lines = text.count("\n")
    if not path.endswith(CODE) or _is_produced(path) or lines <= LINES_MAX:
        return None
    return f"{path}: {lines} lines. What is more than {LINES_MAX} holds two things: part them."


def is_named_for_what_it_does(path: str, text: str) -> str | None:
    file = PurePosixPath(path)
    if file.suffix not in CODE or file.stem.removeprefix("test_") not in VAGUE:
        return None
    return f"{path}: '{file.stem}' says nothing. Name the file for what it does, as in escalation.py."


def _is_produced(path: str) -> bool:
    return ".gen." in path
