"""When a campaign goes: both nights on which the clocks change, outages, and what doesn't fit into a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.campaigns.composer_texts import course_said, start_said
from stamkunde.campaigns.model.opening import OpenDay, OpenHours, hours_on, written_hours
from stamkunde.campaigns.model.timing import (
    LATENESS_OF_LEFTOVERS,
    ClockNote,
    Rhythm,
    Step,
    course_of,
    decide_going_on,
    decide_start,
    full_time,
    latest_start,
    start_at,
    written_time,
)
from stamkunde.messaging.quiet_hours import SendingHours, SendingWindow
from stamkunde.shared.errors import Refusal

DEFAULT = Rhythm(SendingHours(), "Europe/Copenhagen", "DK")
EARLY = Rhythm(SendingHours(SendingWindow(time(6), time(21))), "Europe/Copenhagen", "DK")
ALL_DAY = SendingWindow(time(8), time(21))
EVERY_DAY = Rhythm(SendingHours(ALL_DAY, ALL_DAY), "Europe/Copenhagen", "DK")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("due", "goes"),
    [
        ("2026-10-24T20:00", "2026-10-25T07:00"),
        ("2027-03-27T21:30", "2027-03-28T06:00"),
        ("2026-07-01T18:59", "2026-07-01T18:59"),
        ("2026-07-01T19:00", "2026-07-02T06:00"),
    ],
)
def test_nothing_goes_at_night_also_on_the_nights_on_which_the_clocks_change(due: str, goes: str) -> None:
    assert EVERY_DAY.opening(utc(due)) == utc(goes)


def test_a_time_that_the_clocks_skip_is_an_hour_later_on_the_wall_and_that_is_said() -> None:
    start = start_at(wall("2027-03-28T02:30"), EVERY_DAY)
    assert (start.asked, start.clock) == (utc("2027-03-28T01:30"), ClockNote.SKIPPED)
    assert EVERY_DAY.on_the_wall(start.asked) == wall("2027-03-28T03:30")
    assert "kl. 3.30" in start_said(start, EVERY_DAY, "da")[0]


def test_of_a_time_that_comes_twice_it_is_the_first_and_that_is_said() -> None:
    start = start_at(wall("2026-10-25T02:30"), EVERY_DAY)
    assert (start.asked, start.clock) == (utc("2026-10-25T00:30"), ClockNote.TWICE)
    assert len(start_said(start, EVERY_DAY, "nb")) == 2


def test_it_is_said_before_anything_is_moved_that_a_message_waits_for_the_opening() -> None:
    start = start_at(wall("2027-11-26T06:30"), DEFAULT)
    assert (start.waits, start.goes_at) == (True, utc("2027-11-26T07:00"))
    assert start_said(start, DEFAULT, "da") == ("Sendes kl. 8.00.",)
    assert start_said(start_at(wall("2027-11-26T21:00"), DEFAULT), DEFAULT, "da") == (
        "Sendes 27. november kl. 8.00: før det er der sendepause.",
    )
    assert start_said(start_at(wall("2027-11-26T06:30"), EARLY), EARLY, "da") == ()


def test_a_campaign_starts_late_rather_than_never_but_not_later_than_it_may() -> None:
    starts = utc("2027-05-04T10:00")
    latest = latest_start(starts)
    assert latest == utc("2027-05-04T12:00")
    assert decide_start(utc("2027-05-04T09:59"), starts, latest, DEFAULT).until == starts
    assert decide_start(starts, starts, latest, DEFAULT).step is Step.GO
    assert decide_start(latest, starts, latest, DEFAULT).step is Step.GO
    assert decide_start(latest + timedelta(seconds=1), starts, latest, DEFAULT).step is Step.EXPIRE


def test_after_an_outage_leftovers_expire_within_minutes_and_a_campaign_of_yesterday_too() -> None:
    starts, closes = utc("2027-05-04T14:30"), utc("2027-05-04T15:30")
    latest = latest_start(starts, LATENESS_OF_LEFTOVERS, closes)
    assert decide_start(utc("2027-05-04T14:50"), starts, latest, DEFAULT, closes).step is Step.GO
    assert decide_start(utc("2027-05-04T14:51"), starts, latest, DEFAULT, closes).step is Step.EXPIRE
    assert decide_start(utc("2027-05-05T08:00"), starts, latest_start(starts), DEFAULT).step is Step.EXPIRE


def test_nothing_starts_later_than_it_is_worth_anything() -> None:
    starts = utc("2027-05-04T14:30")
    ends = utc("2027-05-04T15:00")
    assert latest_start(starts, ends_at=ends) == ends
    assert decide_start(ends, starts, ends, DEFAULT, ends).step is Step.EXPIRE


def test_what_an_outage_brings_past_the_sending_hours_waits_if_it_may_and_expires_if_not() -> None:
    starts = utc("2027-05-04T18:30")
    late = utc("2027-05-04T19:10")
    tomorrow = utc("2027-05-05T06:00")
    assert decide_start(late, starts, latest_start(starts), DEFAULT).step is Step.EXPIRE
    waits = decide_start(late, starts, latest_start(starts, timedelta(hours=14)), DEFAULT)
    assert (waits.step, waits.until) == (Step.WAIT, tomorrow)


def test_a_campaign_that_is_being_sent_waits_out_the_night_and_ends_at_its_end() -> None:
    night = utc("2027-05-04T19:00")
    assert decide_going_on(night - timedelta(seconds=1), DEFAULT).step is Step.GO
    waits = decide_going_on(night, DEFAULT)
    assert (waits.step, waits.until) == (Step.WAIT, utc("2027-05-05T06:00"))
    assert decide_going_on(night, DEFAULT, utc("2027-05-05T06:00")).step is Step.EXPIRE
    assert decide_going_on(utc("2027-05-04T12:00"), DEFAULT, utc("2027-05-04T12:00")).step is Step.EXPIRE


def test_a_million_messages_do_not_fit_into_a_day_and_wait_for_the_next_opening() -> None:
    begins = utc("2027-05-04T06:00")
    course = course_of(1_000_000, 20, begins, DEFAULT)
    assert [each.parts for each in course.stretches] == [936_000, 64_000]
    assert course.stretches[0].ends == utc("2027-05-04T19:00")
    assert course.waits_until == utc("2027-05-05T06:00")
    assert course.done_at == utc("2027-05-05T06:53:20")
    assert course.left == 0


def test_two_thousand_messages_are_done_at_twelve_minutes_past() -> None:
    course = course_of(2_400, 20, utc("2027-05-04T12:00"), DEFAULT)
    assert (course.done_at, course.waits_until) == (utc("2027-05-04T12:02"), None)


def test_what_does_not_fit_before_the_shop_closes_is_said_beforehand() -> None:
    course = course_of(10_000, 2, utc("2027-05-04T14:30"), DEFAULT, utc("2027-05-04T15:30"))
    assert course.left == 10_000 - 7_200
    assert course.done_at == utc("2027-05-04T15:30")
    assert course_of(10, 1, utc("2027-05-04T16:00"), DEFAULT, utc("2027-05-04T15:30")).done_at is None


def test_it_is_said_when_a_campaign_is_done_what_waits_and_what_comes_too_late() -> None:
    noon = utc("2027-05-04T12:00")
    assert course_said(course_of(2_400, 20, noon, DEFAULT), DEFAULT, "da") == ("Færdig kl. 14.02.",)
    assert course_said(course_of(600_000, 20, noon, DEFAULT), DEFAULT, "da") == (
        "Det hele kan ikke sendes inden kl. 21.00. Resten sendes fra 5. maj kl. 8.00.",
        "Færdig 5. maj kl. 9.20.",
    )
    late = course_of(10_000, 2, utc("2027-05-04T14:30"), DEFAULT, utc("2027-05-04T15:30"))
    assert course_said(late, DEFAULT, "en") == ("2800 text messages can't be sent before it is too late.",)


def test_the_long_day_on_which_the_clocks_go_back_is_no_longer_for_sending() -> None:
    course = course_of(1_000_000, 10, utc("2026-10-24T06:00"), EVERY_DAY)
    assert [each.begins for each in course.stretches[:2]] == [utc("2026-10-24T06:00"), utc("2026-10-25T07:00")]
    assert course.stretches[0].parts == course.stretches[1].parts == 13 * 3600 * 10


def test_nothing_is_sent_at_no_rate() -> None:
    with pytest.raises(ValueError, match="rate"):
        course_of(1, 0, utc("2027-05-04T12:00"), DEFAULT)


WALLS = st.datetimes(datetime(2026, 1, 2), datetime(2030, 12, 30))


@given(WALLS, st.sampled_from([DEFAULT, EARLY, EVERY_DAY]))
def test_whenever_it_is_asked_for_it_goes_within_the_sending_hours_and_never_before(
    asked: datetime, rhythm: Rhythm
) -> None:
    start = start_at(asked, rhythm)
    assert start.goes_at >= start.asked
    assert rhythm.is_open(start.goes_at)
    decided = decide_start(start.goes_at, start.goes_at, latest_start(start.goes_at), rhythm)
    assert decided.step is Step.GO
    assert start.clock is not None or rhythm.on_the_wall(start.asked) == asked


@given(WALLS, st.integers(1, 2_000_000), st.integers(1, 200), st.one_of(st.none(), st.integers(1, 200)))
def test_a_course_sends_everything_once_within_the_hours_and_nothing_after_its_end(
    asked: datetime, parts: int, rate: int, lasts: int | None
) -> None:
    goes = start_at(asked, DEFAULT).goes_at
    ends = goes + timedelta(hours=lasts) if lasts else None
    course = course_of(parts, rate, goes, DEFAULT, ends)
    assert sum(each.parts for each in course.stretches) + course.left == parts
    assert ends is not None or course.left == 0
    for each in course.stretches:
        assert DEFAULT.is_open(each.begins)
        assert each.begins < each.ends <= DEFAULT.closing(each.begins)
        assert ends is None or each.ends <= ends
        assert each.parts <= (each.ends - each.begins).total_seconds() * rate + 1
    begins = [each.begins for each in course.stretches]
    assert begins == sorted(set(begins))


@pytest.mark.parametrize(
    ("language", "open_", "closed"),
    [("da", "kl. 6.30-17.00", "lukket"), ("nb", "kl. 6.30-17.00", "stengt"), ("en", "6:30-17:00", "closed")],
)
def test_a_shops_hours_are_told_as_the_language_writes_them(language: str, open_: str, closed: str) -> None:
    assert written_hours(OpenHours(time(6, 30), time(17)), language) == open_
    assert written_hours(None, language) == closed


def test_special_hours_of_a_day_win_over_the_usual_ones() -> None:
    usual, special = OpenHours(time(6, 30), time(17)), OpenHours(time(7), time(13))
    eve, christmas, boxing = date(2026, 12, 24), date(2026, 12, 25), date(2026, 12, 27)
    days = (OpenDay(eve, special), OpenDay(christmas, None))
    assert hours_on(eve, days, usual) == special
    assert hours_on(christmas, days, usual) is None
    assert hours_on(boxing, days, usual) == usual


def test_a_shop_opens_before_it_closes() -> None:
    with pytest.raises(Refusal, match="invalid_field"):
        OpenHours(time(17), time(17))


def test_times_are_written_short_in_texts_and_whole_for_those_who_plan() -> None:
    assert [written_time(time(17), "da"), written_time(time(6, 30), "nb"), written_time(time(6, 5), "en")] == [
        "17", "6.30", "6:05",
    ]  # fmt: skip
    assert [full_time(time(8), "da"), full_time(time(8), "en")] == ["8.00", "8:00"]
