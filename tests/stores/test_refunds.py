"""Refunds on the real engine: once, to the øre, whoever writes at the same time."""

from __future__ import annotations

from collections.abc import Callable
from copy import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stamkunde.ledger.model.coupons import CouponAudience
from stamkunde.ledger.model.entries import Entry, EntryKind
from stamkunde.ledger.model.receipts import Basket, Line
from stamkunde.ledger.model.reversal import Refund
from stamkunde.ledger.refunds import Refunded
from stamkunde.ledger.reservations import Wish
from stamkunde.ledger.service import Booked
from stamkunde.shared.errors import Refusal
from stamkunde.shared.idempotency import WriteKey
from tests.factories import NOON, make_basket, make_club
from tests.ledger_checks import assert_ledger_adds_up
from tests.refund_scene import ELSEWHERE, THREADS, facts, guard_of, in_threads, parked, refund_of, refused
from tests.shop import Shop
from tests.stores.test_coupons import CouponShop, code, coupon
from tests.unit_meter import UnitMeter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

EXAMPLES = 2_000 if settings.get_current_profile_name() == "soak" else 20


def test_a_void_leaves_the_account_as_if_nothing_had_been_bought(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    shop.buy(member, 100_000)
    before = shop.account(member).lots
    bought = shop.buy(member, 4_995, 2_500, spend_bonus=1_500)
    undone = shop.ledger.refunds.book(refund_of(bought), shop.point)
    assert shop.account(member).lots == before
    assert (facts(undone).amount, facts(undone).money_back, facts(undone).spent_back) == (7_495, 5_995, 1_500)
    assert (undone.entry.kind, undone.entry.day, undone.repeated) == (EntryKind.REFUND, shop.today(), False)
    assert_ledger_adds_up(shop, member)


def test_the_same_refund_again_gets_the_first_answer_whatever_has_happened_since(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    bought = shop.buy(member, 10_000, 5_000)
    refund = refund_of(bought, "R1", (0, 1))
    first = shop.ledger.refunds.book(refund, shop.point)
    shop.ledger.refunds.book(refund_of(bought, "R2"), shop.point)
    shop.buy(member, 7_777)
    shop.wait(timedelta(days=400))
    again = shop.ledger.refunds.book(refund, shop.point)
    assert (again.repeated, again.entry) == (True, first.entry)
    assert_ledger_adds_up(shop, member)


def test_the_same_number_with_other_content_is_refused(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    bought = shop.buy(shop.new_member(), 10_000, 5_000)
    shop.ledger.refunds.book(refund_of(bought, "R1", (0, 1)), shop.point)
    for other in (
        refund_of(bought, "R1", (1, 1)),
        refund_of(bought),
        refund_of(bought, "R1", (0, 1), refunded_at=NOON - timedelta(hours=2)),
    ):
        assert refused(shop, partial(shop.ledger.refunds.book, other, shop.point)) == (
            "receipt_differs",
            "/refund_number",
        )


def test_goods_come_back_at_another_outlet_under_its_own_number(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    bought = shop.buy(member, 10_000, 5_000)
    here = shop.ledger.refunds.book(refund_of(bought, "1", (0, 1)), shop.point)
    shop.wait(timedelta(seconds=1))
    there = shop.ledger.refunds.book(refund_of(bought, "1", (1, 1)), ELSEWHERE)
    assert (here.repeated, there.repeated) == (False, False)
    assert (there.entry.outlet_id, there.entry.till_id) == ("stationen", "kasse-9")
    assert shop.balance(member).total == 0
    assert [entry.entry_id for entry in shop.ledger.refunds_of(facts(here).purchase_id)] == [
        here.entry.entry_id,
        there.entry.entry_id,
    ]


def test_never_more_comes_back_than_was_sold_and_nothing_of_what_was_not(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    bought = shop.buy(shop.new_member(), 10_000)
    refunds = shop.ledger.refunds
    too_much = refund_of(bought, "R1", (0, 2))
    assert refused(shop, lambda: refunds.book(too_much, shop.point)) == ("refund_exceeds_sale", "/lines/0/quantity")
    refunds.book(refund_of(bought), shop.point)
    again = refund_of(bought, "R2", (0, 1))
    assert refused(shop, lambda: refunds.book(again, shop.point)) == ("refund_exceeds_sale", "/lines/0/quantity")
    unknown = replace(again, purchase_id="p" + "0" * 24)
    assert refused(shop, lambda: refunds.book(unknown, shop.point)) == ("unknown_purchase", None)


def test_another_clubs_purchase_is_unknown_here(dynamodb: DynamoDBClient) -> None:
    here, elsewhere = Shop(dynamodb), Shop(dynamodb, club=make_club(slug="sykkelhuset"))
    bought = elsewhere.buy(elsewhere.new_member())
    assert refused(here, lambda: here.ledger.refunds.book(refund_of(bought), here.point))[0] == "unknown_purchase"


def test_a_refund_is_late_or_ahead_as_a_receipt_is(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    sold = replace(shop.receipt(shop.new_member(), 1_000, 1_000), bought_at=NOON - timedelta(days=4))
    bought = shop.ledger.book(sold, shop.point)
    refunds = shop.ledger.refunds
    ahead = refund_of(bought, "R1", (0, 1), refunded_at=NOON + timedelta(minutes=4))
    assert facts(refunds.book(ahead, shop.point)).flags == ("clock_ahead",)
    late = refund_of(bought, "R2", (1, 1), refunded_at=NOON - timedelta(days=3))
    booked = refunds.book(late, shop.point)
    assert (facts(booked).flags, booked.entry.day) == (("late",), (NOON - timedelta(days=3)).date())
    for wrong, why in (
        (NOON + timedelta(hours=1), "receipt_in_future"),
        (NOON - timedelta(days=8), "receipt_too_old"),
    ):
        refund = refund_of(bought, "R3", refunded_at=wrong)
        assert refused(shop, partial(refunds.book, refund, shop.point)) == (why, "/refunded_at")


def test_nothing_comes_back_before_it_was_sold(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    bought = shop.buy(shop.new_member(), 1_000)
    refunds = shop.ledger.refunds
    before = refund_of(bought, "R1", refunded_at=NOON - timedelta(minutes=5, milliseconds=1))
    assert refused(shop, lambda: refunds.book(before, shop.point)) == ("invalid_field", "/refunded_at")
    by_a_slow_clock = refund_of(bought, "R2", refunded_at=NOON - timedelta(minutes=5))
    assert not refunds.book(by_a_slow_clock, shop.point).repeated


def test_what_was_spent_since_is_owed_and_paid_off_by_the_next_bonus(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    bought = shop.buy(member, 10_000)
    shop.buy(member, 300, spend_bonus=300)
    undone = shop.ledger.refunds.book(refund_of(bought), shop.point)
    assert (facts(undone).owed, undone.entry.balance.total, undone.entry.balance.available) == (300, -300, 0)
    assert shop.buy(member, 20_000).entry.balance.available == 300
    assert_ledger_adds_up(shop, member)


def test_an_open_members_bonus_goes_from_what_waits(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member(accepts=False)
    bought = shop.buy(member, 10_000, 5_000)
    shop.ledger.refunds.book(refund_of(bought, "R1", (0, 1)), shop.point)
    assert shop.balance(member).pending == 150


def test_a_purchase_from_before_refunds_can_come_back(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    bought = shop.buy(shop.new_member(), 10_000)
    assert guard_of(shop, bought).revision == 0
    shop.ledger.refunds.book(refund_of(bought), shop.point)
    assert guard_of(shop, bought).revision == 1


def test_a_customer_without_membership_gets_no_bonus_reckoned(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    receipt = replace(shop.receipt("", 10_000, 5_000), member_id=None)
    bought = shop.ledger.book(receipt, shop.point)
    part = shop.ledger.refunds.book(refund_of(bought, "R1", (0, 1)), shop.point)
    rest = shop.ledger.refunds.book(refund_of(bought, "R2"), shop.point)
    assert (facts(part).money_back, facts(rest).money_back) == (10_000, 5_000)
    assert (part.entry.account_id, part.entry.amount) == (bought.entry.account_id, 0)
    assert shop.ledger.refunds.book(refund_of(bought, "R2"), shop.point).repeated


def test_a_refund_of_a_member_who_is_gone_says_so(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    bought = shop.buy(member, 10_000)
    gone = replace(shop.account(member), members={})
    shop.store.commit([shop.store.account_write(shop.account(member), replace(gone, revision=gone.revision + 1))])
    book = partial(shop.ledger.refunds.book, refund_of(bought), shop.point)
    assert refused(shop, book)[0] == "not_a_member_purchase"
    guard = guard_of(shop, bought)
    erased = replace(guard, account_id="", entry_id="", revision=1)
    shop.store.commit([shop.store.guard_write(erased, guard)])
    assert refused(shop, book)[0] == "not_a_member_purchase"


def test_a_refund_goes_to_the_account_that_holds_the_member_now(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    first, other = shop.new_member(), shop.new_member()
    bought = shop.buy(first, 10_000)
    old, shared = shop.account(first), shop.account(other)
    together = replace(
        shared, members={**shared.members, **old.members}, lots=dict(old.lots), revision=shared.revision + 1
    )
    emptied = replace(old, members={}, lots={}, revision=old.revision + 1)
    shop.store.commit([shop.store.account_write(shared, together), shop.store.account_write(old, emptied)])
    refunds = replace(shop.ledger.refunds, find_account=lambda _: shared.account_id)
    booked = refunds.book(refund_of(bought), shop.point)
    assert booked.entry.account_id == shared.account_id
    assert shop.account(other).lots == {}
    assert refunds.book(refund_of(bought), shop.point).repeated


def test_a_refund_finds_a_member_who_was_merged_into_another(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    merged, kept = shop.new_member(), shop.new_member()
    bought = shop.buy(merged, 10_000)
    old, account = shop.account(merged), shop.account(kept)
    known = replace(account.members[kept], formerly=(merged,))
    together = replace(account, lots=old.lots, members={kept: known}, revision=account.revision + 1)
    emptied = replace(old, members={}, lots={}, revision=old.revision + 1)
    shop.store.commit([shop.store.account_write(account, together), shop.store.account_write(old, emptied)])
    refunds = replace(shop.ledger.refunds, find_account=lambda _: account.account_id)
    booked = refunds.book(refund_of(bought), shop.point)
    assert (booked.entry.account_id, booked.entry.member_id) == (account.account_id, kept)
    assert shop.account(kept).lots == {}


def test_a_receipt_comes_back_in_so_many_parts_at_most(
    dynamodb: DynamoDBClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stamkunde.ledger.refunds.MOST_REFUNDS", 3)
    shop = Shop(dynamodb)
    bought = shop.buy(shop.new_member(), 1_000, 1_000, 1_000, 1_000)
    waiting = shop.receipt(shop.new_member(), 1_000, 1_000, 1_000, 1_000)
    for place in range(3):
        shop.ledger.refunds.book(refund_of(bought, str(place), (place, 1)), shop.point)
        shop.ledger.refunds.book_or_park(parked(shop, waiting, str(place), (place, 1)), shop.point)
    one_more = refund_of(bought, "R", (3, 1))
    assert refused(shop, lambda: shop.ledger.refunds.book(one_more, shop.point))[0] == "too_many_refunds"
    parked_too = parked(shop, waiting, "R", (3, 1))
    assert refused(shop, lambda: shop.ledger.refunds.book_or_park(parked_too, shop.point))[0] == "too_many_refunds"


# Races


def test_twenty_identical_refunds_count_once(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    bought = shop.buy(member, 10_000, 5_000)
    refund = refund_of(bought, "R1", (0, 1))
    answers = in_threads(shop, [lambda: shop.ledger.refunds.book(refund, shop.point)] * THREADS)
    assert all(isinstance(answer, Refunded) for answer in answers)
    assert sum(not answer.repeated for answer in answers) == 1
    assert len({answer.entry.entry_id for answer in answers}) == 1
    assert shop.balance(member).total == 150
    assert_ledger_adds_up(shop, member)


def test_two_parts_at_once_both_count_and_the_same_unit_only_once(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    bought = shop.buy(member, 10_000, 5_000, 2_500)
    refunds = [
        refund_of(bought, "R1", (0, 1)),
        refund_of(bought, "R2", (1, 1)),
        refund_of(bought, "R3", (2, 1)),
        refund_of(bought, "R4", (2, 1)),
    ]
    jobs = [partial(shop.ledger.refunds.book, each, shop.point) for each in refunds]
    answers = in_threads(shop, jobs)
    assert sorted(isinstance(answer, Refunded) for answer in answers) == [False, True, True, True]
    assert {answer.code for answer in answers if isinstance(answer, Refusal)} == {"refund_exceeds_sale"}
    assert (shop.balance(member).total, guard_of(shop, bought).refunded) == (0, {0: 1, 1: 1, 2: 1})
    assert_ledger_adds_up(shop, member)


def test_a_refund_against_spending_loses_nothing(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    bought = shop.buy(member, 100_000)
    receipts = [shop.receipt(member, 0, 300, spend_bonus=300) for _ in range(THREADS // 2)]
    jobs: list[Callable[[], Any]] = [partial(shop.ledger.book, each, shop.point) for each in receipts]
    jobs.insert(THREADS // 4, lambda: shop.ledger.refunds.book(refund_of(bought), shop.point))
    answers = in_threads(shop, jobs)
    spent = 300 * sum(isinstance(answer, Booked) for answer in answers)
    (undone,) = [answer for answer in answers if isinstance(answer, Refunded)]
    assert shop.balance(member).total == -spent
    assert facts(undone).taken_back == 3_000
    assert_ledger_adds_up(shop, member)


# What it costs


def test_a_refund_costs_six_write_units_and_three_read_units(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb, clock=_Months())
    member = shop.new_member()
    for _ in range(36):
        shop.buy(member, 123_456)
        shop.wait(timedelta(days=30.5))
    basket = Basket(tuple(Line(f"57010010{n:05d}", 12, 123_456) for n in range(12)), 50_000)
    bought = shop.ledger.book(replace(shop.receipt(member), basket=basket), shop.point)
    meter = UnitMeter()
    meter.attach(dynamodb)
    for number in range(3):
        meter.reset()
        shop.ledger.refunds.book(refund_of(bought, f"1002341{number}", *((n, 4) for n in range(12))), shop.point)
        assert meter.written <= 6
        assert meter.read <= 3
        assert dict(meter.calls) == {"GetItem": 2, "Query": 1, "TransactWriteItems": 1}


class _Months:
    def now(self) -> datetime:
        return datetime(2026, 1, 5, 12, tzinfo=UTC)


plans = st.lists(
    st.tuples(
        st.sampled_from(["buy", "refund", "refund", "refund", "void", "again", "wait"]),
        st.integers(0, 5),
        st.lists(st.integers(0, 50_000), min_size=1, max_size=3),
    ),
    min_size=2,
    max_size=14,
)


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plans)
def test_whatever_comes_back_the_ledger_adds_up(
    dynamodb: DynamoDBClient, plan: list[tuple[str, int, list[int]]]
) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    bought: list[Booked] = [shop.buy(member, 60_000)]
    sent: list[tuple[Refund, Entry]] = []
    for step, (what, which, amounts) in enumerate(plan):
        if what == "buy":
            available = shop.balance(member).available
            bought.append(shop.buy(member, *amounts, spend_bonus=min(available, sum(amounts))))
        elif what == "wait":
            shop.wait(timedelta(days=100 * (which + 1)))
        elif what == "again" and sent:
            refund, entry = sent[which % len(sent)]
            assert shop.ledger.refunds.book(refund, shop.point) == Refunded(entry, repeated=True)
        else:
            sale = bought[which % len(bought)]
            assert sale.entry.purchase is not None
            lines = () if what == "void" else ((which % len(sale.entry.purchase.lines), 1),)
            refund = refund_of(sale, f"R{step}", *lines, refunded_at=shop.now())
            try:
                sent.append((refund, shop.ledger.refunds.book(refund, shop.point).entry))
            except Refusal as refusal:
                assert refusal.code == "refund_exceeds_sale"
        assert_ledger_adds_up(shop, member)


# Coupons and codes


@pytest.fixture
def coupons(dynamodb: DynamoDBClient) -> CouponShop:
    return CouponShop(dynamodb)


def test_a_coupon_comes_back_to_the_member_and_one_of_its_total_to_all(coupons: CouponShop) -> None:
    coupons.publish(total=1)
    member, other = coupons.new_member(), coupons.new_member()
    used = coupons.use(member, coupon())
    assert refused(coupons, lambda: coupons.use(other, coupon()))[0] == "coupon_sold_out"
    first = coupons.ledger.refunds.book(refund_of(used, "R1", (1, 1)), coupons.point)
    assert (facts(first).benefits_back, facts(first).amount) == ((), 2_500)
    rest = coupons.ledger.refunds.book(refund_of(used, "R2"), coupons.point)
    assert [(each.name, each.title) for each in facts(rest).benefits_back] == [("fastelavn", "Gratis bolle")]
    assert [(use.coupon_id, use.used) for use in rest.entry.uses] == [("fastelavn", -1)]
    assert coupons.account(member).uses["fastelavn", member].used == 0
    assert not coupons.use(other, coupon()).repeated
    assert refused(coupons, lambda: coupons.use(member, coupon()))[0] == "coupon_sold_out"
    assert_ledger_adds_up(coupons, member)


def test_a_single_use_code_can_be_used_again_also_without_a_member(coupons: CouponShop) -> None:
    coupons.publish(audience=CouponAudience.CODE, uses_per_member=None, total=5)
    (typed,) = coupons.desk().make_codes("fastelavn", 1)
    used = coupons.use(None, code(typed))
    assert refused(coupons, lambda: coupons.use(None, code(typed)))[0] == "code_used"
    back = coupons.ledger.refunds.book(refund_of(used), coupons.point)
    assert [each.name for each in facts(back).benefits_back] == ["fastelavn"]
    assert not coupons.use(coupons.new_member(), code(typed)).repeated
    limit = coupons.store.coupons.limit("fastelavn")
    assert limit is not None
    assert limit.taken == 1


def test_giving_a_coupon_of_a_total_back_costs_four_write_units_more(coupons: CouponShop) -> None:
    coupons.publish(total=3)
    member = coupons.new_member()
    used = coupons.use(member, coupon())
    meter = UnitMeter()
    meter.attach(coupons.client)
    coupons.ledger.refunds.book(refund_of(used), coupons.point)
    assert (meter.written, meter.calls["TransactWriteItems"]) == (10, 1)


def test_twenty_voids_of_a_code_free_it_once(coupons: CouponShop) -> None:
    coupons.publish(audience=CouponAudience.CODE, uses_per_member=None, total=5)
    (typed,) = coupons.desk().make_codes("fastelavn", 1)
    used = coupons.use(None, code(typed))
    voids = [refund_of(used, f"R{number}") for number in range(THREADS)]
    jobs = [partial(coupons.ledger.refunds.book, each, coupons.point) for each in voids]
    answers = in_threads(coupons, jobs)
    assert sum(isinstance(answer, Refunded) for answer in answers) == 1
    assert {answer.code for answer in answers if isinstance(answer, Refusal)} == {"refund_exceeds_sale"}
    limit = coupons.store.coupons.limit("fastelavn")
    assert limit is not None
    assert limit.taken == 0


def test_what_is_held_at_a_till_can_still_be_used_after_a_refund(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    member = shop.new_member()
    bought = shop.buy(member, 10_000)
    wish = Wish(make_basket(5_000, spend_bonus=300), member, None, WriteKey("k1", "0" * 32))
    held = shop.reservations.reserve(wish, shop.point)
    undone = shop.ledger.refunds.book(refund_of(bought), shop.point)
    assert (facts(undone).owed, undone.entry.balance.reserved) == (300, 300)
    captured = replace(shop.receipt(member, 5_000), reservation_id=held.reservation_id)
    entry = shop.ledger.book(captured, shop.point).entry
    assert entry.purchase is not None
    assert entry.purchase.spent == 300
    assert shop.account(member).deficit == 300 - 5_000 * 300 // 10_000 + 300 * 300 // 10_000
    assert_ledger_adds_up(shop, member)
