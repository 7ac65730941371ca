"""Time, money, ids, cursors, keys: small rules that everything else stands on."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.clubs.model import TillKey, new_till_key, parse_till_key
from stamkunde.shared.clock import (
    ClubClock,
    FixedClock,
    compact_instant,
    end_of_month,
    iso_instant,
    local_date,
    parse_instant,
    whole_milliseconds,
)
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import derived_id, new_id
from stamkunde.shared.item import from_wire, to_wire
from stamkunde.shared.money import Money, percent_text
from stamkunde.shared.pagination import decode_cursor, encode_cursor
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import Busy
from tests.factories import NOON, make_till

instants = st.datetimes(datetime(2000, 1, 2), datetime(2199, 12, 30), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("day", "months", "last"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 11, 21), 36, date(2029, 11, 30)),
        (date(2026, 12, 31), 1, date(2027, 1, 31)),
        (date(2026, 11, 1), 1, date(2026, 12, 31)),
        (date(2026, 1, 1), 12, date(2027, 1, 31)),
    ],
)
def test_bonus_lives_to_the_end_of_a_month(day: date, months: int, last: date) -> None:
    assert end_of_month(day, months) == last


@given(st.dates(date(2000, 1, 1), date(2150, 1, 1)), st.integers(1, 120))
def test_the_end_of_a_month_is_its_last_day(day: date, months: int) -> None:
    last = end_of_month(day, months)
    assert last.day == calendar.monthrange(last.year, last.month)[1]
    assert (last.year - day.year) * 12 + last.month - day.month == months


def test_a_calendar_day_is_the_clubs_own() -> None:
    assert local_date(datetime(2026, 6, 30, 22, 30, tzinfo=UTC), "Europe/Copenhagen") == date(2026, 7, 1)
    assert local_date(datetime(2026, 12, 31, 22, 30, tzinfo=UTC), "Europe/Oslo") == date(2026, 12, 31)


@given(instants, instants)
def test_sort_keys_of_instants_sort_like_time(one: datetime, other: datetime) -> None:
    one, other = whole_milliseconds(one), whole_milliseconds(other)
    assert (compact_instant(one) < compact_instant(other)) == (one < other)


@given(instants)
def test_an_instant_is_read_back_as_it_was_written(instant: datetime) -> None:
    kept = whole_milliseconds(instant)
    assert parse_instant(iso_instant(kept)) == kept


def test_a_clubs_clock_is_moved_by_its_own_offset() -> None:
    assert ClubClock(FixedClock(NOON), timedelta(days=-120)).now() == NOON - timedelta(days=120)


@pytest.mark.parametrize(
    ("amount", "language", "text"),
    [
        (123_450, "da", "1.234,50 kr."),
        (123_450, "nb", "1 234,50 kr"),
        (123_450, "en", "DKK 1,234.50"),
        (5, "da", "0,05 kr."),
        (-149, "da", "-1,49 kr."),
        (100_000_000, "nb", "1 000 000,00 kr"),
    ],
)
def test_money_is_written_as_the_language_writes_it(amount: int, language: str, text: str) -> None:
    assert Money(amount, "DKK").text(language) == text


@pytest.mark.parametrize(
    ("rate", "language", "text"),
    [(300, "da", "3 %"), (250, "nb", "2,5 %"), (1, "da", "0,01 %"), (1025, "en", "10.25%"), (0, "da", "0 %")],
)
def test_a_rate_is_written_as_a_percentage(rate: int, language: str, text: str) -> None:
    assert percent_text(rate, language) == text


def test_ids_are_long_enough_not_to_meet() -> None:
    ids = {new_id("m") for _ in range(10_000)}
    assert len(ids) == 10_000
    assert all(len(each) == 17 and each[0] == "m" for each in ids)


def test_a_derived_id_cannot_be_steered_by_moving_a_separator() -> None:
    assert derived_id("p", "a", "bc") != derived_id("p", "ab", "c")
    assert derived_id("p", "a#b", "") != derived_id("p", "a", "b#")


scalars = st.none() | st.booleans() | st.integers() | st.text() | st.binary()
items = st.dictionaries(
    st.text(min_size=1),
    st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10),
)


@given(items)
def test_an_item_is_read_back_as_it_was_written(item: dict[str, object]) -> None:
    assert from_wire(to_wire(item)) == item


def test_a_float_has_no_place_in_a_table() -> None:
    with pytest.raises(TypeError):
        to_wire({"amount": 1.5})


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=80))
def test_a_cursor_leads_back_to_where_it_was_made(rest: str) -> None:
    assert decode_cursor(encode_cursor("ENTRY#" + rest), "ENTRY#") == "ENTRY#" + rest


@given(st.text(max_size=300))
def test_a_cursor_of_anybody_elses_making_is_refused(text: str) -> None:
    try:
        assert decode_cursor(text, "ENTRY#").startswith("ENTRY#")
    except Refusal as refusal:
        assert refusal.code == "bad_cursor"


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(Refusal):
        decode_cursor(encode_cursor("ACCOUNT"), "ENTRY#")


def test_a_new_key_names_its_club_and_till_and_proves_itself() -> None:
    club_id = new_id("c")
    key, key_hash = new_till_key(club_id, "kasse-1")
    parsed = parse_till_key(key)
    assert parsed is not None
    assert (parsed.club_id, parsed.till_id) == (club_id, "kasse-1")
    assert parsed.proves(make_till(key_hash=key_hash))
    assert not TillKey(club_id, "kasse-1", parsed.secret[:-1] + "!").proves(make_till(key_hash=key_hash))
    assert parsed.secret not in key_hash


@pytest.mark.parametrize(
    "text", ["", "till_", "till_c1_kasse-1_x", "a" * 5_000, "till_c0000000000000000__" + "a" * 40]
)
def test_what_is_no_key_is_none(text: str) -> None:
    assert parse_till_key(text) is None


def test_patience_tries_again_until_its_turn_comes() -> None:
    waits: list[float] = []
    answers = iter([Busy(), Busy(), "done"])

    def attempt() -> str:
        answer = next(answers)
        if isinstance(answer, Busy):
            raise answer
        return str(answer)

    patience = Patience(sleep=waits.append, monotonic=lambda: 0.0, draw=lambda _low, high: high)
    assert patience.until_done(attempt) == "done"
    assert waits == [0.02, 0.04]


def test_patience_ends_after_two_and_a_half_seconds() -> None:
    passed = [0.0]

    def sleep(seconds: float) -> None:
        passed[0] += seconds

    def attempt() -> str:
        raise Busy

    patience = Patience(sleep=sleep, monotonic=lambda: passed[0], draw=lambda _low, high: high)
    with pytest.raises(Refusal) as refused:
        patience.until_done(attempt)
    assert refused.value.code == "try_again"
    assert 2.0 < passed[0] <= 2.5
