"""Entries: the immutable movements of an account, each with the reason it can be explained by."""

from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

from stamkunde.ledger.model.accounts import Balance, LotChange, Movement, StampChange
from stamkunde.ledger.model.receipts import Flag, Line
from stamkunde.shared.terms import NOT_ACCEPTED


class EntryKind(StrEnum):
    """What an entry records."""

    PURCHASE = "purchase"
    REFUND = "refund"
    RELEASE = "release"
    EXPIRE = "expire"
    FORFEIT = "forfeit"
    CORRECTION = "correction"
    CARRY_OVER = "carry_over"
    VOUCHER = "voucher"
    GIFT_GIVEN = "gift_given"
    GIFT_RECEIVED = "gift_received"
    MOVED_OUT = "moved_out"
    MOVED_IN = "moved_in"


class EarnedShare(Struct, frozen=True):
    """Lines of a receipt that earned by the same rule and multipliers.

    Parameters
    ----------
    base
        What these lines came to after benefits, in minor units.
    rate
        Basis points that counted, multipliers included.
    rule_id
        None for the programme's own rate.
    multipliers
        Those that counted.
    """

    base: int
    rate: int
    rule_id: str | None = None
    multipliers: tuple[str, ...] = ()


class Earned(Struct, frozen=True):
    """Why a purchase earned what it earned.

    Parameters
    ----------
    base
        What earned: the lines that aren't excluded, less their part of what was paid with bonus or in a kind that
        doesn't earn, in minor units (seed feature 19).
    rate
        Basis points of the programme's own rate; the result is rounded down, once per receipt.
    amount
        Units of bonus.
    terms_version
        The terms the member had accepted; `NOT_ACCEPTED` makes what is earned pending.
    shares
        How the lines came by different rates; empty when all of them earned by the programme's own rate.
    """

    programme_version: int
    base: int
    rate: int
    amount: int
    terms_version: int
    shares: tuple[EarnedShare, ...] = ()

    @property
    def pending(self) -> bool:
        """Whether it waits for the terms to be accepted."""
        return self.terms_version == NOT_ACCEPTED


class BenefitSource(StrEnum):
    """What a free or cheaper thing came from (R28: earned by purchase, or given)."""

    REWARD = "reward"
    COUPON = "coupon"
    CODE = "code"


class Benefit(Struct, frozen=True):
    """Something that was used on a receipt.

    Parameters
    ----------
    name
        The stamp programme or the coupon.
    title
        What people read: the reward's or the coupon's name as it was then.
    discounts
        What it took off, by line, in minor units: pairs of a line's place (from 0) and an amount.
    free_units
        Units it made free, by line: pairs of a line's place and a number.
    reward_expires_on, reward_stamps
        Of a reward: which one was used, so that a refund gives the same one back.
    code_hash
        Of a code: which one.
    limited
        Of a coupon with a total: one of them is taken, and a refund gives it back.
    """

    source: BenefitSource
    name: str
    discounts: tuple[tuple[int, int], ...]
    free_units: tuple[tuple[int, int], ...] = ()
    reward_expires_on: date | None = None
    code_hash: str | None = None
    title: str = ""
    limited: bool = False
    reward_stamps: int = 0

    @property
    def amount(self) -> int:
        """What it took off in all, in minor units."""
        return sum(amount for _, amount in self.discounts)


class Refused(Struct, frozen=True):
    """Something a queued receipt wanted to use and could not: the sale is over, so it is told and noted.

    Parameters
    ----------
    what
        ``bonus``, ``reservation``, or the kind of a redemption.
    name
        The stamp programme or the coupon; empty for bonus and codes.
    code
        Why, in the vocabulary of refusals.
    amount
        Units of bonus that were missing; 0 for anything else.
    """

    what: str
    name: str
    code: str
    amount: int = 0


class UseChange(Struct, frozen=True):
    """What an entry did to a member's vouchers and uses of a coupon."""

    coupon_id: str
    used: int
    vouchers: int = 0


class PurchaseFacts(Struct, frozen=True):
    """What an entry keeps of a purchase.

    Parameters
    ----------
    total
        Sum of the lines, before benefits.
    asked_to_spend, spent
        Units of bonus.
    paid_with_bonus
        What the bonus spent came to, in minor units.
    not_earning
        What was paid in kinds that don't earn, in minor units.
    line_rates
        By line: basis points that it earned by; empty when all lines earned by the programme's own rate.
    stamped
        By stamp programme: stamps by line, pairs as in `Benefit`; a visit's stamp stands at line -1.
    cards
        By stamp programme that was stamped: stamps on the card afterwards, and what it needs.
    lines
        Without item numbers while the member hasn't accepted the terms.
    """

    purchase_id: str
    receipt_number: str
    bought_at: datetime
    total: int
    earned: Earned
    asked_to_spend: int
    spent: int
    lines: tuple[Line, ...]
    flags: tuple[Flag, ...]
    paid_with_bonus: int = 0
    not_earning: int = 0
    line_rates: tuple[int, ...] = ()
    benefits: tuple[Benefit, ...] = ()
    stamped: tuple[tuple[str, tuple[tuple[int, int], ...]], ...] = ()
    refused: tuple[Refused, ...] = ()
    cards: tuple[tuple[str, int, int], ...] = ()

    @property
    def discount(self) -> int:
        """What benefits took off, in minor units."""
        return sum(benefit.amount for benefit in self.benefits)

    @property
    def to_pay(self) -> int:
        """What was left to pay with money."""
        return self.total - self.discount - self.paid_with_bonus


class BenefitBack(Struct, frozen=True):
    """Something that can be used again; the fields are those of `Benefit`."""

    source: BenefitSource
    name: str
    title: str = ""


class RefundFacts(Struct, frozen=True):
    """What an entry keeps of a refund.

    Parameters
    ----------
    purchase_id, purchase_entry_id
        What was refunded.
    refund_number
        The till's number of the refund.
    lines
        Pairs of a line's place and units; units 0 for a whole line that isn't counted.
    amount
        What the refunded lines had cost after benefits, in minor units.
    money_back
        Of that, what is to be paid back in money: the rest came back as bonus.
    taken_back, spent_back
        Units of bonus: what the lines had earned, and what had been spent on them.
    owed
        Of what was taken back, what had been spent already and is owed now.
    benefits_back
        Rewards, uses and codes that can be used again.
    stamps_back
        Stamps that were given for the lines, by stamp programme.
    lapsed
        Units of bonus that the lines had earned and that had expired unspent: nothing is taken back for them.
    """

    purchase_id: str
    purchase_entry_id: str
    refund_number: str
    refunded_at: datetime
    lines: tuple[tuple[int, int], ...]
    amount: int
    money_back: int
    taken_back: int
    spent_back: int
    owed: int
    benefits_back: tuple[BenefitBack, ...] = ()
    stamps_back: tuple[tuple[str, int], ...] = ()
    flags: tuple[Flag, ...] = ()
    lapsed: int = 0


class Grounds(Struct, frozen=True):
    """Why people moved bonus or stamps by hand.

    Parameters
    ----------
    reason
        A code of a fixed list, such as ``goodwill``.
    note
        In the words of whoever did it.
    by, approved_by
        Staff, or the operator.
    with_account
        The other account of a gift or a move; entries of both carry one `transfer_id`.
    transfer_id
        Derived from the caller's key where there is one; of an act on one account too.
    content
        Digest of what came with that key.
    """

    reason: str
    note: str = ""
    by: str = ""
    approved_by: str | None = None
    with_account: str | None = None
    transfer_id: str | None = None
    content: str | None = None


class Entry(Struct, frozen=True):
    """One immutable movement of an account.

    Parameters
    ----------
    entry_id
        Sorts by the instant it was booked.
    member_id
        None for a receipt without membership, and for bonus and rewards that expired: those are the whole account's.
    outlet_id, till_id
        None for what happened on a phone or by itself.
    day
        The club's calendar day it counts to: of a purchase, the day it was bought.
    movement
        Signed, lot by lot; its amount is what the entry did to the balance.
    """

    entry_id: str
    kind: EntryKind
    account_id: str
    member_id: str | None
    outlet_id: str | None
    till_id: str | None
    booked_at: datetime
    day: date
    movement: Movement
    balance: Balance
    purchase: PurchaseFacts | None = None
    refund: RefundFacts | None = None
    grounds: Grounds | None = None
    uses: tuple[UseChange, ...] = ()

    @property
    def changes(self) -> tuple[LotChange, ...]:
        """Its movement of bonus, lot by lot."""
        return self.movement.lots

    @property
    def stamps(self) -> tuple[StampChange, ...]:
        """Its movement of stamps, card by card."""
        return self.movement.stamps

    @property
    def amount(self) -> int:
        """What the entry added to the balance, or took from it, in units of bonus."""
        return self.movement.amount
