"""Birth dates as people type them, and how old that makes them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.members.model import CONSENT_AGE, age_on, read_birth_date
from stamkunde.shared.errors import Refusal

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize("typed", ["1990-05-03", "3.5.1990", "03.05.1990", "3/5 1990", "3-5-1990", " 3. 5. 1990 "])
def test_a_date_is_read_however_it_is_typed(typed: str) -> None:
    assert read_birth_date(typed, TODAY) == date(1990, 5, 3)


@pytest.mark.parametrize("typed", ["", "   "])
def test_nobody_has_to_tell_it(typed: str) -> None:
    assert read_birth_date(typed, TODAY) is None


@pytest.mark.parametrize(
    "typed",
    [
        "1990",
        "3.5.90",
        "31.2.1990",
        "29.2.2001",
        "maj 1990",
        "2027-01-01",
        "1800-01-01",
        "3.5.1990.1",
        "٣.٥.١٩٩٠",
        "--",
    ],
)
def test_what_is_nobodys_birth_date_is_told_so(typed: str) -> None:
    with pytest.raises(Refusal, match="birth_date_invalid"):
        read_birth_date(typed, TODAY)


@pytest.mark.parametrize(
    ("typed", "old_enough"), [("2011-11-21", True), ("2011-11-22", False), ("2026-11-21", False)]
)
def test_fifteen_is_reached_on_the_birthday_itself(typed: str, old_enough: bool) -> None:
    """R14."""
    if old_enough:
        assert read_birth_date(typed, TODAY) == date.fromisoformat(typed)
        return
    with pytest.raises(Refusal, match="too_young") as young:
        read_birth_date(typed, TODAY)
    assert young.value.values == {"age": CONSENT_AGE}


def test_whoever_is_born_on_29_february_is_older_on_1_march() -> None:
    born = date(2012, 2, 29)
    assert [age_on(born, day) for day in (date(2027, 2, 28), date(2027, 3, 1), date(2028, 2, 29))] == [14, 15, 16]


@given(st.dates(date(1900, 1, 1), date(2026, 1, 1)), st.dates(date(2026, 1, 1), date(2100, 1, 1)))
def test_nobody_grows_younger_and_each_year_counts_once(born: date, day: date) -> None:
    later = date(day.year + 1, day.month, min(day.day, 28))
    assert age_on(born, day) <= age_on(born, later) <= age_on(born, day) + 1
    assert age_on(born, born) == 0
