"""A card number finds its own mistakes, and is read however it is typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.members.card import check_digit, grouped, new_card_number, read_card_number
from stamkunde.shared.errors import Refusal

eleven_digits = st.text("0123456789", min_size=11, max_size=11)


def refused(typed: str) -> bool:
    try:
        read_card_number(typed)
    except Refusal as refusal:
        assert (refusal.code, refusal.pointer) == ("card_invalid", "/card")
        return True
    return False


@pytest.mark.parametrize(
    ("digits", "check"), [("7992739871", "3"), ("4992739871", "6"), ("00000000000", "0"), ("37828224631000", "5")]
)  # fmt: skip
def test_the_check_digit_is_luhns(digits: str, check: str) -> None:
    assert check_digit(digits) == check


def test_a_new_number_is_twelve_digits_that_fit_and_no_two_are_alike() -> None:
    numbers = [new_card_number() for _ in range(1_000)]
    assert all(len(number) == 12 and read_card_number(number) == number for number in numbers)
    assert len(set(numbers)) == len(numbers)


@given(eleven_digits, st.integers(0, 11), st.integers(1, 9))
def test_one_digit_typed_wrong_is_found(digits: str, place: int, added: int) -> None:
    number = digits + check_digit(digits)
    wrong = str((int(number[place]) + added) % 10)
    assert refused(number[:place] + wrong + number[place + 1 :])


@given(eleven_digits, st.integers(0, 10))
def test_two_neighbours_swapped_are_found_but_for_nine_and_nought(digits: str, place: int) -> None:
    number = digits + check_digit(digits)
    one, other = number[place], number[place + 1]
    swapped = number[:place] + other + one + number[place + 2 :]
    assert refused(swapped) == (one != other and {one, other} != {"0", "9"})


@pytest.mark.parametrize("shape", ["{} {} {}", " {}{}{}\n", "{}-{}-{}", "{}.{}.{}"])
def test_a_number_is_read_however_it_is_typed(shape: str) -> None:
    number = new_card_number()
    parts = (number[:4], number[4:8], number[8:])
    assert read_card_number(shape.format(*parts)) == number
    assert read_card_number(grouped(number)) == number


@pytest.mark.parametrize(
    "typed", ["", "1234", "0" * 11, "0" * 13, "00000000000a", "٠" * 12, "0" * 12 + " " * 40, "😀"]
)
def test_what_is_no_card_is_refused(typed: str) -> None:
    assert refused(typed)


@given(st.text(max_size=60))
def test_any_text_is_a_number_or_a_refusal(typed: str) -> None:
    assert refused(typed) or len(read_card_number(typed)) == 12
