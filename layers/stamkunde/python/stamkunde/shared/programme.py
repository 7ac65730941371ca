"""The bonus programme: what a club promises for a purchase. Clubs publish its versions, the ledger applies them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

FULL_RATE = 10_000


@dataclass(frozen=True, slots=True)
class BonusProgramme:
    """One version of a club's percent bonus (features 17-19).

    Parameters
    ----------
    version
        1, 2, 3 …
    valid_from
        Instant in UTC from which purchases are judged by it, until the next version's.
    rate
        Basis points of what was paid: 300 is 3 %.
    expiry_months
        Bonus lives to the end of the month that lies so many months after the purchase.
    """

    version: int
    valid_from: datetime
    rate: int
    expiry_months: int

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= FULL_RATE:
            raise ValueError("a rate lies between 0 and 10,000 basis points")
        if not 1 <= self.expiry_months <= 120:  # noqa: PLR2004 - ten years is longer than any claim lives
            raise ValueError("bonus lives 1 to 120 months")


def programme_at(versions: Sequence[BonusProgramme], at: datetime) -> BonusProgramme:
    """The version valid at an instant; the first one for anything older (a club's first receipts)."""
    valid = [version for version in versions if version.valid_from <= at]
    return max(valid or versions[:1], key=lambda version: (version.valid_from, version.version))
