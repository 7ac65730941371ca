"""Real receipts and refunds through the till API: every answer and balance equals the SQL calculation, twice over."""

from __future__ import annotations

import pytest

from tests.ledger_checks import rows
from tests.local_stack import LocalStack
from tests.replay.replay import Replay

BASKETS = 500
ANSWERED = {
    "repeated",
    "refused for another line",
    "refused with a coupon",
    "booked without its coupon",
    "refund booked",
    "refund repeated",
    "refund before its sale",
    "refund at another till",
    "refused as more than was sold",
}


# Whoever comes first waits for the stack too.
@pytest.mark.timeout(600)
def test_every_balance_of_real_receipts_is_right_and_a_second_replay_changes_nothing(local_stack: LocalStack) -> None:
    outcome = Replay(local_stack.stack, BASKETS).run()
    assert outcome.differences == []
    assert outcome.answers["booked"] == BASKETS
    assert outcome.answers["refund booked"] + outcome.facts["before their sale"] == outcome.facts["refunds"]
    assert {kind for kind in ANSWERED if not outcome.answers[kind]} == set()
    assert {kind for kind, count in outcome.facts.items() if not count} == set()
    ledger = rows(local_stack.client("dynamodb"), local_stack.stack.tables["ledger"])
    again = Replay(local_stack.stack, BASKETS).run()
    assert again.differences == []
    assert again.answers["booked"] == again.answers["refund booked"] == 0
    assert rows(local_stack.client("dynamodb"), local_stack.stack.tables["ledger"]) == ledger
