"""The chase after somebody who never accepted the terms: two reminders, named days kept, whatever fails meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from copy import replace
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.clubs.model import COUNTRIES
from stamkunde.messaging.quiet_hours import SendingHours, next_opening
from stamkunde.retention.model import (
    ERASED_AFTER,
    KNOWN_AFTER,
    LAST_NOTICE,
    LATE_NOTICE,
    MOST_REMINDERS,
    MOST_TELLINGS,
    ClubTime,
    Facts,
    Lapse,
    Standing,
    Step,
    StepKind,
    day_to_name,
    next_step,
)
from stamkunde.shared.ladder import usual_ladder
from stamkunde.shared.terms import Arrival, TermsChase, TermsReminder, TermsTold

JOINED = datetime(2026, 3, 2, 13, 30, tzinfo=UTC)
A_YEAR = timedelta(days=365)


def club_in(country: str, **given: Any) -> ClubTime:
    zone = COUNTRIES[country].time_zone
    opening = partial(next_opening, hours=SendingHours(), time_zone=zone, country=country)
    standard: dict[str, Any] = {
        "terms_version": 1,
        "terms_published_at": JOINED - A_YEAR,
        "ladder": lambda _day: usual_ladder(36),
    }
    return ClubTime(zone, opening, **(standard | given))


DENMARK = club_in("DK")
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECOND_TERMS = club_in("DK", terms_version=2, terms_published_at=NOON)
REMINDED_TWICE = TermsChase(
    JOINED, tuple(TermsReminder(JOINED + days, "x", date(2026, 3, 21)) for days in (timedelta(5), timedelta(12)))
)


@dataclass
class Life:
    """Somebody who joined at a till, and what was done about them.

    `arrivals` says what becomes of each reminder; once it says no more, all are sent.
    """

    club: ClubTime
    joined_at: datetime
    arrivals: Sequence[Arrival] = ()
    facts: Facts = field(init=False)
    erased_at: datetime | None = None

    def __post_init__(self) -> None:
        self.facts = Facts(Standing.OPEN, TermsChase(self.joined_at))

    @property
    def reminders(self) -> tuple[TermsReminder, ...]:
        return self.facts.chase.reminders if self.facts.chase else ()

    @property
    def named(self) -> list[tuple[datetime, date]]:
        return [(each.written_at, each.names) for each in self.reminders]

    def arrived(self, number: int) -> Arrival:
        return self.arrivals[number] if number < len(self.arrivals) else Arrival.SENT

    def visit(self, now: datetime) -> Step | None:
        """What an hourly run does about them at an instant: at most one thing."""
        facts = self.facts
        step = next_step(facts, self.club, now)
        if step is not None and step.is_due(now) and facts.unseen:
            arrival = self.arrived(len(self.reminders) - 1)
            facts = facts.seen(dict.fromkeys(facts.unseen, arrival))
            step = next_step(facts, self.club, now)
        if step is None or not step.is_due(now):
            return step
        if step.kind is StepKind.TERMS_REMINDER:
            assert facts.chase is not None
            reminder = TermsReminder(now, "x", day_to_name(facts.chase, self.club, now))
            chase = replace(facts.chase, reminders=(*facts.chase.reminders, reminder))
            self.facts = replace(facts, chase=chase)
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
    chase = REMINDED_TWICE
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


def test_somebody_whose_second_reminder_was_never_sent_gets_another_and_a_month() -> None:
    life = Life(DENMARK, JOINED, [Arrival.SENT, Arrival.NOT_SENT])
    life.lives_through(hours_from(JOINED, 60))
    assert [(DENMARK.day_of(now), named) for now, named in life.named] == [
        (date(2026, 3, 7), date(2026, 3, 21)),
        (date(2026, 3, 14), date(2026, 3, 21)),
        (date(2026, 3, 21), date(2026, 4, 20)),
    ]
    assert life.erased_at is not None
    assert DENMARK.day_of(life.erased_at) == date(2026, 4, 20)


def test_a_last_reminder_that_may_have_been_sent_is_no_ground_to_erase_anybody() -> None:
    life = Life(DENMARK, JOINED, [Arrival.SENT, Arrival.PERHAPS])
    life.lives_through(hours_from(JOINED, 60))
    assert len(life.named) == 3
    assert life.erased_at is not None
    assert DENMARK.day_of(life.erased_at) == date(2026, 4, 20)


def test_a_first_reminder_that_may_have_been_sent_is_not_written_again() -> None:
    life = Life(DENMARK, JOINED, [Arrival.PERHAPS])
    life.lives_through(hours_from(JOINED, 60))
    assert [named for _, named in life.named] == [date(2026, 3, 21)] * 2


def test_a_first_reminder_that_was_never_sent_is_written_again_when_the_second_is_due() -> None:
    life = Life(DENMARK, JOINED, [Arrival.NOT_SENT])
    life.lives_through(hours_from(JOINED, 60))
    assert [(DENMARK.day_of(now), named) for now, named in life.named] == [
        (date(2026, 3, 7), date(2026, 3, 21)),
        (date(2026, 3, 14), date(2026, 4, 13)),
        (date(2026, 4, 6), date(2026, 4, 13)),
    ]


def test_somebody_whom_nothing_reaches_is_forgotten_all_the_same_after_a_quarter() -> None:
    life = Life(DENMARK, JOINED, [Arrival.NOT_SENT] * 9)
    life.lives_through(hours_from(JOINED, 120))
    assert len(life.named) == MOST_REMINDERS
    assert life.erased_at is not None
    assert (DENMARK.day_of(life.erased_at) - DENMARK.day_of(JOINED)).days == 88


def test_a_member_and_somebody_with_the_newsletter_only_are_never_chased() -> None:
    for standing in (Standing.MEMBER, Standing.NEWSLETTER):
        assert next_step(Facts(standing, accepted_terms=1), DENMARK, JOINED + A_YEAR) is None


def test_somebody_who_asked_to_be_deleted_is_told_nothing_more() -> None:
    erase_at = JOINED + timedelta(days=60)
    facts = Facts(
        Standing.OPEN, TermsChase(JOINED), erase_at, lapses=(Lapse("sms", date(2026, 3, 9), date(2026, 1, 9), False),)
    )
    assert next_step(facts, DENMARK, JOINED + timedelta(days=6)) == Step(StepKind.REMOVE_ASKED, erase_at)


def test_a_newer_version_of_the_terms_is_told_once_and_at_a_sending_hour() -> None:
    night = datetime(2026, 3, 10, 22, tzinfo=UTC)
    club = club_in("DK", terms_version=2, terms_published_at=night)
    member = Facts(Standing.MEMBER, accepted_terms=1)
    assert next_step(member, club, night) == Step(StepKind.TELL_TERMS, datetime(2026, 3, 11, 7, tzinfo=UTC))
    assert next_step(replace(member, accepted_terms=2), club, night) is None


def told(arrival: Arrival | None, times: int = 1) -> Facts:
    """A member who was written to about the second version at noon."""
    return Facts(Standing.MEMBER, accepted_terms=1, told_terms=TermsTold(2, NOON, "x", times=times, arrival=arrival))


def test_whoever_was_told_of_new_terms_is_looked_at_once_it_is_known_whether_that_was_sent() -> None:
    step = next_step(told(None), SECOND_TERMS, NOON)
    assert step == Step(StepKind.TELL_TERMS, NOON + KNOWN_AFTER)
    for arrival in (Arrival.SENT, Arrival.PERHAPS):
        assert next_step(told(arrival), SECOND_TERMS, NOON + KNOWN_AFTER) is None


def test_new_terms_that_nobody_was_told_of_are_told_again_and_not_for_ever() -> None:
    later = NOON + KNOWN_AFTER
    assert next_step(told(Arrival.NOT_SENT), SECOND_TERMS, later) == Step(StepKind.TELL_TERMS, later)
    night = later + timedelta(hours=10)
    again = next_step(told(Arrival.NOT_SENT), SECOND_TERMS, night)
    assert again == Step(StepKind.TELL_TERMS, datetime(2026, 3, 13, 7, tzinfo=UTC))
    assert next_step(told(Arrival.NOT_SENT, times=MOST_TELLINGS), SECOND_TERMS, later) is None


def test_a_version_that_is_newer_still_is_told_whatever_became_of_the_last_one() -> None:
    third = club_in("DK", terms_version=3, terms_published_at=NOON)
    for arrival in (None, *Arrival):
        step = next_step(told(arrival, times=MOST_TELLINGS), third, NOON)
        assert step == Step(StepKind.TELL_TERMS, NOON)


def test_who_only_takes_the_news_is_taken_away_on_the_first_day_without_a_permission() -> None:
    lapse = Lapse("sms", date(2027, 3, 2), date(2027, 1, 2), noted=False)
    facts = Facts(Standing.NEWSLETTER, lapses=(lapse,), news_until=lapse.on)
    first = next_step(facts, DENMARK, JOINED)
    assert first is not None
    assert first.kind is StepKind.NOTE_LAPSING
    noted = replace(facts, lapses=(replace(lapse, noted=True),))
    assert next_step(noted, DENMARK, JOINED) == Step(StepKind.REMOVE_LAPSED, datetime(2027, 3, 1, 23, tzinfo=UTC))


def test_nobody_is_told_of_terms_before_they_are_published() -> None:
    tomorrow = datetime(2026, 3, 11, 12, tzinfo=UTC)
    club = club_in("DK", terms_version=2, terms_published_at=tomorrow)
    step = next_step(Facts(Standing.MEMBER, accepted_terms=1), club, tomorrow - timedelta(days=1))
    assert step == Step(StepKind.TELL_TERMS, tomorrow)


def test_a_permission_that_lapses_is_noted_once_whoever_gave_it() -> None:
    lapse = Lapse("sms", date(2027, 3, 2), date(2027, 1, 2), noted=False)
    for standing in (Standing.MEMBER, Standing.NEWSLETTER):
        facts = Facts(standing, accepted_terms=1, lapses=(lapse,))
        step = next_step(facts, DENMARK, JOINED)
        assert step == Step(StepKind.NOTE_LAPSING, datetime(2027, 1, 1, 23, tzinfo=UTC))
        noted = replace(facts, lapses=(replace(lapse, noted=True),))
        # On its last day it is seen whether it was used since, and lapses later than was noted.
        assert next_step(noted, DENMARK, JOINED) == Step(StepKind.NOTE_LAPSING, datetime(2027, 3, 1, 23, tzinfo=UTC))


def test_of_several_things_that_are_due_removing_comes_first() -> None:
    chase = REMINDED_TWICE
    lapse = Lapse("sms", date(2026, 4, 1), date(2026, 2, 1), noted=False)
    step = next_step(Facts(Standing.OPEN, chase, lapses=(lapse,)), DENMARK, JOINED + A_YEAR)
    assert step is not None
    assert step.kind is StepKind.REMOVE_OPEN


COUNTRY = st.sampled_from(sorted(COUNTRIES))
JOINING = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
OUTAGE = st.tuples(st.integers(1, 80 * 24), st.integers(1, 45 * 24))
OUTAGES = st.lists(OUTAGE, max_size=4)
ARRIVALS = st.lists(st.sampled_from(Arrival), max_size=MOST_REMINDERS)
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


@given(COUNTRY, JOINING, OUTAGES, ARRIVALS)
def test_nobody_is_erased_unless_the_last_notice_was_really_sent_or_nothing_reaches_them(
    country: str, joined_at: datetime, outages: list[tuple[int, int]], arrivals: list[Arrival]
) -> None:
    club = club_in(country)
    life = Life(club, joined_at, arrivals)
    life.lives_through(hours_from(joined_at, LONG_ENOUGH + 90, outages))
    assert life.erased_at is not None
    fates = [life.arrived(number) for number in range(len(life.named))]
    told = [fate for fate in fates if fate is not Arrival.NOT_SENT]
    assert len(fates) == MOST_REMINDERS or (fates[-1] is Arrival.SENT and len(told) >= 2)
    last_at, last = life.named[-1]
    assert club.day_of(life.erased_at) >= last >= club.day_of(last_at) + LAST_NOTICE
    days = [club.day_of(now) for now, _ in life.named]
    assert all(later - earlier >= KNOWN_AFTER for earlier, later in pairwise(days))
    assert [named for _, named in life.named] == sorted(named for _, named in life.named)


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
    if life.erased_at is not None:
        assert accepted_at > life.erased_at
        return
    life.facts = Facts(Standing.MEMBER, accepted_terms=1)
    life.lives_through([now for now in visits if now >= accepted_at])
    assert (life.named, life.erased_at) == ([], None)


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
    chase = TermsChase(JOINED) if standing is Standing.OPEN else None
    step = next_step(Facts(standing, chase, accepted_terms=1), DENMARK, JOINED)
    assert (step is not None) == (standing is Standing.OPEN)
