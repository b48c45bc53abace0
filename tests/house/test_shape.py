"""Every module says what lives in it, is short, and is named for what it does."""

from collections.abc import Callable

import pytest

from tests.house.shape import LINES_MAX, is_named_for_what_it_does, is_short_enough, opens_with_what_lives_here
from tests.house.tree import files, read

Check = Callable[[str, str], str | None]

EXAMPLES = [
    (opens_with_what_lives_here, "ecg/x.py", "import os\n", "is refused"),
    (opens_with_what_lives_here, "ecg/x.py", '"""Median beats, and nothing else."""\n', "passes"),
    (opens_with_what_lives_here, "ecg/__init__.py", "", "passes"),
    (opens_with_what_lives_here, "web/src/x.ts", "export const a = 1\n", "is refused"),
    (opens_with_what_lives_here, "web/src/x.ts", "// Which sample stands at which pixel.\n", "passes"),
    (opens_with_what_lives_here, "web/src/api.gen.ts", "export type A = 1\n", "passes"),
    (is_short_enough, "ecg/x.py", "\n" * (LINES_MAX + 1), "is refused"),
    (is_short_enough, "ecg/x.py", "\n" * LINES_MAX, "passes"),
    (is_short_enough, "requirements/run.txt", "\n" * (LINES_MAX + 1), "passes"),
    (is_named_for_what_it_does, "server/base/utils.py", "", "is refused"),
    (is_named_for_what_it_does, "server/alerts/escalation.py", "", "passes"),
]


@pytest.mark.parametrize(("check", "path", "text", "verdict"), EXAMPLES)
def test_a_shape_rule_refuses_its_bad_example_only(check: Check, path: str, text: str, verdict: str) -> None:
    assert bool(check(path, text)) == (verdict == "is refused")


@pytest.mark.parametrize("check", [opens_with_what_lives_here, is_short_enough, is_named_for_what_it_does])
def test_the_tree_keeps_the_shape(check: Check) -> None:
    code = [path for path in files() if path.endswith((".py", ".ts", ".tsx", ".css", ".sh"))]
    found = [wrong for path in code if (wrong := check(path, read(path)))]
    assert not found, "\n".join(found)
