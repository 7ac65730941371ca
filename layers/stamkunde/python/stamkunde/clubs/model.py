"""Clubs, outlets, tills and what a club has published: the rules, without any I/O."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from stamkunde.shared.clock import local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import SHORTEST_UNSAID_EXPIRY_MONTHS, BonusProgramme, Unit
from stamkunde.shared.signing import MOST_KEYS, SigningKey

if TYPE_CHECKING:
    from stamkunde.shared.ladder import Ladder

NOTICE_OF_NEW_VERSIONS = timedelta(minutes=2)
"""A new programme version starts at least this much later, so every warm Lambda knows it in time."""

LONGEST_LATE_OPENING = timedelta(days=31)
DEFAULT_INACTIVE_MONTHS = 36
DEFAULT_JOIN_COUNTRIES = ("DK", "NO", "SE", "FI", "FO", "GL", "IS", "DE", "NL")


class Country(Struct, frozen=True):
    """What follows from the country a club trades in."""

    currency: str
    time_zone: str
    language: str


COUNTRIES = {
    "DK": Country(currency="DKK", time_zone="Europe/Copenhagen", language="da"),
    "NO": Country(currency="NOK", time_zone="Europe/Oslo", language="nb"),
}


class ReceiptNumbers(StrEnum):
    """Whether a till's receipt numbers start over: the period is part of a receipt's identity."""

    NEVER_RESTART = "never"
    RESTART_YEARLY = "yearly"
    RESTART_DAILY = "daily"


class TermsBlock(Struct, frozen=True):
    """A part of the terms as it is shown: what it says, and its heading if it has one."""

    heading: str | None
    words: str


@dataclass(frozen=True, slots=True)
class TermsVersion:
    """An immutable published version of a club's terms (feature 38), in one language or several.

    Parameters
    ----------
    language, text
        The club's own language, and the text in it.
    bonus_expiry_months
        How long bonus lives at least, as the text says; the law's three years where it says nothing (R26).
    texts
        By language, for a version that was made with the guided form; empty for older ones, which have one text.
    rate, inactive_months
        What the text says of bonus and of how long somebody is kept without any activity; None where it doesn't.
    valid_from
        The club's day from which it holds for those who were members before it; None: since it was published.
    said_worse
        That it is worse for members than the one before, as the club says of what no rule can judge.
    hashes
        The SHA-256 of each text, by language, as it was published; a till knows these and not the texts.
    """

    version: int
    language: str
    text: str
    published_at: datetime
    bonus_expiry_months: int = SHORTEST_UNSAID_EXPIRY_MONTHS
    texts: Mapping[str, str] = field(default_factory=dict)
    rate: int | None = None
    inactive_months: int | None = None
    valid_from: date | None = None
    said_worse: bool = False
    hashes: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def text_hash(self) -> str:
        """SHA-256 of the exact text in the club's own language, as consent records carry it."""
        return self.text_hash_in(self.language)

    def first_day(self, time_zone: str) -> date:
        """The club's day from which it holds for those who were members before it."""
        return self.valid_from or local_date(self.published_at, time_zone)

    def language_for(self, language: str) -> str:
        """The language in which somebody reads it who asks for one: that one, or else the club's own."""
        return language if language in self.texts or language in self.hashes else self.language

    def text_in(self, language: str) -> str:
        """What somebody reads who asks for a language."""
        if not self.text:
            raise LookupError("these terms were read without their texts")
        return self.texts.get(language, self.text)

    def text_hash_in(self, language: str) -> str:
        """SHA-256 of what somebody reads who asks for a language."""
        return self.hashes.get(self.language_for(language)) or _text_hash(self.text_in(language))

    def blocks_in(self, language: str) -> tuple[TermsBlock, ...]:
        """What somebody reads who asks for a language, block by block."""
        blocks = (block.strip() for block in self.text_in(language).split("\n\n"))
        return tuple(self._block(block) for block in blocks if block)

    def is_worse_than(self, older: "TermsVersion") -> bool:
        """Whether it promises less than an older one: a lower rate, bonus or membership that ends sooner.

        What either of the two doesn't say can't be compared, and benefits in words can't be judged.
        """
        return (
            self.bonus_expiry_months < older.bonus_expiry_months
            or _is_less(self.rate, older.rate)
            or _is_less(self.inactive_months, older.inactive_months)
        )

    def _block(self, words: str) -> TermsBlock:
        heading, line_break, rest = words.partition("\n")
        # Whoever wrote their own text may have broken its lines anywhere.
        return TermsBlock(heading, rest) if self.texts and line_break else TermsBlock(None, words)


def _text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _is_less(promise: int | None, before: int | None) -> bool:
    return promise is not None and before is not None and promise < before


class JoinPage(Struct, frozen=True):
    """What a club says of itself on its public pages; they are closed until it is filled in.

    Parameters
    ----------
    company, registration_number
        Who is responsible for the data: the firm and its CVR or organisation number (GDPR art. 13).
    contact
        Where members may write, such as an e-mail address.
    goods
        The kinds of goods that advertising would be about, in the club's language: part of every permission's
        wording, so that a yes is to something definite.
    accent
        The club's colour, ``#rrggbb``.
    """

    company: str
    registration_number: str
    contact: str
    goods: str
    accent: str


class PurchaseUse(StrEnum):
    """On which ground a club chooses offers by what members bought (R12)."""

    CONSENT = "consent"
    BALANCING_TEST = "balancing_test"
    """Denmark only, with the club's written reason."""


class Question(Struct, frozen=True):
    """Something a club would like to know, such as which kind of bike somebody rides; answering is free.

    Parameters
    ----------
    question_id
        Stays the same when words change.
    words, answers
        In the club's own language.
    """

    question_id: str
    words: str
    answers: tuple[str, ...]


class Trade(StrEnum):
    """What a club chose its time of keeping members by (feature 49)."""

    GROCERIES = "groceries"
    CLOTHES = "clothes"
    TOURIST_CRAFTS = "tourist_crafts"
    OWN = "own"


class MemberPolicy(Struct, frozen=True):
    """One club's choices; those of a new club are the most careful ones.

    Parameters
    ----------
    asks_birth_date, asks_outlet
        Whether these fields are shown at all (R15).
    balancing_test
        Why a Danish club may use purchases without asking; None where consent is asked for.
    soft_opt_in
        Whether customers who gave their number in a sale and didn't refuse may be written to (R7).
    inactive_months
        After how long without any activity somebody is deleted (feature 48), once terms hold that say so: see
        `Club.keeping_months`.
    keeping_reason
        Why members are kept for three years or longer (R15); None where it is less, or was never said otherwise.
    trade
        None until the club has chosen for how long it keeps members.
    ladders
        The club's own: at most one for a number of months; see `Club.ladder`.
    """

    asks_birth_date: bool = False
    asks_outlet: bool = False
    questions: tuple[Question, ...] = ()
    purchase_use: PurchaseUse = PurchaseUse.CONSENT
    balancing_test: str | None = None
    soft_opt_in: bool = False
    inactive_months: int = DEFAULT_INACTIVE_MONTHS
    keeping_reason: str | None = None
    trade: Trade | None = None
    ladders: "tuple[Ladder, ...]" = ()


CAREFUL_POLICY = MemberPolicy()
BALANCING_TEST_COUNTRY = "DK"
"""Norway's authority asks for a consent of its own (R12)."""


class Closing(Struct, frozen=True):
    """That a club closes.

    Parameters
    ----------
    last_day
        The club's last day on which tills and pages serve anybody.
    began_at
        When its data began to be taken away; from then on there is no way back.
    counts
        What was there then, by kind.
    """

    announced_at: datetime
    last_day: date
    began_at: datetime | None = None
    counts: Mapping[str, int] = msgspec.field(default_factory=dict)


class Club(Struct, frozen=True):
    """One shop business's customer club: the tenant, and the data controller.

    Parameters
    ----------
    address_key
        Secret key of this club's address pointers (keyed hashes of phone numbers).
    clock_offset
        How far the club's clock is moved (local engine only); None for a club that lives in real time.
    programmes, terms
        Every published version, oldest first; never empty.
    signing_keys
        At most two: what codes are derived from and pages sealed with. The first signs, the other one only opens.
    closing
        Once it was announced that the club closes.
    """

    club_id: str
    slug: str
    name: str
    country: str
    language: str
    currency: str
    time_zone: str
    join_countries: tuple[str, ...]
    address_key: bytes
    clock_offset: timedelta | None
    created_at: datetime
    programmes: tuple[BonusProgramme, ...]
    terms: tuple[TermsVersion, ...]
    signing_keys: tuple[SigningKey, ...]
    join_page: JoinPage | None = None
    member_policy: MemberPolicy = CAREFUL_POLICY
    closing: Closing | None = None

    def is_closed(self, now: datetime) -> bool:
        """Whether its last day is over: tills and pages refuse, and its data is about to go."""
        return self.closing is not None and local_date(now, self.time_zone) > self.closing.last_day

    @property
    def unit(self) -> Unit:
        """What bonus is counted in: the same in all versions of the programme."""
        return self.programmes[0].unit

    def current_terms(self) -> TermsVersion:
        """The version a new member is shown."""
        return self.terms[-1]

    def terms_due(self, accepted: int) -> TermsVersion | None:
        """The version that somebody is to be asked for who accepted another last, `NOT_ACCEPTED` for none.

        A newer version that is worse than theirs asks again. Any other holds without a word of theirs: it promises
        all that they agreed to.
        """
        current = self.current_terms()
        theirs = next((terms for terms in self.terms if terms.version == accepted), None)
        if theirs is None:
            return current if accepted < current.version else None
        said_worse = any(terms.said_worse for terms in self.terms if terms.version > accepted)
        return current if said_worse or current.is_worse_than(theirs) else None

    @property
    def uses_purchases_unasked(self) -> bool:
        """Whether offers are chosen by purchases without asking: in Denmark, for a written reason (R12)."""
        policy = self.member_policy
        weighed = policy.purchase_use is PurchaseUse.BALANCING_TEST and bool(policy.balancing_test)
        return weighed and self.country == BALANCING_TEST_COUNTRY

    def keeping_months(self, day: date) -> int:
        """After how many months without any activity somebody is deleted, as it holds on a day of the club's.

        Keeping members for a shorter time is worse for them: it holds once the terms do that say so. While none do
        that say any time, nobody is deleted sooner than in a club that never chose one.
        """
        holding = [terms for terms in self.terms if terms.first_day(self.time_zone) <= day]
        promised = holding[-1].inactive_months if holding else None
        return max(self.member_policy.inactive_months, promised or DEFAULT_INACTIVE_MONTHS)

    def ladder(self, day: date) -> "Ladder":
        """What members are told who stay away, and when they are deleted, as it holds on a day of the club's."""
        from stamkunde.shared.ladder import usual_ladder  # noqa: PLC0415 - tills never ask for it

        months = self.keeping_months(day)
        own = (ladder for ladder in self.member_policy.ladders if ladder.months == months)
        return next(own, None) or usual_ladder(months)

    def promised_months(self) -> dict[int, int]:
        """How long bonus lives at least, by the terms version that a member accepted."""
        return {terms.version: terms.bonus_expiry_months for terms in self.terms}


class Outlet(Struct, frozen=True):
    """A place of sale; a webshop is one."""

    outlet_id: str
    name: str


class Till(Struct, frozen=True):
    """One point of sale with its own key.

    Parameters
    ----------
    key_hash
        SHA-256 of the key's secret part; the key itself is shown once and kept nowhere.
    late_receipts_until
        Until then receipts older than the usual limit are taken.
    revision
        Goes up with every change; a change of an older revision is refused.
    """

    till_id: str
    outlet_id: str
    name: str
    receipt_numbers: ReceiptNumbers
    key_hash: str
    revoked_at: datetime | None
    late_receipts_until: datetime | None
    revision: int = 1


_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,28}[a-z0-9])?")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_REGISTRATION_DIGITS = {"DK": 8, "NO": 9}
LONGEST_PAGE_TEXT = 80

RESERVED_SLUGS = frozenset(
    {"api", "assets", "c", "docs", "hooks", "inbox", "l", "m", "office", "terms", "till", "u", "v1"}
)
"""First segments of addresses that are not clubs."""

_KEY = re.compile(r"till_(?P<club_id>c[0-9a-z]{16})_(?P<till_id>[a-z0-9-]{1,30})_(?P<secret>[A-Za-z0-9-]{32,64})")
_SECRET_BYTES = 30


def check_id(value: str, pointer: str) -> str:
    """A short name for an address or a till such as ``kasse-1``.

    Raises
    ------
    Refusal
        ``invalid_field``.
    """
    if not _ID.fullmatch(value):
        raise Refusal("invalid_field", {"expected": "a-z 0-9 -"}, pointer)
    return value


def may_be_slug(text: str) -> bool:
    """Whether an address can name a club so; no club has any other name."""
    return _ID.fullmatch(text) is not None


def check_slug(slug: str) -> str:
    """A club's name in addresses: a short name that no page of ours has.

    Raises
    ------
    Refusal
        ``invalid_field``; ``already_exists`` when it is one of ours.
    """
    if check_id(slug, "/slug") in RESERVED_SLUGS:
        raise Refusal("already_exists", {"what": "slug"}, "/slug")
    return slug


def check_join_page(page: JoinPage, country: str) -> JoinPage:
    """What a club says of itself, trimmed and fit to be shown.

    Raises
    ------
    Refusal
        ``invalid_field``: a text is empty or longer than 80 characters, the registration number has not the
        country's number of digits, the colour is none.
    """
    registration_number = "".join(page.registration_number.split())
    wanted = _REGISTRATION_DIGITS[country]
    if not (registration_number.isascii() and registration_number.isdigit() and len(registration_number) == wanted):
        raise Refusal("invalid_field", {"expected": f"{wanted} x 0-9"}, "/registration_number")
    accent = page.accent.strip().lower()
    if not _COLOUR.fullmatch(accent):
        raise Refusal("invalid_field", {"expected": "#rrggbb"}, "/accent")
    return JoinPage(
        company=_page_text(page.company, "/company"),
        registration_number=registration_number,
        contact=_page_text(page.contact, "/contact"),
        goods=_page_text(page.goods, "/goods"),
        accent=accent,
    )


def _page_text(typed: str, pointer: str) -> str:
    text = " ".join(typed.split())
    if not 0 < len(text) <= LONGEST_PAGE_TEXT or any(ord(character) < ord(" ") for character in text):
        raise Refusal("invalid_field", {"expected": f"1-{LONGEST_PAGE_TEXT}"}, pointer)
    return text


def with_new_signing_key(keys: tuple[SigningKey, ...], secret: bytes, now: datetime) -> tuple[SigningKey, ...]:
    """The keys with one that signs in two minutes: the one that signs until then still counts, older ones don't.

    Raises
    ------
    Refusal
        ``already_exists``: a new one is about to sign already, and the one that signs now would be lost.
    """
    newest = keys[0]
    if newest.signs_from is not None and newest.signs_from > now:
        raise Refusal("already_exists", {"what": "signing key"})
    return (SigningKey(newest.key_id + 1, secret, now + NOTICE_OF_NEW_VERSIONS), *keys)[:MOST_KEYS]


def hash_secret(secret: str) -> str:
    """SHA-256 in hex: enough for 240 random bits, which nobody can guess their way through."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_till_key(club_id: str, till_id: str) -> tuple[str, str]:
    """A new key and the hash of its secret: the key names its club and till, so one read finds and proves it."""
    secret = secrets.token_urlsafe(_SECRET_BYTES).replace("_", "-")
    return f"till_{club_id}_{till_id}_{secret}", hash_secret(secret)


class TillKey(Struct, frozen=True):
    """A key as a till sends it: whose it says it is, and the secret that proves it."""

    club_id: str
    till_id: str
    secret: str

    def proves(self, till: Till) -> bool:
        """Whether the secret is this till's, compared in constant time."""
        return hmac.compare_digest(hash_secret(self.secret), till.key_hash)


def parse_till_key(text: str) -> TillKey | None:
    """A key's parts, or None when it can't be one."""
    match = _KEY.fullmatch(text)
    return TillKey(**match.groupdict()) if match else None
