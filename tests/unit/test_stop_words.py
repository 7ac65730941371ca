"""What an answer by text message asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.members.stop_words import NOT_A_SHOP, START_WORDS, STOP_WORDS, Answer, Wish, keyword_of, read_answer


@pytest.mark.parametrize(
    "text",
    [
        "stop", "STOP", "Stopp", "stop.", " STOP !", "STOP\nHilsen Mette", "ＳＴＯＰ", "afmeld", "Afmeldt", "frameld",
        "AVMELD", "avslutt", "slut", "unsubscribe", "Cancel", "END", "quit", "Arrêt", "arret", "remove", "opt-out",
        "OptOut", "stopall", "«stop»", "- stop", "stop sms", "Stop, tak", "STOP NU",
    ],
)  # fmt: skip
def test_stop_is_understood_in_danish_norwegian_and_english_however_it_is_written(text: str) -> None:
    assert read_answer(text) == Answer(Wish.STOP)


@pytest.mark.parametrize("text", ["start", "START", "Tilmeld", "påmeld", "PÅMELD", "pa\u030ameld", "unstop"])
def test_start_is_understood_too(text: str) -> None:
    assert read_answer(text) == Answer(Wish.START)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "?", "👍", "Hej, har I boller i dag?", "Kan I ikke stoppe med det", "Jeg vil gerne afmeldes",
        "stopper i snart", "nonstop", "Ja tak", "5 boller", "https://stop.dk", "startende", "endnu en",
    ],
)  # fmt: skip
def test_what_only_contains_the_word_or_asks_the_shop_something_is_left_alone(text: str) -> None:
    assert read_answer(text) is None


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("STOP bagerholm", "bagerholm"),
        ("stop Bager-Holm", "bagerholm"),
        ("Stopp: BAGERÆRØ", "bageraeroe"),
        ("start ærø", "aeroe"),
        ("stop café", "cafe"),
        ("STOP alt", None),
        ("stop sms bagerholm", None),
    ],
)
def test_the_second_word_names_the_shop(text: str, keyword: str | None) -> None:
    answer = read_answer(text)
    assert answer is not None
    assert answer.keyword == keyword


def test_a_shops_keyword_is_its_name_in_addresses_without_hyphens() -> None:
    assert keyword_of("bager-aeroe") == keyword_of("Bager-Ærø") == "bageraeroe"


@given(st.text(max_size=400))
def test_whatever_arrives_is_read_without_a_fault(text: str) -> None:
    answer = read_answer(text)
    assert answer is None or answer.keyword is None or answer.keyword.isalnum()


@given(st.sampled_from(sorted(STOP_WORDS | START_WORDS)), st.text(" .,!?;:-\n\t", max_size=5), st.booleans())
def test_a_word_stays_itself_whatever_marks_stand_around_it(word: str, marks: str, capitals: bool) -> None:
    written = marks + (word.upper() if capitals else word) + marks
    assert read_answer(written) == Answer(Wish.STOP if word in STOP_WORDS else Wish.START)


def test_no_word_means_both_and_none_is_a_shop() -> None:
    assert not STOP_WORDS & START_WORDS
    assert not (STOP_WORDS | START_WORDS) & NOT_A_SHOP
