"""The pages' texts in the three languages, and how each language writes dates, numbers and refusals."""

from datetime import date
from pathlib import Path

import phonenumbers

from stamkunde.shared import language as shared_texts
from stamkunde.shared.errors import Refusal

LANGUAGE_NAMES = {"da": "Dansk", "nb": "Norsk", "en": "English"}
_PAGES = shared_texts.Catalogue(Path(__file__).parent / "languages")
catalogue = _PAGES.texts
page_text = _PAGES.text


def refusal_title(refusal: Refusal, language: str) -> str:
    """What went wrong, in a few words for a person rather than a till."""
    own = catalogue(language).get(f"refusal.{refusal.code}.title")
    return own or shared_texts.text(language, f"problem.{refusal.code}.title")


def refusal_text(refusal: Refusal, language: str) -> str:
    """What went wrong and how to mend it, for a person rather than a till."""
    key = f"refusal.{refusal.code}"
    if key in catalogue(language):
        return page_text(language, key, **refusal.values)
    return shared_texts.text(language, f"problem.{refusal.code}.detail", **refusal.values)


def day_text(day: date, language: str) -> str:
    """A day as the language writes it: ``21. november 2026``, ``21 November 2026``."""
    month = page_text(language, f"month.{day.month}")
    return page_text(language, "day", day=day.day, month=month, year=day.year)


def phone_text(phone: str) -> str:
    """An E.164 number in groups: ``+45 20 12 34 56``."""
    number = phonenumbers.parse(phone)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def language_of(chosen: str | None, accepted: str, otherwise: str) -> str:
    """The language to answer in: the chosen one, else the first of ours the browser wants, else the given one."""
    if chosen in LANGUAGE_NAMES:
        return chosen
    for wanted in accepted.split(","):
        code = wanted.partition(";")[0].strip().lower().partition("-")[0]
        code = "nb" if code in {"no", "nn"} else code
        if code in LANGUAGE_NAMES:
            return code
    return otherwise
