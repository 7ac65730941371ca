"""The bonus ledger's rules: pure, without I/O, the same for a quote and for a purchase.

Amounts are minor units of the club's currency, rates basis points, instants UTC; a lot lives through its last day
in the club's time zone.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal

import msgspec

from stamkunde.shared.clock import end_of_month, iso_instant, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import derived_id
from stamkunde.shared.programme import FULL_RATE, BonusProgramme
from stamkunde.shared.terms import NOT_ACCEPTED

OLDEST_RECEIPT = timedelta(days=7)
CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far a till's clock may be ahead."""

PROMPT_RECEIPT = timedelta(hours=1)
"""A receipt older than this is booked with the flag ``late``, for staff to see."""

type Flag = Literal["late", "clock_ahead"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a receipt.

    Parameters
    ----------
    item_number
        The shop's product code (SKU).
    quantity
        Units sold; 0 for goods a till doesn't count, such as weighed ones.
    amount
        What the line cost incl. VAT after discounts.
    """

    item_number: str
    quantity: int
    amount: int


@dataclass(frozen=True, slots=True)
class Basket:
    """What somebody buys, and how much bonus they want to pay with."""

    lines: tuple[Line, ...]
    spend_bonus: int

    @property
    def total(self) -> int:
        """Sum of the lines."""
        return sum(line.amount for line in self.lines)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A settled sale as a till reports it.

    Parameters
    ----------
    account_id
        Where the till last saw this member's bonus; saves a read, and is not part of the receipt's content.
    """

    receipt_number: str
    bought_at: datetime
    member_id: str
    basket: Basket
    account_id: str | None = None

    def content_hash(self) -> bytes:
        """SHA-256 of everything that makes it this receipt: a retry has the same, however it was formatted."""
        content = (
            self.receipt_number,
            iso_instant(self.bought_at),
            self.member_id,
            [(line.item_number, line.quantity, line.amount) for line in self.basket.lines],
            self.basket.spend_bonus,
        )
        return hashlib.sha256(msgspec.json.encode(content)).digest()


@dataclass(frozen=True, slots=True, order=True)
class LotKey:
    """What bonus is merged by: its last day, and the terms it was earned under."""

    expires_on: date
    terms_version: int

    @property
    def pending(self) -> bool:
        """Whether it waits for the terms to be accepted."""
        return self.terms_version == NOT_ACCEPTED


@dataclass(frozen=True, slots=True)
class LotChange:
    """How much an entry put into a lot (positive) or took from it (negative): its allocation."""

    lot: LotKey
    amount: int


@dataclass(frozen=True, slots=True)
class AccountMember:
    """A member's part in an account.

    Parameters
    ----------
    terms_version
        The version this member accepted; `NOT_ACCEPTED` while the membership is open.
    """

    terms_version: int
    last_purchase_at: datetime | None


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds: `total` = `available` + `pending` + what has expired on the way to being posted."""

    total: int
    available: int
    pending: int


@dataclass(frozen=True, slots=True)
class Account:
    """Bonus of one member or household in one club, as lots.

    Parameters
    ----------
    revision
        Goes up with every write; a write of an older revision is refused (two tills at once).
    """

    account_id: str
    revision: int
    lots: Mapping[LotKey, int]
    members: Mapping[str, AccountMember]

    def balance(self, today: date) -> Balance:
        """What it holds on a day of the club's."""
        alive = [(lot, n) for lot, n in self.lots.items() if lot.expires_on >= today]
        return Balance(
            total=sum(self.lots.values()),
            available=sum(n for lot, n in alive if not lot.pending),
            pending=sum(n for lot, n in alive if lot.pending),
        )

    def apply(self, changes: Iterable[LotChange]) -> "Account":
        """The account after the changes, one revision on; a lot that is empty is gone."""
        lots = dict(self.lots)
        for change in changes:
            lots[change.lot] = lots.get(change.lot, 0) + change.amount
            if lots[change.lot] < 0:
                raise ValueError("a lot can't hold less than nothing")
        return replace(self, lots={lot: n for lot, n in lots.items() if n}, revision=self.revision + 1)


@dataclass(frozen=True, slots=True)
class Earned:
    """Why a purchase earned what it earned.

    Parameters
    ----------
    base
        What the rate was taken of: the receipt less what was paid with bonus (seed feature 19).
    rate
        Basis points; the result is rounded down, once per receipt.
    terms_version
        The terms the member had accepted; `NOT_ACCEPTED` makes what is earned pending.
    """

    programme_version: int
    base: int
    rate: int
    amount: int
    terms_version: int

    @property
    def pending(self) -> bool:
        """Whether it waits for the terms to be accepted."""
        return self.terms_version == NOT_ACCEPTED


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a basket gives and takes: the answer to a quote, and what a purchase writes."""

    total: int
    earned: Earned
    asked_to_spend: int
    spent: int
    changes: tuple[LotChange, ...]
    account: Account
    balance: Balance


class EntryKind(StrEnum):
    """What an entry records."""

    PURCHASE = "purchase"
    RELEASE = "release"
    FORFEIT = "forfeit"


@dataclass(frozen=True, slots=True)
class PurchaseFacts:
    """What an entry keeps of a purchase; no lines while the member hasn't accepted the terms."""

    purchase_id: str
    receipt_number: str
    bought_at: datetime
    total: int
    earned: Earned
    asked_to_spend: int
    spent: int
    lines: tuple[Line, ...]
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One immutable movement of an account.

    Parameters
    ----------
    entry_id
        Sorts by the instant it was booked.
    outlet_id, till_id
        None for what happened on a phone.
    day
        The club's calendar day it counts to: of a purchase, the day it was bought.
    changes
        Signed, lot by lot; their sum is what the entry did to the balance.
    """

    entry_id: str
    kind: EntryKind
    account_id: str
    member_id: str
    outlet_id: str | None
    till_id: str | None
    booked_at: datetime
    day: date
    changes: tuple[LotChange, ...]
    balance: Balance
    purchase: PurchaseFacts | None = None

    @property
    def amount(self) -> int:
        """What the entry added to the balance, or took from it."""
        return sum(change.amount for change in self.changes)


@dataclass(frozen=True, slots=True)
class ReceiptTime:
    """When a receipt counts and when it is booked, and what is odd about its time."""

    counts_at: datetime
    booked_at: datetime
    flags: tuple[Flag, ...] = ()


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


def settle(
    basket: Basket, programme: BonusProgramme, account: Account, member_id: str, time: ReceiptTime, time_zone: str
) -> Settlement:
    """What a basket earns and spends, and why; the only place that decides it.

    Bonus is spent soonest expiry first, capped at the receipt; it earns on what is paid with money, rounded down
    once per receipt; what is earned can be spent from the next purchase on. All that is judged on the day of the
    purchase; the balance is told as of the day it is booked.

    Raises
    ------
    Refusal
        ``terms_not_accepted``: an open member's bonus is pending. ``not_enough_bonus``.
    """
    member = account.members[member_id]
    bought_on = local_date(time.counts_at, time_zone)
    spent = min(basket.spend_bonus, basket.total)
    spending = _spend(account, member, spent, bought_on)
    base = basket.total - spent
    earned = Earned(programme.version, base, programme.rate, base * programme.rate // FULL_RATE, member.terms_version)
    lot = LotKey(end_of_month(bought_on, programme.expiry_months), member.terms_version)
    earning = (LotChange(lot, earned.amount),) if earned.amount else ()
    changes = (*spending, *earning)
    after = replace(account.apply(changes), members={**account.members, member_id: _bought(member, time.counts_at)})
    return Settlement(
        basket.total,
        earned,
        basket.spend_bonus,
        spent,
        changes,
        after,
        after.balance(local_date(time.booked_at, time_zone)),
    )


def _spend(account: Account, member: AccountMember, amount: int, today: date) -> tuple[LotChange, ...]:
    if amount == 0:
        return ()
    if member.terms_version == NOT_ACCEPTED:
        raise Refusal("terms_not_accepted", pointer="/spend_bonus")
    spendable = sorted((lot, n) for lot, n in account.lots.items() if not lot.pending and lot.expires_on >= today)
    if amount > sum(n for _, n in spendable):
        raise Refusal("not_enough_bonus", pointer="/spend_bonus")
    changes = []
    for lot, held in spendable:
        taken = min(held, amount)
        changes.append(LotChange(lot, -taken))
        amount -= taken
        if amount == 0:
            break
    return tuple(changes)


def _bought(member: AccountMember, at: datetime) -> AccountMember:
    latest = at if member.last_purchase_at is None else max(at, member.last_purchase_at)
    return replace(member, last_purchase_at=latest)


def release(account: Account, member_id: str, terms_version: int) -> tuple[Account, tuple[LotChange, ...]]:
    """The account once a member accepted the terms: what was pending is now earned under that version."""
    changes = tuple(
        change
        for lot, amount in sorted(account.lots.items())
        if lot.pending
        for change in (LotChange(lot, -amount), LotChange(LotKey(lot.expires_on, terms_version), amount))
    )
    member = replace(account.members[member_id], terms_version=terms_version)
    return replace(account.apply(changes), members={**account.members, member_id: member}), changes


def forfeit(account: Account, member_id: str) -> tuple[Account, tuple[LotChange, ...]]:
    """The account once its last member is gone: what it held is lost, and nobody can book on it any more."""
    if account.members.keys() != {member_id}:
        raise ValueError("others still live from this account")
    changes = tuple(LotChange(lot, -amount) for lot, amount in sorted(account.lots.items()))
    return replace(account.apply(changes), members={}), changes


def receipt_period(bought_at: datetime, receipt_numbers: str, time_zone: str) -> str:
    """The period within which a till's receipt numbers are unique: all time, a year, or a day of the club's."""
    day = local_date(bought_at, time_zone)
    return {"never": "", "yearly": f"{day:%Y}", "daily": f"{day:%Y-%m-%d}"}[receipt_numbers]


def purchase_id(club_id: str, till_id: str, period: str, receipt_number: str) -> str:
    """The identity of a receipt: the same receipt always gets the same one."""
    return derived_id("p", club_id, till_id, period, receipt_number)
