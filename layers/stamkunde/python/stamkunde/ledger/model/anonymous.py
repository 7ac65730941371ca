"""What stays of an entry whose member is gone: what sums are made of, and nothing that leads to another entry. Pure.

The club's day takes the place of every instant, as its noon: so whoever reads entries by instants finds the copy on
the day of the original.
"""

from collections.abc import Mapping
from copy import replace
from datetime import date, datetime, time

from stamkunde.ledger.model.accounts import Balance, Movement
from stamkunde.ledger.model.coupons import CouponHistory
from stamkunde.ledger.model.entries import Benefit, BenefitBack, Entry, Grounds, PurchaseFacts, RefundFacts
from stamkunde.shared.clock import compact_instant, local_date, wall_instant

NOBODY = ""
"""The member of a copy: somebody was, and nothing says who. A receipt without membership has none."""

NOTHING = Balance(0, 0, 0)

type Coupons = Mapping[str, CouponHistory]
"""Coupons by id, as far as entries used any."""


def anonymous(entry: Entry, key: str, time_zone: str, coupons: Coupons) -> Entry:
    """The copy of an entry that stays among those of others who share its account.

    What it moved and what the account held afterwards stays, for the others' bonus is proved by that.

    Parameters
    ----------
    key
        Random, and its own.
    """
    booked_at = noon_of(local_date(entry.booked_at, time_zone), time_zone)
    noon = noon_of(entry.day, time_zone)
    return Entry(
        entry_id=f"{compact_instant(booked_at)}#{key}",
        kind=entry.kind,
        account_id=entry.account_id,
        member_id=NOBODY,
        outlet_id=entry.outlet_id,
        till_id=None,
        booked_at=booked_at,
        day=entry.day,
        movement=entry.movement,
        balance=entry.balance,
        purchase=entry.purchase and _purchase(entry.purchase, noon, coupons),
        refund=entry.refund and _refund(entry.refund, noon),
        grounds=entry.grounds and Grounds(entry.grounds.reason),
    )


def of_nobody(copy: Entry) -> Entry:
    """The copy once nobody lives from its account: running balances would chain its entries together."""
    return replace(
        copy, account_id=NOBODY, movement=Movement(copy.movement.lots, copy.movement.deficit), balance=NOTHING
    )


def is_anonymous(entry: Entry) -> bool:
    """Whether it is such a copy."""
    return entry.member_id == NOBODY


def noon_of(day: date, time_zone: str) -> datetime:
    """What stands for a day of the club's where an instant is asked for."""
    return wall_instant(datetime.combine(day, time(12)), time_zone)


def _purchase(purchase: PurchaseFacts, noon: datetime, coupons: Coupons) -> PurchaseFacts:
    return PurchaseFacts(
        purchase_id=NOBODY,
        receipt_number="",
        bought_at=_judged_at(purchase, noon, coupons),
        total=purchase.total,
        earned=purchase.earned,
        asked_to_spend=purchase.spent,
        spent=purchase.spent,
        lines=(),
        flags=(),
        paid_with_bonus=purchase.paid_with_bonus,
        benefits=tuple(map(_benefit, purchase.benefits)),
    )


def _judged_at(purchase: PurchaseFacts, noon: datetime, coupons: Coupons) -> datetime:
    """An instant at which the same versions of its coupons counted: noon, or when the youngest of them began."""
    histories = [coupons[each.name] for each in purchase.benefits if each.name in coupons]
    counted = [history.at(purchase.bought_at) for history in histories]
    if all(history.at(noon) == version for history, version in zip(histories, counted, strict=True)):
        return noon
    return max(version.valid_from for version in counted)


def _benefit(benefit: Benefit) -> Benefit:
    """What it took off in all: neither from which lines, nor by which code or reward."""
    units = sum(count for _, count in benefit.free_units)
    return Benefit(
        benefit.source,
        benefit.name,
        discounts=((0, benefit.amount),) if benefit.amount else (),
        free_units=((0, units),) if units else (),
    )


def _refund(refund: RefundFacts, noon: datetime) -> RefundFacts:
    return RefundFacts(
        purchase_id=NOBODY,
        purchase_entry_id=NOBODY,
        refund_number="",
        refunded_at=noon,
        lines=(),
        amount=refund.amount,
        money_back=refund.money_back,
        taken_back=refund.taken_back,
        spent_back=refund.spent_back,
        owed=refund.owed,
        benefits_back=tuple(BenefitBack(each.source, each.name) for each in refund.benefits_back),
    )
