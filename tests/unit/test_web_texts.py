"""Every text of the pages in all three languages, saying the same, in the house's voice."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from string import Formatter

import pytest

import stamkunde
from infra.local.home import ROOT
from stamkunde import web
from stamkunde.shared.errors import STATUS_BY_CODE, Refusal
from stamkunde.shared.language import catalogue as shared_catalogue
from stamkunde.shared.language import text as shared_text
from stamkunde.shared.money import Money
from stamkunde.web.texts import (
    LANGUAGE_NAMES,
    catalogue,
    day_text,
    language_of,
    page_text,
    phone_text,
    refusal_text,
    refusal_title,
)

LANGUAGES = tuple(LANGUAGE_NAMES)
KEYS = sorted(catalogue("da"))
TEMPLATES = sorted((Path(web.__file__).parent / "templates").glob("*.html"))
CODE = [ROOT / "functions" / name for name in ("join_page", "member_page")] + [Path(web.__file__).parent]
LONGEST_LINE = 230


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("key", KEYS)
def test_a_text_is_there_in_every_language_with_the_same_places(key: str) -> None:
    texts = [catalogue(language)[key] for language in LANGUAGES]
    assert all(text.strip() == text != "" for text in texts)
    assert len({frozenset(places(text)) for text in texts}) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_language_has_a_text_of_its_own(language: str) -> None:
    assert sorted(catalogue(language)) == KEYS


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_calm_and_say_du(language: str) -> None:
    for key, text in catalogue(language).items():
        assert "!" not in text, key
        assert not re.search(r"\b(De|Dem|Deres)\b", text) or text.startswith("De"), key
        assert "<" not in text, key


def test_english_spells_an_e_mail_in_one_way() -> None:
    written = list(Path(stamkunde.__path__[0]).glob("*/languages/en.json"))
    assert len(written) > 1
    for path in written:
        values = re.findall(r': "(.*)"', path.read_text())
        assert values
        assert not [value for value in values if re.search(r"\bemail", value, re.IGNORECASE)], path


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_terms_name_the_address_and_promise_no_button_that_is_not_there(language: str) -> None:
    contact = "hej@bagerholm.example"
    first = shared_text(
        language, "terms.first", club="Bager Holm", rate="3 %", months=12, contact=contact, keeping=""
    )
    address = {"da": "e-mailadresse", "nb": "e-postadressen", "en": "e-mail address"}[language]
    asking = {"da": "Skriv til os", "nb": "Skriv til oss", "en": "Write to us"}[language]
    assert address in first
    assert asking in first
    rights = page_text(language, "details.rights", contact=contact, authority="Datatilsynet")
    assert rights.startswith(asking.rpartition(" ")[0])


def test_every_key_of_a_template_is_there_and_every_text_is_used() -> None:
    written = "\n".join(path.read_text() for path in TEMPLATES)
    written += "\n".join(path.read_text() for folder in CODE for path in folder.rglob("*.py"))
    named = set(re.findall(r"[\"']([a-z_]+(?:\.[a-z_]+)+)[\"']", written)) | {"day", "error.code"}
    used = {key for key in KEYS if key in named or any(key.startswith(prefix) for prefix in prefixes(written))}
    assert {key for key in KEYS if not key.startswith("refusal.")} - used == set()
    missing = {key for key in re.findall(r"\bt\(\s*\"([a-z_.]+)\"", written) if not key.endswith(".")} - set(KEYS)
    assert missing == set()


def prefixes(written: str) -> set[str]:
    """The beginnings of keys that are put together: ``t("register." ~ club.country)``."""
    return set(re.findall(r"[\"']([a-z_.]+\.)[\"'] ~", written)) | {"month."}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", STATUS_BY_CODE)
def test_a_person_is_told_of_every_refusal_in_words(code: str, language: str) -> None:
    texts = (shared_catalogue(language)[f"problem.{code}.detail"], catalogue(language).get(f"refusal.{code}", ""))
    values = dict.fromkeys(places("".join(texts)), 5)
    refusal = Refusal(code, values)
    assert refusal_title(refusal, language)
    assert "{" not in refusal_text(refusal, language)


def test_refusals_of_pages_are_none_that_only_tills_meet() -> None:
    own = {key.split(".")[1] for key in KEYS if key.startswith("refusal.")}
    assert own <= STATUS_BY_CODE.keys()


def test_dates_and_numbers_are_written_as_the_language_writes_them() -> None:
    day = date(2026, 11, 21)
    assert [day_text(day, language) for language in LANGUAGES] == [
        "21. november 2026",
        "21. november 2026",
        "21 November 2026",
    ]
    assert phone_text("+4520123456") == "+45 20 12 34 56"
    assert page_text("nb", "history.balance", amount=Money(123450, "NOK")) == "Saldo 1 234,50 kr"


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        ("nb", "da", "nb"),
        (None, "nn-NO,nn;q=0.9,en;q=0.5", "nb"),
        (None, "no", "nb"),
        (None, "de-DE,en-GB;q=0.8", "en"),
        (None, "fr", "da"),
        ("xx", "", "da"),
        ("", "", "da"),
    ],
)
def test_the_language_is_the_chosen_one_or_one_the_browser_wants(
    chosen: str | None, accepted: str, language: str
) -> None:
    assert language_of(chosen, accepted, "da") == language


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_script_no_style_and_no_words(path: Path) -> None:
    html = path.read_text()
    assert not re.search(r"<script|<style|style=|javascript:|\son[a-z]+=", html)
    assert "| safe" not in html.replace("""' role="alert"' | safe""", "")
    words = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", " ", html, flags=re.DOTALL)
    assert re.findall(r"[A-Za-zæøåÆØÅ]{3,}", words) in ([], ["index"])
