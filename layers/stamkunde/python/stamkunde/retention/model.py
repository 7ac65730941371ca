"""What is to be done about somebody by the clock, and when: decided from the facts alone. Pure.

Reminders of the terms go by the club's own calendar days, so that everybody has whole days between them: on the fifth
day after the one on which somebody joined, and a week before the day on which they are erased, in the third week.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from stamkunde.shared.clock import local_date, wall_instant

FIRST_REMINDER = timedelta(days=5)
ERASED_AFTER = timedelta(days=19)
LAST_NOTICE = timedelta(days=7)
"""At least so long before the day that it names must the second reminder be written."""

LATE_NOTICE = timedelta(days=30)
"""What a reminder grants that comes too late for the day that was meant."""

REMINDERS = 2
ONE_DAY = timedelta(days=1)


class StepKind(StrEnum):
    """What is done to or for somebody; of several that are due, those further up come first."""

    REMOVE_REST = "remove_rest"
    """What is left of somebody who is gone."""

    REMOVE_ASKED = "remove_asked"
    REMOVE_OPEN = "remove_open"
    TERMS_REMINDER = "terms_reminder"
    TELL_TERMS = "tell_terms"
    NOTE_LAPSING = "note_lapsing"


_RANKS = {kind: rank for rank, kind in enumerate(StepKind)}


class Standing(StrEnum):
    """What somebody is to the club."""

    OPEN = "open"
    MEMBER = "member"
    NEWSLETTER = "newsletter"


@dataclass(frozen=True, slots=True)
class Chase:
    """What somebody was told of the terms that they haven't accepted.

    Parameters
    ----------
    began_at
        When they joined.
    reminded_at
        When each reminder was written, the oldest first.
    erase_on
        The club's day that the latest reminder named; None before the first.
    """

    began_at: datetime
    reminded_at: tuple[datetime, ...] = ()
    erase_on: date | None = None


@dataclass(frozen=True, slots=True)
class Lapse:
    """That a permission ends by itself.

    Parameters
    ----------
    on
        The club's first day without it.
    note_on
        The day on which the owner is told.
    noted
        Whether the owner was told.
    """

    kind: str
    on: date
    note_on: date
    noted: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision about somebody rests on.

    Parameters
    ----------
    chase
        Of somebody who hasn't accepted the terms.
    erase_at
        From when on they are gone, if they or the shop asked for it.
    known_terms
        The newest version that they accepted or were told of.
    lapses
        Of the permissions that hold.
    """

    standing: Standing
    chase: Chase | None = None
    erase_at: datetime | None = None
    known_terms: int = 0
    lapses: tuple[Lapse, ...] = ()


@dataclass(frozen=True, slots=True)
class ClubTime:
    """A club's calendar, as far as it sets things off.

    Parameters
    ----------
    next_opening
        The first instant, from the given one on, at which the club's notices may be sent.
    terms_version, terms_published_at
        Of the terms that a new member is shown.
    """

    time_zone: str
    next_opening: Callable[[datetime], datetime]
    terms_version: int
    terms_published_at: datetime

    def day_of(self, instant: datetime) -> date:
        """The club's calendar day of an instant."""
        return local_date(instant, self.time_zone)

    def start_of(self, day: date) -> datetime:
        """The instant at which a calendar day of the club begins."""
        return wall_instant(datetime.combine(day, time.min), self.time_zone)

    def sending_on(self, day: date, now: datetime) -> datetime:
        """When a notice of that day may be sent, not before now."""
        return self.next_opening(max(self.start_of(day), now))


@dataclass(frozen=True, slots=True)
class Step:
    """The next thing to be done about somebody, and from when on.

    Parameters
    ----------
    lapse
        The permission that it is about, if it is about one.
    """

    kind: StepKind
    at: datetime
    lapse: Lapse | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be done now."""
        return self.at <= now


def next_step(facts: Facts, club: ClubTime, now: datetime) -> Step | None:
    """What is to be done next about somebody; None when there is nothing that time will bring.

    Who is about to be deleted on request is told nothing more, and nothing of them is noted.
    """
    if facts.erase_at is not None:
        return Step(StepKind.REMOVE_ASKED, facts.erase_at)
    match facts.standing:
        case Standing.OPEN:
            chase = [_chase_step(facts.chase, club, now)] if facts.chase else []
            return _first([*chase, *_noting_steps(facts, club)], now)
        case Standing.MEMBER:
            return _first([*_telling_steps(facts, club, now), *_noting_steps(facts, club)], now)
        case Standing.NEWSLETTER:
            return _first(_noting_steps(facts, club), now)


def day_to_name(chase: Chase, club: ClubTime, now: datetime) -> date:
    """The day that a reminder names which is written now.

    The first fixes the day, the second names the same one. One that leaves too little of the time that was meant
    names a day of its own, and the day never comes nearer.
    """
    today = club.day_of(now)
    meant = chase.erase_on or club.day_of(chase.began_at) + ERASED_AFTER
    last_chance = meant - LAST_NOTICE
    is_in_time = today <= last_chance if chase.reminded_at else today < last_chance
    return meant if is_in_time else max(meant, today + LATE_NOTICE)


def _chase_step(chase: Chase, club: ClubTime, now: datetime) -> Step:
    if not chase.reminded_at or chase.erase_on is None:
        day = club.day_of(chase.began_at) + FIRST_REMINDER
        return Step(StepKind.TERMS_REMINDER, club.sending_on(day, now))
    if len(chase.reminded_at) < REMINDERS:
        # Never two on one day, however late the first one came.
        day = max(chase.erase_on - LAST_NOTICE, club.day_of(chase.reminded_at[-1]) + ONE_DAY)
        return Step(StepKind.TERMS_REMINDER, club.sending_on(day, now))
    return Step(StepKind.REMOVE_OPEN, club.start_of(chase.erase_on))


def _telling_steps(facts: Facts, club: ClubTime, now: datetime) -> list[Step]:
    if facts.known_terms >= club.terms_version:
        return []
    return [Step(StepKind.TELL_TERMS, club.next_opening(max(club.terms_published_at, now)))]


def _noting_steps(facts: Facts, club: ClubTime) -> list[Step]:
    return [
        Step(StepKind.NOTE_LAPSING, club.start_of(lapse.note_on), lapse) for lapse in facts.lapses if not lapse.noted
    ]


def _first(steps: list[Step], now: datetime) -> Step | None:
    """The earliest; of those that are due, the one of the highest rank."""
    return min(steps, key=lambda step: (max(step.at, now), _RANKS[step.kind]), default=None)
