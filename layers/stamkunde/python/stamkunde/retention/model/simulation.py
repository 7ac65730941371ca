"""What a ladder would bring: who is told what in which month, who is deleted, what they lose. Nothing is written.

It goes from step to step by the same rules as what then happens, for people who never come back and whom every notice
reaches.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from copy import replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from stamkunde.retention.model.ladder import Away, day_named, ladder_step, passed_over
from stamkunde.retention.model.steps import ClubTime
from stamkunde.shared.clock import months_later
from stamkunde.shared.ladder import Ladder, RungNotice, RungSkipped, RungText, SkipReason
from stamkunde.shared.terms import Arrival

_A_DAY = timedelta(days=1)

CLAIM_MONTHS = 36
"""So long bonus is a claim on the shop (R26): who deletes it earlier must have agreed on that (R27)."""


class Course(Struct, frozen=True):
    """A club's ladders from now on: pairs of a day and what holds from then on, the earliest first."""

    ladders: tuple[tuple[date, Ladder], ...]

    def on(self, day: date) -> Ladder:
        """What holds on a day; before the first one, that one."""
        return next((ladder for since, ladder in reversed(self.ladders) if since <= day), self.ladders[0][1])

    def turn_after(self, day: date) -> date | None:
        """The first day after another on which something else begins to hold."""
        return next((since for since, _ in self.ladders if since > day), None)


class Lot(Struct, frozen=True):
    """Bonus that lapses on its own after a day.

    Parameters
    ----------
    earned_by
        The last day on which it may have been earned.
    """

    amount: int
    expires_on: date
    earned_by: date


class Person(Struct, frozen=True):
    """Somebody on the ladder.

    Parameters
    ----------
    advertised_until
        The club's first day on which nothing allows sending them advertising; None: nothing does now.
    use_keeps_months
        For how long each use keeps what allows it (R29); 0 if being written to makes it last no longer.
    """

    away: Away
    advertised_until: date | None = None
    use_keeps_months: int = 0

    def may_be_advertised_to(self, day: date) -> bool:
        """Whether a rung that is advertising may go to them on a day."""
        return self.advertised_until is not None and day < self.advertised_until

    def advertised_to(self, day: date) -> "Person":
        """Them, after advertising was sent to them on a day."""
        if not self.use_keeps_months or self.advertised_until is None:
            return self
        kept_until = months_later(day, self.use_keeps_months)
        return replace(self, advertised_until=max(self.advertised_until, kept_until))


class Household(Struct, frozen=True):
    """Whoever shares an account; mostly one. What it holds is lost with the last of them.

    Parameters
    ----------
    deficit
        What it owes, and loses less by.
    """

    people: tuple[Person, ...]
    lots: tuple[Lot, ...] = ()
    deficit: int = 0


class Fate(StrEnum):
    """What becomes of a rung."""

    SENT = "sent"
    SERVICE = "service"
    """The last one, to somebody who may get no advertising: as the plain notice."""

    NO_PERMISSION = "no_permission"
    OUTAGE = "outage"


class Told(Struct, frozen=True, order=True):
    """That a rung comes to somebody, or passes them by, in a month such as ``2027-03``."""

    month: str
    after_months: int
    fate: Fate


class Forecast(Struct, frozen=True):
    """What a ladder would bring.

    Parameters
    ----------
    people
        How many were looked at.
    told
        How many get each rung, by month.
    erased
        How many are deleted, by year.
    forfeited
        How much bonus is lost with them, by year, in units of bonus.
    young, young_lots
        How much of that is in lots that are still a claim on the shop, and how many lots those are.
    """

    people: int = 0
    told: Mapping[Told, int] = field(default_factory=dict)
    erased: Mapping[int, int] = field(default_factory=dict)
    forfeited: Mapping[int, int] = field(default_factory=dict)
    young: Mapping[int, int] = field(default_factory=dict)
    young_lots: Mapping[int, int] = field(default_factory=dict)

    def __add__(self, other: "Forecast") -> "Forecast":
        """What it would bring to these people and to others."""
        return Forecast(
            self.people + other.people,
            _sum(self.told, other.told),
            _sum(self.erased, other.erased),
            _sum(self.forfeited, other.forfeited),
            _sum(self.young, other.young),
            _sum(self.young_lots, other.young_lots),
        )


def simulate(
    households: Iterable[Household], course: Course, club: ClubTime, now: datetime, until: datetime
) -> Forecast:
    """What would happen from now on, up to an instant."""
    people, counted, erased, lost, young, young_lots = 0, *(Counter[Any]() for _ in range(5))
    for household in households:
        lives = [_life(person, course, club, now, until) for person in household.people]
        people += len(lives)
        counted.update(told for life, _ in lives for told in life)
        ends = [end for _, end in lives if end is not None]
        erased.update(end.year for end in ends)
        if ends and len(ends) == len(lives):
            loss = _loss(household, max(ends))
            for sums, amount in ((lost, loss.amount), (young, loss.young), (young_lots, loss.young_lots)):
                sums.update({loss.year: amount} if amount else {})
    return Forecast(people, counted, erased, lost, young, young_lots)


def _life(
    person: Person, course: Course, club: ClubTime, now: datetime, until: datetime
) -> tuple[list[Told], date | None]:
    """What somebody is told, and the day on which they are deleted, if they are."""
    told: list[Told] = []
    while True:
        today = club.day_of(now)
        step = ladder_step(person.away, course.on(today), club, now)
        turn = course.turn_after(today)
        if turn is not None and club.start_of(turn) <= step.at:
            now = club.start_of(turn)
            continue
        if step.at > until:
            return told, None
        now = max(step.at, now)
        if step.rung is None:
            return told, club.day_of(now)
        notices = list(_notices(person, course.on(club.day_of(now)), club, now))
        told += [Told(f"{club.day_of(now):%Y-%m}", each.rung.after_months, fate) for each, fate in notices]
        person = replace(person, away=person.away.noting(*(each for each, _ in notices)))
        if any(fate is Fate.SENT for _, fate in notices):
            person = person.advertised_to(club.day_of(now))


def _notices(
    person: Person, ladder: Ladder, club: ClubTime, now: datetime
) -> Iterator[tuple[RungNotice | RungSkipped, Fate]]:
    """What is written down when a rung is due."""
    away, today = person.away, club.day_of(now)
    rung = ladder_step(away, ladder, club, now).rung
    if rung is None:
        return
    for missed in passed_over(away, ladder, rung):
        yield RungSkipped(missed, today, SkipReason.OUTAGE), Fate.OUTAGE
    allowed = person.may_be_advertised_to(today)
    if rung.text is RungText.LAST:
        names = day_named(ladder, away.active_on, today)
        yield RungNotice(rung, now, "", names, Arrival.SENT), Fate.SENT if allowed else Fate.SERVICE
    elif allowed:
        yield RungNotice(rung, now, "", arrival=Arrival.SENT), Fate.SENT
    else:
        yield RungSkipped(rung, today, SkipReason.NO_PERMISSION), Fate.NO_PERMISSION


class _Loss(Struct, frozen=True):
    """What an account loses, in which year, and how much of it in how many lots is still a claim."""

    year: int
    amount: int
    young: int
    young_lots: int


def _loss(household: Household, day: date) -> _Loss:
    """What is lost when the last one goes: what hasn't lapsed by then.

    What lapses as that day begins is lost with them: they are deleted before anything else is done about them.
    """
    left = [lot for lot in household.lots if lot.expires_on >= day - _A_DAY]
    lost = max(0, sum(lot.amount for lot in left) - household.deficit)
    young = [lot for lot in left if months_later(lot.earned_by, CLAIM_MONTHS) > day] if lost else []
    return _Loss(day.year, lost, min(lost, sum(lot.amount for lot in young)), len(young))


def _sum[K](one: Mapping[K, int], other: Mapping[K, int]) -> dict[K, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in {**one, **other}}
