"""What a till sends: baskets and receipts, and when they count."""

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

import msgspec
from msgspec import Struct, field

from stamkunde.shared.clock import iso_instant, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import derived_id

OLDEST_RECEIPT = timedelta(days=7)
CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far a till's clock may be ahead."""

PROMPT_RECEIPT = timedelta(hours=1)
"""A receipt older than this is booked with the flag ``late``, for staff to see."""

type Flag = Literal["late", "clock_ahead", "redemption_refused"]


class LineKind(StrEnum):
    """What a line sells: only goods earn."""

    GOODS = "goods"
    GIFT_CARD = "gift_card"
    DEPOSIT = "deposit"


class Line(Struct, frozen=True):
    """One line of a receipt.

    Parameters
    ----------
    item_number
        The shop's product code (SKU); empty where it is not kept.
    quantity
        Units sold; 0 for goods a till doesn't count, such as weighed ones.
    amount
        What the line costs incl. VAT after the shop's own discounts, before the club's benefits.
    item_group
        The till's group of goods, if it has any.
    """

    item_number: str
    quantity: int
    amount: int
    item_group: str | None = None
    kind: LineKind = LineKind.GOODS


class Payment(Struct, frozen=True):
    """Part of what was paid with money, by the till's name of its kind."""

    kind: str
    amount: int


class RedemptionKind(StrEnum):
    """What somebody uses up."""

    REWARD = "reward"
    COUPON = "coupon"
    CODE = "code"


class Redemption(Struct, frozen=True):
    """Something the customer wants to use on a receipt.

    Parameters
    ----------
    name
        The stamp programme whose reward it is, the coupon, or a poster's single-use code.
    """

    kind: RedemptionKind
    name: str


class Basket(Struct, frozen=True):
    """What somebody buys, and what they want to use.

    Parameters
    ----------
    spend_bonus
        Units of bonus to pay with: minor units, or points in a club that counts points.
    payments
        How the rest is paid, as far as the till tells.
    """

    lines: tuple[Line, ...]
    spend_bonus: int
    redemptions: tuple[Redemption, ...] = ()
    payments: tuple[Payment, ...] = ()

    @property
    def total(self) -> int:
        """Sum of the lines."""
        return sum(line.amount for line in self.lines)


class Receipt(Struct, frozen=True):
    """A settled sale as a till reports it.

    Parameters
    ----------
    member_id
        None for a customer without membership, who uses a code from a poster.
    account_id
        Where the till last saw this member's bonus; saves a read, and is not part of the receipt's content.
    reservation_id
        What was held for it and is captured now.
    offline
        Whether it comes from a till's queue: the sale is over, what can't be honoured is told, and the rest counts.
        Not part of the content: a receipt that was tried directly may come again in a queue.
    """

    receipt_number: str
    bought_at: datetime
    member_id: str | None
    basket: Basket
    account_id: str | None = None
    reservation_id: str | None = None
    offline: bool = field(default=False)

    def content_hash(self) -> bytes:
        """SHA-256 of everything that makes it this receipt: a retry has the same, however it was formatted."""
        basket = self.basket
        content: list[object] = [
            self.receipt_number,
            iso_instant(self.bought_at),
            self.member_id,
            [(line.item_number, line.quantity, line.amount) for line in basket.lines],
            basket.spend_bonus,
        ]
        # Receipts from before there was more to say keep their hash.
        more: list[object] = [
            [(line.item_group, line.kind) for line in basket.lines],
            [(each.kind, each.name) for each in basket.redemptions],
            [(each.kind, each.amount) for each in basket.payments],
            self.reservation_id,
        ]
        if any(line.item_group or line.kind is not LineKind.GOODS for line in basket.lines) or any(more[1:]):
            content.append(more)
        return hashlib.sha256(msgspec.json.encode(content)).digest()


class ReceiptTime(Struct, frozen=True):
    """When a receipt counts and when it is booked, and what is odd about its time."""

    counts_at: datetime
    booked_at: datetime
    flags: tuple[Flag, ...] = ()


class TillPoint(Struct, frozen=True):
    """Where a receipt comes from, as the ledger needs to know it."""

    till_id: str
    outlet_id: str
    receipt_numbers: str
    late_receipts_until: datetime | None


def judge_receipt_time(bought_at: datetime, now: datetime, late_receipts_until: datetime | None) -> ReceiptTime:
    """When a receipt counts: when it was bought, if that is believable.

    Up to 5 minutes ahead is a till's clock and counts as now; up to 7 days late is a queue that was offline, and
    older only while an operator has opened the till for it.

    Raises
    ------
    Refusal
        ``receipt_in_future``, ``receipt_too_old``.
    """
    if bought_at > now + CLOCK_TOLERANCE:
        raise Refusal("receipt_in_future", {"minutes": CLOCK_TOLERANCE.seconds // 60}, "/bought_at")
    if bought_at > now:
        return ReceiptTime(now, now, ("clock_ahead",))
    opened = late_receipts_until is not None and now < late_receipts_until
    if bought_at < now - OLDEST_RECEIPT and not opened:
        raise Refusal("receipt_too_old", {"days": OLDEST_RECEIPT.days}, "/bought_at")
    return ReceiptTime(bought_at, now, ("late",) if bought_at < now - PROMPT_RECEIPT else ())


def receipt_period(bought_at: datetime, receipt_numbers: str, time_zone: str) -> str:
    """The period within which a till's receipt numbers are unique: all time, a year, or a day of the club's."""
    day = local_date(bought_at, time_zone)
    return {"never": "", "yearly": f"{day:%Y}", "daily": f"{day:%Y-%m-%d}"}[receipt_numbers]


def purchase_id(club_id: str, till_id: str, period: str, receipt_number: str) -> str:
    """The identity of a receipt: the same receipt always gets the same one."""
    return derived_id("p", club_id, till_id, period, receipt_number)
