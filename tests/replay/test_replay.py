"""Real receipts through the till API: every balance equals the SQL calculation, twice over."""

from __future__ import annotations

from tests.ledger_checks import rows
from tests.local_stack import LocalStack
from tests.replay.replay import Replay

BASKETS = 500


def test_every_balance_of_real_receipts_is_right_and_a_second_replay_changes_nothing(local_stack: LocalStack) -> None:
    outcome = Replay(local_stack.stack, BASKETS).run()
    assert outcome.differences == []
    assert outcome.answers["booked"] == BASKETS
    assert min(outcome.answers[kind] for kind in ("repeated", "refused for another line")) > 0
    assert min(outcome.facts[kind] for kind in ("late", "spending", "households")) > 0
    ledger = rows(local_stack.client("dynamodb"), local_stack.stack.tables["ledger"])
    again = Replay(local_stack.stack, BASKETS).run()
    assert again.differences == []
    assert again.answers["booked"] == 0
    assert rows(local_stack.client("dynamodb"), local_stack.stack.tables["ledger"]) == ledger
