"""When somebody who stays away is told so, and when they are deleted.

Months are the calendar's, by the club's own days: who was last there on the 31st is met on the last day there is. The
last notice goes at least thirty days before the end, also where the month is shorter, and names the day.

Whoever was there again begins anew, without anything being written. As with the terms, what can't be undone waits
until its notice was really sent: one that wasn't is written again on the day it named, with thirty days of its own,
and whom four of them didn't reach is deleted on the day that the fourth one names (docs/adr/0027).
"""

from copy import replace
from datetime import date, datetime, timedelta

from msgspec import Struct

from stamkunde.retention.model.chase import MOST_REMINDERS
from stamkunde.retention.model.steps import ClubTime
from stamkunde.shared.clock import local_date, months_later
from stamkunde.shared.ladder import Absence, Ladder, Rung, RungNotice, RungSkipped, RungText
from stamkunde.shared.terms import Arrival

LAST_CHANCE = timedelta(days=30)
"""At least so long before the day that it names must the last notice be written."""

COUNTS_FOR = timedelta(days=14)
"""So long after the day that it named does a last notice end anything."""


class Away(Struct, frozen=True):
    """Since when somebody hasn't been there, and what they were told of it.

    Parameters
    ----------
    active_on
        The club's day on which they were last there.
    absence
        What was written down so far; it counts only if it is of the same day.
    """

    active_on: date
    absence: Absence | None = None

    @property
    def notices(self) -> tuple[RungNotice | RungSkipped, ...]:
        """What they were told since they were last there, or passed over with."""
        return self.absence.notices if self.absence and self.absence.since == self.active_on else ()

    @property
    def unseen(self) -> RungNotice | None:
        """The last notice of which it isn't known yet whether it was sent: on no other anything depends."""
        told = self.notices[-1] if self.notices else None
        return told if isinstance(told, RungNotice) and told.names and told.arrival is None else None

    def seen(self, arrival: Arrival) -> "Away":
        """Once somebody has looked what became of that notice."""
        if (unseen := self.unseen) is None:
            return self
        return Away(self.active_on, Absence(self.active_on, (*self.notices[:-1], replace(unseen, arrival=arrival))))

    def noting(self, *more: RungNotice | RungSkipped) -> "Away":
        """Once they were told more, or passed over."""
        return Away(self.active_on, Absence(self.active_on, (*self.notices, *more)))


class LadderStep(Struct, frozen=True):
    """The next thing on a ladder, and from when on: a rung, or None for the end."""

    rung: Rung | None
    at: datetime


def active_on(time_zone: str, *acts: datetime | None) -> date:
    """The club's day on which somebody was last there.

    Parameters
    ----------
    acts
        When they joined, accepted the terms, bought something themselves, and changed or confirmed their details;
        None for what they never did.
    """
    return max(local_date(act, time_zone) for act in acts if act is not None)


def end_of(ladder: Ladder, since: date) -> date:
    """The club's day on which somebody is deleted who was last there on another, as far as the ladder says."""
    return months_later(since, ladder.months)


def rung_day(ladder: Ladder, since: date, rung: Rung) -> date:
    """The club's day of a rung."""
    day = months_later(since, rung.after_months)
    return min(day, end_of(ladder, since) - LAST_CHANCE) if rung.text is RungText.LAST else day


def day_named(ladder: Ladder, since: date, today: date) -> date:
    """The day that a last notice names which is written today: the ladder's, or thirty days on if that is later."""
    return max(end_of(ladder, since), today + LAST_CHANCE)


def ladder_step(away: Away, ladder: Ladder, club: ClubTime, now: datetime) -> LadderStep:
    """What comes next for somebody who stays away; sooner or later something does.

    A last notice of which it isn't known whether it was sent is taken for sent, since that brings the later step. One
    that names an earlier day than the ladder does by now, because the club keeps its members longer, counts no more.
    """
    since, today = away.active_on, club.day_of(now)
    if told := _counting(away, ladder, club, today):
        latest, names = told[-1]
        if latest.arrival in {None, Arrival.SENT} or len(told) >= MOST_REMINDERS:
            return LadderStep(None, club.start_of(names))
        return LadderStep(ladder.last, club.sending_on(names, now))
    waiting = _waiting(away, ladder)
    due = [rung for rung in waiting if rung_day(ladder, since, rung) <= today]
    rung = due[-1] if due else waiting[0]
    return LadderStep(rung, club.sending_on(rung_day(ladder, since, rung), now))


def passed_over(away: Away, ladder: Ladder, rung: Rung) -> tuple[Rung, ...]:
    """The rungs before one that is written now, of which nothing was written in their time."""
    return tuple(each for each in _waiting(away, ladder) if each.after_months < rung.after_months)


def _counting(away: Away, ladder: Ladder, club: ClubTime, today: date) -> list[tuple[RungNotice, date]]:
    """The last notices by which somebody may be deleted, and the days that they named."""
    counting: list[tuple[RungNotice, date]] = []
    # Whoever is still there a fortnight after the day that was named was let live, say by a club that kept members
    # longer for a while: they can't know that the old day counts again, so they are told anew, with thirty days.
    for each in away.notices:
        if isinstance(each, RungNotice) and each.names is not None and each.names >= end_of(ladder, away.active_on):
            in_time = [*counting] if _still_counts(counting, club.day_of(each.written_at)) else []
            counting = [*in_time, (each, each.names)]
    return counting if _still_counts(counting, today) else []


def _still_counts(told: list[tuple[RungNotice, date]], day: date) -> bool:
    """Whether the latest of these notices counts on a day; each of them before did when the next was written."""
    return not told or day < told[-1][1] + COUNTS_FOR


def _waiting(away: Away, ladder: Ladder) -> list[Rung]:
    """What is still to be said: a ladder that changed meanwhile goes on after the month that was reached."""
    reached = max((each.rung.after_months for each in away.notices), default=0)
    return [rung for rung in ladder.rungs if rung.text is RungText.LAST or rung.after_months > reached]
