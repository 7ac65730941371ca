"""When the next messages may go, so that no more of them go in a second than a gateway takes. Pure.

The generic cell rate algorithm (GCRA, ITU-T I.371): of a rate only the instant is kept from which on nothing is
reserved. Whoever sends `n` parts reserves the next `n` cells of it. There is no burst: what wasn't used is lost, or a
quiet minute would be followed by one that the gateway refuses.
"""

import math
from datetime import datetime, timedelta

from msgspec import Struct

from stamkunde.shared.errors import Refusal

SHARE_OF_QUOTA = 0.95 * 0.9
"""Clocks of several workers differ by a little, and a gateway counts by its own. A tenth is left to codes and to what
is sent by itself, which ask nobody for a slot."""

_MICROSECOND = timedelta(microseconds=1)


class Pace(Struct, frozen=True):
    """How fast may be sent.

    Parameters
    ----------
    quota
        Parts of text messages, or e-mails, that are taken in a second.
    """

    quota: float

    def __post_init__(self) -> None:
        if not self.quota > 0:
            raise Refusal("invalid_field", {"expected": "> 0"}, "/quota")

    @property
    def per_second(self) -> float:
        """What we send in a second at most."""
        return self.quota * SHARE_OF_QUOTA

    def lasts(self, parts: int) -> timedelta:
        """How long so many parts take, never rounded down."""
        return math.ceil(parts * 1_000_000 / self.per_second) * _MICROSECOND

    def parts_in(self, span: timedelta) -> int:
        """How many parts fit into a time."""
        return math.floor(span.total_seconds() * self.per_second)


class Slot(Struct, frozen=True):
    """The time that was reserved for some parts.

    Parameters
    ----------
    begins
        Nothing of it goes before.
    pace
        The slower one of those that it keeps.
    """

    begins: datetime
    pace: Pace

    def instant_of(self, parts_before: int) -> datetime:
        """When a message may go before which so many parts of the same slot go."""
        return self.begins + self.pace.lasts(parts_before)
