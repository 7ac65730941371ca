"""What is done in every club by the clock, one club after the other."""

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from stamkunde.clubs.model import Club

type IsOver = Callable[[], bool]
"""Whether a run's time is over: what is left is done by the next run."""


class BrokenClub(Struct, frozen=True):
    """A club in which something broke; the others had their turn."""

    club_id: str
    error: Exception


class Done[R](Struct, frozen=True):
    """What a chore came to in a club."""

    club_id: str
    result: R


SHORTEST_TURN = 5.0
"""Less wouldn't bring a club on that has much to do."""


class Rounds(Struct, frozen=True):
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
            yield from self._turn(club_id, chore, end)

    def share[R](
        self, chore: Callable[[Club, IsOver], R], is_finished: Callable[[R], bool]
    ) -> Iterator[Done[R] | BrokenClub]:
        """Do a chore in every club, a fair share of the time in each; who isn't done has another turn.

        Nobody comes first each time: when the time doesn't suffice for all, it is others who wait the next time.
        """
        end = self.monotonic() + self.seconds
        waiting = deque(self.club_ids())
        random.shuffle(waiting)
        while waiting:
            club_id = waiting.popleft()
            now = self.monotonic()
            turn = max((end - now) / (len(waiting) + 1), SHORTEST_TURN)
            for done in self._turn(club_id, chore, min(end, now + turn)):
                if isinstance(done, Done) and not is_finished(done.result) and self.monotonic() <= end:
                    waiting.append(club_id)
                yield done

    def _turn[R](
        self, club_id: str, chore: Callable[[Club, IsOver], R], end: float
    ) -> Iterator[Done[R] | BrokenClub]:
        try:
            club = self.find_club(club_id)
            if club is not None:
                yield Done(club_id, chore(club, lambda: self.monotonic() > end))
        except Exception as error:  # noqa: BLE001 - a club must not hold up the others
            yield BrokenClub(club_id, error)
