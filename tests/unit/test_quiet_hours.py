"""When a message may arrive."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.clubs.model import COUNTRIES
from stamkunde.messaging.model import MessageClass, Timing, keeps_quiet_hours
from stamkunde.messaging.public_holidays import is_public_holiday, public_holidays
from stamkunde.messaging.quiet_hours import (
    SendingHours,
    SendingWindow,
    next_opening,
    pause_after,
    send_from,
    wall_clock,
)
from stamkunde.shared.errors import Refusal

COPENHAGEN = "Europe/Copenhagen"
EVERY_DAY = SendingHours(SendingWindow(time(8), time(21)), SendingWindow(time(8), time(21)))
DEFAULT = SendingHours()
YEARS = range(2024, 2061)

# When the clocks of both countries go forward and back, and the hours around it.
CHANGES = [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)]
INSTANTS = st.one_of(
    st.datetimes(datetime(2024, 1, 2), datetime(2060, 12, 30), timezones=st.just(UTC)),
    st.builds(
        lambda change, minutes: change + timedelta(minutes=minutes),
        st.sampled_from(CHANGES),
        st.integers(-1800, 1800),
    ),
)
QUARTERS = st.integers(6 * 4, 22 * 4)
WINDOWS = st.lists(QUARTERS, min_size=2, max_size=2, unique=True).map(
    lambda pair: SendingWindow(*(time(quarter // 4, quarter % 4 * 15) for quarter in sorted(pair)))
)
HOURS = st.builds(SendingHours, WINDOWS, WINDOWS)
CLUB_COUNTRIES = st.sampled_from(sorted(COUNTRIES))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("due", "sent"),
    [
        ("2026-10-24T20:00Z", "2026-10-25T07:00Z"),
        ("2027-03-27T21:30Z", "2027-03-28T06:00Z"),
        ("2026-07-01T18:59Z", "2026-07-01T18:59Z"),
        ("2026-07-01T19:00Z", "2026-07-02T06:00Z"),
        ("2026-07-01T05:59:59Z", "2026-07-01T06:00Z"),
        ("2026-07-01T06:00Z", "2026-07-01T06:00Z"),
    ],
)
def test_the_window_follows_the_clock_on_the_wall(due: str, sent: str) -> None:
    assert next_opening(instant(due), EVERY_DAY, time_zone=COPENHAGEN, country="DK") == instant(sent)


@pytest.mark.parametrize(
    ("due", "sent", "country"),
    [
        ("2026-10-24T20:00Z", "2026-10-25T09:00Z", "DK"),  # Saturday night to Sunday, clocks go back
        ("2027-03-27T21:30Z", "2027-03-28T08:00Z", "DK"),  # to Easter Day, clocks go forward
        ("2026-11-22T18:59Z", "2026-11-22T18:59Z", "DK"),  # Sunday before eight
        ("2026-11-22T19:00Z", "2026-11-23T07:00Z", "DK"),  # Sunday at eight to Monday
        ("2026-11-21T19:59Z", "2026-11-21T19:59Z", "DK"),  # Saturday is like a weekday
        ("2027-05-17T07:00Z", "2027-05-17T08:00Z", "NO"),  # Constitution Day, a Monday
        ("2027-05-17T07:00Z", "2027-05-17T08:00Z", "DK"),  # Whit Monday that year
        ("2028-05-17T07:00Z", "2028-05-17T07:00Z", "DK"),
        ("2028-05-17T07:00Z", "2028-05-17T08:00Z", "NO"),
        ("2026-12-24T20:00Z", "2026-12-25T09:00Z", "NO"),
        ("2026-12-31T20:00Z", "2027-01-01T09:00Z", "DK"),
        ("2027-04-23T06:30Z", "2027-04-23T06:30Z", "DK"),  # store bededag: no holiday since 2024
    ],
)
def test_sundays_and_holidays_open_later_and_close_earlier(due: str, sent: str, country: str) -> None:
    zone = COUNTRIES[country].time_zone
    assert next_opening(instant(due), DEFAULT, time_zone=zone, country=country) == instant(sent)


@pytest.mark.parametrize(
    ("day", "at", "shown"),
    [
        (date(2027, 3, 28), time(2, 30), "2027-03-28T01:30Z"),
        (date(2026, 10, 25), time(2, 30), "2026-10-25T00:30Z"),
        (date(2026, 7, 1), time(8), "2026-07-01T06:00Z"),
        (date(2026, 12, 1), time(8), "2026-12-01T07:00Z"),
    ],
)
def test_a_time_that_is_skipped_or_comes_twice_is_one_instant(day: date, at: time, shown: str) -> None:
    assert wall_clock(day, at, COPENHAGEN) == instant(shown)
    assert wall_clock(day, at, COPENHAGEN).tzinfo is UTC


@pytest.mark.parametrize(
    ("message_class", "timing", "waits"),
    [
        (MessageClass.MARKETING, Timing.AT_ONCE, True),
        (MessageClass.MARKETING, Timing.TIMED, True),
        (MessageClass.SERVICE, Timing.AT_ONCE, False),
        (MessageClass.SERVICE, Timing.TIMED, True),
        (MessageClass.CRITICAL, Timing.AT_ONCE, False),
        (MessageClass.CRITICAL, Timing.TIMED, False),
    ],
)
def test_who_waits_for_the_morning(message_class: MessageClass, timing: Timing, *, waits: bool) -> None:
    assert keeps_quiet_hours(message_class, timing) is waits
    due = instant("2026-07-01T04:10Z")
    sent = send_from(message_class, timing, due, DEFAULT, time_zone=COPENHAGEN, country="DK")
    assert sent == (instant("2026-07-01T06:00Z") if waits else due)


@pytest.mark.parametrize(
    ("opens", "closes"), [(time(5, 59), time(21)), (time(8), time(22, 1)), (time(9), time(9)), (time(20), time(9))]
)
def test_hours_outside_six_and_twenty_two_are_refused(opens: time, closes: time) -> None:
    with pytest.raises(Refusal, match="invalid_field"):
        SendingWindow(opens, closes)
    assert SendingWindow(time(6), time(22)).opens == time(6)


@given(INSTANTS, HOURS, CLUB_COUNTRIES)
def test_a_message_arrives_in_the_window_and_never_earlier_than_due(
    due: datetime, hours: SendingHours, country: str
) -> None:
    zone = COUNTRIES[country].time_zone
    sent = next_opening(due, hours, time_zone=zone, country=country)
    assert sent.tzinfo is UTC
    assert sent >= due
    wall = sent.astimezone(ZoneInfo(zone))
    window = hours.window_on(wall.date(), country)
    assert window.opens <= wall.time() < window.closes
    assert next_opening(sent, hours, time_zone=zone, country=country) == sent
    if sent != due:
        assert wall.time() == window.opens


@given(INSTANTS, HOURS, CLUB_COUNTRIES)
def test_no_opening_is_slept_through(due: datetime, hours: SendingHours, country: str) -> None:
    zone = COUNTRIES[country].time_zone
    sent = next_opening(due, hours, time_zone=zone, country=country)
    moment = due
    while moment < sent:
        wall = moment.astimezone(ZoneInfo(zone))
        window = hours.window_on(wall.date(), country)
        assert not window.opens <= wall.time() < window.closes
        moment += timedelta(minutes=15)


@given(INSTANTS, INSTANTS, HOURS, CLUB_COUNTRIES)
def test_what_is_due_later_is_not_sent_earlier(
    one: datetime, other: datetime, hours: SendingHours, country: str
) -> None:
    zone = COUNTRIES[country].time_zone
    first, second = (next_opening(each, hours, time_zone=zone, country=country) for each in sorted([one, other]))
    assert first <= second


@given(INSTANTS, CLUB_COUNTRIES)
def test_with_the_usual_hours_nothing_waits_longer_than_a_long_night(due: datetime, country: str) -> None:
    zone = COUNTRIES[country].time_zone
    assert next_opening(due, DEFAULT, time_zone=zone, country=country) - due <= timedelta(hours=14)


@given(INSTANTS, HOURS, st.sampled_from(Timing))
def test_a_code_never_waits(due: datetime, hours: SendingHours, timing: Timing) -> None:
    sent = send_from(MessageClass.CRITICAL, timing, due, hours, time_zone=COPENHAGEN, country="DK")
    assert sent == due
    assert sent.tzinfo is UTC


@pytest.mark.parametrize("country", COUNTRIES)
def test_public_holidays_are_those_of_an_independent_list(country: str) -> None:
    for year in YEARS:
        assert public_holidays(country, year) == set(holidays.country_holidays(country, years=year))


def test_christmas_eve_and_constitution_day_are_no_public_holidays_in_denmark() -> None:
    assert not is_public_holiday("DK", date(2026, 12, 24))
    assert not is_public_holiday("DK", date(2026, 6, 5))
    assert is_public_holiday("DK", date(2026, 12, 26))


@given(INSTANTS, HOURS, CLUB_COUNTRIES)
def test_in_a_pause_nothing_may_be_sent_and_around_it_something_may(
    due: datetime, hours: SendingHours, country: str
) -> None:
    at: dict[str, str] = {"time_zone": COUNTRIES[country].time_zone, "country": country}
    opened = next_opening(due, hours, **at)
    pause = pause_after(opened, hours, **at)
    assert opened < pause.begins < pause.ends
    last = pause.begins - timedelta(milliseconds=1)
    assert (next_opening(last, hours, **at), pause.holds(last)) == (last, False)
    for closed in (pause.begins, pause.ends - timedelta(milliseconds=1)):
        assert (next_opening(closed, hours, **at), pause.holds(closed)) == (pause.ends, True)
    assert not pause.holds(pause.ends)
