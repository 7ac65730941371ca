"""What a till is told: amounts with their reason, and words for its printer in the club's language."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from stamkunde.clubs.model import Club
from stamkunde.http import Problem
from stamkunde.ledger.explanations import (
    bonus_amount,
    explain_benefit,
    explain_earned,
    explain_entry,
    explain_guest,
    explain_spent,
)
from stamkunde.ledger.model.accounts import Balance, StampChange
from stamkunde.ledger.model.entries import Benefit, Earned, Entry, PurchaseFacts, Refused
from stamkunde.ledger.model.receipts import Flag
from stamkunde.ledger.model.settlement import Settlement
from stamkunde.shared.clock import iso_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.language import text
from stamkunde.shared.money import Money, Points
from stamkunde.shared.programme import StampProgramme, Unit, stamp_programme_in

type EntryKindShown = Literal[
    "purchase",
    "refund",
    "release",
    "expire",
    "forfeit",
    "correction",
    "carry_over",
    "voucher",
    "gift_given",
    "gift_received",
    "moved_out",
    "moved_in",
]


type UnitShown = Annotated[
    Literal["money", "points"], Meta(description="What bonus is counted in: minor units of the currency, or points")
]


class BalanceShown(Struct, frozen=True):
    """Bonus in the club's unit: all of it, what can be spent, what waits for the terms, what is held for receipts."""

    total: int
    available: int
    pending: int
    reserved: int


class ShareShown(Struct, frozen=True):
    """Lines that earned by a rate of their own."""

    base: Annotated[int, Meta(description="What these lines came to after benefits, in minor units")]
    rate: Annotated[int, Meta(description="Basis points that counted, multipliers included")]
    rule: Annotated[str | None, Meta(description="The rule's name; null for the programme's own rate")]
    multipliers: list[str]


class Why(Struct, frozen=True):
    """How an amount of bonus came about."""

    rule: Literal["percent_bonus", "points_bonus"]
    programme_version: int
    base: Annotated[int, Meta(description="What the rate was taken of, in minor units")]
    rate: Annotated[int, Meta(description="Basis points of the programme's own rate: 300 is 3 %")]
    shares: Annotated[list[ShareShown], Meta(description="Empty where all lines earned by the programme's own rate")]
    rounding: Literal["down_per_receipt"]
    explanation: Annotated[str, Meta(description="The same in the club's language")]


class EarnedShown(Struct, frozen=True):
    """What a purchase earns; `pending` until the member accepts the terms, `none` for somebody without membership."""

    amount: int
    status: Literal["from_next_purchase", "pending", "none"]
    why: Why


class SpentShown(Struct, frozen=True):
    """Bonus that paid for something: what was asked, what was used, and why it may differ."""

    asked: int
    amount: int
    explanation: str


class BenefitShown(Struct, frozen=True):
    """What a reward, a coupon or a code took off the receipt."""

    source: Literal["reward", "coupon", "code"]
    name: Annotated[str, Meta(description="The stamp programme or the coupon")]
    amount: Annotated[int, Meta(description="Minor units")]
    words: str


class StampsShown(Struct, frozen=True):
    """What a purchase gave on one stamp card."""

    stamp_programme_id: str
    name: str
    given: int
    stamps: Annotated[int, Meta(description="On the card afterwards")]
    needed: int
    rewards: Annotated[int, Meta(description="Cards that this purchase filled; their rewards are for next time")]
    words: str


class RefusedShown(Struct, frozen=True):
    """What could not be honoured on a receipt from a queue, and why."""

    what: Literal["bonus", "reward", "coupon", "code", "reservation"]
    name: Annotated[str, Meta(description="The stamp programme or the coupon; empty for anything else")]
    code: Annotated[str, Meta(description="As in a problem document")]
    amount: Annotated[int, Meta(description="Units of bonus that were missing; 0 for anything else")]
    words: str


class QuoteShown(Struct, frozen=True):
    """What a basket would earn, use and spend."""

    currency: str
    unit: UnitShown
    total: Annotated[int, Meta(description="Sum of the lines")]
    discount: Annotated[int, Meta(description="What the benefits take off")]
    benefits: list[BenefitShown]
    paid_with_bonus: Annotated[int, Meta(description="What the bonus spent comes to, in minor units")]
    to_pay: Annotated[int, Meta(description="What is left to pay with money")]
    earned: EarnedShown
    spent: SpentShown
    stamps: list[StampsShown]
    balance_after: BalanceShown


class PurchaseShown(Struct, frozen=True):
    """A booked purchase; the same receipt again gets the same answer."""

    purchase_id: str
    member_id: str | None
    account_id: str
    receipt_number: str
    outlet_id: str
    till_id: str
    bought_at: str
    booked_at: str
    currency: str
    unit: UnitShown
    total: int
    discount: int
    benefits: list[BenefitShown]
    paid_with_bonus: int
    to_pay: int
    earned: EarnedShown
    spent: SpentShown
    stamps: list[StampsShown]
    balance_after: BalanceShown
    refused: Annotated[list[RefusedShown], Meta(description="Only of a receipt that was `offline`")]
    flags: list[Flag]
    receipt_text: Annotated[list[str], Meta(description="Lines for the till's printer")]


class BatchResult(Struct, frozen=True, omit_defaults=True):
    """What became of one receipt of a batch: booked, or refused with a problem."""

    receipt_number: str
    status: int
    purchase: PurchaseShown | None = None
    problem: Problem | None = None


class BatchShown(Struct, frozen=True):
    """What became of a batch, receipt by receipt, in the order sent."""

    results: list[BatchResult]


class StampsMoved(Struct, frozen=True):
    """What an entry did to one stamp card."""

    stamp_programme_id: str
    stamps: Annotated[int, Meta(description="Net: what a full card took away is taken off")]
    rewards: Annotated[int, Meta(description="That came of it, or below 0: that were used or taken back")]


class EntryShown(Struct, frozen=True):
    """One movement of the ledger, with its reason."""

    entry_id: str
    kind: EntryKindShown
    booked_at: str
    outlet_id: Annotated[
        str | None, Meta(description="Null for what happened on a phone or by itself, as is till_id")
    ]
    till_id: str | None
    amount: int
    stamps: list[StampsMoved]
    balance_after: BalanceShown
    explanation: str
    purchase_id: Annotated[str | None, Meta(description="Of a purchase, and of what was refunded")] = None


class LedgerShown(Struct, frozen=True):
    """A page of a member's ledger, newest first; `next` is the cursor of the page after it."""

    currency: str
    unit: UnitShown
    entries: list[EntryShown]
    next: str | None = field(default=None)


def show_quote(club: Club, settlement: Settlement, member_id: str | None) -> QuoteShown:
    """A settlement that isn't written."""
    stamps = [(name, each.by_line, each.card.stamps, each.card.needed) for name, each in settlement.stamped.items()]
    return QuoteShown(
        currency=club.currency,
        unit=club.unit.value,
        total=settlement.total,
        discount=settlement.discount,
        benefits=[show_benefit(club, each) for each in settlement.benefits],
        paid_with_bonus=settlement.paid_with_bonus,
        to_pay=settlement.to_pay,
        earned=show_earned(club, settlement.earned, member_id),
        spent=show_spent(club, settlement.asked_to_spend, settlement.spent),
        stamps=_stamps(club, settlement.earned, stamps, settlement.movement.stamps),
        balance_after=show_balance(settlement.balance),
    )


def show_purchase(club: Club, entry: Entry, purchase: PurchaseFacts) -> PurchaseShown:
    """A booked purchase, from what its entry keeps: a retry is told the same."""
    by_line = dict(purchase.stamped)
    cards = [(name, by_line[name], stamps, needed) for name, stamps, needed in purchase.cards]
    stamps = _stamps(club, purchase.earned, cards, entry.stamps)
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
        unit=club.unit.value,
        total=purchase.total,
        discount=purchase.discount,
        benefits=[show_benefit(club, each) for each in purchase.benefits],
        paid_with_bonus=purchase.paid_with_bonus,
        to_pay=purchase.to_pay,
        earned=show_earned(club, purchase.earned, entry.member_id),
        spent=show_spent(club, purchase.asked_to_spend, purchase.spent),
        stamps=stamps,
        balance_after=show_balance(entry.balance),
        refused=[_refused(club, purchase.earned.programme_version, each) for each in purchase.refused],
        flags=list(purchase.flags),
        receipt_text=_receipt_text(club, entry, purchase, stamps),
    )


def show_booked(club: Club, entry: Entry) -> PurchaseShown:
    """The purchase that an entry is about.

    Raises
    ------
    Refusal
        ``unknown_purchase``: it is about something else.
    """
    if entry.purchase is None:
        raise Refusal("unknown_purchase")
    return show_purchase(club, entry, entry.purchase)


def show_entry(club: Club, entry: Entry) -> EntryShown:
    """One movement, with a sentence that says why."""
    return EntryShown(
        entry_id=entry.entry_id,
        kind=entry.kind.value,
        booked_at=iso_instant(entry.booked_at),
        outlet_id=entry.outlet_id,
        till_id=entry.till_id,
        amount=entry.amount,
        stamps=[
            StampsMoved(each.stamp_programme_id, each.stamps, sum(count for _, count in each.rewards))
            for each in entry.stamps
        ],
        balance_after=show_balance(entry.balance),
        explanation=explain_entry(entry, club.currency, club.language, club.unit, club.programmes),
        purchase_id=_purchase_of(entry),
    )


def _purchase_of(entry: Entry) -> str | None:
    """None also of what somebody bought who shared the account and was erased since."""
    if entry.refund is not None:
        return entry.refund.purchase_id or None
    return (entry.purchase.purchase_id or None) if entry.purchase is not None else None


def _named(place: str | None) -> str:
    if place is None:
        raise LookupError("a purchase is always booked at a till")
    return place


def show_balance(balance: Balance) -> BalanceShown:
    """What an account holds, as a till is told."""
    return BalanceShown(balance.total, balance.available, balance.pending, balance.reserved)


def show_earned(club: Club, earned: Earned, member_id: str | None) -> EarnedShown:
    """What something earns, and why; without membership it is nothing."""
    why = Why(
        rule="points_bonus" if club.unit is Unit.POINTS else "percent_bonus",
        programme_version=earned.programme_version,
        base=earned.base,
        rate=earned.rate,
        shares=[ShareShown(each.base, each.rate, each.rule_id, list(each.multipliers)) for each in earned.shares],
        rounding="down_per_receipt",
        explanation=explain_earned(earned, club.currency, club.language, club.unit)
        if member_id
        else explain_guest(club.language),
    )
    if member_id is None:
        return EarnedShown(earned.amount, "none", why)
    return EarnedShown(earned.amount, "pending" if earned.pending else "from_next_purchase", why)


def show_spent(club: Club, asked: int, amount: int) -> SpentShown:
    """How much bonus pays, and why."""
    return SpentShown(asked, amount, explain_spent(asked, amount, club.currency, club.language, club.unit))


def show_benefit(club: Club, benefit: Benefit) -> BenefitShown:
    """What was taken off, and what for."""
    words = explain_benefit(benefit, club.currency, club.language)
    return BenefitShown(benefit.source.value, benefit.name, benefit.amount, words)


type _Card = tuple[str, Iterable[tuple[int, int]], int, int]
"""A stamp programme, stamps by line, and afterwards the stamps on the card and what it needs."""


def _stamps(club: Club, earned: Earned, cards: Iterable[_Card], changes: Sequence[StampChange]) -> list[StampsShown]:
    filled = {each.stamp_programme_id: sum(n for _, n in each.rewards if n > 0) for each in changes}
    return [
        _stamps_on(
            club,
            stamp_programme_of(club, earned.programme_version, name),
            given=sum(units for _, units in by_line),
            stamps=stamps,
            needed=needed,
            rewards=filled.get(name, 0),
            waits=earned.pending,
        )
        for name, by_line, stamps, needed in cards
    ]


def _stamps_on(
    club: Club, programme: StampProgramme, *, given: int, stamps: int, needed: int, rewards: int, waits: bool
) -> StampsShown:
    full = "stamps.full" if rewards == 1 else "stamps.full_more"
    words = text(
        club.language,
        "stamps.given" if not rewards else f"{full}_waits" if waits else full,
        name=programme.name,
        stamps=stamps,
        needed=needed,
        count=rewards,
        reward=programme.reward_name,
    )
    return StampsShown(programme.stamp_programme_id, programme.name, given, stamps, needed, rewards, words)


def stamp_programme_of(club: Club, programme_version: int, stamp_programme_id: str) -> StampProgramme:
    """A stamp programme as it was under a version of the club's programme."""
    found = stamp_programme_in(club.programmes, programme_version, stamp_programme_id)
    if found is None:
        raise LookupError("a stamp was given that no version of the programme promises")
    return found


def _refused(club: Club, programme_version: int, refused: Refused) -> RefusedShown:
    is_reward = refused.what == "reward"
    reward = stamp_programme_in(club.programmes, programme_version, refused.name) if is_reward else None
    what = reward.reward_name if reward else text(club.language, f"refused.{refused.what}")
    words = _refused_words(club.language, what, refused.code)
    return RefusedShown(refused.what, refused.name, refused.code, refused.amount, words)  # type: ignore[arg-type]


def _refused_words(language: str, what: str, code: str) -> str:
    """Why something could not be used; a reason that names it already isn't told with its name once more."""
    if code == "no_reward":
        return text(language, "refused.no_reward", what=what)
    reason = text(language, f"problem.{code}.title")
    if what.casefold() in reason.casefold():
        return text(language, "refused.because", reason=reason)
    return text(language, "refused.told", what=what[:1].upper() + what[1:], reason=reason)


def _receipt_text(club: Club, entry: Entry, purchase: PurchaseFacts, stamps: Iterable[StampsShown]) -> list[str]:
    used = [explain_benefit(each, club.currency, club.language) for each in purchase.benefits]
    return [*_bonus_lines(club, entry, purchase), *used, *(each.words for each in stamps)]


def _bonus_lines(club: Club, entry: Entry, purchase: PurchaseFacts) -> list[str]:
    if entry.member_id is None:
        return []
    if purchase.earned.pending:
        return [
            text(club.language, "receipt.pending", amount=_bonus(club, entry.balance.pending)),
            text(club.language, "receipt.accept"),
        ]
    return [
        text(club.language, "receipt.earned", amount=_bonus(club, purchase.earned.amount)),
        text(club.language, "receipt.balance", amount=_bonus(club, entry.balance.available)),
    ]


def _bonus(club: Club, amount: int) -> Money | Points:
    return bonus_amount(amount, club.currency, club.unit)
