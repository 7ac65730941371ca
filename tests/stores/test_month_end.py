"""What a club owed as its month ended is kept once, and whole."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from stamkunde.ledger.care_store import CareStore
from stamkunde.ledger.model.accounts import Account
from stamkunde.ledger.model.liability import NOTHING_OWED, Liability
from stamkunde.ledger.month_end import LIABILITY, MonthEnd, MonthEndRun
from stamkunde.ledger.store import ACCOUNT_SHARDS
from stamkunde.shared.clock import FixedClock, local_date
from stamkunde.shared.ids import shard_of
from stamkunde.shared.item import to_wire
from tests.factories import THREE_PERCENT, make_club
from tests.shop import Shop
from tests.unit_meter import UnitMeter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ONE_MONTH = replace(THREE_PERCENT, expiry_months=1)
FOUNDED = datetime(2026, 9, 10, 12, tzinfo=UTC)
BOUGHT = datetime(2026, 10, 12, 12, tzinfo=UTC)
NIGHT = datetime(2026, 12, 1, 1, 30, tzinfo=UTC)
NOVEMBER = date(2026, 11, 30)


def never() -> bool:
    return False


def after(calls: int) -> Callable[[], bool]:
    """Time that is over after so many looks at it."""
    left = iter(range(calls))
    return lambda: next(left, None) is None


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> Shop:
    return Shop(dynamodb, make_club(created_at=FOUNDED, programmes=(ONE_MONTH,)), FixedClock(BOUGHT))


def care(shop: Shop) -> CareStore:
    return CareStore(shop.client, "views", shop.club.club_id)


def at(shop: Shop, instant: datetime) -> MonthEnd:
    shop.clock = FixedClock(instant)
    club = shop.club
    return MonthEnd(shop.store, care(shop), shop.clock, club.time_zone, local_date(club.created_at, club.time_zone))


def owed(shop: Shop, month: date = NOVEMBER) -> Liability:
    snapshots, is_whole = care(shop).snapshots(month)
    assert is_whole
    return sum((each.liability for each in snapshots), NOTHING_OWED)


def test_the_liability_as_the_month_ended_is_kept(shop: Shop) -> None:
    first, second = shop.new_member(), shop.new_member(accepts=False)
    shop.buy(first, 10_000)
    shop.clock = FixedClock(datetime(2026, 11, 12, 12, tzinfo=UTC))
    shop.buy(first, 20_000)
    shop.buy(second, 30_000)
    assert at(shop, NIGHT).run(never) == MonthEndRun(accounts=2)
    liability = owed(shop)
    assert (liability.accounts, liability.by_year, liability.pending_by_year) == (2, {2026: 600}, {2026: 900})
    assert liability.total == shop.balance(first).total + shop.balance(second).total
    assert {each.taken_at for each in care(shop).snapshots(NOVEMBER)[0]} == {NIGHT}


def test_what_lapsed_with_the_month_and_is_not_posted_yet_is_told_by_itself(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    at(shop, NIGHT).run(never)
    assert (owed(shop).by_year, owed(shop).lapsed) == ({}, 300)
    assert shop.balance(member_id).total == 300


def test_a_month_is_over_once_its_last_night_has_begun(shop: Shop) -> None:
    shop.buy(shop.new_member(), 10_000)
    at(shop, datetime(2026, 11, 1, 12, tzinfo=UTC)).run(never)
    assert at(shop, NIGHT - timedelta(hours=1)).run(never).accounts == 0
    assert at(shop, NIGHT).run(never).accounts == 1


def test_a_club_whose_month_has_not_ended_costs_one_read(shop: Shop) -> None:
    shop.buy(shop.new_member(), 10_000)
    at(shop, datetime(2026, 11, 1, 12, tzinfo=UTC)).run(never)
    job = at(shop, datetime(2026, 11, 20, 12, tzinfo=UTC))
    meter = UnitMeter()
    meter.attach(shop.client)
    assert job.run(never) == MonthEndRun()
    assert (meter.calls, meter.written, meter.read) == ({"GetItem": 1}, 0, 1)


def test_the_first_month_of_a_club_is_not_read(shop: Shop) -> None:
    shop.clock = FixedClock(FOUNDED + timedelta(days=3))
    shop.new_member()
    assert at(shop, FOUNDED + timedelta(days=3)).run(never) == MonthEndRun()
    assert care(shop).progress(LIABILITY) is None


def test_a_run_that_is_cut_short_is_gone_on_with(shop: Shop) -> None:
    for _ in range(8):
        shop.buy(shop.new_member(), 10_000)
    job, accounts = at(shop, NIGHT), 0
    for _ in range(ACCOUNT_SHARDS):
        run = job.run(after(5))
        accounts += run.accounts
        if run.finished:
            break
        assert not care(shop).snapshots(NOVEMBER)[1]
    assert accounts == 8
    assert (owed(shop).accounts, owed(shop).lapsed) == (8, 8 * 300)


def test_twenty_runs_at_once_keep_everything_once(shop: Shop) -> None:
    for _ in range(6):
        shop.buy(shop.new_member(), 10_000)
    job = at(shop, NIGHT)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: job.run(never), range(20)))
    while not job.run(never).finished:
        pass
    assert (owed(shop).accounts, owed(shop).lapsed) == (6, 6 * 300)


def test_an_account_that_breaks_holds_up_no_other_and_is_tried_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = shop.new_member(), shop.new_member()
    for member_id in (bad, good):
        shop.buy(member_id, 10_000)
    broken_id, load = shop.account(bad).account_id, type(shop.store).load_account

    def break_one(store: object, account_id: str, *, consistent: bool) -> Account | None:
        if account_id == broken_id:
            raise ValueError("no such lot")
        return load(store, account_id, consistent=consistent)  # type: ignore[arg-type]

    monkeypatch.setattr(type(shop.store), "load_account", break_one)
    run = at(shop, NIGHT).run(never)
    assert (run.accounts, run.finished, [each.account_id for each in run.broken]) == (2, False, [broken_id])
    progress = care(shop).progress(LIABILITY)
    assert progress is not None
    assert progress.left == (shard_of(broken_id, ACCOUNT_SHARDS),)
    assert not care(shop).snapshots(NOVEMBER)[1]
    monkeypatch.undo()
    assert at(shop, NIGHT + timedelta(hours=1)).run(never).finished
    assert owed(shop).lapsed == 600


def test_a_month_that_is_whole_is_not_read_again_when_the_job_forgets_how_far_it_was(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    at(shop, NIGHT).run(never)
    key = {"pk": f"CARE#{shop.club.club_id}", "sk": LIABILITY}
    shop.client.delete_item(TableName="views", Key=to_wire(key))
    shop.buy(member_id, 10_000)
    assert at(shop, NIGHT + timedelta(days=20)).run(never) == MonthEndRun()
    assert owed(shop).lapsed == 300
    assert at(shop, datetime(2027, 1, 1, 12, tzinfo=UTC)).run(never).accounts == 1
