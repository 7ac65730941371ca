"""What may be done about somebody by the clock, and by which calendar."""

from collections.abc import Callable
from datetime import date, datetime, time
from enum import StrEnum

from msgspec import Struct

from stamkunde.shared.clock import local_date, wall_instant
from stamkunde.shared.ladder import Ladder


class StepKind(StrEnum):
    """What is done to or for somebody; of several that are due, those further up come first."""

    REMOVE_REST = "remove_rest"
    """What is left of somebody who is gone."""

    REMOVE_ASKED = "remove_asked"
    REMOVE_OPEN = "remove_open"
    REMOVE_LAPSED = "remove_lapsed"
    """Somebody who only took the news, and doesn't any more."""

    REMOVE_INACTIVE = "remove_inactive"
    """A member who stayed away, on the day that their last notice named."""

    TERMS_REMINDER = "terms_reminder"
    RUNG = "rung"
    """A notice to a member who stays away."""

    TELL_TERMS = "tell_terms"
    NOTE_LAPSING = "note_lapsing"
    FORGET_EVIDENCE = "forget_evidence"
    """What nobody has to prove any more (R10)."""

    EXPIRE = "expire"
    """What has lapsed in somebody's account; once it is due, something is held there for a receipt."""

    NOTE_BIRTHDAY = "note_birthday"

    @property
    def at_once(self) -> bool:
        """Whether the visit does it by itself, without a case."""
        return self in {StepKind.EXPIRE, StepKind.NOTE_BIRTHDAY}

    @property
    def removes(self) -> bool:
        """Whether it takes somebody away for good, or what is left of them."""
        return self in _REMOVING

    @property
    def follows_from_purchases(self) -> bool:
        """Whether it is due only to somebody who hasn't bought anything for long."""
        return self in {StepKind.RUNG, StepKind.REMOVE_INACTIVE}


_REMOVING = frozenset(
    {
        StepKind.REMOVE_REST,
        StepKind.REMOVE_ASKED,
        StepKind.REMOVE_OPEN,
        StepKind.REMOVE_LAPSED,
        StepKind.REMOVE_INACTIVE,
    }
)


class ClubTime(Struct, frozen=True):
    """A club's calendar, as far as it sets things off.

    Parameters
    ----------
    next_opening
        The first instant, from the given one on, at which the club's notices may be sent.
    terms_version, terms_published_at
        Of the terms that a new member is shown.
    ladder
        The one that holds on a day.
    """

    time_zone: str
    next_opening: Callable[[datetime], datetime]
    terms_version: int
    terms_published_at: datetime
    ladder: Callable[[date], Ladder]

    def day_of(self, instant: datetime) -> date:
        """The club's calendar day of an instant."""
        return local_date(instant, self.time_zone)

    def start_of(self, day: date) -> datetime:
        """The instant at which a calendar day of the club begins."""
        return wall_instant(datetime.combine(day, time.min), self.time_zone)

    def sending_on(self, day: date, now: datetime) -> datetime:
        """When a notice of that day may be sent, not before now."""
        return self.next_opening(max(self.start_of(day), now))


class Step(Struct, frozen=True):
    """The next thing to be done about somebody, and from when on."""

    kind: StepKind
    at: datetime

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be done now."""
        return self.at <= now
