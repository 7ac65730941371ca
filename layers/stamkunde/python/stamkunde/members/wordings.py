"""The sentences beside the boxes and buttons of our pages, word for word as evidence keeps them.

Whoever changes one raises `WORDING_VERSION`: records name the version that somebody saw. A form carries along which
sentences it shows, and nothing is taken as agreed to that stands differently by the time it is sent.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.members.consents import PermissionKind, PermissionText, TermsAccepted
from stamkunde.shared.errors import Refusal
from stamkunde.shared.language import Catalogue

WORDING_VERSION = 2
DIGEST_LETTERS = 32
_SENTENCES = Catalogue(Path(__file__).parent / "languages")
wordings = _SENTENCES.texts


class Shown(Struct, frozen=True):
    """What a posted form had shown, as far as it carries that along.

    Parameters
    ----------
    language
        The page's.
    terms_version
        Of the terms; 0 for none.
    digests
        Those of the sentences beside its boxes and buttons; see `digest`.
    """

    language: str
    terms_version: int = 0
    digests: frozenset[str] = frozenset()

    def has(self, sentence: str) -> bool:
        """Whether these very words stood there, in this language."""
        return digest(self.language, sentence) in self.digests


def digest(language: str, sentence: str) -> str:
    """What a form carries along of a sentence: other words, or another language, have another."""
    return hashlib.sha256(f"{language}\n{sentence}".encode()).hexdigest()[:DIGEST_LETTERS]


def digests(language: str, sentences: Iterable[str]) -> str:
    """The field of a form that shows these sentences."""
    return " ".join(digest(language, sentence) for sentence in sentences)


def terms_wording(club: Club, language: str | None = None) -> str:
    """By which somebody accepts the club's terms, in the page's language."""
    return _SENTENCES.text(language or club.language, "terms", club=club.name)


def permission_wording(kind: PermissionKind, language: str, club_name: str, goods: str) -> PermissionText:
    """By which somebody gives a permission to a club with these kinds of goods."""
    sentence = _SENTENCES.text(language, f"permission.{kind.value}", club=club_name, goods=goods)
    return PermissionText(kind, WORDING_VERSION, sentence)


def club_permission(club: Club, kind: PermissionKind, language: str) -> PermissionText:
    """The permission that a club with public pages asks for."""
    if club.join_page is None:
        raise ValueError("the club has not said what its advertising would be about")
    return permission_wording(kind, language, club.name, club.join_page.goods)


def asked_kinds(club: Club) -> tuple[PermissionKind, ...]:
    """What a club asks its customers for: nothing while it hasn't said what its advertising would be about."""
    if club.join_page is None:
        return ()
    return tuple(
        kind for kind in PermissionKind if kind is not PermissionKind.PURCHASES or not club.uses_purchases_unasked
    )


def permission_as_shown(club: Club, kind: PermissionKind, shown: Shown) -> PermissionText:
    """The permission that a club asks for, if that is what the form had shown.

    Raises
    ------
    Refusal
        ``wording_changed``: nobody agrees to words that they haven't seen.
    """
    permission = club_permission(club, kind, shown.language)
    if not shown.has(permission.wording):
        raise Refusal("wording_changed", pointer=f"/{kind.value}")
    return permission


def terms_as_shown(club: Club, shown: Shown) -> TermsAccepted:
    """What is kept of accepting the current terms on a page, if the form had shown them, and by these words.

    Raises
    ------
    Refusal
        ``terms_changed``: others were published since. ``wording_changed``.
    """
    terms = club.current_terms()
    if terms.version != shown.terms_version:
        raise Refusal("terms_changed", pointer="/terms")
    sentence = terms_wording(club, shown.language)
    if not shown.has(sentence):
        raise Refusal("wording_changed", pointer="/terms")
    return TermsAccepted(terms.version, terms.text_hash_in(shown.language), sentence)
