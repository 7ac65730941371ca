"""What is to be done about somebody by the clock, and when: decided from the facts alone. Pure.

Reminders of the terms go by the club's own calendar days, so that everybody has whole days between them: on the fifth
day after the one on which somebody joined, and a week before the day on which they are erased, in the third week.

What can't be undone waits until its notice was really sent: one that wasn't is written again when that is found out,
and grants a month. Somebody whom nothing reaches is tried a few times, and then deleted all the same.
"""

from collections.abc import Callable
from copy import replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from msgspec import Struct

from stamkunde.shared.clock import local_date, wall_instant
from stamkunde.shared.terms import Arrival, TermsChase, TermsReminder, TermsTold

FIRST_REMINDER = timedelta(days=5)
ERASED_AFTER = timedelta(days=19)
LAST_NOTICE = timedelta(days=7)
"""At least so long before the day that it names must the second reminder be written."""

LATE_NOTICE = timedelta(days=30)
"""What a reminder grants that comes too late for the day that was meant."""

KNOWN_AFTER = timedelta(days=2)
"""By then it is known what became of a notice: none is sent that is older than a day."""

REMINDERS = 2
MOST_REMINDERS = 4
"""Whom so many were written to is deleted on the day that the last of them names, whether it was sent or not."""

MOST_TELLINGS = 3
"""How often somebody is written to about new terms, until one was sent."""


class StepKind(StrEnum):
    """What is done to or for somebody; of several that are due, those further up come first."""

    REMOVE_REST = "remove_rest"
    """What is left of somebody who is gone."""

    REMOVE_ASKED = "remove_asked"
    REMOVE_OPEN = "remove_open"
    REMOVE_LAPSED = "remove_lapsed"
    """Somebody who only took the news, and doesn't any more."""

    TERMS_REMINDER = "terms_reminder"
    TELL_TERMS = "tell_terms"
    NOTE_LAPSING = "note_lapsing"
    FORGET_EVIDENCE = "forget_evidence"
    """What nobody has to prove any more (R10)."""


_RANKS = {kind: rank for rank, kind in enumerate(StepKind)}


class Standing(StrEnum):
    """What somebody is to the club."""

    OPEN = "open"
    MEMBER = "member"
    NEWSLETTER = "newsletter"


class Lapse(Struct, frozen=True):
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


class Facts(Struct, frozen=True):
    """All that a decision about somebody rests on.

    Parameters
    ----------
    chase
        Of somebody who hasn't accepted the terms.
    erase_at
        From when on they are gone, if they or the shop asked for it.
    accepted_terms
        The version that they accepted last.
    told_terms
        The newest version that they were written to about.
    lapses
        Of the permissions that hold.
    news_until
        The club's first day on which nothing lets somebody be kept who only takes the news.
    forget_on
        The club's first day on which evidence of theirs is to be forgotten.
    """

    standing: Standing
    chase: TermsChase | None = None
    erase_at: datetime | None = None
    accepted_terms: int = 0
    told_terms: TermsTold | None = None
    lapses: tuple[Lapse, ...] = ()
    news_until: date | None = None
    forget_on: date | None = None

    @property
    def unseen(self) -> TermsReminder | TermsTold | None:
        """The notice of which it isn't known yet whether it was sent."""
        notice = self.chase.latest if self.chase else self.told_terms
        return notice if notice is not None and notice.arrival is None else None

    def seen(self, arrival: Arrival) -> "Facts":
        """Once somebody has looked what became of that notice."""
        if self.chase and self.chase.latest:
            latest = replace(self.chase.latest, arrival=arrival)
            return replace(self, chase=replace(self.chase, reminders=(*self.chase.reminders[:-1], latest)))
        return replace(self, told_terms=self.told_terms and replace(self.told_terms, arrival=arrival))


class ClubTime(Struct, frozen=True):
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


class Step(Struct, frozen=True):
    """The next thing to be done about somebody, and from when on."""

    kind: StepKind
    at: datetime

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be done now."""
        return self.at <= now


def next_step(facts: Facts, club: ClubTime, now: datetime) -> Step | None:
    """What is to be done next about somebody; None when there is nothing that time will bring.

    Who is about to be deleted on request is told nothing more, and nothing of them is noted. A notice that is unseen
    is taken for sent where that brings a later step, so nothing is missed by looking only when a step is due.
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
            until = [Step(StepKind.REMOVE_LAPSED, club.start_of(facts.news_until))] if facts.news_until else []
            return _first([*until, *_noting_steps(facts, club)], now)


def day_to_name(chase: TermsChase, club: ClubTime, now: datetime) -> date:
    """The day that a reminder names which is written now.

    The first fixes the day, the second names the same one. One that leaves too little of the time that was meant
    names a day of its own, and the day never comes nearer.
    """
    today = club.day_of(now)
    meant = chase.latest.names if chase.latest else club.day_of(chase.began_at) + ERASED_AFTER
    last_chance = meant - LAST_NOTICE
    # The first must leave time for a second, which comes once it is known what became of this one.
    is_in_time = (today if chase.heard else today + KNOWN_AFTER) <= last_chance
    return meant if is_in_time else max(meant, today + LATE_NOTICE)


def _chase_step(chase: TermsChase, club: ClubTime, now: datetime) -> Step:
    latest = chase.latest
    if latest is None:
        day = club.day_of(chase.began_at) + FIRST_REMINDER
        return Step(StepKind.TERMS_REMINDER, club.sending_on(day, now))
    if len(chase.reminders) >= MOST_REMINDERS:
        return Step(StepKind.REMOVE_OPEN, club.start_of(latest.names))
    if chase.heard < REMINDERS:
        day = max(latest.names - LAST_NOTICE, club.day_of(latest.written_at) + KNOWN_AFTER)
        return Step(StepKind.TERMS_REMINDER, club.sending_on(day, now))
    if latest.arrival in {None, Arrival.SENT}:
        return Step(StepKind.REMOVE_OPEN, club.start_of(latest.names))
    return Step(StepKind.TERMS_REMINDER, club.sending_on(latest.names, now))


def _telling_steps(facts: Facts, club: ClubTime, now: datetime) -> list[Step]:
    """Telling of the newest terms, or looking whether that was sent; what may have been sent is told once."""
    told = facts.told_terms
    if facts.accepted_terms >= club.terms_version:
        return []
    if told is None or told.version < club.terms_version:
        return [Step(StepKind.TELL_TERMS, club.next_opening(max(club.terms_published_at, now)))]
    if told.times >= MOST_TELLINGS or told.arrival in {Arrival.SENT, Arrival.PERHAPS}:
        return []
    look_at = told.written_at + KNOWN_AFTER * told.times
    return [Step(StepKind.TELL_TERMS, club.next_opening(max(look_at, now)) if told.arrival else look_at)]


def _noting_steps(facts: Facts, club: ClubTime) -> list[Step]:
    """What is done about somebody without telling them."""
    forgetting = [Step(StepKind.FORGET_EVIDENCE, club.start_of(facts.forget_on))] if facts.forget_on else []
    # A use moves the day of one that was noted already: until then it is not known whether to note it anew.
    days = (lapse.on if lapse.noted else lapse.note_on for lapse in facts.lapses)
    return [*(Step(StepKind.NOTE_LAPSING, club.start_of(day)) for day in days), *forgetting]


def _first(steps: list[Step], now: datetime) -> Step | None:
    """The earliest; of those that are due, the one of the highest rank."""
    return min(steps, key=lambda step: (max(step.at, now), _RANKS[step.kind]), default=None)
