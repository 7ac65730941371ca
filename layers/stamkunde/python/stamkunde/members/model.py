"""Members of a club: who they are, in which state, and what they accepted. Pure rules."""

import hashlib
import hmac
import re
import unicodedata
from copy import replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from stamkunde.members.consents import ConsentMethod
from stamkunde.shared.errors import Refusal
from stamkunde.shared.terms import NOT_ACCEPTED, TermsChase, TermsTold

if TYPE_CHECKING:
    from stamkunde.shared.ladder import Absence

LONGEST_NAME = 40
MOST_DIGITS_IN_A_NAME = 4

CONSENT_AGE = 15
"""From then on somebody may agree to anything here by themselves, in Denmark and in Norway (R14)."""
ADULT_AGE = 18
"""From then on offers may be chosen by what somebody bought."""
OLDEST_AGE = 120


class MemberState(StrEnum):
    """What a person is to the club.

    `open` was joined at a till and hasn't accepted the terms; `newsletter` only allowed to be written to, and has no
    account, no card and no terms.
    """

    OPEN = "open"
    MEMBER = "member"
    NEWSLETTER = "newsletter"


GRACE = timedelta(days=14)
"""How long somebody may change their mind who asked to be deleted, and spend what they have (features 44, 45)."""


class AskedBy(StrEnum):
    """Who asked for somebody's data to be deleted; a shop may take back only what it asked for itself."""

    MEMBER = "member"
    STAFF = "staff"
    RULES = "rules"
    """Nobody: the day has come that the club's rules name."""

    STRANGER = "stranger"
    """Whoever has the number: it was mistyped."""


class ErasureRequest(Struct, frozen=True):
    """That somebody's data is to be deleted (features 44-46).

    Parameters
    ----------
    erase_at
        From this instant on every read treats them as gone; until then it can be undone.
    case_id
        What deletes them; None until that is begun.
    looked_in
        Where else the shop has looked that was asked.
    asked_shop
        That the shop was asked, by whomever the wish is now: it looks in places that nobody here knows of.
    """

    asked_by: AskedBy
    asked_at: datetime
    erase_at: datetime
    case_id: str | None = None
    looked_in: tuple[str, ...] = ()
    asked_shop: bool = False

    def may_be_undone_by(self, who: AskedBy) -> bool:
        """Whether somebody may take the wish back: the shop never takes back a member's own."""
        return who is AskedBy.MEMBER or self.asked_by is AskedBy.STAFF


class FormerMember(Struct, frozen=True):
    """What somebody was who was merged into another: what must be found when that one is erased.

    Parameters
    ----------
    phone_hash
        As in their number's pointer, which leads to the other unless a stranger has the number by now.
    """

    member_id: str
    phone_hash: str
    card_number: str | None


class Member(Struct, frozen=True):
    """A natural person in one club, found by phone number.

    Parameters
    ----------
    account_id
        Where the bonus is; None for somebody who only gets the newsletter.
    phone
        E.164.
    terms_version
        The version accepted last; `NOT_ACCEPTED` while the membership is open.
    language
        The one they are written to in.
    email_confirmed_at
        When they showed that the address is theirs.
    pending_email
        Another address that they gave since; the confirmed one stays in use until this one is confirmed.
    joined_at_outlet, joined_at_till
        None for somebody who joined on the page.
    link_hashes
        The service links that were sent to them, by the hash of their token, so that all can be taken away.
    formerly
        Members who were found to be the same person.
    revision
        Goes up with every write; a write of an older revision is refused.
    birth_date
        Asked for only where the club's policy says so.
    answers
        To the club's own questions: pairs of question id and answer.
    own_outlet
        Which of the club's outlets is theirs.
    details_confirmed_at
        When they last changed or confirmed their details: an activity like a purchase (feature 49).
    chase
        What an open member was told of the terms; None for everybody else.
    erasure
        That they are to be deleted.
    told_terms
        The newest terms version that they were written to about; what somebody accepted they know anyway.
    noted_lapses
        Of which lapsing permissions the club's owner was told: pairs of kind and the first day without.
    shares_since
        When they came into the household whose account theirs is; what happened there earlier is none of theirs.
    absence
        What they were told because they stayed away; see `stamkunde.retention.model.ladder`.
    """

    member_id: str
    account_id: str | None
    phone: str
    first_name: str | None
    terms_version: int
    joined_at: datetime
    language: str
    joined_at_outlet: str | None = None
    joined_at_till: str | None = None
    email: str | None = None
    email_confirmed_at: datetime | None = None
    pending_email: str | None = None
    card_number: str | None = None
    link_hashes: tuple[str, ...] = ()
    revision: int = 1
    formerly: tuple[FormerMember, ...] = ()
    birth_date: date | None = None
    answers: tuple[tuple[str, str], ...] = ()
    own_outlet: str | None = None
    details_confirmed_at: datetime | None = None
    chase: TermsChase | None = None
    erasure: ErasureRequest | None = None
    told_terms: TermsTold | None = None
    noted_lapses: tuple[tuple[str, date], ...] = ()
    shares_since: datetime | None = None
    absence: "Absence | None" = None

    @property
    def state(self) -> MemberState:
        """What the person is to the club."""
        if self.account_id is None:
            return MemberState.NEWSLETTER
        return MemberState.OPEN if self.terms_version == NOT_ACCEPTED else MemberState.MEMBER

    @property
    def email_confirmed(self) -> bool:
        """Whether the e-mail address is known to be theirs."""
        return self.email is not None and self.email_confirmed_at is not None

    def asking_for_erasure(self, by: AskedBy, now: datetime) -> "Member":
        """Once somebody asked for them to be deleted.

        Asked again, the first day stays; but what the shop entered is the member's own wish once they say so.
        """
        asked_shop = by is AskedBy.STAFF
        if self.erasure is None:
            return replace(self, erasure=ErasureRequest(by, now, erase_at=now + GRACE, asked_shop=asked_shop))
        asked = replace(self.erasure, asked_shop=asked_shop or self.erasure.asked_shop)
        return replace(self, erasure=replace(asked, asked_by=by) if by is AskedBy.MEMBER else asked)

    def looked_in(self, place: str) -> "Member":
        """Once the shop that was asked has looked in another place where they may be written down.

        Raises
        ------
        Refusal
            ``invalid_field``: nobody asked the shop.
        """
        if self.erasure is None or not self.erasure.asked_shop:
            raise Refusal("invalid_field", {"expected": "member erase"}, "/member_id")
        others = (each for each in self.erasure.looked_in if each != place)
        return replace(self, erasure=replace(self.erasure, looked_in=(*others, place)))

    def condemned(self, now: datetime, case_id: str) -> "Member":
        """Once their data is being deleted: from now on they are nobody's member, and nothing takes that back."""
        if self.erasure is not None and self.is_gone(now):
            return replace(self, erasure=replace(self.erasure, case_id=case_id))
        asked_by, asked_at = (
            (AskedBy.RULES, now)
            if self.erasure is None
            else (
                self.erasure.asked_by,
                self.erasure.asked_at,
            )
        )
        return replace(self, erasure=ErasureRequest(asked_by, asked_at, erase_at=now, case_id=case_id))

    def disowned(self, now: datetime, link_hash: str) -> "Member":
        """Once whoever has the number said by a link that it was mistyped; that link is nobody's any more."""
        links = tuple(each for each in self.link_hashes if each != link_hash)
        erasure = ErasureRequest(AskedBy.STRANGER, asked_at=now, erase_at=now)
        return replace(self, erasure=erasure, link_hashes=links, revision=self.revision + 1)

    def staying(self) -> "Member":
        """Once nobody wants them deleted any more.

        Who was reminded of the terms for the last time, and let the day pass meanwhile, gets that reminder anew; so
        does whoever stayed away get the last notice.
        """
        chase = self.chase and replace(self.chase, reminders=self.chase.reminders[:1])
        absence = self.absence and self.absence.without_last_notices()
        return replace(self, erasure=None, chase=chase, absence=absence)

    def is_gone(self, now: datetime) -> bool:
        """Whether the day has come that they asked for: their data is as good as deleted."""
        return self.erasure is not None and now >= self.erasure.erase_at

    @property
    def unproved_email(self) -> str | None:
        """The address that they gave and haven't confirmed, if any."""
        return self.pending_email if self.email_confirmed else self.email

    def given_email(self, address: str) -> "Member":
        """With an address that they say is theirs: a confirmed one is not given up for one that nobody has shown."""
        if not self.email_confirmed:
            return replace(self, email=address)
        return replace(self, pending_email=None if address == self.email else address)

    def confirmed_email(self, address: str, now: datetime) -> "Member":
        """Once they showed that the address is theirs."""
        return replace(self, email=address, email_confirmed_at=now, pending_email=None)


class Acceptance(Struct, frozen=True):
    """That a customer accepted a terms version in the shop, as the till reports it.

    Parameters
    ----------
    language
        The one that the form or the screen was in; None: the club's own.
    """

    terms_version: int
    method: ConsentMethod
    accepted_at: datetime
    language: str | None = None


def phone_pointer(address_key: bytes, phone: str) -> str:
    """The keyed hash under which a phone number is found: eight digits could all be tried on a plain hash."""
    return hmac.new(address_key, phone.encode(), hashlib.sha256).hexdigest()


def age_on(born: date, day: date) -> int:
    """Whole years of age; somebody born on 29 February is a year older on 1 March where there is no such day."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def read_birth_date(typed: str, today: date) -> date | None:
    """The day that was typed or chosen; None for nothing typed.

    Browsers send ``1990-05-03``; where a date can't be chosen, people type ``3.5.1990`` or ``3/5 1990``.

    Raises
    ------
    Refusal
        ``birth_date_invalid``: no such day, or nobody living was born on it. ``too_young``: under 15.
    """
    if not typed.strip():
        return None
    born = _typed_day(typed)
    if born is None or not 0 <= age_on(born, today) <= OLDEST_AGE:
        raise Refusal("birth_date_invalid", pointer="/birth_date")
    if age_on(born, today) < CONSENT_AGE:
        raise Refusal("too_young", {"age": CONSENT_AGE}, "/birth_date")
    return born


def _typed_day(typed: str) -> date | None:
    numbers = _DAY_PARTS.split(typed.strip())
    if len(numbers) != _PARTS_OF_A_DAY or not all(part.isascii() and part.isdigit() for part in numbers):
        return None
    year_first = len(numbers[0]) == _DIGITS_OF_A_YEAR
    year, month, day = numbers if year_first else reversed(numbers)
    if len(year) != _DIGITS_OF_A_YEAR:
        return None
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


_DAY_PARTS = re.compile(r"[-./ ]+")
_PARTS_OF_A_DAY = 3
_DIGITS_OF_A_YEAR = 4
_LINK = re.compile(r"://|www\.|\w\.\w", re.IGNORECASE)
_MARKUP = frozenset("<>{}[]|\\/@")
_IDEOGRAPHIC_FULL_STOP = "\u3002"
"""A dot to whoever follows a link (UTS 46), which NFKC leaves alone."""

_DROPPED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn"}
_PICTURE_CATEGORIES = {"So", "Me"}
_SKIN_TONES = range(0x1F3FB, 0x1F400)


def clean_first_name(typed: str) -> str | None:
    """A name fit to be merged into a text message, or None when nothing is left of it.

    Raises
    ------
    Refusal
        ``name_not_allowed``: too long, a link, markup, a number or an emoji; names are hostile until shown otherwise.
    """
    normal = unicodedata.normalize("NFC", typed)
    spaced = "".join(" " if character.isspace() else character for character in normal)
    kept = "".join(c for c in spaced if unicodedata.category(c) not in _DROPPED_CATEGORIES)
    name = " ".join(kept.split())
    if not name:
        return None
    if len(name) > LONGEST_NAME or not _is_a_name(name):
        raise Refusal("name_not_allowed", {"most": LONGEST_NAME}, "/first_name")
    return name


def _is_a_name(text: str) -> bool:
    letters = sum(character.isalpha() for character in text)
    digits = sum(character.isdigit() for character in text)
    pictures = any(map(_is_picture, text))
    # As a phone or a browser reads it: full-width characters and their like are what they look like.
    plain = unicodedata.normalize("NFKC", text).replace(_IDEOGRAPHIC_FULL_STOP, ".")
    return (
        bool(letters)
        and digits <= MOST_DIGITS_IN_A_NAME
        and not (pictures or _LINK.search(plain) or _MARKUP & {*plain})
    )


def _is_picture(character: str) -> bool:
    """Emoji and what they are put together from: a name with one doubles the price of each text message."""
    return unicodedata.category(character) in _PICTURE_CATEGORIES or ord(character) in _SKIN_TONES
