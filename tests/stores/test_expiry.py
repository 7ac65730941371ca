"""What has lapsed is posted once, by whatever many runs, and never before its time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stamkunde.ledger.care_store import CareStore
from stamkunde.ledger.expiry import EXPIRY, Expiry, ExpiryRun
from stamkunde.ledger.model.accounts import Account, Hold, RewardKey
from stamkunde.ledger.model.entries import EntryKind
from stamkunde.ledger.model.liability import NOTHING_OWED
from stamkunde.ledger.model.proving import differences
from stamkunde.ledger.model.reversal import Refund
from stamkunde.ledger.proof import Proof
from stamkunde.ledger.reservations import Wish
from stamkunde.ledger.store import ACCOUNT_SHARDS
from stamkunde.shared.clock import FixedClock, local_date
from stamkunde.shared.idempotency import WriteKey
from stamkunde.shared.ids import shard_of
from tests.factories import COPENHAGEN, THREE_PERCENT, make_basket, make_club
from tests.ledger_checks import assert_ledger_adds_up
from tests.shop import Shop
from tests.unit_meter import UnitMeter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ONE_MONTH = replace(THREE_PERCENT, expiry_months=1)
FOUNDED = datetime(2026, 9, 10, 12, tzinfo=UTC)
BOUGHT = datetime(2026, 10, 12, 12, tzinfo=UTC)
LAST_MOMENT = datetime(2026, 11, 30, 22, 59, 59, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)


def never() -> bool:
    return False


def after(calls: int) -> Callable[[], bool]:
    """Time that is over after so many looks at it."""
    left = iter(range(calls))
    return lambda: next(left, None) is None


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> Shop:
    return Shop(dynamodb, make_club(created_at=FOUNDED, programmes=(ONE_MONTH,)), FixedClock(BOUGHT))


def expiry(shop: Shop) -> Expiry:
    club = shop.club
    founded = local_date(club.created_at, club.time_zone)
    return Expiry(shop.store, care(shop), shop.clock, club.time_zone, founded, shop.patience)


def care(shop: Shop) -> CareStore:
    return CareStore(shop.client, "views", shop.club.club_id)


def at(shop: Shop, instant: datetime) -> Expiry:
    shop.clock = FixedClock(instant)
    return expiry(shop)


def give_reward(shop: Shop, member_id: str, last_day: date) -> None:
    """A reward, put there behind the ledger's back: how one is earned is tested elsewhere."""
    account = shop.account(member_id)
    richer = replace(account, rewards={RewardKey(last_day, "rugbrod"): 1}, revision=account.revision + 1)
    shop.store.commit([shop.store.account_write(account, richer)])


def hold(shop: Shop, member_id: str, until: datetime) -> None:
    account = shop.account(member_id)
    held = account.replace_hold("h1", Hold(member_id, until, bonus=100))
    shop.store.commit([shop.store.account_write(account, replace(held, revision=account.revision + 1))])


def test_what_has_lapsed_is_posted_by_one_entry(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    run = at(shop, MIDNIGHT).run(never)
    assert (run.posted, run.finished, run.broken) == (1, True, ())
    entry = shop.entries(member_id)[0]
    assert (entry.kind, entry.amount, entry.day) == (EntryKind.EXPIRE, -300, date(2026, 11, 30))
    assert (entry.outlet_id, entry.till_id, entry.balance.total) == (None, None, 0)
    assert shop.account(member_id).lots == {}
    assert_ledger_adds_up(shop, member_id)


def test_what_a_refund_found_reserved_pays_what_is_owed_before_the_rest_lapses(shop: Shop) -> None:
    member_id = shop.new_member()
    sold = shop.buy(member_id, 10_000).entry
    basket = make_basket(1_000, spend_bonus=200)
    held = shop.reservations.reserve(Wish(basket, member_id, None, WriteKey("k1", "x")), shop.point)
    assert sold.purchase is not None
    shop.ledger.refunds.book(Refund(sold.purchase.purchase_id, "r1", shop.now()), shop.point)
    assert shop.account(member_id).deficit == 200
    shop.reservations.release(held.reservation_id)
    assert at(shop, MIDNIGHT).run(never).posted == 1
    account, entry = shop.account(member_id), shop.entries(member_id)[0]
    assert (account.lots, account.deficit) == ({}, 0)
    assert (entry.kind, entry.amount, entry.movement.deficit) == (EntryKind.EXPIRE, 0, -200)
    assert_ledger_adds_up(shop, member_id)


def test_what_was_set_aside_on_its_last_day_is_spent_after_midnight_and_only_then_posted(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    shop.clock = FixedClock(LAST_MOMENT)
    basket = make_basket(1_000, spend_bonus=200)
    held = shop.reservations.reserve(Wish(basket, member_id, None, WriteKey("k1", "x")), shop.point)
    assert at(shop, MIDNIGHT + timedelta(minutes=2)).run(never).waiting == 1
    captured = replace(shop.receipt(member_id, 1_000), reservation_id=held.reservation_id)
    facts = shop.ledger.book(captured, shop.point).entry.purchase
    assert facts is not None
    assert facts.spent == 200
    assert at(shop, MIDNIGHT + timedelta(minutes=3)).run(never).posted == 1
    assert shop.entries(member_id)[0].amount == -100
    assert_ledger_adds_up(shop, member_id)


def test_a_queued_receipt_of_the_last_day_is_booked_without_what_has_been_posted(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    at(shop, MIDNIGHT + timedelta(minutes=30)).run(never)
    basket = make_basket(1_000, spend_bonus=300)
    queued = replace(shop.receipt(member_id), bought_at=LAST_MOMENT, basket=basket, offline=True)
    facts = shop.ledger.book(queued, shop.point).entry.purchase
    assert facts is not None
    assert (facts.spent, [each.code for each in facts.refused]) == (0, ["not_enough_bonus"])
    assert_ledger_adds_up(shop, member_id)


def test_the_last_day_counts_to_its_end_in_the_clubs_zone(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    assert at(shop, LAST_MOMENT).run(never).posted == 0
    assert shop.balance(member_id).available == 300
    assert at(shop, MIDNIGHT).run(never).posted == 1


def test_a_club_whose_month_has_not_ended_costs_one_read(shop: Shop) -> None:
    shop.buy(shop.new_member(), 10_000)
    at(shop, datetime(2026, 11, 1, 12, tzinfo=UTC)).run(never)
    meter = UnitMeter()
    meter.attach(shop.client)
    job = at(shop, datetime(2026, 11, 20, 12, tzinfo=UTC))
    assert job.run(never) == ExpiryRun()
    assert (meter.calls, meter.written, meter.read) == ({"GetItem": 1}, 0, 1)


def test_the_first_month_of_a_club_is_not_walked(shop: Shop) -> None:
    shop.clock = FixedClock(FOUNDED + timedelta(days=3))
    shop.new_member()
    assert expiry(shop).run(never) == ExpiryRun()
    assert care(shop).progress(EXPIRY) is None


def test_months_that_were_missed_are_caught_up_by_one_entry(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    shop.clock = FixedClock(datetime(2026, 11, 12, 12, tzinfo=UTC))
    shop.buy(member_id, 20_000)
    assert at(shop, datetime(2027, 3, 15, 12, tzinfo=UTC)).run(never).posted == 1
    entry = shop.entries(member_id)[0]
    assert [(change.lot.expires_on, change.amount) for change in entry.changes] == [
        (date(2026, 11, 30), -300),
        (date(2026, 12, 31), -600),
    ]
    assert entry.day == date(2026, 12, 31)


def test_a_second_run_posts_nothing(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    assert at(shop, MIDNIGHT).run(never).posted == 1
    assert expiry(shop).run(never) == ExpiryRun()
    assert len(shop.entries(member_id)) == 2


def test_a_run_that_is_cut_short_is_gone_on_with(shop: Shop) -> None:
    members = [shop.new_member() for _ in range(8)]
    for member_id in members:
        shop.buy(member_id, 10_000)
    job = at(shop, MIDNIGHT)
    posted = 0
    for _ in range(ACCOUNT_SHARDS):
        run = job.run(after(5))
        posted += run.posted
        if run.finished:
            break
    assert posted == 8
    assert [len(shop.entries(each)) for each in members] == [2] * 8


def test_twenty_runs_at_once_post_everything_once(shop: Shop) -> None:
    members = [shop.new_member() for _ in range(6)]
    for member_id in members:
        shop.buy(member_id, 10_000)
    job = at(shop, MIDNIGHT)
    with ThreadPoolExecutor(20) as pool:
        runs = list(pool.map(lambda _: job.run(never), range(20)))
    assert sum(run.posted for run in runs) <= 6
    while not job.run(never).finished:
        pass
    assert [len(shop.entries(each)) for each in members] == [2] * 6
    for member_id in members:
        assert_ledger_adds_up(shop, member_id)


def test_a_purchase_at_the_same_moment_loses_nothing(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    job = at(shop, MIDNIGHT)
    with ThreadPoolExecutor(8) as pool:
        posting = pool.submit(job.run, never)
        list(pool.map(lambda _: shop.buy(member_id, 1_000), range(6)))
    assert posting.result().posted == 1
    assert shop.balance(member_id).total == 6 * 30
    assert_ledger_adds_up(shop, member_id)


def test_rewards_whose_last_day_is_over_go_with_the_same_visit(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    give_reward(shop, member_id, date(2026, 11, 30))
    at(shop, MIDNIGHT).run(never)
    assert shop.account(member_id).rewards == {}
    (change,) = shop.entries(member_id)[0].stamps
    assert change.rewards == ((RewardKey(date(2026, 11, 30), "rugbrod"), -1),)


def test_what_is_held_for_a_receipt_of_the_last_day_waits_an_hour(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    hold(shop, member_id, MIDNIGHT + timedelta(minutes=10))
    run = at(shop, MIDNIGHT).run(never)
    assert (run.posted, run.waiting, run.finished) == (0, 1, False)
    assert not care(shop).snapshots(date(2026, 11, 30))[1]
    progress = care(shop).progress(EXPIRY)
    assert progress is not None
    assert progress.left == (shard_of(shop.account(member_id).account_id, ACCOUNT_SHARDS),)
    run = at(shop, MIDNIGHT + timedelta(hours=1)).run(never)
    assert (run.visited, run.posted, run.finished) == (1, 1, True)
    assert care(shop).snapshots(date(2026, 11, 30))[1]


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
    run = at(shop, MIDNIGHT).run(never)
    assert (run.posted, run.finished, [each.account_id for each in run.broken]) == (1, False, [broken_id])
    monkeypatch.undo()
    run = at(shop, MIDNIGHT + timedelta(hours=1)).run(never)
    assert (run.posted, run.finished) == (1, True)


def test_a_visit_costs_four_write_units(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    shop.clock = FixedClock(MIDNIGHT)
    meter = UnitMeter()
    meter.attach(shop.client)
    expiry(shop).visit(shop.account(member_id).account_id)
    assert meter.written == 4


def test_the_liability_as_the_month_ended_is_kept(shop: Shop) -> None:
    first, second = shop.new_member(), shop.new_member(accepts=False)
    shop.buy(first, 10_000)
    shop.clock = FixedClock(datetime(2026, 11, 12, 12, tzinfo=UTC))
    shop.buy(first, 20_000)
    shop.buy(second, 30_000)
    at(shop, MIDNIGHT).run(never)
    snapshots, is_whole = care(shop).snapshots(date(2026, 11, 30))
    owed = sum((each.liability for each in snapshots), NOTHING_OWED)
    assert is_whole
    assert (owed.accounts, owed.by_year, owed.pending_by_year, owed.lapsed) == (2, {2026: 600}, {2026: 900}, 0)
    assert {each.taken_at for each in snapshots} == {MIDNIGHT}
    assert owed.total == shop.balance(first).total + shop.balance(second).total


steps = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), st.integers(100, 50_000)),
        st.tuples(st.just("spend"), st.integers(1, 2_000)),
        st.tuples(st.just("wait"), st.integers(1, 70)),
        st.tuples(st.just("expire"), st.just(0)),
    ),
    max_size=14,
)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_whatever_happens_before_expiry_the_entries_give_the_account(
    dynamodb: DynamoDBClient, taken: list[tuple[str, int]]
) -> None:
    club = make_club(created_at=FOUNDED, programmes=(ONE_MONTH,))
    shop = Shop(dynamodb, club, FixedClock(BOUGHT))
    member_id = shop.new_member()
    for what, size in [*taken, ("expire", 0)]:
        if what == "buy":
            shop.buy(member_id, size)
        elif what == "spend":
            shop.buy(member_id, 100_000, spend_bonus=min(size, shop.balance(member_id).available))
        elif what == "wait":
            shop.wait(timedelta(days=size))
        else:
            before = shop.balance(member_id)
            expiry(shop).run(never)
            assert shop.balance(member_id).available == before.available
    account = shop.account(member_id)
    assert differences(account, list(shop.store.every_entry(account.account_id))) == []
    assert Proof(shop.store, shop.clock, COPENHAGEN).prove(account.account_id).differences == ()
    today = shop.today().replace(day=1)
    assert all(lot.expires_on >= today for lot in account.lots)
