"""What has lapsed is posted once, by whatever many runs, and never before its time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stamkunde.ledger.expiry import Expiry, Posted
from stamkunde.ledger.model.accounts import Hold, RewardKey
from stamkunde.ledger.model.entries import EntryKind
from stamkunde.ledger.model.proving import differences
from stamkunde.ledger.model.reversal import Refund
from stamkunde.ledger.proof import Proof
from stamkunde.ledger.reservations import Wish
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.idempotency import WriteKey
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
FIRST_DAY = date(2026, 12, 1)


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> Shop:
    return Shop(dynamodb, make_club(created_at=FOUNDED, programmes=(ONE_MONTH,)), FixedClock(BOUGHT))


def expiry(shop: Shop) -> Expiry:
    return Expiry(shop.store, shop.clock, shop.club.time_zone, shop.patience)


def at(shop: Shop, instant: datetime) -> Expiry:
    shop.clock = FixedClock(instant)
    return expiry(shop)


def post(shop: Shop, member_id: str, instant: datetime | None = None) -> Posted:
    """Look at a member's account at an instant."""
    return at(shop, instant or shop.now()).post(shop.account(member_id).account_id)


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
    assert post(shop, member_id, MIDNIGHT) == Posted(done=True, expires_from=None)
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
    assert post(shop, member_id, MIDNIGHT).done
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
    assert post(shop, member_id, MIDNIGHT + timedelta(minutes=2)) == Posted(done=False, expires_from=FIRST_DAY)
    captured = replace(shop.receipt(member_id, 1_000), reservation_id=held.reservation_id)
    facts = shop.ledger.book(captured, shop.point).entry.purchase
    assert facts is not None
    assert facts.spent == 200
    assert post(shop, member_id, MIDNIGHT + timedelta(minutes=3)).done
    assert shop.entries(member_id)[0].amount == -100
    assert_ledger_adds_up(shop, member_id)


def test_a_queued_receipt_of_the_last_day_is_booked_without_what_has_been_posted(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    post(shop, member_id, MIDNIGHT + timedelta(minutes=30))
    basket = make_basket(1_000, spend_bonus=300)
    queued = replace(shop.receipt(member_id), bought_at=LAST_MOMENT, basket=basket, offline=True)
    facts = shop.ledger.book(queued, shop.point).entry.purchase
    assert facts is not None
    assert (facts.spent, [each.code for each in facts.refused]) == (0, ["not_enough_bonus"])
    assert_ledger_adds_up(shop, member_id)


def test_the_last_day_counts_to_its_end_in_the_clubs_zone(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    assert post(shop, member_id, LAST_MOMENT) == Posted(done=False, expires_from=FIRST_DAY)
    assert shop.balance(member_id).available == 300
    assert post(shop, member_id, MIDNIGHT).done


def test_months_that_were_missed_are_caught_up_by_one_entry(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    shop.clock = FixedClock(datetime(2026, 11, 12, 12, tzinfo=UTC))
    shop.buy(member_id, 20_000)
    assert post(shop, member_id, datetime(2027, 3, 15, 12, tzinfo=UTC)).done
    entry = shop.entries(member_id)[0]
    assert [(change.lot.expires_on, change.amount) for change in entry.changes] == [
        (date(2026, 11, 30), -300),
        (date(2026, 12, 31), -600),
    ]
    assert entry.day == date(2026, 12, 31)


def test_a_second_look_posts_nothing(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    assert post(shop, member_id, MIDNIGHT).done
    assert not post(shop, member_id).done
    assert len(shop.entries(member_id)) == 2


def test_twenty_looks_at_once_post_everything_once(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    account_id, job = shop.account(member_id).account_id, at(shop, MIDNIGHT)
    with ThreadPoolExecutor(20) as pool:
        posted = list(pool.map(lambda _: job.post(account_id), range(20)))
    assert sum(each.done for each in posted) == 1
    assert len(shop.entries(member_id)) == 2
    assert_ledger_adds_up(shop, member_id)


def test_a_purchase_at_the_same_moment_loses_nothing(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    account_id, job = shop.account(member_id).account_id, at(shop, MIDNIGHT)
    with ThreadPoolExecutor(8) as pool:
        posting = pool.submit(job.post, account_id)
        list(pool.map(lambda _: shop.buy(member_id, 1_000), range(6)))
    assert posting.result().done
    assert shop.balance(member_id).total == 6 * 30
    assert_ledger_adds_up(shop, member_id)


def test_rewards_whose_last_day_is_over_go_with_the_same_visit(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    give_reward(shop, member_id, date(2026, 11, 30))
    post(shop, member_id, MIDNIGHT)
    assert shop.account(member_id).rewards == {}
    (change,) = shop.entries(member_id)[0].stamps
    assert change.rewards == ((RewardKey(date(2026, 11, 30), "rugbrod"), -1),)


def test_what_is_held_for_a_receipt_of_the_last_day_waits(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    hold(shop, member_id, MIDNIGHT + timedelta(minutes=10))
    assert post(shop, member_id, MIDNIGHT) == Posted(done=False, expires_from=FIRST_DAY)
    assert post(shop, member_id, MIDNIGHT + timedelta(hours=1)).done


def test_an_account_that_is_gone_has_nothing_to_lose(shop: Shop) -> None:
    assert expiry(shop).post("a0") == Posted(done=False, expires_from=None)


def test_posting_costs_four_write_units(shop: Shop) -> None:
    member_id = shop.new_member()
    shop.buy(member_id, 10_000)
    meter = UnitMeter()
    meter.attach(shop.client)
    assert post(shop, member_id, MIDNIGHT).done
    assert meter.written == 4


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
            post(shop, member_id)
            assert shop.balance(member_id).available == before.available
    account = shop.account(member_id)
    assert differences(account, list(shop.store.every_entry(account.account_id))) == []
    assert Proof(shop.store, shop.clock, COPENHAGEN).prove(account.account_id).differences == ()
    assert all(lot.expires_on >= shop.today() for lot in account.lots)
