"""Members of a club: who they are, in which state, and what they accepted. Pure rules."""

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from stamkunde.shared.errors import Refusal
from stamkunde.shared.terms import NOT_ACCEPTED

LONGEST_NAME = 40
MOST_DIGITS_IN_A_NAME = 4


class MemberState(StrEnum):
    """What a person is to the club: `open` was joined at a till and hasn't accepted the terms."""

    OPEN = "open"
    MEMBER = "member"


class AcceptanceMethod(StrEnum):
    """How somebody accepted the terms in the shop (feature 36)."""

    SIGNED_FORM = "signed_form"
    COUNTER_SCREEN = "counter_screen"


@dataclass(frozen=True, slots=True)
class Member:
    """A natural person in one club, found by phone number.

    Parameters
    ----------
    phone
        E.164.
    terms_version
        The version accepted last; `NOT_ACCEPTED` while the membership is open.
    revision
        Goes up with every write; a write of an older revision is refused.
    """

    member_id: str
    account_id: str
    phone: str
    first_name: str | None
    terms_version: int
    joined_at: datetime
    joined_at_outlet: str
    joined_at_till: str
    revision: int = 1

    @property
    def state(self) -> MemberState:
        """`open` until terms are accepted, then `member`."""
        return MemberState.OPEN if self.terms_version == NOT_ACCEPTED else MemberState.MEMBER

    def accepting(self, terms_version: int) -> "Member":
        """The member once a version is accepted."""
        return replace(self, terms_version=terms_version, revision=self.revision + 1)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """That a customer accepted a terms version in the shop, as the till reports it."""

    terms_version: int
    method: AcceptanceMethod
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class TermsAcceptance:
    """Consent record: immutable evidence that a member accepted one terms version (R9, feature 36)."""

    record_id: str
    terms_version: int
    text_hash: str
    language: str
    method: AcceptanceMethod
    accepted_at: datetime
    recorded_at: datetime
    outlet_id: str
    till_id: str


def phone_pointer(address_key: bytes, phone: str) -> str:
    """The keyed hash under which a phone number is found: eight digits could all be tried on a plain hash."""
    return hmac.new(address_key, phone.encode(), hashlib.sha256).hexdigest()


_LINK = re.compile(r"://|www\.|\w\.\w", re.IGNORECASE)
_DROPPED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn"}


def clean_first_name(typed: str) -> str | None:
    """A name fit to be merged into a text message, or None when nothing is left of it.

    Raises
    ------
    Refusal
        ``name_not_allowed``: too long, a link, markup or a number; names are hostile until shown otherwise.
    """
    normal = unicodedata.normalize("NFC", typed)
    spaced = "".join(" " if character.isspace() else character for character in normal)
    kept = "".join(c for c in spaced if unicodedata.category(c) not in _DROPPED_CATEGORIES)
    name = " ".join(kept.split())
    if not name:
        return None
    too_long = len(name) > LONGEST_NAME
    digits = sum(character.isdigit() for character in name)
    if too_long or digits > MOST_DIGITS_IN_A_NAME or _LINK.search(name) or any(c in "<>{}[]|\\/@" for c in name):
        raise Refusal("name_not_allowed", {"most": LONGEST_NAME}, "/first_name")
    if not any(character.isalpha() for character in name):
        raise Refusal("name_not_allowed", {"most": LONGEST_NAME}, "/first_name")
    return name
