"""Trying again while others write the same items: full jitter, and an end to it."""

import random
import time
from collections.abc import Callable

from msgspec import Struct, field

from stamkunde.shared.errors import Refusal
from stamkunde.shared.transaction import Busy

RETRY_AFTER_SECONDS = 1


class Patience(Struct, frozen=True):
    """How long to try: `limit` seconds in all, waits drawn from 0 to a doubling bound of at most `longest_wait`.

    Time here is the machine's monotonic clock: it measures a duration and tells no date.
    """

    limit: float = 2.5
    first_wait: float = 0.02
    longest_wait: float = 0.4
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    draw: Callable[[float, float], float] = field(default=random.uniform)

    def until_done[T](self, attempt: Callable[[], T]) -> T:
        """The answer of the first attempt that isn't `Busy`.

        Raises
        ------
        Refusal
            ``try_again`` with a Retry-After, when the limit is over.
        """
        end = self.monotonic() + self.limit
        bound = self.first_wait
        while True:
            try:
                return attempt()
            except Busy as busy:
                wait = self.draw(0, bound)
                if self.monotonic() + wait > end:
                    raise Refusal("try_again", retry_after=RETRY_AFTER_SECONDS) from busy
                self.sleep(wait)
                bound = min(bound * 2, self.longest_wait)
