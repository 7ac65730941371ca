"""When an address is given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.messaging.suppression import MOST_REPORTS, TOLERANCES, Report, Standing, Trouble

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def told(*reports: tuple[Trouble, float]) -> Standing:
    """What is known after reports that came so many days after the first day."""
    standing = Standing()
    for number, (trouble, days) in enumerate(reports):
        standing = standing.after(Report(trouble, NOON + timedelta(days=days), f"message-{number}"))
    return standing


@pytest.mark.parametrize("trouble", [Trouble.BOUNCED_FOR_GOOD, Trouble.COMPLAINED, Trouble.NO_SUCH_NUMBER])
def test_an_address_that_is_none_or_complains_is_given_up_at_once(trouble: Trouble) -> None:
    standing = told((trouble, 0))
    assert (standing.since, standing.reason) == (NOON, trouble)


def test_a_mailbox_that_was_full_is_given_up_the_third_time_in_a_month() -> None:
    assert not told((Trouble.BOUNCED, 0), (Trouble.BOUNCED, 10)).is_suppressed
    assert told((Trouble.BOUNCED, 0), (Trouble.BOUNCED, 10), (Trouble.BOUNCED, 30)).is_suppressed
    assert not told((Trouble.BOUNCED, 0), (Trouble.BOUNCED, 10), (Trouble.BOUNCED, 30.1)).is_suppressed
    assert told(
        (Trouble.BOUNCED, 0), (Trouble.BOUNCED, 25), (Trouble.BOUNCED, 35), (Trouble.BOUNCED, 45)
    ).is_suppressed


def test_a_phone_that_was_off_is_given_up_the_third_time() -> None:
    assert not told((Trouble.UNREACHABLE, 0), (Trouble.UNREACHABLE, 100)).is_suppressed
    assert told(*[(Trouble.UNREACHABLE, day) for day in (0, 100, 200)]).reason is Trouble.UNREACHABLE


def test_different_troubles_are_not_added_up() -> None:
    assert not told((Trouble.BOUNCED, 0), (Trouble.UNREACHABLE, 0), (Trouble.BOUNCED, 1)).is_suppressed


def test_the_same_report_again_changes_nothing() -> None:
    report = Report(Trouble.BOUNCED, NOON, "message-1")
    once = Standing().after(report)
    assert once.after(report).after(report) == once


def test_a_complaint_outweighs_that_an_address_was_away() -> None:
    standing = told(*[(Trouble.BOUNCED, day) for day in range(3)], (Trouble.COMPLAINED, 4))
    assert standing.reason is Trouble.COMPLAINED
    assert standing.after_success(LATER, "other").reason is Trouble.COMPLAINED


LATER = NOON + timedelta(days=100)


def test_what_arrives_shows_that_an_address_is_there_again_but_undoes_no_complaint() -> None:
    assert told(*[(Trouble.UNREACHABLE, day) for day in range(3)]).after_success(LATER, "other") == Standing()
    for trouble in (Trouble.COMPLAINED, Trouble.BOUNCED_FOR_GOOD, Trouble.NO_SUCH_NUMBER):
        assert told((trouble, 0)).after_success(LATER, "other").reason is trouble


def test_what_came_later_than_the_arrival_stays_unless_it_is_about_the_same_message() -> None:
    standing = told((Trouble.UNREACHABLE, 0), (Trouble.UNREACHABLE, 5))
    assert standing.after_success(NOON, "other") == told((Trouble.UNREACHABLE, 0)).after_success(NOON, "x").after(
        standing.reports[1]
    )
    assert standing.after_success(NOON, "message-1") == Standing()


REPORTS = st.lists(st.tuples(st.sampled_from(Trouble), st.integers(0, 60)), max_size=MOST_REPORTS)


@given(REPORTS.flatmap(lambda reports: st.tuples(st.just(reports), st.permutations(list(enumerate(reports))))))
def test_reports_in_any_order_end_in_the_same_verdict(
    orders: tuple[list[tuple[Trouble, int]], list[tuple[int, tuple[Trouble, int]]]],
) -> None:
    reports, shuffled = orders
    one, other = told(*reports), Standing()
    for number, (trouble, days) in shuffled:
        other = other.after(Report(trouble, NOON + timedelta(days=days), f"message-{number}"))
    assert one.is_suppressed == other.is_suppressed


def test_enough_reports_are_remembered_to_judge_by() -> None:
    assert max(tolerance.times for tolerance in TOLERANCES.values()) < MOST_REPORTS
    assert set(TOLERANCES) == set(Trouble)
