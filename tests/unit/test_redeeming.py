"""What rewards, coupons and codes take off a receipt: never too much, to the øre, and in no order's favour."""

from __future__ import annotations

from copy import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.ledger.model.accounts import Account, CouponUse, Hold, RewardKey
from stamkunde.ledger.model.coupons import BenefitKind, Coupon, CouponAudience, FoundCode
from stamkunde.ledger.model.earning import Occasion
from stamkunde.ledger.model.receipts import Line, LineKind, Redemption, RedemptionKind
from stamkunde.ledger.model.redeeming import Counter, Offers
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import EVERYTHING, Hours, Selection, StampProgramme
from tests.factories import COPENHAGEN, NOON, make_account

MEMBER = "m0000000000000001"
LAST_DAY = date(2026, 12, 31)
BREAD = StampProgramme("rugbrod", "Rugbrød", 10, "gratis rugbrød", reward=Selection(item_groups=("rugbrod",)))


def make_coupon(**given: Any) -> Coupon:
    standard: dict[str, Any] = {
        "coupon_id": "kupon",
        "version": 1,
        "name": "Kupon",
        "benefit": BenefitKind.FREE_ITEM,
        "value": 0,
        "valid_from": NOON - timedelta(days=1),
        "valid_until": NOON + timedelta(days=1),
    }
    return Coupon(**(standard | given))


def line(group: str, quantity: int, amount: int, kind: LineKind = LineKind.GOODS) -> Line:
    return Line(f"number-{group}", quantity, amount, group, kind)


def use(name: str) -> Redemption:
    return Redemption(RedemptionKind.COUPON, name)


def offering(*coupons: Coupon, **given: Any) -> Offers:
    return Offers(
        stamp_programmes={BREAD.stamp_programme_id: BREAD},
        coupons={each.coupon_id: each for each in coupons},
        **given,
    )


def counting(
    lines: list[Line],
    offers: Offers,
    account: Account | None = None,
    *,
    at: datetime = NOON,
    outlet: str = "banegaarden",
    held: tuple[str, ...] = (),
) -> Counter:
    return Counter(lines, account or make_account(), MEMBER, offers, Occasion(outlet, at, COPENHAGEN), held)


def refusal_of(counter: Counter, redemption: Redemption) -> str:
    before = (list(counter.nets), dict(counter.free_units), list(counter.benefits), dict(counter.uses))
    with pytest.raises(Refusal) as refused:
        counter.redeem(redemption)
    assert (counter.nets, counter.free_units, counter.benefits, counter.uses) == before
    return refused.value.code


def test_the_cheapest_unit_is_free_and_the_first_of_those_that_cost_alike() -> None:
    lines = [line("kage", 1, 3000), line("bolle", 3, 3600), line("bolle", 1, 1200)]
    counter = counting(lines, offering(make_coupon(items=Selection(item_groups=("kage", "bolle")))))
    counter.redeem(use("kupon"))
    assert counter.nets == [3000, 2400, 1200]
    assert counter.free_units == {1: 1}


def test_a_unit_that_costs_nothing_uses_nothing_up() -> None:
    counter = counting([line("bolle", 1, 0), line("bolle", 0, 500)], offering(make_coupon()))
    assert refusal_of(counter, use("kupon")) == "coupon_item_missing"


def test_units_of_a_line_that_cannot_be_divided_evenly_are_free_without_losing_an_ore() -> None:
    counter = counting([line("bolle", 3, 100)], offering(make_coupon(uses_per_member=None)))
    for left in (67, 34, 0):
        counter.redeem(use("kupon"))
        assert counter.nets == [left]
    assert refusal_of(counter, use("kupon")) == "coupon_item_missing"


def test_nothing_is_taken_off_gift_cards_and_deposits() -> None:
    lines = [line("gavekort", 1, 50_000, LineKind.GIFT_CARD), line("pant", 4, 400, LineKind.DEPOSIT)]
    for benefit, value in ((BenefitKind.FREE_ITEM, 0), (BenefitKind.AMOUNT_OFF, 500), (BenefitKind.PERCENT_OFF, 500)):
        counter = counting(lines, offering(make_coupon(benefit=benefit, value=value)))
        assert refusal_of(counter, use("kupon")) == "coupon_item_missing"


def test_an_amount_is_spread_over_its_goods_by_what_they_cost() -> None:
    coupon = make_coupon(benefit=BenefitKind.AMOUNT_OFF, value=100, items=Selection(item_groups=("a", "b")))
    counter = counting([line("a", 1, 1000), line("c", 1, 9000), line("b", 1, 500)], offering(coupon))
    counter.redeem(use("kupon"))
    assert counter.benefits[0].discounts == ((0, 66), (2, 34))


def test_an_amount_is_never_more_than_its_goods() -> None:
    coupon = make_coupon(benefit=BenefitKind.AMOUNT_OFF, value=5000, items=Selection(item_groups=("a",)))
    counter = counting([line("a", 1, 1000), line("c", 1, 9000)], offering(coupon))
    counter.redeem(use("kupon"))
    assert counter.nets == [0, 9000]


def test_a_percentage_is_rounded_down_once_and_taken_once() -> None:
    coupon = make_coupon(benefit=BenefitKind.PERCENT_OFF, value=2500, uses_per_member=None)
    counter = counting([line("a", 1, 333), line("b", 1, 333)], offering(coupon))
    counter.redeem(use("kupon"))
    assert counter.benefits[0].amount == 166
    assert refusal_of(counter, use("kupon")) == "coupon_too_many"


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (datetime(2026, 11, 20, 12, tzinfo=UTC), None),
        (datetime(2026, 11, 20, 11, 59, 59, tzinfo=UTC), "coupon_not_now"),
        (datetime(2026, 11, 22, 12, tzinfo=UTC), "coupon_not_now"),
        (datetime(2026, 11, 22, 11, 59, 59, tzinfo=UTC), None),
    ],
)
def test_a_window_begins_with_its_first_instant_and_ends_before_its_last(at: datetime, code: str | None) -> None:
    counter = counting([line("a", 1, 1000)], offering(make_coupon()), at=at)
    if code is None:
        counter.redeem(use("kupon"))
    else:
        assert refusal_of(counter, use("kupon")) == code


def test_an_offer_for_an_hour_is_over_when_the_clock_in_the_shop_says_so() -> None:
    coupon = make_coupon(hours=Hours((6,), time(13), time(14)))
    assert refusal_of(counting([line("a", 1, 9)], offering(coupon), at=NOON + timedelta(hours=1)), use("kupon")) == (
        "coupon_not_now"
    )
    counting([line("a", 1, 9)], offering(coupon), at=NOON).redeem(use("kupon"))


def test_a_coupon_of_one_shop_is_refused_in_another() -> None:
    counter = counting([line("a", 1, 1000)], offering(make_coupon(outlets=("trojborg",))))
    assert refusal_of(counter, use("kupon")) == "coupon_not_here"


def test_what_must_be_bought_too_is_another_unit_than_the_free_one() -> None:
    cake = Selection(item_groups=("kage",))
    offers = offering(make_coupon(items=cake, required_items=cake))
    assert refusal_of(counting([line("kage", 1, 3000)], offers), use("kupon")) == "coupon_conditions"
    assert refusal_of(counting([line("kage", 1, 9, LineKind.DEPOSIT)], offers), use("kupon")) == "coupon_conditions"
    counting([line("kage", 2, 6000)], offers).redeem(use("kupon"))
    counting([line("kage", 0, 500), line("kage", 1, 3000)], offers).redeem(use("kupon"))


def test_a_least_amount_is_of_goods_before_any_benefit() -> None:
    rebate = make_coupon(coupon_id="rabat", benefit=BenefitKind.AMOUNT_OFF, value=500, minimum_amount=10_000)
    offers = offering(rebate, make_coupon())
    counter = counting([line("a", 2, 10_000)], offers)
    counter.redeem(use("kupon"))
    counter.redeem(use("rabat"))
    assert counter.nets == [4500]
    gift_card = [line("a", 1, 9_999), line("gavekort", 1, 50_000, LineKind.GIFT_CARD)]
    assert refusal_of(counting(gift_card, offers), use("rabat")) == "coupon_conditions"


def test_a_coupon_is_used_as_often_as_it_says_over_all_receipts() -> None:
    account = make_account(uses={("kupon", MEMBER): CouponUse(1), ("kupon", "m2"): CouponUse(9)})
    counter = counting([line("a", 5, 5000)], offering(make_coupon(uses_per_member=2)), account)
    counter.redeem(use("kupon"))
    assert counter.uses["kupon"].used == 2
    assert refusal_of(counter, use("kupon")) == "coupon_used"


def test_what_is_held_for_another_receipt_counts_as_used() -> None:
    hold = Hold(MEMBER, NOON + timedelta(minutes=5), coupons=("kupon",))
    offers = offering(make_coupon())
    lines = [line("a", 1, 1000)]
    assert refusal_of(counting(lines, offers, make_account(holds={"h1": hold})), use("kupon")) == "coupon_used"
    for free in (replace(hold, until=NOON), replace(hold, ended=True), replace(hold, member_id="m2")):
        counting(lines, offers, make_account(holds={"h1": free})).redeem(use("kupon"))


def test_what_was_held_for_this_receipt_may_end_meanwhile() -> None:
    account = make_account(uses={("kupon", MEMBER): CouponUse(0, 1, date(2026, 11, 20))})
    coupon = make_coupon(valid_until=NOON, audience=CouponAudience.VOUCHER, total=1)
    offers = offering(coupon, left={"kupon": 0})
    counter = counting([line("a", 2, 1000)], offers, account, held=("kupon",))
    counter.redeem(use("kupon"))
    assert counter.benefits[0].limited
    assert refusal_of(counter, use("kupon")) == "coupon_not_now"


def test_a_voucher_is_needed_and_used_up() -> None:
    offers = offering(make_coupon(audience=CouponAudience.VOUCHER))
    lines = [line("a", 2, 1000)]
    assert refusal_of(counting(lines, offers), use("kupon")) == "coupon_no_voucher"
    account = make_account(uses={("kupon", MEMBER): CouponUse(0, 1, date(2026, 11, 21))})
    counter = counting(lines, offers, account)
    counter.redeem(use("kupon"))
    assert refusal_of(counter, use("kupon")) == "coupon_used"
    late = counting(lines, offers, account, at=NOON + timedelta(hours=12))
    assert refusal_of(late, use("kupon")) == "coupon_no_voucher"


def test_of_vouchers_too_no_more_are_used_than_a_member_may() -> None:
    """Two members with a voucher each turn out to be one person."""
    offers = offering(make_coupon(audience=CouponAudience.VOUCHER, uses_per_member=1))
    account = make_account(uses={("kupon", MEMBER): CouponUse(1, 2)})
    assert refusal_of(counting([line("a", 2, 1000)], offers, account), use("kupon")) == "coupon_used"


@pytest.mark.parametrize("audience", [CouponAudience.EVERY_MEMBER, CouponAudience.VOUCHER])
def test_what_is_held_for_this_receipt_is_used_whatever_was_found_of_the_member(audience: CouponAudience) -> None:
    account = make_account(uses={("kupon", MEMBER): CouponUse(1, 2)})
    counter = counting([line("a", 2, 1000)], offering(make_coupon(audience=audience)), account, held=("kupon",))
    counter.redeem(use("kupon"))
    assert counter.uses["kupon"].used == 2
    assert refusal_of(counter, use("kupon")) == "coupon_used"


def test_what_must_be_bought_is_bought_for_one_use() -> None:
    buns = make_coupon(required_items=Selection(item_groups=("kaffe",)), items=Selection(item_groups=("bolle",)))
    rebate = make_coupon(benefit=BenefitKind.AMOUNT_OFF, value=2000, minimum_amount=10_000)
    lines = [line("kaffe", 1, 2000), line("bolle", 9, 13_500)]
    for coupon in (buns, rebate):
        counter = counting(lines, offering(replace(coupon, uses_per_member=None)))
        counter.redeem(use("kupon"))
        assert refusal_of(counter, use("kupon")) == "coupon_too_many"


def test_no_more_is_used_than_is_left_of_a_total() -> None:
    offers = offering(make_coupon(total=40, uses_per_member=None), left={"kupon": 1})
    counter = counting([line("a", 5, 5000)], offers)
    counter.redeem(use("kupon"))
    assert refusal_of(counter, use("kupon")) == "coupon_sold_out"


def test_a_code_needs_no_member_and_is_used_once() -> None:
    codes = {"k1": FoundCode("kupon", "h1", used=False), "k2": FoundCode("kupon", "h2", used=True)}
    offers = offering(make_coupon(audience=CouponAudience.CODE, uses_per_member=None), codes=codes)
    counter = Counter([line("a", 5, 5000)], None, None, offers, Occasion("banegaarden", NOON, COPENHAGEN))
    counter.redeem(Redemption(RedemptionKind.CODE, "k1"))
    assert counter.benefits[0].code_hash == "h1"
    for typed, code in (("k1", "code_used"), ("k2", "code_used"), ("k3", "code_unknown")):
        assert refusal_of(counter, Redemption(RedemptionKind.CODE, typed)) == code
    assert refusal_of(counter, use("kupon")) == "unknown_member"


def test_a_coupon_takes_as_many_codes_of_a_receipt_as_one_may_use() -> None:
    codes = {each: FoundCode("kupon", each, used=False) for each in ("k1", "k2")}
    offers = offering(make_coupon(audience=CouponAudience.CODE), codes=codes)
    counter = counting([line("a", 5, 5000)], offers)
    counter.redeem(Redemption(RedemptionKind.CODE, "k1"))
    assert refusal_of(counter, Redemption(RedemptionKind.CODE, "k2")) == "coupon_too_many"
    assert refusal_of(counter, use("kupon")) == "coupon_unknown"


def test_the_reward_that_ends_soonest_is_used_and_an_ended_one_never() -> None:
    rewards = {
        RewardKey(date(2026, 11, 20), "rugbrod"): 1,
        RewardKey(LAST_DAY, "rugbrod"): 1,
        RewardKey(date(2026, 11, 30), "rugbrod"): 1,
    }
    counter = counting([line("rugbrod", 5, 5000)], offering(), make_account(rewards=rewards))
    reward = Redemption(RedemptionKind.REWARD, "rugbrod")
    counter.redeem(reward)
    counter.redeem(reward)
    assert [each.reward_expires_on for each in counter.benefits] == [date(2026, 11, 30), LAST_DAY]
    assert refusal_of(counter, reward) == "no_reward"


def test_a_reward_without_its_goods_is_kept() -> None:
    account = make_account(rewards={RewardKey(LAST_DAY, "rugbrod"): 1})
    counter = counting([line("kage", 1, 3000)], offering(), account)
    assert refusal_of(counter, Redemption(RedemptionKind.REWARD, "rugbrod")) == "coupon_item_missing"


def test_an_open_member_uses_nothing() -> None:
    counter = counting([line("a", 1, 1000)], offering(make_coupon()), make_account(terms_version=0))
    assert refusal_of(counter, use("kupon")) == "terms_not_accepted"


def test_narrow_offers_come_off_before_wide_ones_whichever_is_named_first() -> None:
    cake = make_coupon(coupon_id="kage", items=Selection(item_groups=("kage",)))
    offers = offering(make_coupon(coupon_id="alt"), cake)
    lines = [line("kage", 1, 1000), line("brod", 1, 3000)]
    for named in ((use("alt"), use("kage")), (use("kage"), use("alt"))):
        counter = counting(lines, offers)
        for each in counter.in_turn(named):
            counter.redeem(each)
        assert counter.nets == [0, 0]


GROUPS = ("a", "b", "c")
LINES = st.lists(
    st.builds(
        line,
        st.sampled_from(GROUPS),
        st.integers(0, 5),
        st.integers(0, 10_000),
        st.sampled_from([LineKind.GOODS, LineKind.GOODS, LineKind.GOODS, LineKind.DEPOSIT]),
    ),
    min_size=1,
    max_size=6,
)
SELECTIONS = st.sampled_from([EVERYTHING, *(Selection(item_groups=(group,)) for group in GROUPS)])
COUPONS = st.lists(
    st.builds(
        lambda benefit, value, items: make_coupon(benefit=benefit, value=value, items=items, uses_per_member=None),
        st.sampled_from(BenefitKind),
        st.integers(1, 10_000),
        SELECTIONS,
    ),
    min_size=1,
    max_size=5,
).map(lambda found: [replace(each, coupon_id=f"kupon-{place}") for place, each in enumerate(found)])


def taken_off(lines: list[Line], coupons: list[Coupon], named: list[Redemption]) -> Counter:
    counter = counting(lines, offering(*coupons))
    for each in counter.in_turn(named):
        try:
            counter.redeem(each)
        except Refusal as refusal:
            assert refusal.code in {"coupon_item_missing", "coupon_too_many"}
    return counter


@given(LINES, COUPONS, st.data())
def test_whatever_is_redeemed_no_line_costs_less_than_nothing_and_discounts_add_up(
    lines: list[Line], coupons: list[Coupon], data: st.DataObject
) -> None:
    named = data.draw(st.lists(st.sampled_from([use(each.coupon_id) for each in coupons]), max_size=8))
    counter = taken_off(lines, coupons, named)
    assert all(0 <= net <= each.amount for net, each in zip(counter.nets, lines, strict=True))
    off = [0] * len(lines)
    for benefit in counter.benefits:
        assert benefit.amount > 0
        for place, amount in benefit.discounts:
            assert amount > 0
            off[place] += amount
    assert counter.nets == [each.amount - less for each, less in zip(lines, off, strict=True)]
    assert all(units <= lines[place].quantity for place, units in counter.free_units.items())
    untouched = [place for place, each in enumerate(lines) if each.kind is not LineKind.GOODS]
    assert all(off[place] == 0 for place in untouched)


@given(LINES, COUPONS, st.data())
def test_the_order_of_redemptions_changes_nothing(
    lines: list[Line], coupons: list[Coupon], data: st.DataObject
) -> None:
    named = data.draw(st.lists(st.sampled_from([use(each.coupon_id) for each in coupons]), max_size=6))
    other = data.draw(st.permutations(named))
    first, second = taken_off(lines, coupons, named), taken_off(lines, coupons, other)
    assert (first.nets, first.benefits, first.uses) == (second.nets, second.benefits, second.uses)


@given(LINES, st.integers(1, 100_000), SELECTIONS)
def test_an_amount_comes_off_in_full_or_as_far_as_its_goods_reach(
    lines: list[Line], value: int, items: Selection
) -> None:
    coupon = make_coupon(benefit=BenefitKind.AMOUNT_OFF, value=value, items=items)
    reach = sum(
        each.amount
        for each in lines
        if each.kind is LineKind.GOODS and items.takes(each.item_number, each.item_group)
    )
    counter = taken_off(lines, [coupon], [use("kupon")])
    assert sum(each.amount for each in counter.benefits) == min(value, reach)
    assert sum(counter.nets) == sum(each.amount for each in lines) - min(value, reach)
