"""What a till is told: amounts with their reason, and words for its printer in the club's language."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from stamkunde.clubs.model import Club
from stamkunde.http import Problem
from stamkunde.ledger.explanations import explain_earned, explain_entry, explain_spent
from stamkunde.ledger.model import Balance, Earned, Entry, Flag, PurchaseFacts, Settlement
from stamkunde.members.model import MemberState
from stamkunde.members.service import MemberAtTill
from stamkunde.shared.clock import iso_instant
from stamkunde.shared.language import text
from stamkunde.shared.money import Money


class BalanceShown(Struct, frozen=True):
    """Bonus in minor units: all of it, what can be spent, what waits for the terms to be accepted."""

    total: int
    available: int
    pending: int


class Why(Struct, frozen=True):
    """How an amount of bonus came about."""

    rule: Literal["percent_bonus"]
    programme_version: int
    base: Annotated[int, Meta(description="What the rate was taken of, in minor units")]
    rate: Annotated[int, Meta(description="Basis points: 300 is 3 %")]
    rounding: Literal["down_per_receipt"]
    explanation: Annotated[str, Meta(description="The same in the club's language")]


class EarnedShown(Struct, frozen=True):
    """What a purchase earns; `pending` until the member accepts the terms."""

    amount: int
    status: Literal["from_next_purchase", "pending"]
    why: Why


class SpentShown(Struct, frozen=True):
    """Bonus that paid for something: what was asked, what was used, and why it may differ."""

    asked: int
    amount: int
    explanation: str


class MemberShown(Struct, frozen=True):
    """Who stands at the till."""

    member_id: str
    account_id: str
    first_name: str | None
    state: Literal["open", "member"]
    terms_version: Annotated[int, Meta(description="The version to show somebody who hasn't accepted any")]
    currency: str
    balance: BalanceShown


class QuoteShown(Struct, frozen=True):
    """What a basket would earn and spend."""

    currency: str
    total: int
    to_pay: Annotated[int, Meta(description="What is left to pay with money")]
    earned: EarnedShown
    spent: SpentShown
    balance_after: BalanceShown


class PurchaseShown(Struct, frozen=True):
    """A booked purchase; the same receipt again gets the same answer."""

    purchase_id: str
    member_id: str
    account_id: str
    receipt_number: str
    outlet_id: str
    till_id: str
    bought_at: str
    booked_at: str
    currency: str
    total: int
    to_pay: int
    earned: EarnedShown
    spent: SpentShown
    balance_after: BalanceShown
    flags: list[Flag]
    receipt_text: Annotated[list[str], Meta(description="Two lines for the till's printer")]


class BatchResult(Struct, frozen=True, omit_defaults=True):
    """What became of one receipt of a batch: booked, or refused with a problem."""

    receipt_number: str
    status: int
    purchase: PurchaseShown | None = None
    problem: Problem | None = None


class BatchShown(Struct, frozen=True):
    """What became of a batch, receipt by receipt, in the order sent."""

    results: list[BatchResult]


class EntryShown(Struct, frozen=True):
    """One movement of the ledger, with its reason."""

    entry_id: str
    kind: Literal["purchase", "release", "forfeit"]
    booked_at: str
    outlet_id: Annotated[str | None, Meta(description="None for what happened on a phone, as is till_id")]
    till_id: str | None
    amount: int
    balance_after: BalanceShown
    explanation: str
    purchase_id: str | None = None


class LedgerShown(Struct, frozen=True):
    """A page of a member's ledger, newest first; `next` is the cursor of the page after it."""

    currency: str
    entries: list[EntryShown]
    next: str | None = field(default=None)


def show_member(club: Club, at_till: MemberAtTill) -> MemberShown:
    """A member, as the till sees them."""
    member = at_till.member
    return MemberShown(
        member_id=member.member_id,
        account_id=at_till.account_id,
        first_name=at_till.first_name,
        state="member" if member.state is MemberState.MEMBER else "open",
        terms_version=club.current_terms().version,
        currency=club.currency,
        balance=_balance(at_till.balance),
    )


def show_quote(club: Club, settlement: Settlement) -> QuoteShown:
    """A settlement that isn't written."""
    return QuoteShown(
        currency=club.currency,
        total=settlement.total,
        to_pay=settlement.total - settlement.spent,
        earned=_earned(club, settlement.earned),
        spent=_spent(club, settlement.asked_to_spend, settlement.spent),
        balance_after=_balance(settlement.balance),
    )


def show_purchase(club: Club, entry: Entry, purchase: PurchaseFacts) -> PurchaseShown:
    """A booked purchase, from what its entry keeps: a retry is told the same."""
    return PurchaseShown(
        purchase_id=purchase.purchase_id,
        member_id=entry.member_id,
        account_id=entry.account_id,
        receipt_number=purchase.receipt_number,
        outlet_id=_named(entry.outlet_id),
        till_id=_named(entry.till_id),
        bought_at=iso_instant(purchase.bought_at),
        booked_at=iso_instant(entry.booked_at),
        currency=club.currency,
        total=purchase.total,
        to_pay=purchase.total - purchase.spent,
        earned=_earned(club, purchase.earned),
        spent=_spent(club, purchase.asked_to_spend, purchase.spent),
        balance_after=_balance(entry.balance),
        flags=list(purchase.flags),
        receipt_text=_receipt_text(club, entry, purchase),
    )


def show_entry(club: Club, entry: Entry) -> EntryShown:
    """One movement, with a sentence that says why."""
    return EntryShown(
        entry_id=entry.entry_id,
        kind=entry.kind.value,
        booked_at=iso_instant(entry.booked_at),
        outlet_id=entry.outlet_id,
        till_id=entry.till_id,
        amount=entry.amount,
        balance_after=_balance(entry.balance),
        explanation=explain_entry(entry, club.currency, club.language),
        purchase_id=entry.purchase.purchase_id if entry.purchase else None,
    )


def _named(place: str | None) -> str:
    if place is None:
        raise LookupError("a purchase is always booked at a till")
    return place


def _balance(balance: Balance) -> BalanceShown:
    return BalanceShown(balance.total, balance.available, balance.pending)


def _earned(club: Club, earned: Earned) -> EarnedShown:
    why = Why(
        rule="percent_bonus",
        programme_version=earned.programme_version,
        base=earned.base,
        rate=earned.rate,
        rounding="down_per_receipt",
        explanation=explain_earned(earned, club.currency, club.language),
    )
    return EarnedShown(earned.amount, "pending" if earned.pending else "from_next_purchase", why)


def _spent(club: Club, asked: int, amount: int) -> SpentShown:
    return SpentShown(asked, amount, explain_spent(asked, amount, club.currency, club.language))


def _receipt_text(club: Club, entry: Entry, purchase: PurchaseFacts) -> list[str]:
    earned = Money(purchase.earned.amount, club.currency)
    if purchase.earned.pending:
        return [
            text(club.language, "receipt.pending", amount=Money(entry.balance.pending, club.currency)),
            text(club.language, "receipt.accept"),
        ]
    return [
        text(club.language, "receipt.earned", amount=earned),
        text(club.language, "receipt.balance", amount=Money(entry.balance.available, club.currency)),
    ]
