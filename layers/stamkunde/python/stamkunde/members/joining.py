"""Joining on the club's page: what was typed, the code that proves the number, and what somebody then becomes."""

from collections.abc import Callable
from copy import replace
from dataclasses import dataclass
from datetime import date, datetime

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.members.admission import Admission, Change, with_account
from stamkunde.members.code_service import Codes
from stamkunde.members.codes import Challenge, CodePurpose
from stamkunde.members.consents import (
    Caller,
    ConsentMethod,
    ConsentRecord,
    Evidence,
    PermissionKind,
    PermissionText,
    TermsAccepted,
    new_record_id,
)
from stamkunde.members.devices import Devices
from stamkunde.members.email_address import read_email
from stamkunde.members.model import Member, clean_first_name, read_birth_date
from stamkunde.members.wordings import Shown, permission_as_shown, terms_as_shown
from stamkunde.shared.clock import Clock, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import new_id
from stamkunde.shared.patience import Patience
from stamkunde.shared.phone import parse_mobile
from stamkunde.shared.terms import NOT_ACCEPTED


class JoinForm(Struct, frozen=True):
    """The join page's form as it was sent.

    Parameters
    ----------
    permissions
        The permissions whose box is ticked.
    shown
        What stood on the page, its boxes' words among it.
    birth_date
        As typed, where the club asks for it.
    """

    phone: str
    first_name: str
    email: str
    accepts_terms: bool
    permissions: frozenset[PermissionKind]
    shown: Shown
    birth_date: str = ""


class JoinRequest(Struct, frozen=True):
    """What somebody wishes, once everything typed is right; kept nowhere until the number is proved.

    It holds the very words that were agreed to: whatever the club changes until the code is typed, the evidence
    keeps what was read.

    Parameters
    ----------
    terms
        None for the newsletter only.
    """

    phone: str
    first_name: str | None
    email: str | None
    terms: TermsAccepted | None
    permissions: tuple[PermissionText, ...]
    language: str
    birth_date: date | None = None


@dataclass(eq=False)
class FormErrors(Exception):
    """Everything that is wrong with a form at once, by the name of the field."""

    errors: dict[str, Refusal]


class Joined(Struct, frozen=True):
    """Who they are now; `device_token` opens their page on this browser."""

    member: Member
    device_token: str


class Joining(Struct, frozen=True):
    """One club's join page."""

    club: Club
    admission: Admission
    codes: Codes
    devices: Devices
    clock: Clock
    patience: Patience

    def check(self, form: JoinForm) -> JoinRequest:
        """The wish that a form holds.

        Raises
        ------
        FormErrors
            ``phone``: those of `parse_mobile`. ``first_name``: ``name_not_allowed``. ``email``: ``email_invalid``,
            ``email_missing``. ``birth_date``: ``birth_date_invalid``, ``too_young``. ``terms``: ``terms_changed``,
            ``wording_changed``. ``choice``: ``choice_missing``, neither terms nor a permission to be written to;
            ``wording_changed``, a permission isn't asked for in these words any more.
        """
        errors: dict[str, Refusal] = {}

        def checked[T](field: str, read: Callable[[], T]) -> T | None:
            try:
                return read()
            except Refusal as refusal:
                errors[field] = refusal
                return None

        phone = checked("phone", lambda: self._phone(form.phone))
        first_name = checked("first_name", lambda: clean_first_name(form.first_name))
        email = checked("email", lambda: _email(form))
        birth_date = checked("birth_date", lambda: self._birth_date(form))
        terms = checked("terms", lambda: terms_as_shown(self.club, form.shown) if form.accepts_terms else None)
        permissions = checked("choice", lambda: self._permissions(form))
        if errors or phone is None or permissions is None:
            raise FormErrors(errors)
        return JoinRequest(phone, first_name, email, terms, permissions, form.shown.language, birth_date)

    def ask_code(self, request: JoinRequest, caller: Caller, *, once: str = "") -> str:
        """Have a code sent to the number; the id of its challenge. For `once` see `Codes.ask`.

        Raises
        ------
        Refusal
            ``too_many_codes``, ``try_again``.
        """
        return self.codes.ask(
            CodePurpose.JOIN, request.phone, caller, language=request.language, to_member=True, once=once
        )

    def join(
        self, request: JoinRequest, challenge_id: str, typed_code: str, caller: Caller, *, present: str = ""
    ) -> Joined:
        """Make them what they wish to be, once their code is right.

        The same code sent again leads to the same as the first time and writes nothing. Joining again adds to what
        is known: an acceptance, a permission, a name that was missing, an e-mail address to be confirmed.

        Parameters
        ----------
        present
            The device token that the browser keeps so far, if any; see `Devices.open`.

        Raises
        ------
        Refusal
            Those of `Codes.check`; ``code_expired`` too when what the code once led to is gone.
        """
        challenge = self.codes.check(
            challenge_id, CodePurpose.JOIN, request.phone, typed_code, language=request.language
        )
        return self.patience.until_done(
            lambda: self._try_to_join(request, self.codes.again(challenge), caller, present)
        )

    def _try_to_join(self, request: JoinRequest, challenge: Challenge, caller: Caller, present: str) -> Joined:
        if challenge.used_by is not None:
            return self._repeat(challenge, request.phone)
        now = self.clock.now()
        known = self.admission.members.find_by_own_phone(request.phone, consistent=True)
        change = self._change(known, request, caller, now)
        token, opening = self.devices.open(challenge, change.after, caller, present)
        use = self.codes.use_write(challenge, change.after.member_id)
        admitted = self.admission.write(change, now, also=[use, *opening])
        return Joined(admitted.member, token)

    def _repeat(self, challenge: Challenge, phone: str) -> Joined:
        member = self.admission.members.find_by_own_phone(phone, consistent=True)
        token = self.devices.opened_by(challenge, member.member_id) if member else None
        if member is None or token is None:
            raise Refusal("code_expired", pointer="/code")
        return Joined(member, token)

    def _change(self, known: Member | None, request: JoinRequest, caller: Caller, now: datetime) -> Change:
        person = known or _stranger(request, now)
        named = replace(
            person,
            first_name=person.first_name or request.first_name,
            birth_date=person.birth_date or request.birth_date,
            language=request.language,
        )
        after = named.given_email(request.email) if request.email else named
        unproved = request.email if request.email == after.unproved_email else None
        if request.terms and request.terms.version > after.terms_version:
            joined_at = person.joined_at if person.account_id else now
            after = replace(with_account(after, request.terms.version), joined_at=joined_at)
        said_at = self.admission.word_at(person.member_id, now) if known else now
        return Change(known, after, self._record(request, caller, said_at), unproved_email=unproved)

    def _record(self, request: JoinRequest, caller: Caller, said_at: datetime) -> ConsentRecord:
        by_email = any(permission.kind is PermissionKind.EMAIL for permission in request.permissions)
        return ConsentRecord(
            new_record_id(said_at),
            Evidence.on_page(ConsentMethod.JOIN_PAGE, said_at, request.language, caller),
            terms=request.terms,
            given=request.permissions,
            address_hash=self.admission.members.address_hash(request.email) if by_email and request.email else None,
        )

    def _phone(self, typed: str) -> str:
        return parse_mobile(typed, country=self.club.country, allowed_countries=self.club.join_countries)

    def _birth_date(self, form: JoinForm) -> date | None:
        """What a club doesn't ask for it doesn't take either (R15)."""
        if not self.club.member_policy.asks_birth_date:
            return None
        return read_birth_date(form.birth_date, local_date(self.clock.now(), self.club.time_zone))

    def _permissions(self, form: JoinForm) -> tuple[PermissionText, ...]:
        if not form.accepts_terms and not form.permissions - {PermissionKind.PURCHASES}:
            raise Refusal("choice_missing", pointer="/terms")
        asked = [kind for kind in PermissionKind if kind in form.permissions]
        return tuple(permission_as_shown(self.club, kind, form.shown) for kind in asked)


def _stranger(request: JoinRequest, now: datetime) -> Member:
    return Member(
        member_id=new_id("m"),
        account_id=None,
        phone=request.phone,
        first_name=None,
        terms_version=NOT_ACCEPTED,
        joined_at=now,
        language=request.language,
    )


def _email(form: JoinForm) -> str | None:
    typed = form.email.strip()
    if not typed:
        if PermissionKind.EMAIL in form.permissions:
            raise Refusal("email_missing", pointer="/email")
        return None
    return read_email(typed)
