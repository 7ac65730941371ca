"""What is made of a transaction that was cancelled."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from stamkunde.shared.transaction import NOT_THERE, Busy, ConditionFailed, Put, commit
from tests.faults.clients import Cancels

THERE = {"phone": {"S": "+4520123456"}}
FAILED = {"Code": "ConditionalCheckFailed", "Item": THERE}
GONE = {"Code": "ConditionalCheckFailed"}
HELD = {"Code": "None"}
WRITES = [Put("member", "members", {"pk": "M"}, NOT_THERE), Put("account", "ledger", {"pk": "A"}, NOT_THERE)]


def cancelled(*reasons: dict[str, Any]) -> Exception:
    client: Any = Cancels(list(reasons))
    with pytest.raises((Busy, ConditionFailed)) as told:
        commit(client, WRITES)
    return told.value


def test_a_condition_that_failed_tells_what_stands_in_the_way() -> None:
    told = cancelled(FAILED, GONE)
    assert isinstance(told, ConditionFailed)
    assert told.found == {"member": {"phone": "+4520123456"}, "account": None}
    held = cancelled(HELD, GONE)
    assert isinstance(held, ConditionFailed)
    assert held.found == {"account": None}


@pytest.mark.parametrize("passing", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
@pytest.mark.parametrize("other", [FAILED, GONE, HELD])
def test_whoever_has_not_seen_every_condition_is_told_to_try_again(passing: str, other: dict[str, Any]) -> None:
    assert isinstance(cancelled(other, {"Code": passing}), Busy)
    assert isinstance(cancelled({"Code": passing}, other), Busy)


def test_a_condition_that_failed_says_which_and_shows_no_row() -> None:
    failed = cancelled(FAILED, FAILED)
    assert str(failed) == "member, account"
    for told in (repr(failed), str(failed.args), "".join(traceback.format_exception(failed))):
        assert "member" in told
        assert "20123456" not in told
