"""Day totals: told twice they stay the same, forgotten they go, lost they are rebuilt."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.ledger.forgetting import Forgetting
from stamkunde.ledger.store import LedgerStore
from stamkunde.shared.clock import SystemClock
from stamkunde.shared.ids import new_id
from stamkunde.shared.patience import Patience
from stamkunde.views.model import DayTotal, OutletDay
from stamkunde.views.store import DayTotals, DirtyMark, ProjectionStore
from tests.factories import COPENHAGEN
from tests.function_fixtures import CONTEXT, new_till
from tests.functions.test_rows import stream_records
from tests.ledger_checks import rows_of
from tests.till_client import TillClient

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def totals(operate: Any, till: TillClient) -> list[dict[str, Any]]:
    from day_totals_job.handler import lambda_handler

    lambda_handler({}, CONTEXT)  # type: ignore[arg-type]
    shown = operate(
        "show_day_totals", club_id=till.club["club_id"], outlet_id="banegaarden", year=datetime.now(UTC).year
    )
    days: list[dict[str, Any]] = shown["days"]
    return days


def tell(tables: DynamoDBClient, till: TillClient, kind: str = "INSERT") -> None:
    from ledger_stream.handler import lambda_handler

    lambda_handler(stream_records(tables, [till.club["club_id"]], kind), CONTEXT)  # type: ignore[arg-type]


@pytest.fixture
def busy_till(till: TillClient) -> TillClient:
    member_id = till.join().body["member_id"]
    till.buy(member_id, 100_000)
    till.buy(member_id, 10_000, spend_bonus=3_000)
    return till


def test_a_day_is_counted_from_what_the_stream_tells(
    busy_till: TillClient, operate: Any, tables: DynamoDBClient
) -> None:
    tell(tables, busy_till)
    (day,) = totals(operate, busy_till)
    assert (day["purchases"], day["turnover"], day["earned"], day["spent"]) == (2, 110_000, 3_210, 3_000)


def test_a_day_stays_what_it_was_once_somebody_of_it_is_forgotten(
    busy_till: TillClient, operate: Any, tables: DynamoDBClient
) -> None:
    from ledger_stream.handler import lambda_handler

    club_id = busy_till.club["club_id"]
    tell(tables, busy_till)
    once, before = totals(operate, busy_till), stream_records(tables, [club_id], "REMOVE")
    ledger = LedgerStore(tables, "ledger", club_id)
    (account_id,) = ledger.account_ids()
    account = ledger.load_account(account_id, consistent=True)
    assert account is not None
    forgetting = Forgetting(ledger, SystemClock(), COPENHAGEN, Patience())
    (member_id,) = account.members
    forgetting.forfeit(account_id, member_id)
    assert forgetting.forget_entries(account_id, frozenset({member_id}))
    lambda_handler(before, CONTEXT)  # type: ignore[arg-type]
    tell(tables, busy_till)
    assert totals(operate, busy_till) == once
    facts = [row["sk"] for row in rows_of(tables, "views", [club_id]) if row["pk"].startswith("DAY#")]
    assert len(facts) == 2, "of copies, and of nothing that is gone"


def test_telling_twice_changes_nothing(busy_till: TillClient, operate: Any, tables: DynamoDBClient) -> None:
    tell(tables, busy_till)
    once = totals(operate, busy_till)
    tell(tables, busy_till)
    tell(tables, busy_till, "MODIFY")
    assert totals(operate, busy_till) == once


def test_a_removed_entry_is_forgotten(busy_till: TillClient, operate: Any, tables: DynamoDBClient) -> None:
    tell(tables, busy_till)
    tell(tables, busy_till, "REMOVE")
    (day,) = totals(operate, busy_till)
    assert (day["purchases"], day["turnover"]) == (0, 0)


def test_lost_events_are_made_good_from_the_ledger(busy_till: TillClient, operate: Any) -> None:
    assert totals(operate, busy_till) == []
    rebuilt = operate("rebuild_day_totals", club_id=busy_till.club["club_id"], days=2)
    assert rebuilt == {"entries_noted": 2}
    (day,) = totals(operate, busy_till)
    assert (day["purchases"], day["turnover"]) == (2, 110_000)


@pytest.mark.usefixtures("clubs_of_this_test")
def test_a_rebuild_of_every_club_leaves_none_out(busy_till: TillClient, operate: Any) -> None:
    other = new_till(operate)
    other.buy(other.join().body["member_id"], 5_000)
    assert operate("rebuild_day_totals", days=2)["entries_noted"] >= 3
    assert [day["turnover"] for day in totals(operate, busy_till)] == [110_000]
    assert [day["turnover"] for day in totals(operate, other)] == [5_000]


def test_a_rebuild_goes_no_further_back_than_it_is_told_by_the_clubs_own_clock(operate: Any) -> None:
    till = new_till(operate, clock_offset_seconds=-10 * 86_400)
    club_id = till.club["club_id"]
    member_id = till.join(accepts=False).body["member_id"]
    bought_at = (datetime.now(UTC) - timedelta(days=10)).isoformat()
    assert till.buy(member_id, bought_at=bought_at).status == 201
    assert operate("rebuild_day_totals", club_id=club_id, days=1) == {"entries_noted": 1}
    operate("move_clock", club_id=club_id, clock_offset_seconds=0)
    assert operate("rebuild_day_totals", club_id=club_id, days=1) == {"entries_noted": 0}
    assert operate("rebuild_day_totals", club_id=club_id, days=11) == {"entries_noted": 1}


def test_accepting_the_terms_counts_as_no_purchase(till: TillClient, operate: Any, tables: DynamoDBClient) -> None:
    till.buy(till.join(accepts=False).body["member_id"], 10_000)
    till.join()
    tell(tables, till)
    (day,) = totals(operate, till)
    assert (day["purchases"], day["turnover"], day["earned"]) == (1, 10_000, 300)


def test_a_refund_takes_from_the_day_and_the_outlet_it_is_made_on(
    till: TillClient, operate: Any, tables: DynamoDBClient
) -> None:
    member_id = till.join().body["member_id"]
    till.buy(member_id, 100_000)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    the_day_before = (yesterday - timedelta(days=1)).isoformat()
    bought = till.buy(member_id, 10_000, spend_bonus=3_000, bought_at=the_day_before)
    refund = {"refund_number": "R1", "refunded_at": yesterday.isoformat()}
    assert till.send("POST", f"/v1/purchases/{bought.body['purchase_id']}/refunds", refund).status == 201
    tell(tables, till)
    tell(tables, till)
    first, before, today = totals(operate, till)
    assert (first["purchases"], first["turnover"], first["refunds"]) == (1, 10_000, 0)
    assert (today["purchases"], today["turnover"], today["refunds"], today["refunded"]) == (1, 100_000, 0, 0)
    assert before | {"day": ""} == {
        "day": "",
        "purchases": 0,
        "turnover": -10_000,
        "earned": -210,
        "spent": -3_000,
        "refunds": 1,
        "refunded": 10_000,
    }


def test_a_run_that_was_overtaken_leaves_no_old_total(tables: DynamoDBClient) -> None:
    store = ProjectionStore(tables, "views")
    day = OutletDay(new_id("c"), "banegaarden", date(2026, 11, 21))

    def waiting() -> list[DirtyMark]:
        return [mark for mark in store.dirty() if mark.outlet_day == day]

    store.mark_dirty([day])
    (slow,) = waiting()
    store.mark_dirty([day])
    (fast,) = waiting()
    new, old = DayTotal(day.day, 2, 200, 6, 0), DayTotal(day.day, 1, 100, 3, 0)
    assert store.put_total(fast, new)
    assert not store.put_total(slow, old)
    assert list(DayTotals(tables, "views", day.club_id).of_year("banegaarden", 2026)) == [new]
    assert waiting() == []
