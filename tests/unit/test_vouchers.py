"""Vouchers: a new one neither ends an older one sooner nor brings back what has lapsed."""

from __future__ import annotations

from copy import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.ledger.model.accounts import Account, CouponUse, Hold
from stamkunde.ledger.model.coupons import BenefitKind, Coupon, CouponAudience
from stamkunde.ledger.model.entries import UseChange
from stamkunde.ledger.model.vouchers import voucher_coupon, with_voucher
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import Selection
from tests.factories import NOON, make_account

MEMBER = "m0000000000000001"
TODAY = NOON.date()
TOMORROW, YESTERDAY = TODAY + timedelta(days=1), TODAY - timedelta(days=1)
GIVEN = UseChange("bolle", used=0, vouchers=1)

days = st.none() | st.integers(-3, 3).map(lambda number: TODAY + timedelta(days=number))


def make_coupon(**given: Any) -> Coupon:
    standard: dict[str, Any] = {
        "coupon_id": "bolle",
        "version": 1,
        "name": "Gratis bolle",
        "benefit": BenefitKind.FREE_ITEM,
        "value": 0,
        "valid_from": NOON - timedelta(days=9),
        "valid_until": NOON + timedelta(days=9),
        "items": Selection(("bun",)),
        "audience": CouponAudience.VOUCHER,
        "uses_per_member": None,
    }
    return Coupon(**(standard | given))


def having(used: int, vouchers: int, last_day: date | None) -> Account:
    return replace(make_account(), uses={("bolle", MEMBER): CouponUse(used, vouchers, last_day)})


def give(
    account: Account, last_day: date | None = None, coupon: Coupon | None = None
) -> tuple[Account, tuple[UseChange, ...]]:
    given = with_voucher(account, MEMBER, coupon or make_coupon(), TODAY, NOON, last_day)
    return given.account, given.changes


def test_a_member_is_given_as_many_vouchers_as_may_be_used() -> None:
    coupon = make_coupon(uses_per_member=2)
    account = make_account()
    for number in (1, 2):
        account, changes = give(account, coupon=coupon)
        assert account.uses["bolle", MEMBER].vouchers == number
        assert account.revision == number + 1
        assert changes == (GIVEN,)
    with pytest.raises(Refusal, match="voucher_given"):
        give(account, coupon=coupon)


def test_who_used_it_as_often_as_may_be_is_given_no_more() -> None:
    with pytest.raises(Refusal, match="voucher_given"):
        give(having(used=1, vouchers=0, last_day=None), coupon=make_coupon(uses_per_member=1))


@pytest.mark.parametrize(
    ("earlier", "new", "kept"),
    [
        (TOMORROW, TODAY, TOMORROW),
        (TODAY, TOMORROW, TOMORROW),
        (None, TODAY, None),
        (TODAY, None, None),
    ],
)
def test_unused_vouchers_live_on_until_the_latest_day(
    earlier: date | None, new: date | None, kept: date | None
) -> None:
    account, changes = give(having(0, 1, earlier), new)
    assert account.uses["bolle", MEMBER] == CouponUse(0, 2, kept)
    assert changes == (GIVEN,)


def test_what_was_used_says_nothing_of_a_new_vouchers_last_day() -> None:
    account, _ = give(having(1, 1, None), TODAY)
    assert account.uses["bolle", MEMBER] == CouponUse(1, 2, TODAY)


def test_a_lapsed_voucher_is_not_revived_by_a_new_one() -> None:
    account, changes = give(having(used=1, vouchers=3, last_day=YESTERDAY), TOMORROW, make_coupon(uses_per_member=2))
    assert account.uses["bolle", MEMBER] == CouponUse(1, 2, TOMORROW)
    assert changes == (UseChange("bolle", used=0, vouchers=-2), GIVEN)


def test_a_voucher_that_is_held_over_its_last_day_stays() -> None:
    hold = Hold(MEMBER, NOON + timedelta(minutes=1), coupons=("bolle",))
    account, changes = give(having(0, 2, YESTERDAY).replace_hold("h1", hold), TODAY)
    assert account.uses["bolle", MEMBER] == CouponUse(0, 2, TODAY)
    assert changes == (UseChange("bolle", used=0, vouchers=-1), GIVEN)


@given(st.integers(0, 3), st.integers(0, 3), days, days)
def test_the_changes_are_what_became_of_the_vouchers_and_none_ends_sooner(
    used: int, unused: int, earlier: date | None, new: date | None
) -> None:
    before = CouponUse(used, used + unused, earlier)
    account, changes = give(having(used, used + unused, earlier), new)
    after = account.uses["bolle", MEMBER]
    assert after.vouchers == before.vouchers + sum(change.vouchers for change in changes)
    assert (after.used, [change.used for change in changes]) == (used, [0] * len(changes))
    assert after.vouchers - after.used == 1 + (0 if before.lapsed(TODAY) else unused)
    if unused and not before.lapsed(TODAY):
        assert after.last_day is None or (earlier is not None and after.last_day >= earlier)


def test_only_coupons_that_need_a_voucher_and_are_not_over_can_be_given() -> None:
    coupon = make_coupon()
    assert voucher_coupon(coupon, NOON) is coupon
    with pytest.raises(Refusal, match="coupon_unknown"):
        voucher_coupon(None, NOON)
    with pytest.raises(Refusal, match="coupon_not_given"):
        voucher_coupon(make_coupon(audience=CouponAudience.EVERY_MEMBER), NOON)
    with pytest.raises(Refusal, match="coupon_not_now"):
        voucher_coupon(coupon, coupon.valid_until)
