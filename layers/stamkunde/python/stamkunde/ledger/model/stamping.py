"""Stamps: one a unit or one a visit, full cards become rewards (feature 16)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import replace
from datetime import datetime, timedelta

from msgspec import Struct

from stamkunde.ledger.model.accounts import Account, RewardKey, StampCard, StampChange
from stamkunde.ledger.model.earning import Occasion, earns
from stamkunde.ledger.model.receipts import OLDEST_RECEIPT, Line
from stamkunde.shared.clock import end_of_month, local_date
from stamkunde.shared.programme import BonusProgramme, StampKind, StampProgramme

VISIT = -1
"""Stands in the place of a line where a stamp was given for the visit."""

MOST_VISITS = 20
"""Remembered on a card: more than anybody has stamped in a week, who isn't after the stamps."""


class Stamped(Struct, frozen=True):
    """What a purchase gave on one card.

    Parameters
    ----------
    by_line
        Stamps by a line's place, or `VISIT`.
    card
        As it is afterwards.
    """

    by_line: tuple[tuple[int, int], ...]
    change: StampChange
    card: StampCard


def stamp_cards(
    lines: Sequence[Line],
    nets: Sequence[int],
    free_units: Mapping[int, int],
    programme: BonusProgramme,
    booked_by: BonusProgramme,
    account: Account,
    occasion: Occasion,
) -> dict[str, Stamped]:
    """Stamps that a purchase gives, by stamp programme; a unit that was free or cost nothing gives none.

    A card that is full because the programme asks for less by now becomes a reward too, whatever is bought.

    Parameters
    ----------
    nets
        By line: minor units after benefits.
    free_units
        Units by a line's place that benefits made free.
    programme
        The version that the purchase counts by: what gives stamps, and what a new card needs.
    booked_by
        The version valid when it is booked: only that one makes a running card shorter, not one that was over when
        the card was begun.
    """
    paid = sum(net for line, net in zip(lines, nets, strict=True) if earns(line, programme))
    current = {each.stamp_programme_id: each for each in booked_by.stamp_programmes}
    result = {}
    for stamps in programme.stamp_programmes:
        card = running_card(account, stamps, current.get(stamps.stamp_programme_id))
        if stamps.kind is StampKind.VISIT:
            visits = int(_is_new_visit(stamps, card, paid, occasion.at))
            by_line: tuple[tuple[int, int], ...] = ((VISIT, 1),) * visits
        else:
            by_line = _units(lines, nets, free_units, stamps, programme)
        if by_line or card.stamps >= card.needed:
            result[stamps.stamp_programme_id] = _stamped(card, stamps, by_line, occasion)
    return result


def running_card(account: Account, stamps: StampProgramme, current: StampProgramme | None) -> StampCard:
    """A card as it counts now: a running one needs what it promised, or less if the programme asks for less by now.

    Parameters
    ----------
    stamps
        What a card is begun by that has nothing on it.
    current
        The programme as it is now; None if it has ended.
    """
    card = account.cards.get(stamps.stamp_programme_id, StampCard(0, stamps.needed))
    if card.stamps <= 0:
        return replace(card, needed=stamps.needed)
    return replace(card, needed=min(card.needed, current.needed)) if current else card


def _is_new_visit(stamps: StampProgramme, card: StampCard, paid: int, at: datetime) -> bool:
    """Whether something was paid that earns, and no stamped visit is too near: of a late receipt, also after it."""
    gap = timedelta(minutes=stamps.minimum_gap_minutes)
    return paid >= max(1, stamps.minimum_amount) and all(abs(at - visit) >= gap for visit in card.visits)


def _units(
    lines: Sequence[Line],
    nets: Sequence[int],
    free_units: Mapping[int, int],
    stamps: StampProgramme,
    programme: BonusProgramme,
) -> tuple[tuple[int, int], ...]:
    counted = (
        (place, line.quantity - free_units.get(place, 0))
        for place, (line, net) in enumerate(zip(lines, nets, strict=True))
        if net > 0 and earns(line, programme) and stamps.items.takes(line.item_number, line.item_group)
    )
    return tuple((place, units) for place, units in counted if units > 0)


def _stamped(
    card: StampCard, stamps: StampProgramme, by_line: tuple[tuple[int, int], ...], occasion: Occasion
) -> Stamped:
    given = sum(units for _, units in by_line)
    filled, rewards = fill(replace(card, stamps=card.stamps + given), stamps, occasion)
    if by_line and stamps.kind is StampKind.VISIT:
        filled = replace(filled, visits=remembered((*card.visits, occasion.at)))
    change = StampChange(stamps.stamp_programme_id, filled.stamps - card.stamps, rewards)
    return Stamped(by_line, change, filled)


def remembered(visits: Sequence[datetime]) -> tuple[datetime, ...]:
    """Those near enough that a receipt may still come between them, and no more than a row has room for."""
    if not visits:
        return ()
    newest = max(visits)
    return tuple(visit for visit in sorted(visits) if visit >= newest - OLDEST_RECEIPT)[-MOST_VISITS:]


def forget_visit(card: StampCard, at: datetime) -> StampCard:
    """A card once a visit's purchase was refunded: what is bought instead may be stamped."""
    return replace(card, visits=tuple(visit for visit in card.visits if visit != at))


def fill(
    card: StampCard, stamps: StampProgramme, occasion: Occasion
) -> tuple[StampCard, tuple[tuple[RewardKey, int], ...]]:
    """A card with its full ones taken away, and the rewards of those.

    The running card needs what it says, a new one what the programme asks for.
    """
    if card.stamps < card.needed:
        return card, ()
    more, left = divmod(card.stamps - card.needed, stamps.needed)
    last_day = end_of_month(local_date(occasion.at, occasion.time_zone), stamps.expiry_months)
    rewards = Counter({RewardKey(last_day, stamps.stamp_programme_id, card.needed): 1})
    rewards[RewardKey(last_day, stamps.stamp_programme_id, stamps.needed)] += more
    filled = replace(card, stamps=left, needed=stamps.needed)
    return filled, tuple((key, count) for key, count in rewards.items() if count)


def take_back(account: Account, stamp_programme_id: str, units: int) -> tuple[StampCard, StampChange]:
    """A card once stamps are taken from it, and what that changes.

    The newest stamps go first, then rewards not yet used: each is opened into the card that it came of. What was
    used leaves a deficit.

    Raises
    ------
    KeyError
        There is no such card.
    """
    card = account.cards[stamp_programme_id]
    left, needed = card.stamps - units, card.needed
    taken: list[tuple[RewardKey, int]] = []
    unused = {key: n for key, n in account.rewards.items() if key.stamp_programme_id == stamp_programme_id}
    for key in sorted(unused, reverse=True):
        price = key.stamps or card.needed
        opened = min(unused[key], max(0, -(left // price)))
        if opened:
            taken.append((key, -opened))
            left += opened * price
            needed = price
    return replace(card, stamps=left, needed=needed), StampChange(
        stamp_programme_id, left - card.stamps, tuple(taken)
    )
