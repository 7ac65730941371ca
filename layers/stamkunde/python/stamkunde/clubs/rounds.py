"""What is done in every club by the clock, one club after the other."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from stamkunde.clubs.model import Club

type IsOver = Callable[[], bool]
"""Whether a run's time is over: what is left is done by the next run."""


@dataclass(frozen=True, slots=True)
class BrokenClub:
    """A club in which something broke; the others had their turn."""

    club_id: str
    error: Exception


@dataclass(frozen=True, slots=True)
class Done[R]:
    """What a chore came to in a club."""

    club_id: str
    result: R


@dataclass(frozen=True, slots=True)
class Rounds:
    """Goes from club to club, for jobs that may ask which clubs there are.

    Parameters
    ----------
    seconds
        How long a run may take: well within its function's limit, so that it ends by itself.
    monotonic
        Measures how long it has taken; tells no date.
    """

    club_ids: Callable[[], Iterable[str]]
    find_club: Callable[[str], Club | None]
    seconds: float
    monotonic: Callable[[], float] = time.monotonic

    def go[R](self, chore: Callable[[Club, IsOver], R]) -> Iterator[Done[R] | BrokenClub]:
        """Do a chore in every club; what breaks in one stands in the way of no other."""
        end = self.monotonic() + self.seconds
        for club_id in self.club_ids():
            try:
                club = self.find_club(club_id)
                if club is not None:
                    yield Done(club_id, chore(club, lambda: self.monotonic() > end))
            except Exception as error:  # noqa: BLE001 - a club must not hold up the others
                yield BrokenClub(club_id, error)
