"""When a receipt counts, and which receipts are the same one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stamkunde.ledger.model.receipts import Line, judge_receipt_time, purchase_id, receipt_period
from stamkunde.shared.errors import Refusal
from tests.factories import COPENHAGEN, NOON, make_receipt


def test_a_receipt_counts_when_it_was_bought() -> None:
    time = judge_receipt_time(NOON - timedelta(minutes=30), NOON, None)
    assert (time.counts_at, time.flags) == (NOON - timedelta(minutes=30), ())


def test_a_queued_receipt_is_flagged_late() -> None:
    assert judge_receipt_time(NOON - timedelta(days=6, hours=23), NOON, None).flags == ("late",)


def test_seven_days_are_taken_and_a_second_more_is_not() -> None:
    judge_receipt_time(NOON - timedelta(days=7), NOON, None)
    with pytest.raises(Refusal) as refused:
        judge_receipt_time(NOON - timedelta(days=7, seconds=1), NOON, None)
    assert refused.value.code == "receipt_too_old"


def test_a_till_opened_for_late_receipts_takes_them_until_the_opening_ends() -> None:
    old = NOON - timedelta(days=200)
    judge_receipt_time(old, NOON, NOON + timedelta(seconds=1))
    with pytest.raises(Refusal):
        judge_receipt_time(old, NOON, NOON)


def test_up_to_five_minutes_ahead_counts_as_now_and_is_flagged() -> None:
    time = judge_receipt_time(NOON + timedelta(minutes=5), NOON, None)
    assert (time.counts_at, time.flags) == (NOON, ("clock_ahead",))
    with pytest.raises(Refusal) as refused:
        judge_receipt_time(NOON + timedelta(minutes=5, seconds=1), NOON, None)
    assert refused.value.code == "receipt_in_future"


@pytest.mark.parametrize(("restart", "period"), [("never", ""), ("yearly", "2027"), ("daily", "2027-01-01")])
def test_the_period_of_a_receipt_number_is_counted_in_the_clubs_zone(restart: str, period: str) -> None:
    new_year_in_aarhus = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert receipt_period(new_year_in_aarhus, restart, COPENHAGEN) == period


def test_receipts_differ_by_club_till_period_and_number() -> None:
    ids = {
        purchase_id(*parts)
        for parts in [
            ("c1", "t1", "", "1"),
            ("c2", "t1", "", "1"),
            ("c1", "t2", "", "1"),
            ("c1", "t1", "2026", "1"),
            ("c1", "t1", "", "2"),
            ("c1", "t11", "", ""),
        ]
    }
    assert len(ids) == 6
    assert purchase_id("c1", "t1", "", "1") == purchase_id("c1", "t1", "", "1")


def test_the_same_instant_in_another_offset_is_the_same_receipt() -> None:
    receipt = make_receipt("m1", receipt_number="1")
    elsewhere = make_receipt("m1", receipt_number="1", bought_at=datetime.fromisoformat("2026-11-21T12:59:00+01:00"))
    assert receipt.content_hash() == elsewhere.content_hash()


@pytest.mark.parametrize(
    "change",
    [
        {"member_id": "m2"},
        {"bought_at": NOON},
        {"basket": make_receipt("m1", 4994).basket},
        {"basket": make_receipt("m1", 4995, spend_bonus=1).basket},
    ],
)
def test_any_other_content_is_another_receipt(change: dict[str, object]) -> None:
    standard: dict[str, object] = {"receipt_number": "1", "member_id": "m1"}
    receipt = make_receipt(**standard)  # type: ignore[arg-type]
    changed = make_receipt(**(standard | change))  # type: ignore[arg-type]
    assert receipt.content_hash() != changed.content_hash()


def test_where_the_till_believes_the_account_to_be_is_not_part_of_the_receipt() -> None:
    one = make_receipt("m1", receipt_number="1", account_id="a1")
    other = make_receipt("m1", receipt_number="1", account_id=None)
    assert one.content_hash() == other.content_hash()


def test_lines_are_compared_one_by_one() -> None:
    one = make_receipt("m1", 100, 200, receipt_number="1")
    swapped = make_receipt("m1", 200, 100, receipt_number="1")
    assert Line("570100" + "0" * 7, 1, 100) in one.basket.lines
    assert one.content_hash() != swapped.content_hash()
