"""Reading a file of members that a club brings along: who they are, and what they can be shown to have agreed to.

Nobody is taken at the file's word: a permission counts with its evidence only, and what isn't proved is left out and
said so. Pure rules; `stamkunde.members.import_service` writes what they allow.
"""

import csv
import io
import ipaddress
from collections.abc import Callable, Collection, Iterator, Mapping
from copy import replace
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import partial

from msgspec import Struct, field

from stamkunde.clubs.model import Club
from stamkunde.members.consents import (
    ConsentMethod,
    Evidence,
    Permission,
    PermissionKind,
    PermissionText,
    TermsAccepted,
)
from stamkunde.members.email_address import read_email
from stamkunde.members.model import clean_first_name, read_birth_date
from stamkunde.members.permission import has_lapsed, said_too_young
from stamkunde.shared.clock import believable_wall_instant, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.language import LANGUAGES
from stamkunde.shared.phone import parse_mobile
from stamkunde.shared.spreadsheet import is_formula

MOST_ROWS = 500
"""Rows of one file, or of one part of a larger one: each may be a transaction."""

FIRST_ROW = 2
"""As a spreadsheet counts: the first row has the columns' names."""

NEVER = datetime.min.replace(tzinfo=UTC)
LONGEST_CELL = 2_000
NOT_OUR_WORDING = 0
"""The version of words that another system showed."""

BYTE_ORDER_MARK = "\ufeff"
DELIMITERS = ";,\t"
PERSON_COLUMNS = ("phone", "first_name", "email", "language", "wish")
PROVED_BY = ("given_at", "method", "from")
READ_IN = "language"
"""The language of the form that they read; the club's own, where the file doesn't say."""

TERMS = "terms"
CONFIRMED = "email_confirmed"
METHODS = (ConsentMethod.SIGNED_FORM, ConsentMethod.COUNTER_SCREEN, ConsentMethod.WEB_FORM)
"""How somebody may have agreed elsewhere: on paper, on a screen in the shop, or on some form on the web."""


class Wish(StrEnum):
    """What somebody is to be."""

    CLUB = "club"
    NEWSLETTER = "newsletter"


class Lack(StrEnum):
    """What may be wrong in a file, besides what any form refuses."""

    FORMULA = "formula"
    """A cell that a spreadsheet would carry out."""

    TOO_LONG = "too_long"
    UNKNOWN_VALUE = "unknown_value"
    NUMBER_TWICE = "number_twice"
    EVIDENCE_INCOMPLETE = "evidence_incomplete"
    EVIDENCE_UNREADABLE = "evidence_unreadable"
    EVIDENCE_IN_FUTURE = "evidence_in_future"
    PERMISSION_LAPSED = "permission_lapsed"
    PERMISSION_STOPPED = "permission_stopped"
    """Whoever had the number took it back since, and is gone."""

    PERMISSION_MISSING = "permission_missing"
    """Somebody is to get the newsletter, and nothing proves that they may."""

    NOT_IN_THE_CLUB = "not_in_the_club"
    """Terms, or purchases, of somebody who is to get the newsletter only."""


class Trouble(Struct, frozen=True):
    """What is wrong with a cell, or with what some cells prove together: one of `Lack`, or a refusal's code."""

    column: str
    code: str


class Proof(Struct, frozen=True):
    """Something that somebody did, with its evidence: accept the terms, give permissions, confirm their address."""

    evidence: Evidence
    terms: TermsAccepted | None = None
    given: tuple[PermissionText, ...] = ()
    confirms_email: bool = False


class Newcomer(Struct, frozen=True):
    """Somebody whom a file brings along."""

    phone: str
    wish: Wish
    language: str
    first_name: str | None = None
    email: str | None = None
    birth_date: date | None = None
    own_outlet: str | None = None
    proofs: tuple[Proof, ...] = ()

    @property
    def accepted(self) -> TermsAccepted | None:
        """The terms that they can be shown to have accepted."""
        return next((proof.terms for proof in self.proofs if proof.terms), None)

    @property
    def email_confirmed_at(self) -> datetime | None:
        """When they can be shown to have confirmed their address; else it waits until they do (docs/adr/0016)."""
        return next((proof.evidence.given_at for proof in self.proofs if proof.confirms_email), None)

    @property
    def may_be_written_to(self) -> bool:
        """Whether they can be shown to have allowed anything."""
        return any(proof.given for proof in self.proofs)

    def without(self, stopped: Mapping[PermissionKind, datetime]) -> "tuple[Newcomer, tuple[Trouble, ...]]":
        """Them without what was allowed before it was stopped, and what that leaves out."""
        kept, left_out = [], []
        for proof in self.proofs:
            old = [each.kind for each in proof.given if proof.evidence.given_at <= stopped.get(each.kind, NEVER)]
            given = tuple(each for each in proof.given if each.kind not in old)
            left_out += [Trouble(kind.value, Lack.PERMISSION_STOPPED) for kind in old]
            kept += [replace(proof, given=given)] if given or not proof.given else []
        return replace(self, proofs=tuple(kept)), tuple(left_out)


class ReadRow(Struct, frozen=True):
    """A row of the file.

    Parameters
    ----------
    newcomer
        None for a row that is refused.
    troubles
        Why it is refused, or what was left out of it.
    """

    number: int
    newcomer: Newcomer | None
    troubles: tuple[Trouble, ...]


class Reader(Struct, frozen=True):
    """Reads a club's files.

    Parameters
    ----------
    outlets
        The club's places of sale, by their ids.
    by
        Who of the staff brings the file along.
    now
        The club's present instant.
    """

    club: Club
    outlets: Collection[str]
    by: str
    now: datetime

    def read(self, text: str, first_row: int = FIRST_ROW) -> list[ReadRow]:
        """All rows of a file, the empty ones left out.

        Raises
        ------
        Refusal
            ``invalid_field``: no CSV, a column that isn't known or stands twice, no numbers, more than 500 rows.
        """
        head, *rows = self._cells(text)
        read, seen = [], set[str]()
        for number, row in enumerate(rows, start=first_row):
            if not any(row):
                continue
            one = self._read_row(number, dict(zip(head, row, strict=True)))
            if one.newcomer and one.newcomer.phone in seen:
                one = ReadRow(number, None, (Trouble("phone", Lack.NUMBER_TWICE),))
            if one.newcomer:
                seen.add(one.newcomer.phone)
            read.append(one)
        return read

    @property
    def columns(self) -> tuple[str, ...]:
        """What a file may hold: nothing of a person that the club doesn't ask for itself (R15)."""
        policy = self.club.member_policy
        asked = {"birth_date": policy.asks_birth_date, "own_outlet": policy.asks_outlet}
        proved = [column for name in (TERMS, *PermissionKind, CONFIRMED) for column in _proving_columns(name)]
        return (*PERSON_COLUMNS, *(name for name, is_asked in asked.items() if is_asked), *proved)

    def _cells(self, text: str) -> list[list[str]]:
        """The columns' names, then each row with as many cells."""
        text = text.removeprefix(BYTE_ORDER_MARK)
        try:
            table = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text), strict=True))
        except csv.Error:
            raise _no_such_file("CSV") from None
        rows = [[cell.strip() for cell in row] for row in table]
        if not rows or "phone" not in rows[0] or len(set(rows[0])) < len(rows[0]):
            raise _no_such_file("phone;first_name;…")
        head = rows[0]
        if unknown := [name for name in head if name not in self.columns]:
            raise Refusal("invalid_field", {"expected": ", ".join(self.columns)}, f"/csv/{unknown[0][:40]}")
        if len(rows) - 1 > MOST_ROWS:
            raise _no_such_file(f"1-{MOST_ROWS} rows")
        if any(len(row) > len(head) for row in rows):
            raise _no_such_file(f"{len(head)} cells a row")
        return [row + [""] * (len(head) - len(row)) for row in rows]

    def _read_row(self, number: int, cells: Mapping[str, str]) -> ReadRow:
        if unsafe := [Trouble(name, lack) for name, cell in cells.items() if (lack := _unsafe(name, cell))]:
            return ReadRow(number, None, tuple(unsafe))
        reading = _Reading(self, cells)
        newcomer = reading.newcomer()
        if reading.refused:
            return ReadRow(number, None, tuple(reading.refused))
        return ReadRow(number, newcomer, tuple(reading.left_out))


class _Unproved(Exception):
    """Something isn't shown by its evidence: one of `Lack`, or a refusal's code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Reading(Struct):
    """One row while it is read: what refuses it, and what is left out of it."""

    reader: Reader
    cells: Mapping[str, str]
    refused: list[Trouble] = field(default_factory=list)
    left_out: list[Trouble] = field(default_factory=list)

    def newcomer(self) -> Newcomer | None:
        """Whom the row brings along; None, or somebody who is refused, where `refused` says why."""
        club, today = self.reader.club, local_date(self.reader.now, self.reader.club.time_zone)
        phone = self._told("phone", lambda typed: _phone(typed, club))
        if phone is None:
            return None
        wish = self._told("wish", Wish) or Wish.CLUB
        language = self._told("language", _one_of(LANGUAGES)) or club.language
        email = self._told("email", read_email)
        born = self._told("birth_date", lambda typed: read_birth_date(typed, today))
        newcomer = Newcomer(
            phone,
            wish,
            language,
            first_name=self._told("first_name", clean_first_name),
            email=email,
            birth_date=born,
            own_outlet=self._told("own_outlet", _one_of(self.reader.outlets)),
            proofs=tuple(self._proofs(wish, email, born)),
        )
        if wish is Wish.NEWSLETTER and not newcomer.may_be_written_to:
            self.refused += [*self.left_out, Trouble("wish", Lack.PERMISSION_MISSING)]
        return newcomer

    def _told[T](self, column: str, read: Callable[[str], T]) -> T | None:
        """What a cell tells of the person; what can't be read refuses the row, so that the file is set right."""
        typed = self.cells.get(column, "")
        if not typed and column != "phone":
            return None
        try:
            return read(typed)
        except Refusal as refusal:
            self.refused.append(Trouble(column, refusal.code))
        except ValueError:
            self.refused.append(Trouble(column, Lack.UNKNOWN_VALUE))
        return None

    def _proofs(self, wish: Wish, email: str | None, born: date | None) -> Iterator[Proof]:
        """What the row proves; what it only says is left out."""
        proving: dict[str, Callable[[], Proof]] = {TERMS: partial(self._terms, wish)}
        proving |= {kind.value: partial(self._permission, kind, wish, email) for kind in PermissionKind}
        proving[CONFIRMED] = partial(self._confirmation, email)
        for name, prove in proving.items():
            if any(cell for column, cell in self.cells.items() if column in _proving_columns(name)):
                try:
                    yield self._of_age(prove(), born)
                except _Unproved as unproved:
                    self.left_out.append(Trouble(name, unproved.code))

    def _of_age(self, proof: Proof, born: date | None) -> Proof:
        """What a child agreed to counts for nothing, however old they are by now (R14)."""
        agrees = proof.terms is not None or proof.given
        if agrees and said_too_young(born, proof.evidence.given_at, self.reader.club.time_zone):
            raise _Unproved("too_young")
        return proof

    def _terms(self, wish: Wish) -> Proof:
        """That they accepted a version of this club's own terms: nobody accepted them in another system."""
        if wish is Wish.NEWSLETTER:
            raise _Unproved(Lack.NOT_IN_THE_CLUB)
        evidence, number = self._evidence(TERMS), self.cells.get(f"{TERMS}_version", "")
        terms = next((each for each in self.reader.club.terms if str(each.version) == number), None)
        if terms is None:
            raise _Unproved("unknown_terms_version" if number else Lack.EVIDENCE_INCOMPLETE)
        if evidence.given_at < terms.published_at:
            raise _Unproved("acceptance_before_terms")
        return Proof(evidence, TermsAccepted(terms.version, terms.text_hash_in(evidence.language)))

    def _permission(self, kind: PermissionKind, wish: Wish, email: str | None) -> Proof:
        if kind is PermissionKind.PURCHASES and wish is Wish.NEWSLETTER:
            raise _Unproved(Lack.NOT_IN_THE_CLUB)
        if kind is PermissionKind.EMAIL and email is None:
            raise _Unproved("email_missing")
        evidence, words = self._evidence(kind.value), self.cells.get(f"{kind}_wording", "")
        if not words:
            raise _Unproved(Lack.EVIDENCE_INCOMPLETE)
        wording = PermissionText(kind, NOT_OUR_WORDING, words)
        if has_lapsed(Permission(kind, wording, evidence), self.reader.club.time_zone, self.reader.now):
            raise _Unproved(Lack.PERMISSION_LAPSED)
        return Proof(evidence, given=(wording,))

    def _confirmation(self, email: str | None) -> Proof:
        """That they pressed the link which was sent to their address: when, and from where."""
        at, place = (self.cells.get(column, "") for column in _proving_columns(CONFIRMED))
        if email is None:
            raise _Unproved("email_missing")
        if not (at and place):
            raise _Unproved(Lack.EVIDENCE_INCOMPLETE)
        if not _is_network_address(place):
            raise _Unproved(Lack.EVIDENCE_UNREADABLE)
        evidence = Evidence(
            ConsentMethod.CONFIRM_LINK,
            given_at=self._past_instant(at),
            recorded_at=self.reader.now,
            language=self.reader.club.language,
            client_ip=place,
            brought_by=self.reader.by,
        )
        return Proof(evidence, confirms_email=True)

    def _evidence(self, name: str) -> Evidence:
        """When, how and where they agreed: all three, or it is none (R9)."""
        given_at, method, place = (self.cells.get(f"{name}_{part}", "") for part in PROVED_BY)
        if not (given_at and method and place):
            raise _Unproved(Lack.EVIDENCE_INCOMPLETE)
        language = self.cells.get(f"{name}_{READ_IN}", "") or self.reader.club.language
        if method not in METHODS or language not in LANGUAGES or not self._is_where(place, method):
            raise _Unproved(Lack.EVIDENCE_UNREADABLE)
        in_shop = method != ConsentMethod.WEB_FORM
        return Evidence(
            ConsentMethod(method),
            given_at=self._past_instant(given_at),
            recorded_at=self.reader.now,
            language=language,
            outlet_id=place if in_shop else None,
            client_ip=None if in_shop else place,
            brought_by=self.reader.by,
        )

    def _is_where(self, place: str, method: str) -> bool:
        """Whether that is a place: the network address of a form on the web, else one of the club's outlets."""
        return _is_network_address(place) if method == ConsentMethod.WEB_FORM else place in self.reader.outlets

    def _past_instant(self, typed: str) -> datetime:
        try:
            instant = believable_wall_instant(datetime.fromisoformat(typed), self.reader.club.time_zone, "/csv")
        except (ValueError, Refusal):
            raise _Unproved(Lack.EVIDENCE_UNREADABLE) from None
        if instant > self.reader.now:
            raise _Unproved(Lack.EVIDENCE_IN_FUTURE)
        return instant


def delimiter_of(text: str) -> str:
    """What stands between the cells of a file: a semicolon, a comma or a tab, whichever its first row has most of."""
    return max(DELIMITERS, key=text.partition("\n")[0].count)


def _proving_columns(name: str) -> tuple[str, ...]:
    if name == CONFIRMED:
        return (f"{CONFIRMED}_at", f"{CONFIRMED}_from")
    return tuple(f"{name}_{part}" for part in (*PROVED_BY, READ_IN, "version" if name == TERMS else "wording"))


def _is_network_address(place: str) -> bool:
    try:
        ipaddress.ip_address(place)
    except ValueError:
        return False
    return True


def _phone(typed: str, club: Club) -> str:
    return parse_mobile(typed, country=club.country, allowed_countries=club.join_countries)


def _one_of(choices: Collection[str]) -> Callable[[str], str]:
    def read(typed: str) -> str:
        if typed not in choices:
            raise ValueError
        return typed

    return read


def _unsafe(column: str, cell: str) -> Lack | None:
    """Why a cell is not even looked at: it may come out again in a file that somebody opens in a spreadsheet."""
    if len(cell) > LONGEST_CELL:
        return Lack.TOO_LONG
    # A number may begin with its plus: nothing but digits gets by there anyway.
    seen = cell.removeprefix("+") if column == "phone" else cell
    return Lack.FORMULA if is_formula(seen) or any(ord(character) < ord(" ") for character in seen) else None


def _no_such_file(expected: str) -> Refusal:
    return Refusal("invalid_field", {"expected": expected}, "/csv")
