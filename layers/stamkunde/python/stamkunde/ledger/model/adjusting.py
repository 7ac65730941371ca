"""What people do to an account by hand: corrections, and what a member brings along from paper."""

from collections.abc import Mapping
from copy import replace
from enum import StrEnum

from msgspec import Struct

from stamkunde.ledger.model.accounts import (
    Account,
    Movement,
    StampCard,
    StampChange,
    credit,
    debit,
)
from stamkunde.ledger.model.earning import Occasion
from stamkunde.ledger.model.settlement import Terms
from stamkunde.ledger.model.stamping import fill, running_card, take_back
from stamkunde.ledger.model.transfers import Moment
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import BonusProgramme, StampProgramme
from stamkunde.shared.reasons import Reason
from stamkunde.shared.terms import NOT_ACCEPTED

MOST_BONUS_ALONE = 20_000
"""Minor units that the bonus is worth which one person may correct: 200 kr. Above it a second one approves."""

MOST_STAMPS_ALONE = 10
BONUS = "bonus"
"""What bonus is called among the things a member brought along."""

LARGEST_BONUS = 100_000_000
LARGEST_STAMPS = 1_000
LONGEST_NOTE = 200
LONGEST_NAME = 60


class CorrectionReason(StrEnum):
    """Why staff correct."""

    GOODWILL = "goodwill"
    TILL_MISTAKE = "till_mistake"
    MISSING_RECEIPT = "missing_receipt"
    WRONG_MEMBER = "wrong_member"
    OTHER = "other"


class Correction(Struct, frozen=True):
    """Bonus or stamps that somebody gives (positive) or takes (negative) by hand.

    Parameters
    ----------
    note, by
        In the words of whoever does it, and who that is.
    bonus
        Units of bonus; 0 for a correction of stamps.
    stamps, stamp_programme_id
        0 and None for a correction of bonus.
    """

    member_id: str
    reason: CorrectionReason
    note: str
    by: str
    bonus: int = 0
    stamps: int = 0
    stamp_programme_id: str | None = None

    def needs_approval(self, point_value: int) -> bool:
        """Whether it is too large for one person, where a unit of bonus is worth so many minor units."""
        return abs(self.bonus) * point_value > MOST_BONUS_ALONE or abs(self.stamps) > MOST_STAMPS_ALONE

    def check(self) -> None:
        """See that it says one thing, who does it and why.

        Raises
        ------
        Refusal
            ``invalid_field``.
        """
        if bool(self.bonus) == bool(self.stamps) or bool(self.stamps) != bool(self.stamp_programme_id):
            raise Refusal("invalid_field", {"expected": Reason("bonus_or_stamps")}, "/bonus")
        if abs(self.bonus) > LARGEST_BONUS:
            raise Refusal("invalid_field", {"expected": _between(-LARGEST_BONUS, LARGEST_BONUS)}, "/bonus")
        if abs(self.stamps) > LARGEST_STAMPS:
            raise Refusal("invalid_field", {"expected": _between(-LARGEST_STAMPS, LARGEST_STAMPS)}, "/stamps")
        for name, words, most in (("note", self.note, LONGEST_NOTE), ("by", self.by, LONGEST_NAME)):
            if not words.strip():
                raise Refusal("invalid_field", {"expected": Reason("empty")}, f"/{name}")
            if len(words) > most:
                raise Refusal("invalid_field", {"expected": Reason("too_long", {"most": most})}, f"/{name}")


def _between(least: int, most: int) -> Reason:
    return Reason("between", {"least": least, "most": most})


class Promise(Struct, frozen=True):
    """What the club promises at the moment of an adjustment: when bonus ends, and its stamp programmes."""

    terms: Terms
    moment: Moment


def same_person(one: str, other: str) -> bool:
    """Whether two names are one: nobody approves what they proposed."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def correct(account: Account, member_id: str, wish: Correction, promise: Promise) -> tuple[Account, Movement]:
    """The account after a correction, which never takes more than there is.

    Raises
    ------
    Refusal
        ``not_enough_bonus``, ``not_enough_stamps``: what is reserved is not there to be taken.
        ``unknown_stamp_programme``.
    """
    if wish.stamp_programme_id is not None:
        programmes = promise.moment.stamp_programmes
        return _correct_stamps(account, _named(programmes, wish.stamp_programme_id), wish.stamps, promise.moment)
    if wish.bonus > 0:
        movement = _bonus_given(account, member_id, wish.bonus, promise)
    else:
        movement = _bonus_taken(account, member_id, -wish.bonus, promise.moment)
    return account.apply(movement), movement


class Brought(Struct, frozen=True):
    """What a member brings along from paper: stamps of one programme, or old bonus.

    Parameters
    ----------
    what
        The stamp programme, or `BONUS`.
    amount
        Stamps, or units of bonus.
    """

    what: str
    amount: int


def carry_over(account: Account, member_id: str, brought: Brought, promise: Promise) -> tuple[Account, Movement]:
    """The account with what a member brought along from paper, which counts once for each member and programme.

    Raises
    ------
    Refusal
        ``unknown_stamp_programme``; ``carry_over_not_offered``: the club takes none. ``carry_over_too_much``,
        ``carried_over_already``.
    """
    member = account.members[member_id]
    stamps = None if brought.what == BONUS else _named(_current(promise.terms.programme), brought.what)
    most = stamps.most_carried_over if stamps else promise.terms.programme.most_bonus_carried_over
    if most == 0:
        raise Refusal("carry_over_not_offered")
    if brought.what in member.carried_over:
        raise Refusal("carried_over_already")
    if brought.amount > most:
        raise Refusal("carry_over_too_much", {"most": most})
    if stamps:
        after, movement = _correct_stamps(account, stamps, brought.amount, promise.moment)
    else:
        movement = _bonus_given(account, member_id, brought.amount, promise)
        after = account.apply(movement)
    noted = replace(member, carried_over=(*member.carried_over, brought.what))
    return after.replace_member(member_id, noted), movement


def _current(programme: BonusProgramme) -> dict[str, StampProgramme]:
    return {each.stamp_programme_id: each for each in programme.stamp_programmes}


def _named(programmes: Mapping[str, StampProgramme], name: str) -> StampProgramme:
    if name not in programmes:
        raise Refusal("unknown_stamp_programme", pointer="/stamp_programme_id")
    return programmes[name]


def _bonus_given(account: Account, member_id: str, amount: int, promise: Promise) -> Movement:
    """It lives as long as bonus that is earned today; while the terms aren't accepted it waits as that would."""
    lot = promise.terms.new_lot(promise.moment.today, account.members[member_id].terms_version)
    return credit(account, lot, amount)


def _bonus_taken(account: Account, member_id: str, amount: int, moment: Moment) -> Movement:
    today = moment.today
    lots, most = account.spendable_lots(today), account.balance(moment.at, moment.time_zone).available
    if account.members[member_id].terms_version == NOT_ACCEPTED:
        lots = {lot: account.lots[lot] for lot in sorted(account.lots) if lot.pending and lot.expires_on >= today}
        most = sum(lots.values())
    if amount > most:
        raise Refusal("not_enough_bonus", pointer="/bonus")
    return Movement(debit(lots, amount))


def _correct_stamps(account: Account, stamps: StampProgramme, count: int, moment: Moment) -> tuple[Account, Movement]:
    name, before = stamps.stamp_programme_id, running_card(account, stamps, stamps)
    if count < 0:
        card, change = _stamps_taken(account, stamps, -count, moment)
    else:
        occasion = Occasion("", moment.at, moment.time_zone)
        card, full = fill(replace(before, stamps=before.stamps + count), stamps, occasion)
        change = StampChange(name, card.stamps - before.stamps, full)
    movement = Movement(stamps=(change,))
    return account.replace_card(name, replace(card, stamps=before.stamps)).apply(movement), movement


def _stamps_taken(
    account: Account, stamps: StampProgramme, count: int, moment: Moment
) -> tuple[StampCard, StampChange]:
    """Stamps of the running card, then those of full cards whose reward nobody has used or reserved."""
    name = stamps.stamp_programme_id
    if name not in account.cards:
        raise Refusal("not_enough_stamps", pointer="/stamps")
    card, change = take_back(account, name, count)
    unused = sum(number for _, number in change.rewards)
    held = sum(hold.rewards.count(name) for hold in account.live_holds(moment.at).values())
    rewards = sum(number for key, number in account.rewards.items() if key.stamp_programme_id == name)
    if card.stamps < 0 or rewards + unused < held:
        raise Refusal("not_enough_stamps", pointer="/stamps")
    return card, change
