"""The chase after somebody who never accepted the terms: two reminders, named days kept, whatever fails meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.clubs.model import COUNTRIES
from stamkunde.messaging.quiet_hours import SendingHours, next_opening
from stamkunde.retention.model import (
    ERASED_AFTER,
    LAST_NOTICE,
    LATE_NOTICE,
    Chase,
    ClubTime,
    Facts,
    Lapse,
    Standing,
    Step,
    StepKind,
    day_to_name,
    next_step,
)

JOINED = datetime(2026, 3, 2, 13, 30, tzinfo=UTC)
A_YEAR = timedelta(days=365)


def club_in(country: str, **given: Any) -> ClubTime:
    zone = COUNTRIES[country].time_zone
    opening = partial(next_opening, hours=SendingHours(), time_zone=zone, country=country)
    standard: dict[str, Any] = {"terms_version": 1, "terms_published_at": JOINED - A_YEAR}
    return ClubTime(zone, opening, **(standard | given))


DENMARK = club_in("DK")


@dataclass
class Life:
    """Somebody who joined at a till, and what was done about them."""

    club: ClubTime
    joined_at: datetime
    facts: Facts = field(init=False)
    named: list[tuple[datetime, date]] = field(default_factory=list)
    erased_at: datetime | None = None

    def __post_init__(self) -> None:
        self.facts = Facts(Standing.OPEN, Chase(self.joined_at))

    @property
    def chase(self) -> Chase:
        assert self.facts.chase is not None
        return self.facts.chase

    def visit(self, now: datetime) -> Step | None:
        """What an hourly run does about them at an instant: at most one thing."""
        step = next_step(self.facts, self.club, now)
        if step is None or not step.is_due(now):
            return step
        if step.kind is StepKind.TERMS_REMINDER:
            day = day_to_name(self.chase, self.club, now)
            self.named.append((now, day))
            chase = Chase(self.joined_at, (*self.chase.reminded_at, now), day)
            self.facts = replace(self.facts, chase=chase)
        elif step.kind is StepKind.REMOVE_OPEN:
            self.erased_at = now
        return step

    def lives_through(self, visits: Sequence[datetime]) -> None:
        for now in visits:
            if self.erased_at is None:
                self.visit(now)


def hours_from(first: datetime, days: int, outages: Sequence[tuple[int, int]] = ()) -> list[datetime]:
    """Every hour on the hour, but for outages: pairs of the hour they begin and how many they last."""
    down = {hour for begins, lasts in outages for hour in range(begins, begins + lasts)}
    start = first.replace(minute=0, second=0, microsecond=0)
    return [start + timedelta(hours=hour) for hour in range(1, days * 24) if hour not in down]


def test_somebody_who_never_accepts_is_reminded_on_the_fifth_and_twelfth_day_and_erased_on_the_nineteenth() -> None:
    life = Life(DENMARK, JOINED)
    life.lives_through(hours_from(JOINED, 30))
    assert life.named == [
        (datetime(2026, 3, 7, 7, tzinfo=UTC), date(2026, 3, 21)),
        (datetime(2026, 3, 14, 7, tzinfo=UTC), date(2026, 3, 21)),
    ]
    assert life.erased_at == datetime(2026, 3, 20, 23, tzinfo=UTC)


def test_reminders_of_a_sunday_wait_until_ten() -> None:
    life = Life(DENMARK, datetime(2026, 3, 3, 13, tzinfo=UTC))
    life.lives_through(hours_from(life.joined_at, 30))
    assert [now for now, _ in life.named] == [
        datetime(2026, 3, 8, 9, tzinfo=UTC),
        datetime(2026, 3, 15, 9, tzinfo=UTC),
    ]


def test_a_visit_outside_the_sending_hours_writes_nothing_and_names_the_next_opening() -> None:
    step = Life(DENMARK, JOINED).visit(datetime(2026, 3, 9, 22, tzinfo=UTC))
    assert step == Step(StepKind.TERMS_REMINDER, datetime(2026, 3, 10, 7, tzinfo=UTC))


def test_erasing_needs_no_sending_hour() -> None:
    chase = Chase(JOINED, (JOINED, JOINED), date(2026, 3, 21))
    step = next_step(Facts(Standing.OPEN, chase), DENMARK, datetime(2026, 3, 21, 2, tzinfo=UTC))
    assert step == Step(StepKind.REMOVE_OPEN, datetime(2026, 3, 20, 23, tzinfo=UTC))


def test_after_a_long_outage_only_one_reminder_is_written_and_it_grants_thirty_days() -> None:
    life = Life(DENMARK, JOINED)
    back = JOINED + timedelta(days=40, hours=-4)
    life.visit(back)
    life.visit(back + timedelta(hours=1))
    assert [named for _, named in life.named] == [(back + LATE_NOTICE).date()]


def test_the_second_reminder_after_an_outage_comes_a_week_before_the_day_that_the_first_named() -> None:
    life = Life(DENMARK, JOINED)
    back = JOINED + timedelta(days=40)
    life.lives_through(hours_from(back, 60))
    (_, first), (second_at, second) = life.named
    assert second == first
    assert DENMARK.day_of(second_at) == first - LAST_NOTICE


def test_a_second_reminder_that_comes_late_names_a_later_day() -> None:
    life = Life(DENMARK, JOINED)
    life.visit(datetime(2026, 3, 7, 9, tzinfo=UTC))
    life.visit(datetime(2026, 3, 17, 9, tzinfo=UTC))
    assert [named for _, named in life.named] == [date(2026, 3, 21), date(2026, 4, 16)]


def test_a_member_and_somebody_with_the_newsletter_only_are_never_chased() -> None:
    for standing in (Standing.MEMBER, Standing.NEWSLETTER):
        assert next_step(Facts(standing, known_terms=1), DENMARK, JOINED + A_YEAR) is None


def test_somebody_who_asked_to_be_deleted_is_told_nothing_more() -> None:
    erase_at = JOINED + timedelta(days=60)
    facts = Facts(
        Standing.OPEN, Chase(JOINED), erase_at, lapses=(Lapse("sms", date(2026, 3, 9), date(2026, 1, 9), False),)
    )
    assert next_step(facts, DENMARK, JOINED + timedelta(days=6)) == Step(StepKind.REMOVE_ASKED, erase_at)


def test_a_newer_version_of_the_terms_is_told_once_and_at_a_sending_hour() -> None:
    night = datetime(2026, 3, 10, 22, tzinfo=UTC)
    club = club_in("DK", terms_version=2, terms_published_at=night)
    told = Facts(Standing.MEMBER, known_terms=1)
    assert next_step(told, club, night) == Step(StepKind.TELL_TERMS, datetime(2026, 3, 11, 7, tzinfo=UTC))
    assert next_step(replace(told, known_terms=2), club, night) is None


def test_nobody_is_told_of_terms_before_they_are_published() -> None:
    tomorrow = datetime(2026, 3, 11, 12, tzinfo=UTC)
    club = club_in("DK", terms_version=2, terms_published_at=tomorrow)
    step = next_step(Facts(Standing.MEMBER, known_terms=1), club, tomorrow - timedelta(days=1))
    assert step == Step(StepKind.TELL_TERMS, tomorrow)


def test_a_permission_that_lapses_is_noted_once_whoever_gave_it() -> None:
    lapse = Lapse("sms", date(2027, 3, 2), date(2027, 1, 2), noted=False)
    for standing in (Standing.MEMBER, Standing.NEWSLETTER):
        facts = Facts(standing, known_terms=1, lapses=(lapse,))
        step = next_step(facts, DENMARK, JOINED)
        assert step == Step(StepKind.NOTE_LAPSING, datetime(2027, 1, 1, 23, tzinfo=UTC), lapse)
        noted = replace(facts, lapses=(replace(lapse, noted=True),))
        assert next_step(noted, DENMARK, JOINED + A_YEAR) is None


def test_of_several_things_that_are_due_removing_comes_first() -> None:
    chase = Chase(JOINED, (JOINED, JOINED), date(2026, 3, 21))
    lapse = Lapse("sms", date(2026, 4, 1), date(2026, 2, 1), noted=False)
    step = next_step(Facts(Standing.OPEN, chase, lapses=(lapse,)), DENMARK, JOINED + A_YEAR)
    assert step is not None
    assert step.kind is StepKind.REMOVE_OPEN


COUNTRY = st.sampled_from(sorted(COUNTRIES))
JOINING = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
OUTAGE = st.tuples(st.integers(1, 80 * 24), st.integers(1, 45 * 24))
OUTAGES = st.lists(OUTAGE, max_size=4)
LONG_ENOUGH = 300


@given(COUNTRY, JOINING, OUTAGES)
def test_nobody_is_erased_sooner_than_named_nor_without_two_reminders(
    country: str, joined_at: datetime, outages: list[tuple[int, int]]
) -> None:
    club = club_in(country)
    life = Life(club, joined_at)
    life.lives_through(hours_from(joined_at, LONG_ENOUGH, outages))
    assert life.erased_at is not None
    (first_at, first), (second_at, second) = life.named
    today = club.day_of(life.erased_at)
    assert today >= second >= first >= club.day_of(joined_at) + ERASED_AFTER
    assert second >= club.day_of(second_at) + LAST_NOTICE
    assert first > club.day_of(first_at) + LAST_NOTICE
    assert club.day_of(first_at) < club.day_of(second_at) < second


@given(COUNTRY, JOINING, OUTAGES)
def test_every_reminder_is_written_in_the_clubs_sending_hours(
    country: str, joined_at: datetime, outages: list[tuple[int, int]]
) -> None:
    club = club_in(country)
    life = Life(club, joined_at)
    life.lives_through(hours_from(joined_at, LONG_ENOUGH, outages))
    assert all(club.next_opening(now) == now for now, _ in life.named)


@given(COUNTRY, JOINING)
def test_without_an_outage_everybody_has_the_same_days(country: str, joined_at: datetime) -> None:
    club = club_in(country)
    life = Life(club, joined_at)
    life.lives_through(hours_from(joined_at, 25))
    joined = club.day_of(joined_at)
    days = [((club.day_of(now) - joined).days, (named - joined).days) for now, named in life.named]
    assert days == [(5, 19), (12, 19)]
    assert life.erased_at is not None
    assert (club.day_of(life.erased_at) - joined).days == ERASED_AFTER.days


@given(COUNTRY, JOINING, OUTAGES, st.integers(0, 60 * 24))
def test_whoever_accepts_is_neither_reminded_nor_erased_from_then_on(
    country: str, joined_at: datetime, outages: list[tuple[int, int]], accepts_after: int
) -> None:
    life = Life(club_in(country), joined_at)
    visits = hours_from(joined_at, LONG_ENOUGH, outages)
    accepted_at = joined_at + timedelta(hours=accepts_after)
    life.lives_through([now for now in visits if now < accepted_at])
    before = list(life.named)
    if life.erased_at is not None:
        assert accepted_at > life.erased_at
        return
    life.facts = Facts(Standing.MEMBER, known_terms=1)
    life.lives_through([now for now in visits if now >= accepted_at])
    assert (life.named, life.erased_at) == (before, None)


@given(COUNTRY, JOINING, st.integers(0, 400 * 24))
def test_what_is_not_due_yet_is_due_at_the_instant_it_names(country: str, joined_at: datetime, after: int) -> None:
    life = Life(club_in(country), joined_at)
    now = joined_at + timedelta(hours=after)
    step = next_step(life.facts, life.club, now)
    assert step is not None
    again = next_step(life.facts, life.club, step.at)
    assert again is not None
    assert again.is_due(max(step.at, now))


@pytest.mark.parametrize("standing", Standing)
def test_a_decision_is_made_about_everybody(standing: Standing) -> None:
    chase = Chase(JOINED) if standing is Standing.OPEN else None
    step = next_step(Facts(standing, chase, known_terms=1), DENMARK, JOINED)
    assert (step is not None) == (standing is Standing.OPEN)
