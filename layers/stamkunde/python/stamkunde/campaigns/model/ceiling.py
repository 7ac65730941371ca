"""What a club's campaigns may cost in a month: its owner's ceiling, at which they stop. Pure rules.

Service messages, codes and what members wait for never ask for it.
"""

from datetime import date, datetime

from msgspec import Struct

from stamkunde.shared.clock import local_date
from stamkunde.shared.errors import Refusal

MOST = 100_000_000
"""Minor units: a million in the club's currency."""


class Ceiling(Struct, frozen=True):
    """What an owner set.

    Parameters
    ----------
    limit
        Minor units of the club's currency a calendar month; None for as much as it costs.
    approved_by
        The owner who set it.
    by
        Who wrote it down, if that was somebody else.
    """

    limit: int | None
    approved_by: str = ""
    by: str = ""
    set_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.limit is not None and not 0 <= self.limit <= MOST:
            raise Refusal("invalid_field", {"expected": f"0-{MOST}"}, "/limit")

    def left(self, spent: int) -> int | None:
        """What campaigns may still cost this month, never less than nothing; None for as much as they cost."""
        return None if self.limit is None else max(0, self.limit - spent)

    def allows(self, price: int, spent: int) -> bool:
        """Whether something of a price may still be sent; what costs nothing always may."""
        left = self.left(spent)
        return price <= 0 or left is None or price <= left


def month_of(instant: datetime, time_zone: str) -> date:
    """The first day of the calendar month, in the club's zone, whose ceiling an instant counts against."""
    return local_date(instant, time_zone).replace(day=1)
