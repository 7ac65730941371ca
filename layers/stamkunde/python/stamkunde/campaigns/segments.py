"""Saving a club's segments, and telling whom they choose."""

import re
from datetime import date

from msgspec import Struct

from stamkunde.campaigns.audience import Audience
from stamkunde.campaigns.facts_store import FactsStore
from stamkunde.campaigns.model.criteria import Criterion, check_size
from stamkunde.campaigns.segment_store import Segment, SegmentStore
from stamkunde.clubs.model import Club
from stamkunde.shared.clock import Clock, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import Busy, ConditionFailed

MOST_SEGMENTS = 200
LONGEST_NAME = 60
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class Segments(Struct, frozen=True):
    """One club's segments."""

    club: Club
    store: SegmentStore
    facts: FactsStore
    clock: Clock
    patience: Patience

    def save(self, segment_id: str, name: str, criterion: Criterion, by: str) -> Segment:
        """Save a segment, in the place of the one of that id if there is one.

        Raises
        ------
        Refusal
            ``invalid_field``: its id or name, or too many criteria. ``too_many_segments``. ``try_again``.
        """
        if not _ID.fullmatch(segment_id):
            raise Refusal("invalid_field", {"expected": _ID.pattern}, "/segment_id")
        if not 0 < len(name := " ".join(name.split())) <= LONGEST_NAME or not name.isprintable():
            raise Refusal("invalid_field", {"expected": f"1-{LONGEST_NAME}"}, "/name")
        check_size(criterion)

        def attempt() -> Segment:
            before = self.store.load(segment_id)
            if before is None and sum(1 for _ in self.store.every()) >= MOST_SEGMENTS:
                raise Refusal("too_many_segments", {"most": MOST_SEGMENTS})
            revision = before.revision if before else 0
            return self._put(Segment(segment_id, name, criterion, by, self.clock.now(), revision))

        return self.patience.until_done(attempt)

    def load(self, segment_id: str) -> Segment:
        """A segment by its id.

        Raises
        ------
        Refusal
            ``unknown_segment``.
        """
        if (segment := self.store.load(segment_id)) is None:
            raise Refusal("unknown_segment", pointer="/segment_id")
        return segment

    def remove(self, segment_id: str) -> None:
        """Take a segment away; campaigns that were made with it have a copy of their own.

        Raises
        ------
        Refusal
            ``unknown_segment``, ``try_again``.
        """
        try:
            self.patience.until_done(lambda: self.store.remove(segment_id))
        except ConditionFailed as failed:
            raise Refusal("unknown_segment", pointer="/segment_id") from failed

    def audience(self, criterion: Criterion, day: date | None = None) -> Audience:
        """Whom a criterion takes, today or on another of the club's days."""
        return Audience(self.club, self.facts, criterion, day or self.today())

    def today(self) -> date:
        """The club's day."""
        return local_date(self.clock.now(), self.club.time_zone)

    def _put(self, segment: Segment) -> Segment:
        try:
            return self.store.put(segment)
        except ConditionFailed as failed:
            raise Busy from failed
