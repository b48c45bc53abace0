"""Every house rule catches its bad lines, lets its good ones pass, and finds nothing in the tree."""

import pytest

from tests.house.rules import RULES, Rule
from tests.house.tree import files, read

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


@each_rule
def test_a_rule_catches_its_bad_lines_and_no_good_one(rule: Rule) -> None:
    assert rule.bad
    assert rule.good
    assert [line for line in rule.bad if not rule.breaches(line)] == []
    assert [line for line in rule.good if rule.breaches(line)] == []


@each_rule
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    ours = [path for path in files() if rule.holds_for(path)]
    found = [f"{path}:{number}: {line}" for path in ours for number, line in rule.breaches(read(path))]
    assert not found, f"{rule.name}. Instead: {rule.instead}.\n" + "\n".join(found)
