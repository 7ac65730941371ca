"""Every text in all three languages, with the same places to merge."""

from __future__ import annotations

import re
import string

import pytest

from stamkunde.http import problem_document
from stamkunde.shared.errors import STATUS_BY_CODE, Refusal
from stamkunde.shared.language import LANGUAGES, catalogue

FORMATTER = string.Formatter()


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in FORMATTER.parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_languages_have_the_same_texts_with_the_same_places(language: str) -> None:
    assert catalogue(language).keys() == catalogue("da").keys()
    for key, text in catalogue(language).items():
        assert places(text) == places(catalogue("da")[key]), key
        assert text.strip()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", STATUS_BY_CODE)
def test_every_refusal_has_words_in_every_language(language: str, code: str) -> None:
    values = dict.fromkeys(places(catalogue(language)[f"problem.{code}.detail"]), 1)
    document = problem_document(Refusal(code, values), language)
    assert document.title
    assert document.detail.endswith(".")
    assert document.status == STATUS_BY_CODE[code]


def test_no_text_belongs_to_a_refusal_that_no_longer_exists() -> None:
    keys = [key for key in catalogue("en") if key.startswith("problem.")]
    assert {key.split(".")[1] for key in keys} == set(STATUS_BY_CODE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_service_texts_have_no_exclamation_mark_and_no_emoji(language: str) -> None:
    for key, text in catalogue(language).items():
        assert "!" not in text, key
        assert not re.search(r"[\U0001F000-\U0001FAFF☀-➿]", text), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_receipt_lines_fit_a_narrow_printer(language: str) -> None:
    for key, text in catalogue(language).items():
        if key.startswith("receipt."):
            assert len(text.format(amount="1.234,50 kr.")) <= 42, key


def test_an_unknown_code_cannot_be_raised() -> None:
    with pytest.raises(ValueError, match="vocabulary"):
        Refusal("no_such_code")
