"""Projections of the ledger for people to look at: rebuildable, never the truth. Pure rules."""

from collections.abc import Iterable
from datetime import date

from msgspec import Struct


class SaleFact(Struct, frozen=True):
    """What one ledger entry means for a day's totals; tells nothing of the person. Its amounts as in `DayTotal`."""

    club_id: str
    outlet_id: str
    day: date
    entry_id: str
    purchases: int
    turnover: int
    earned: int
    spent: int
    refunds: int = 0
    refunded: int = 0


class OutletDay(Struct, frozen=True):
    """One outlet's calendar day: what is marked dirty and recomputed."""

    club_id: str
    outlet_id: str
    day: date


class DayTotal(Struct, frozen=True):
    """What one outlet's members bought, earned and spent on a day, and what came back on it.

    Parameters
    ----------
    turnover
        What the purchases' lines came to after benefits, less what was refunded; minor units.
    earned, spent
        Units of bonus, less what refunds took and gave back.
    refunds, refunded
        How many refunds, and what their lines had cost after benefits. They count to the day and the outlet of the
        refund, so a day on which more came back than was sold is below nothing.
    """

    day: date
    purchases: int
    turnover: int
    earned: int
    spent: int
    refunds: int = 0
    refunded: int = 0


def total_of(day: date, facts: Iterable[SaleFact]) -> DayTotal:
    """A day's totals from its facts: recomputed whole, so a repeated or late event changes nothing twice."""
    counted = list(facts)
    return DayTotal(
        day=day,
        purchases=sum(fact.purchases for fact in counted),
        turnover=sum(fact.turnover for fact in counted),
        earned=sum(fact.earned for fact in counted),
        spent=sum(fact.spent for fact in counted),
        refunds=sum(fact.refunds for fact in counted),
        refunded=sum(fact.refunded for fact in counted),
    )
