"""Setting aside on the real engine: one of two tills wins, and what isn't used comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import replace
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stamkunde.ledger.model.coupons import BenefitKind, Coupon, CouponHistory
from stamkunde.ledger.model.entries import Entry
from stamkunde.ledger.model.holding import HOLD_TIME
from stamkunde.ledger.model.receipts import Basket, Line, Receipt, Redemption, RedemptionKind
from stamkunde.ledger.reservations import Reserved, Wish
from stamkunde.ledger.service import Booked
from stamkunde.shared.errors import Refusal
from stamkunde.shared.idempotency import WriteKey
from stamkunde.shared.ids import new_id
from stamkunde.shared.programme import Selection, StampProgramme
from tests.factories import LONG_AGO, NOON, THREE_PERCENT, make_basket, make_club
from tests.ledger_checks import assert_ledger_adds_up, every_row
from tests.shop import Shop
from tests.unit_meter import UnitMeter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

EXAMPLES = 500 if settings.get_current_profile_name() == "soak" else 15
RYE = Selection(("5701000000001",))
LOAF = Line("5701000000001", 1, 3_200)
BAKERY = replace(
    THREE_PERCENT,
    stamp_programmes=(StampProgramme("rugbrod", "Rugbrød", 10, "Gratis rugbrød", items=RYE, reward=RYE),),
)
BAG = Coupon("brodpose", 1, "Gratis brødpose", BenefitKind.FREE_ITEM, 0, LONG_AGO, NOON + timedelta(days=30), total=2)


@dataclass
class Counter:
    """A shop with a member who has something to use, at tills that set it aside."""

    client: DynamoDBClient
    coupons: Sequence[Coupon] = ()
    shop: Shop = field(init=False)
    member: str = field(init=False)

    def __post_init__(self) -> None:
        self.shop = Shop(self.client, club=make_club(programmes=(BAKERY,)))
        self.member = self.shop.new_member()
        store = self.shop.coupons.store
        for coupon in self.coupons:
            store.commit(store.publish_writes(None, CouponHistory((coupon,))))

    def wish(self, basket: Basket, key: str | None = None, member: str | None = None) -> Wish:
        content = str(hash((basket, member)))
        return Wish(basket, member or self.member, None, WriteKey(key or new_id("k"), content))

    def hold(self, basket: Basket, key: str | None = None, till: str = "kasse-1") -> Reserved:
        return self.shop.reservations.reserve(self.wish(basket, key), replace(self.shop.point, till_id=till))

    def capture(self, reserved: Reserved, *amounts: int, **given: Any) -> Entry:
        return self.shop.ledger.book(self.receipt(reserved, *amounts, **given), self.shop.point).entry

    def receipt(self, reserved: Reserved, *amounts: int, **given: Any) -> Receipt:
        return replace(self.shop.receipt(self.member, *amounts), reservation_id=reserved.reservation_id, **given)

    def fill_a_card(self) -> None:
        self.shop.ledger.book(
            replace(self.shop.receipt(self.member), basket=Basket((replace(LOAF, quantity=10, amount=32_000),), 0)),
            self.shop.point,
        )


def spend(bonus: int, *amounts: int) -> Basket:
    return make_basket(*(amounts or (50_000,)), spend_bonus=bonus)


def free_loaf() -> Basket:
    return Basket((LOAF,), 0, (Redemption(RedemptionKind.REWARD, "rugbrod"),))


def free_bag() -> Basket:
    return Basket((Line("1", 1, 500),), 0, (Redemption(RedemptionKind.COUPON, "brodpose"),))


def refusal_of(act: Callable[[], Any]) -> str:
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value.code


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    def attempt(act: Callable[[], Any]) -> Any:
        try:
            return act()
        except Refusal as refusal:
            return refusal.code

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(attempt, acts))


def test_what_is_held_is_spent_by_the_receipt_that_captures_it(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb)
    counter.shop.buy(counter.member, 100_000)
    reserved = counter.hold(spend(2_000))
    assert (reserved.settlement.spent, reserved.settlement.to_pay) == (2_000, 48_000)
    assert reserved.until == NOON + HOLD_TIME
    assert counter.shop.balance(counter.member).available == 1_000
    facts = counter.capture(reserved, 50_000).purchase
    assert facts is not None
    assert (facts.spent, facts.earned.amount) == (2_000, 1_440)
    balance = counter.shop.balance(counter.member)
    assert (balance.total, balance.available, balance.reserved) == (2_440, 2_440, 0)
    assert_ledger_adds_up(counter.shop, counter.member)


def test_the_same_key_gets_the_same_reservation_and_the_same_answer(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb)
    counter.shop.buy(counter.member, 100_000)
    counter.fill_a_card()
    basket = replace(free_loaf(), lines=(LOAF, Line("1", 1, 500)), spend_bonus=9_000)
    with pytest.raises(Refusal, match="not_enough_bonus"):
        counter.hold(replace(basket, lines=(LOAF, Line("1", 1, 500_000))), "first")
    first = counter.hold(basket, "first")
    counter.shop.buy(counter.member, 7_000)
    counter.shop.wait(timedelta(minutes=14))
    again = counter.hold(basket, "first")
    assert (first.repeated, again.repeated) == (False, True)
    assert (again.reservation_id, again.until) == (first.reservation_id, first.until)
    for told in ("total", "discount", "spent", "asked_to_spend", "paid_with_bonus", "to_pay", "earned"):
        assert getattr(again.settlement, told) == getattr(first.settlement, told), told
    assert [each.amount for each in again.settlement.benefits] == [3_200]
    assert counter.shop.balance(counter.member).reserved == 500


def test_the_same_key_with_another_basket_is_told_so_and_another_till_has_its_own_keys(
    dynamodb: DynamoDBClient,
) -> None:
    counter = Counter(dynamodb)
    counter.shop.buy(counter.member, 100_000)
    first = counter.hold(spend(1_000), "key")
    assert refusal_of(lambda: counter.hold(spend(1_001), "key")) == "idempotency_key_differs"
    assert counter.hold(spend(1_000), "key", till="kasse-2").reservation_id != first.reservation_id
    assert counter.shop.balance(counter.member).reserved == 2_000


def test_what_is_released_is_there_again_and_the_reservation_is_over(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb)
    counter.shop.buy(counter.member, 100_000)
    reserved = counter.hold(spend(3_000), "key")
    assert refusal_of(lambda: counter.shop.buy(counter.member, 5_000, spend_bonus=1)) == "not_enough_bonus"
    counter.shop.reservations.release(reserved.reservation_id)
    before = every_row(dynamodb)
    counter.shop.reservations.release(reserved.reservation_id)
    assert refusal_of(lambda: counter.capture(reserved)) == "reservation_over"
    assert refusal_of(lambda: counter.hold(spend(3_000), "key")) == "reservation_over"
    assert every_row(dynamodb) == before
    assert counter.shop.buy(counter.member, 5_000, spend_bonus=3_000).entry.purchase is not None


def test_a_reservation_is_captured_once_and_its_receipt_sent_again_gets_the_first_answer(
    dynamodb: DynamoDBClient,
) -> None:
    counter = Counter(dynamodb)
    counter.shop.buy(counter.member, 100_000)
    reserved = counter.hold(spend(1_000))
    receipt = counter.receipt(reserved, 5_000)
    first = counter.shop.ledger.book(receipt, counter.shop.point)
    counter.shop.wait(timedelta(days=3))
    again = counter.shop.ledger.book(receipt, counter.shop.point)
    assert (again.repeated, again.entry) == (True, first.entry)
    counter.shop.wait(timedelta(days=-3))
    assert refusal_of(lambda: counter.capture(reserved, 5_000)) == "reservation_over"
    assert refusal_of(lambda: counter.shop.reservations.release(reserved.reservation_id)) == "reservation_over"
    assert_ledger_adds_up(counter.shop, counter.member)


@pytest.mark.parametrize("unknown", ["h" + "0" * 32, "h" + "z" * 32])
def test_a_reservation_nobody_made_is_unknown(dynamodb: DynamoDBClient, unknown: str) -> None:
    counter = Counter(dynamodb)
    assert refusal_of(lambda: counter.shop.reservations.release(unknown)) == "unknown_reservation"
    receipt = replace(counter.shop.receipt(counter.member), reservation_id=unknown)
    assert refusal_of(lambda: counter.shop.ledger.book(receipt, counter.shop.point)) == "unknown_reservation"


def test_a_reservation_of_one_member_is_not_captured_by_another(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb)
    counter.shop.buy(counter.member, 100_000)
    reserved, other = counter.hold(spend(1_000)), counter.shop.new_member()
    stranger = replace(counter.receipt(reserved), member_id=other)
    assert refusal_of(lambda: counter.shop.ledger.book(stranger, counter.shop.point)) == "unknown_reservation"


def test_when_it_has_timed_out_it_is_there_for_others_and_its_own_receipt_is_told(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb)
    counter.shop.buy(counter.member, 100_000)
    reserved = counter.hold(spend(3_000))
    counter.shop.wait(HOLD_TIME - timedelta(milliseconds=1))
    assert refusal_of(lambda: counter.shop.buy(counter.member, 5_000, spend_bonus=1)) == "not_enough_bonus"
    counter.shop.wait(timedelta(milliseconds=1))
    assert refusal_of(lambda: counter.capture(reserved, 5_000)) == "reservation_over"
    counter.shop.buy(counter.member, 5_000, spend_bonus=2_900)
    told = counter.capture(reserved, 5_000, offline=True).purchase
    assert told is not None
    assert (told.spent, [(each.what, each.code) for each in told.refused]) == (163, [("bonus", "not_enough_bonus")])
    assert "redemption_refused" in told.flags
    assert_ledger_adds_up(counter.shop, counter.member)


def test_a_queued_receipt_of_a_released_reservation_is_booked_without_it(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb)
    counter.shop.buy(counter.member, 100_000)
    reserved = counter.hold(spend(3_000))
    counter.shop.reservations.release(reserved.reservation_id)
    told = counter.capture(reserved, 5_000, offline=True).purchase
    assert told is not None
    assert (told.spent, [(each.what, each.code) for each in told.refused]) == (
        0,
        [("reservation", "reservation_over")],
    )


def test_a_day_later_nobody_knows_it_any_more(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb)
    counter.shop.buy(counter.member, 100_000)
    reserved = counter.hold(spend(3_000))
    counter.shop.wait(timedelta(days=1, minutes=15))
    counter.shop.buy(counter.member, 100)
    assert counter.shop.account(counter.member).holds == {}
    assert refusal_of(lambda: counter.capture(reserved)) == "unknown_reservation"


def test_an_open_member_holds_nothing(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb)
    counter.member = counter.shop.new_member(accepts=False)
    counter.shop.buy(counter.member, 100_000)
    assert refusal_of(lambda: counter.hold(spend(100))) == "terms_not_accepted"


def test_two_tills_hold_the_same_bonus_and_one_wins(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb)
    counter.shop.buy(counter.member, 100_000)
    for _ in range(5):
        answers = at_once(*(partial(counter.hold, spend(3_000), till=f"kasse-{n}") for n in range(6)))
        winners = [each for each in answers if isinstance(each, Reserved)]
        assert len(winners) == 1
        assert [each for each in answers if isinstance(each, str)] == ["not_enough_bonus"] * 5
        counter.shop.reservations.release(winners[0].reservation_id)


def test_two_tills_want_the_last_reward_and_one_wins(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb)
    counter.fill_a_card()
    for _ in range(5):
        answers = at_once(*(partial(counter.hold, free_loaf(), till=f"kasse-{n}") for n in range(6)))
        winners = [each for each in answers if isinstance(each, Reserved)]
        assert sorted(map(str, (each for each in answers if isinstance(each, str)))) == ["no_reward"] * 5
        counter.shop.reservations.release(winners[0].reservation_id)


def test_one_key_from_many_threads_is_one_reservation(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb)
    counter.shop.buy(counter.member, 100_000)
    answers = at_once(*([lambda: counter.hold(spend(1_000), "key")] * 8))
    assert len({each.reservation_id for each in answers}) == 1
    assert [each.repeated for each in answers].count(False) == 1
    assert counter.shop.balance(counter.member).reserved == 1_000


def test_capture_and_release_at_once_and_one_wins(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb)
    counter.shop.buy(counter.member, 100_000)
    for _ in range(10):
        reserved = counter.hold(spend(100, 5_000))
        captured, released = at_once(
            partial(counter.capture, reserved, 5_000),
            partial(counter.shop.reservations.release, reserved.reservation_id),
        )
        assert (captured == "reservation_over") != (released == "reservation_over")
    assert counter.shop.balance(counter.member).reserved == 0
    assert_ledger_adds_up(counter.shop, counter.member)


def test_one_reservation_is_captured_by_one_of_many_receipts(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb)
    counter.shop.buy(counter.member, 100_000)
    reserved = counter.hold(spend(2_000))
    receipts = [counter.receipt(reserved, 5_000) for _ in range(8)]
    answers = at_once(*(partial(counter.shop.ledger.book, each, counter.shop.point) for each in receipts))
    assert len([each for each in answers if isinstance(each, Booked)]) == 1
    assert [each for each in answers if isinstance(each, str)] == ["reservation_over"] * 7


def test_of_the_last_bags_no_more_are_held_than_there_are(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb, coupons=[BAG])
    members = [counter.shop.new_member() for _ in range(6)]
    answers = at_once(
        *(
            lambda member=member: counter.shop.reservations.reserve(
                counter.wish(free_bag(), member=member), counter.shop.point
            )
            for member in members
        )
    )
    winners = [each for each in answers if isinstance(each, Reserved)]
    assert len(winners) == 2
    assert [each for each in answers if isinstance(each, str)] == ["coupon_sold_out"] * 4
    counter.shop.reservations.release(winners[0].reservation_id)
    late = counter.shop.reservations.reserve(counter.wish(free_bag()), counter.shop.point)
    assert counter.capture(late, 500).purchase is not None
    counter.member = counter.shop.new_member()
    assert refusal_of(lambda: counter.hold(free_bag())) == "coupon_sold_out"


def test_a_bag_that_was_held_too_long_goes_to_the_next(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb, coupons=[replace(BAG, total=1)])
    reserved, first = counter.hold(free_bag()), counter.member
    counter.shop.wait(HOLD_TIME + timedelta(seconds=11))
    counter.member = counter.shop.new_member()
    counter.capture(counter.hold(free_bag()), 500)
    counter.member = first
    told = counter.capture(reserved, 500, offline=True).purchase
    assert told is not None
    assert [(each.what, each.name, each.code) for each in told.refused] == [("coupon", "brodpose", "coupon_sold_out")]


def test_a_queued_receipt_still_gets_the_bag_that_nobody_took(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb, coupons=[replace(BAG, total=1)])
    reserved = counter.hold(free_bag())
    counter.shop.wait(timedelta(hours=2))
    told = counter.capture(reserved, 500, offline=True).purchase
    assert told is not None
    assert (told.discount, told.refused) == (500, ())
    counter.member = counter.shop.new_member()
    assert refusal_of(lambda: counter.hold(free_bag())) == "coupon_sold_out"


def test_a_queued_receipt_gets_the_last_bag_that_its_own_reservation_still_keeps(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb, coupons=[replace(BAG, total=1)])
    reserved = counter.hold(free_bag())
    counter.shop.wait(HOLD_TIME + timedelta(seconds=5))
    told = counter.capture(reserved, 500, offline=True).purchase
    assert told is not None
    assert (told.discount, told.refused) == (500, ())
    limit = counter.shop.coupons.store.limit("brodpose")
    assert limit is not None
    assert (limit.taken, limit.holds) == (1, {})


def sweep_by_a_fast_clock(counter: Counter) -> None:
    store = counter.shop.coupons.store
    limit = store.limit("brodpose")
    assert limit is not None
    sweep = store.sweep_write(limit, counter.shop.now() + HOLD_TIME + timedelta(minutes=1))
    assert sweep is not None
    store.commit([sweep])


def test_a_bag_that_a_fast_clock_let_go_of_is_taken_anew_while_there_are_any(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb, coupons=[replace(BAG, total=1)])
    reserved, first = counter.hold(free_bag()), counter.member
    sweep_by_a_fast_clock(counter)
    told = counter.capture(reserved, 500).purchase
    assert told is not None
    assert told.discount == 500
    counter.member = counter.shop.new_member()
    assert refusal_of(lambda: counter.hold(free_bag())) == "coupon_sold_out"
    assert_ledger_adds_up(counter.shop, first)


def test_a_bag_that_a_fast_clock_gave_to_the_next_is_sold_out(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb, coupons=[replace(BAG, total=1)])
    reserved, first = counter.hold(free_bag()), counter.member
    sweep_by_a_fast_clock(counter)
    counter.member = counter.shop.new_member()
    counter.capture(counter.hold(free_bag()), 500)
    counter.member = first
    assert refusal_of(lambda: counter.capture(reserved, 500)) == "coupon_sold_out"


def test_what_a_fast_clock_let_go_of_can_be_released(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb, coupons=[replace(BAG, total=1)])
    reserved = counter.hold(free_bag())
    sweep_by_a_fast_clock(counter)
    counter.shop.reservations.release(reserved.reservation_id)
    assert refusal_of(lambda: counter.capture(reserved, 500)) == "reservation_over"
    limit = counter.shop.coupons.store.limit("brodpose")
    assert limit is not None
    assert limit.taken == 0


def test_what_is_held_is_used_though_the_member_turns_out_to_have_used_it(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb, coupons=[BAG])
    winner, loser = counter.member, counter.shop.new_member()
    reserved = counter.hold(free_bag(), key="kasse-1-7")
    counter.member = loser
    counter.capture(counter.hold(free_bag()), 500)
    counter.shop.merging.merge(loser, winner, "Jens")
    counter.member = winner
    assert counter.hold(free_bag(), key="kasse-1-7").repeated
    told = counter.capture(reserved, 500).purchase
    assert told is not None
    assert told.discount == 500
    assert refusal_of(lambda: counter.hold(free_bag())) == "coupon_used"


def test_a_hold_and_a_release_cost_one_write_unit_and_two_reads(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb)
    counter.shop.buy(counter.member, 100_000)
    account_id = counter.shop.account(counter.member).account_id
    meter = UnitMeter()
    meter.attach(dynamodb)
    wish = replace(counter.wish(spend(1_000)), account_id=account_id)
    reserved = counter.shop.reservations.reserve(wish, counter.shop.point)
    assert (meter.written, meter.read, dict(meter.calls)) == (1, 1, {"Query": 1, "PutItem": 1})
    meter.reset()
    counter.shop.reservations.release(reserved.reservation_id)
    assert (meter.written, meter.read) == (1, 1)


def test_a_hold_of_a_limited_coupon_costs_four_write_units(dynamodb: DynamoDBClient) -> None:
    counter = Counter(dynamodb, coupons=[BAG])
    meter = UnitMeter()
    meter.attach(dynamodb)
    counter.hold(free_bag())
    assert meter.written == 4


moves = st.lists(
    st.tuples(st.sampled_from(["hold", "release", "capture", "late", "buy", "wait"]), st.integers(0, 2_000)),
    min_size=4,
    max_size=16,
)


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(moves)
def test_whatever_is_held_the_ledger_adds_up_and_nobody_owes(
    dynamodb: DynamoDBClient, steps: list[tuple[str, int]]
) -> None:
    counter = Counter(dynamodb)
    counter.shop.buy(counter.member, 100_000)
    known: list[Reserved] = []
    for move, amount in steps:
        try:
            _move(counter, known, move, amount)
        except Refusal as refusal:
            assert refusal.code in {
                "not_enough_bonus",
                "nothing_to_hold",
                "reservation_over",
                "too_many_reservations",
                "unknown_reservation",
            }
        balance = counter.shop.balance(counter.member)
        assert balance.available >= 0
        assert balance.available + balance.reserved == balance.total
    assert_ledger_adds_up(counter.shop, counter.member)


def _move(counter: Counter, known: list[Reserved], move: str, amount: int) -> None:
    chosen = known[amount % len(known)] if known else None
    match move:
        case "hold":
            known.append(counter.hold(spend(amount)))
        case "buy":
            counter.shop.buy(counter.member, 5_000, spend_bonus=amount)
        case "wait":
            counter.shop.wait(timedelta(minutes=amount % 20, days=amount // 1_900))
        case "release" if chosen:
            counter.shop.reservations.release(chosen.reservation_id)
        case "capture" | "late" if chosen:
            counter.capture(chosen, 10_000, offline=move == "late")
