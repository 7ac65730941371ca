"""When somebody is reminded of the terms who never accepted them, and when they are erased.

Reminders of the terms go by the club's own calendar days, so that everybody has whole days between them: on the fifth
day after the one on which somebody joined, and a week before the day on which they are erased, in the third week.

What can't be undone waits until its notice was really sent: one that wasn't is written again when that is found out,
and grants a month. Somebody whom nothing reaches is tried a few times, and then deleted all the same.
"""

from datetime import date, datetime, timedelta

from stamkunde.retention.model.steps import ClubTime, Step, StepKind
from stamkunde.shared.terms import Arrival, TermsChase

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


def chase_step(chase: TermsChase, club: ClubTime, now: datetime) -> Step:
    """What is to be done next about somebody who hasn't accepted the terms."""
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
