"""Vouchers: one member's right to use a coupon, handed out by the shop."""

from copy import replace
from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

from stamkunde.ledger.model.accounts import Account, CouponUse, Movement
from stamkunde.ledger.model.coupons import Coupon, CouponAudience
from stamkunde.ledger.model.entries import UseChange
from stamkunde.shared.errors import Refusal


class VoucherReason(StrEnum):
    """Why somebody is given a voucher."""

    THANKS = "thanks"
    BIRTHDAY = "birthday"
    WAITING = "waiting"
    COMPLAINT = "complaint"
    CAMPAIGN = "campaign"
    OTHER = "other"


class VoucherGiven(Struct, frozen=True):
    """The account once a member has one voucher more, and what that did to the member's vouchers."""

    account: Account
    changes: tuple[UseChange, ...]


def with_voucher(
    account: Account, member_id: str, coupon: Coupon, today: date, at: datetime, last_day: date | None = None
) -> VoucherGiven:
    """Give a member one voucher more.

    Unused vouchers that have lapsed are dropped first, so a new one doesn't revive them. All others live on until the
    latest day that any of them was given with; what a live reservation holds is not dropped.

    Parameters
    ----------
    today
        The club's day at `at`.
    last_day
        Until when it can be used; None leaves it to the coupon's window.

    Raises
    ------
    Refusal
        ``voucher_given``: the member has been given as many as may be used.
    """
    use = account.uses.get((coupon.coupon_id, member_id), CouponUse(0))
    dropped = _lapsed(account, member_id, coupon, use, at) if use.lapsed(today) else 0
    valid = use.vouchers - dropped
    if coupon.uses_per_member is not None and max(use.used, valid) >= coupon.uses_per_member:
        raise Refusal("voucher_given", {"coupon": coupon.name})
    latest = _later(use.last_day, last_day) if valid > use.used else last_day
    more = replace(use, vouchers=valid + 1, last_day=latest)
    after = account.apply(Movement())
    lapse = (UseChange(coupon.coupon_id, used=0, vouchers=-dropped),) if dropped else ()
    return VoucherGiven(
        replace(after, uses={**after.uses, (coupon.coupon_id, member_id): more}),
        (*lapse, UseChange(coupon.coupon_id, used=0, vouchers=1)),
    )


def _lapsed(account: Account, member_id: str, coupon: Coupon, use: CouponUse, at: datetime) -> int:
    """Vouchers that are neither used nor held for a receipt."""
    held = sum(
        hold.coupons.count(coupon.coupon_id)
        for hold in account.live_holds(at).values()
        if hold.member_id == member_id
    )
    return max(0, use.vouchers - use.used - held)


def _later(one: date | None, other: date | None) -> date | None:
    """The later last day; without one it lasts as long as the coupon, so nothing is later."""
    return None if one is None or other is None else max(one, other)


def voucher_coupon(coupon: Coupon | None, now: datetime) -> Coupon:
    """The coupon, if vouchers for it can be handed out.

    Raises
    ------
    Refusal
        ``coupon_unknown``: there is none. ``coupon_not_given``: it needs no voucher. ``coupon_not_now``: it is over.
    """
    if coupon is None:
        raise Refusal("coupon_unknown", pointer="/coupon_id")
    if coupon.audience is not CouponAudience.VOUCHER:
        raise Refusal("coupon_not_given", {"coupon": coupon.name}, "/coupon_id")
    if coupon.valid_until <= now:
        raise Refusal("coupon_not_now", {"coupon": coupon.name}, "/coupon_id")
    return coupon
