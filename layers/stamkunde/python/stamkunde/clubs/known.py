"""Clubs as a warm Lambda knows them: read once a minute, by id or by the name in an address."""

import time
from collections.abc import Callable
from copy import replace
from typing import TYPE_CHECKING

from msgspec import Struct, field

from stamkunde.clubs.model import Club, may_be_slug
from stamkunde.clubs.store import ClubRegistry, ClubStore
from stamkunde.shared.clock import Clock, ClubClock, SystemClock
from stamkunde.shared.signing import in_order_of_use

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

KNOWN_FOR_SECONDS = 60
"""Less than the two minutes that new versions are published ahead, so no warm Lambda misses one."""


class KnownClubs(Struct):
    """The clubs of a deployment, each kept for a minute.

    A club with a clock of its own (local engine only) is read every time, or its clock would lag behind. That a
    name in addresses leads to no club is never kept, nor that its pages are closed: both may change in the next
    moment, with somebody waiting for it.

    Parameters
    ----------
    monotonic
        Measures how long a club has been known; tells no date.
    texts
        Whether they are known with the texts of their terms, which only pages show.
    """

    client: "DynamoDBClient"
    table: str
    clocks_movable: bool
    clock: Clock = field(default_factory=SystemClock)
    monotonic: Callable[[], float] = time.monotonic
    texts: bool = False
    _known: dict[str, tuple[float, Club]] = field(default_factory=dict)
    _ids: dict[str, str] = field(default_factory=dict)

    def by_id(self, club_id: str) -> Club | None:
        """A club with its settings and published versions; of its keys, the one that signs now comes first."""
        club = self._find(club_id)
        return club and replace(club, signing_keys=in_order_of_use(club.signing_keys, self.clock.now()))

    def _find(self, club_id: str) -> Club | None:
        known_until, known = self._known.get(club_id, (0.0, None))
        if known is not None and self.monotonic() < known_until:
            return known
        club = ClubStore(self.client, self.table, club_id).load(texts=self.texts)
        if club is not None and club.clock_offset is None:
            self._known[club_id] = (self.monotonic() + KNOWN_FOR_SECONDS, club)
        return club

    def by_slug(self, slug: str) -> Club | None:
        """A club by its name in addresses, which it keeps until it closes; read again while its pages are closed."""
        if not may_be_slug(slug):
            return None
        club_id = self._ids.get(slug) or ClubRegistry(self.client, self.table).find_by_slug(slug)
        if club_id is None:
            return None
        self._ids[slug] = club_id
        _, known = self._known.get(club_id, (0.0, None))
        if known is not None and known.join_page is None:
            self._known.pop(club_id, None)
        club = self.by_id(club_id)
        if club is None:
            # Another club may have the name by now.
            del self._ids[slug]
        return self.unless_closed(club)

    def unless_closed(self, club: Club | None) -> Club | None:
        """A club that may be shown to customers: none whose last day is over."""
        return None if club is None or club.is_closed(self.clock_of(club).now()) else club

    def clock_of(self, club: Club) -> Clock:
        """The clock a club lives by: the real one, unless its own is moved (local engine only)."""
        if self.clocks_movable and club.clock_offset:
            return ClubClock(self.clock, club.clock_offset)
        return self.clock
