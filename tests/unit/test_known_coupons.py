"""What a till knows of a coupon's total once a write failed by it, and what a captured hold keeps back of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.ledger.known_coupons import NO_TOTALS, CapturedHold, ClubCoupons, FoundTotal, FoundTotals
from stamkunde.ledger.model.accounts import Hold
from stamkunde.ledger.model.coupons import BenefitKind, Coupon
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.transaction import Busy, ConditionFailed
from tests.factories import NOON

if TYPE_CHECKING:
    from stamkunde.ledger.coupon_store import CouponStore, Limit

HOLD_ID = "h0000000000000001"
BAG = Coupon("brodpose", 1, "Gratis brødpose", BenefitKind.FREE_ITEM, 0, NOON, NOON + timedelta(days=1), total=10)
HELD = Hold("m0000000000000001", NOON + timedelta(minutes=15), coupons=("brodpose", "brodpose"))


class NothingEnded:
    """A store where no hold has ended."""

    def sweep_write(self, limit: Limit, now: Any) -> None:
        """Nothing to take out."""


CLUB_COUPONS = ClubCoupons(cast("CouponStore", NothingEnded()), FixedClock(NOON))


def failed_by(taken: int, holds: dict[str, list[int]] | None = None) -> ConditionFailed:
    row = {"pk": "COUPON#c0000000000000001#brodpose", "sk": "LIMIT", "taken": taken, "holds": holds or {}}
    return ConditionFailed({"limit:brodpose": row})


def found(taken: int, known: FoundTotals = NO_TOTALS) -> FoundTotals:
    return CLUB_COUPONS.totals_found(failed_by(taken), [BAG], known)


def test_a_total_that_failed_once_is_settled_by() -> None:
    later = int(HELD.until.timestamp())
    totals = CLUB_COUPONS.totals_found(failed_by(9, {HOLD_ID: [later, 2]}), [BAG], NO_TOTALS)
    assert totals == {"brodpose": FoundTotal(1, {HOLD_ID: 2})}


@given(st.integers(0, 10), st.integers(0, 10))
def test_it_is_settled_again_only_by_fewer(before: int, after: int) -> None:
    known = found(before)
    if after > before:
        assert found(after, known)["brodpose"].left == 10 - after
    else:
        with pytest.raises(Busy):
            found(after, known)


def test_what_failed_by_something_else_is_tried_again() -> None:
    with pytest.raises(Busy):
        CLUB_COUPONS.totals_found(ConditionFailed({"account": None}), [BAG], NO_TOTALS)


def test_what_is_held_is_kept_back_until_its_total_says_otherwise() -> None:
    live = CapturedHold(HOLD_ID, HELD, NOON)
    assert (live.kept(NO_TOTALS), live.left(NO_TOTALS)) == ({"brodpose": 2}, {})
    kept = {"brodpose": FoundTotal(3, {HOLD_ID: 2})}
    assert (live.kept(kept), live.left(kept)) == ({"brodpose": 2}, {"brodpose": 3})


def test_a_live_hold_that_its_total_let_go_of_is_taken_anew_if_any_are_left() -> None:
    live = CapturedHold(HOLD_ID, HELD, NOON)
    swept = {"brodpose": FoundTotal(1, {})}
    assert (live.kept(swept), live.left(swept)) == ({}, {"brodpose": -1})


def test_a_hold_that_has_timed_out_has_what_its_total_still_keeps() -> None:
    late = CapturedHold(HOLD_ID, HELD, HELD.until)
    assert (late.kept(NO_TOTALS), late.left(NO_TOTALS)) == ({}, {})
    kept = {"brodpose": FoundTotal(0, {HOLD_ID: 2})}
    assert (late.kept(kept), late.left(kept)) == ({"brodpose": 2}, {"brodpose": 2})


def test_without_a_hold_nothing_is_kept() -> None:
    nothing = CapturedHold(None, None, NOON)
    totals = {"brodpose": FoundTotal(3, {HOLD_ID: 2})}
    assert (nothing.kept(totals), nothing.left(totals)) == ({}, {"brodpose": 3})
