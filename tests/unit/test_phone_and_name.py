"""Phone numbers and names as people type them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.clubs.model import DEFAULT_JOIN_COUNTRIES
from stamkunde.members.model import clean_first_name, phone_pointer
from stamkunde.shared.errors import Refusal
from stamkunde.shared.phone import parse_mobile, parse_phone


@pytest.mark.parametrize(
    ("typed", "country", "number"),
    [
        ("20 12 34 56", "DK", "+4520123456"),
        ("+45 20123456", "DK", "+4520123456"),
        ("0045 20123456", "DK", "+4520123456"),
        ("4520123456", "DK", "+4520123456"),
        ("２０１２３４５６", "DK", "+4520123456"),
        ("22-12-34-56", "NO", "+4722123456"),
        ("45123456", "DK", "+4545123456"),
        ("47123456", "NO", "+4747123456"),
        ("4791234567", "NO", "+4791234567"),
        ("41234567", "DK", "+4541234567"),
        ("41234567", "NO", "+4741234567"),
        ("+298 211234", "DK", "+298211234"),
        ("+299 221234", "DK", "+299221234"),
        ("+46 70 123 45 67", "NO", "+46701234567"),
    ],
)
def test_every_way_to_write_a_number_is_one_number(typed: str, country: str, number: str) -> None:
    assert parse_phone(typed, country=country, allowed_countries=DEFAULT_JOIN_COUNTRIES) == number


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("+4520123456 (Anna)", "phone_has_letters"),
        ("1-800-FLOWERS", "phone_has_letters"),
        ("1204", "phone_invalid"),
        ("112", "phone_invalid"),
        ("12345678", "phone_invalid"),
        ("2" * 41, "phone_invalid"),
        ("+", "phone_invalid"),
        ("--", "phone_invalid"),
        ("+1 202 555 0123", "phone_country_not_allowed"),
    ],
)
def test_what_is_no_number_of_ours_is_refused(typed: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_phone(typed, country="DK", allowed_countries=DEFAULT_JOIN_COUNTRIES)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("typed", "country"),
    [
        ("20 12 34 56", "DK"),
        ("32123456", "DK"),
        ("91234567", "NO"),
        ("+46 70 123 45 67", "NO"),
        ("+298 211234", "DK"),
        ("+299 221234", "DK"),
        ("+49 151 23456789", "DK"),
    ],
)
def test_a_number_that_may_be_a_mobile_can_be_joined_with(typed: str, country: str) -> None:
    known = parse_phone(typed, country=country, allowed_countries=DEFAULT_JOIN_COUNTRIES)
    assert parse_mobile(typed, country=country, allowed_countries=DEFAULT_JOIN_COUNTRIES) == known


@pytest.mark.parametrize(
    ("typed", "country", "code"),
    [
        ("22 12 34 56", "NO", "phone_not_mobile"),
        ("+46 8 999 999 99", "DK", "phone_not_mobile"),
        ("+298 331234", "DK", "phone_not_mobile"),
        ("+299 321234", "DK", "phone_not_mobile"),
        ("80 12 34 56", "DK", "phone_not_mobile"),
        ("90 12 34 56", "DK", "phone_not_mobile"),
        ("800 12 345", "NO", "phone_not_mobile"),
        ("1204", "DK", "phone_invalid"),
        ("+1 202 555 0123", "DK", "phone_country_not_allowed"),
    ],
)
def test_a_landline_or_a_service_number_is_refused_by_name(typed: str, country: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_mobile(typed, country=country, allowed_countries=DEFAULT_JOIN_COUNTRIES)
    assert (refused.value.code, refused.value.pointer) == (code, "/phone")


@given(st.text(max_size=60))
def test_any_text_is_a_number_or_a_refusal(typed: str) -> None:
    try:
        number = parse_phone(typed, country="DK", allowed_countries=DEFAULT_JOIN_COUNTRIES)
    except Refusal as refusal:
        assert refusal.code.startswith("phone_")
    else:
        assert parse_phone(number, country="DK", allowed_countries=DEFAULT_JOIN_COUNTRIES) == number


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (" Anne  Grethe ", "Anne Grethe"),
        ("A\u030asa", "Åsa"),
        ("Jean-Luc", "Jean-Luc"),
        ("D'Arcy", "D'Arcy"),
        ("Zoë", "Zoë"),
        ("Mette\u200b\u202e", "Mette"),
        ("Bo\x00b", "Bob"),
        ("A" * 40, "A" * 40),
        ("  \u200b ", None),
        ("Ole 2", "Ole 2"),
        ("D´Arcy", "D´Arcy"),
        ("नीता", "नीता"),
        ("Anna K.", "Anna K."),
        ("陽子。", "陽子。"),
    ],
)
def test_a_name_is_tidied(typed: str, name: str | None) -> None:
    assert clean_first_name(typed) == name


@pytest.mark.parametrize(
    "typed",
    [
        "http://evil.dk",
        "www.evil",
        "evil.dk",
        "evil\u3002dk",
        "evil\uff61dk",
        "evil\uff0edk",
        "Evil\u2024dk",
        "evil\ufe52dk",
        "\uff57\uff57\uff57\uff0eevil",
        "evil\uff0fdk",
        "anna\uff20dk",
        "\uff1cAnna\uff1e",
        "A" * 41,
        "<b>Mette</b>",
        "20123456",
        "{Bonus}",
        "🙂",
        "a@b",
        "Mette 🙂",
        "Mette\u2764\ufe0f",
        "Bo 1\ufe0f\u20e3",
        "Ida\U0001f3fd",
    ],
)
def test_a_name_that_is_something_else_is_refused(typed: str) -> None:
    with pytest.raises(Refusal) as refused:
        clean_first_name(typed)
    assert refused.value.code == "name_not_allowed"


@given(st.text(max_size=80))
def test_whatever_is_typed_a_kept_name_is_safe_to_merge(typed: str) -> None:
    try:
        name = clean_first_name(typed)
    except Refusal:
        return
    if name is not None:
        assert 1 <= len(name) <= 40
        assert clean_first_name(name) == name
        assert not any(unicodedata.category(c) in {"Cc", "Cf"} for c in name)
        assert not set(unicodedata.normalize("NFKC", name)) & set("<>{}@/\\")


def test_a_phone_pointer_needs_the_clubs_key() -> None:
    pointer = phone_pointer(b"k" * 32, "+4520123456")
    assert pointer == phone_pointer(b"k" * 32, "+4520123456")
    assert pointer != phone_pointer(b"j" * 32, "+4520123456")
    assert "20123456" not in pointer
