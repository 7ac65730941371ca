"""What coupons, codes and totals cost in DynamoDB units, held to the budgets of docs/performance.md."""

from __future__ import annotations

from copy import replace
from datetime import timedelta
from typing import Any

import pytest

from stamkunde.ledger.coupon_service import CouponDesk
from stamkunde.ledger.model.coupons import BenefitKind, Coupon, CouponAudience
from stamkunde.ledger.model.receipts import Receipt, Redemption, RedemptionKind
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.patience import Patience
from tests.stores.test_units import MeteredTill, till, worst  # noqa: F401 - fixtures


def with_redemption(worst: tuple[MeteredTill, Receipt], name: str, **given: Any) -> tuple[MeteredTill, Receipt]:  # noqa: F811
    """The worst receipt, once it uses a coupon or a code of it that the till knows."""
    metered, receipt = worst
    at = receipt.bought_at
    coupon = Coupon(
        "rabat", 1, "Rabat", BenefitKind.AMOUNT_OFF, 500, at - timedelta(days=1), at + timedelta(days=1), **given
    )
    session = metered.open(writes=False)
    store = session.ledger.coupons.store
    desk = CouponDesk(store, (), FixedClock(at - timedelta(days=2)), Patience())
    desk.publish(coupon)
    if coupon.audience is CouponAudience.CODE:
        (name,) = desk.make_codes("rabat", 1)
    kind = RedemptionKind.CODE if coupon.audience is CouponAudience.CODE else RedemptionKind.COUPON
    metered.tills.coupons.not_over_at(store, at, at)  # read once a minute, not with every call
    metered.meter.reset()
    basket = replace(receipt.basket, redemptions=(Redemption(kind, name),))
    return metered, replace(receipt, basket=basket)


@pytest.mark.parametrize(
    ("given", "written", "calls"),
    [
        ({}, 8, {"GetItem": 1, "Query": 1, "TransactWriteItems": 1}),
        ({"total": 40}, 10, {"GetItem": 1, "Query": 1, "TransactWriteItems": 1}),
        ({"audience": CouponAudience.CODE}, 8, {"GetItem": 2, "Query": 1, "TransactWriteItems": 1}),
    ],
    ids=["coupon", "total", "code"],
)
def test_a_purchase_with_a_coupon_costs_two_write_units_more_and_two_for_its_total(
    worst: tuple[MeteredTill, Receipt],  # noqa: F811
    given: dict[str, Any],
    written: int,
    calls: dict[str, int],
) -> None:
    metered, receipt = with_redemption(worst, "rabat", **given)
    metered.book(receipt)
    assert metered.meter.written <= written
    assert metered.meter.read <= 2 + (calls["GetItem"] - 1)
    assert dict(metered.meter.calls) == calls


def test_a_quote_with_a_total_writes_nothing_and_stays_within_its_reads(
    worst: tuple[MeteredTill, Receipt],  # noqa: F811
) -> None:
    metered, receipt = with_redemption(worst, "rabat", total=40)
    metered.open(writes=False).ledger.quote(receipt.basket, "banegaarden", str(receipt.member_id), receipt.account_id)
    assert metered.meter.written == 0
    assert metered.meter.read <= 2
