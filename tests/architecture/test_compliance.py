"""docs/compliance.md: each rule of the law has its tests, or says why software can't hold it or needn't yet."""

from __future__ import annotations

import pytest

from tests.named_tests import RULES, TEST_NAME

ALL_RULES = [f"R{number}" for number in range(1, 36)]
SHORTEST_REASON = 60
"""Letters: "not yet" is no reason."""

CELLS = RULES.cells()


def test_every_rule_has_one_row() -> None:
    assert list(CELLS) == ALL_RULES
    assert {len(cells) for cells in CELLS.values()} == {4}


@pytest.mark.parametrize("rule", ALL_RULES)
def test_a_rule_has_tests_or_a_reason(rule: str) -> None:
    _, asked, how, proved = CELLS[rule]
    assert asked
    assert how
    if not TEST_NAME.search(proved):
        assert len(proved) >= SHORTEST_REASON, f"{rule}: name a test, or say why there is none"


def test_most_rules_that_are_in_use_are_held_by_tests() -> None:
    unheld = [rule for rule, tests in RULES.tests().items() if not tests]
    assert len(unheld) < len(ALL_RULES) / 3
