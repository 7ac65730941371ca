"""The code at the foot of a printed sign-up form: it names club, version and language, and nobody. Pure rules."""

import re

from msgspec import Struct

from stamkunde.clubs.model import Club, TermsVersion
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import derived_id

_CHECK_LETTERS = 4
_CODE = re.compile(
    rf"(?P<slug>[a-z0-9-]+)-(?P<version>[0-9]{{1,5}})-(?P<language>[a-z]{{2}})-(?P<check>[0-9a-z]{{{_CHECK_LETTERS}}})"
)


class PrintedForm(Struct, frozen=True):
    """Which form somebody signed: the terms on it, and the language it was printed in."""

    terms: TermsVersion
    language: str


def form_code(club: Club, form: PrintedForm) -> str:
    """A form's code, such as ``BAGER-HOLM-2-DA-7K3F``; its last letters tell one mistyped from one of ours."""
    check = _check(club, form)
    return f"{club.slug}-{form.terms.version}-{form.language}-{check}".upper()


def read_form_code(club: Club, typed: str) -> PrintedForm:
    """The form that a code names, however it was typed.

    Raises
    ------
    Refusal
        ``form_code_unknown``: it is none of this club's.
    """
    found = _CODE.fullmatch("".join(typed.split()).lower())
    if found is not None and found["slug"] == club.slug:
        for terms in club.terms:
            form = PrintedForm(terms, found["language"])
            if terms.version == int(found["version"]) and found["check"] == _check(club, form):
                return form
    raise Refusal("form_code_unknown", pointer="/form_code")


def _check(club: Club, form: PrintedForm) -> str:
    read = form.terms.text_hash_in(form.language)
    return derived_id("", "sign-up form", club.club_id, form.language, read, letters=_CHECK_LETTERS)
