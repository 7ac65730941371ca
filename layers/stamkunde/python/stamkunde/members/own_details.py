"""What members correct about themselves; looking over it is an activity like a purchase (features 41, 49, R18)."""

from collections.abc import Callable, Mapping, Sequence
from copy import replace
from datetime import date, datetime
from functools import partial

from msgspec import Struct

from stamkunde.clubs.model import Club, Outlet, Question
from stamkunde.members.admission import Admission, Change
from stamkunde.members.codes import PROOFS_LIMIT, PROOFS_TO_LIMIT
from stamkunde.members.consents import (
    Caller,
    ConsentMethod,
    ConsentRecord,
    Evidence,
    PermissionKind,
    new_record_id,
    next_instant,
    permissions,
)
from stamkunde.members.email_address import read_email
from stamkunde.members.joining import FormErrors
from stamkunde.members.model import Member, clean_first_name, read_birth_date
from stamkunde.shared.clock import Clock, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.language import LANGUAGES
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import Busy, ConditionFailed, Write

ANSWER_FIELD = "answer."
"""Before a question's id in the name of its field."""


class DetailsForm(Struct, frozen=True):
    """The form as it was sent; what a club doesn't ask for is empty.

    Parameters
    ----------
    language
        The one to be written to in.
    answers
        By question id.
    """

    first_name: str
    email: str
    language: str
    birth_date: str = ""
    own_outlet: str = ""
    answers: Mapping[str, str] | None = None


class Typed(Struct, frozen=True):
    """A form once everything in it is right."""

    first_name: str | None
    email: str | None
    language: str
    birth_date: date | None
    own_outlet: str | None
    answers: tuple[tuple[str, str], ...]


class OwnDetails(Struct, frozen=True):
    """One club's members' details, as they change them themselves.

    Parameters
    ----------
    outlets
        The club's outlets; read only where members are asked for theirs.
    """

    club: Club
    admission: Admission
    outlets: Callable[[], Sequence[Outlet]]
    clock: Clock
    patience: Patience

    def show(self, member_id: str) -> Member:
        """Who somebody is, as they may correct it.

        Raises
        ------
        Refusal
            ``unknown_member``.
        """
        member = self.admission.members.load(member_id, consistent=True)
        if member is None:
            raise Refusal("unknown_member")
        return member

    def choices(self) -> Sequence[Outlet]:
        """The outlets that a member may call theirs; none where the club doesn't ask."""
        return self.outlets() if self.club.member_policy.asks_outlet else ()

    def save(self, member_id: str, form: DetailsForm, caller: Caller) -> None:
        """Keep what was typed, and that they looked over it today.

        A new e-mail address is asked whether it is theirs. Whoever takes theirs away takes back what they allowed by
        e-mail, for there is nowhere left to write to.

        Raises
        ------
        FormErrors
            By field: ``first_name``, ``email``, ``birth_date``, ``language``, ``own_outlet``, ``answer.‹question›``.
            ``wording_changed``: what was chosen isn't offered any more.
        Refusal
            ``unknown_member``, ``too_many_proofs``, ``try_again``.
        """
        typed = self._read(form)
        self.patience.until_done(lambda: self._try_to_save(member_id, typed, caller))

    def ask_email_again(self, member_id: str) -> None:
        """Send another link to the address that waits to be confirmed; nothing where none does.

        Raises
        ------
        Refusal
            ``unknown_member``, ``too_many_proofs``, ``try_again``.
        """
        self.patience.until_done(lambda: self._try_to_ask_again(member_id))

    def _read(self, form: DetailsForm) -> Typed:
        errors: dict[str, Refusal] = {}

        def checked[T](field: str, read: Callable[[], T]) -> T | None:
            try:
                return read()
            except Refusal as refusal:
                errors[field] = refusal
                return None

        policy = self.club.member_policy
        today = local_date(self.clock.now(), self.club.time_zone)
        given = form.answers or {}
        answers = [
            (question.question_id, answer)
            for question in policy.questions
            if (answer := checked(ANSWER_FIELD + question.question_id, partial(_answer, question, given)))
        ]
        typed = Typed(
            first_name=checked("first_name", lambda: clean_first_name(form.first_name)),
            email=checked("email", lambda: read_email(form.email) if form.email.strip() else None),
            language=checked("language", lambda: _one_of(form.language, LANGUAGES)) or self.club.language,
            birth_date=checked(
                "birth_date", lambda: read_birth_date(form.birth_date, today) if policy.asks_birth_date else None
            ),
            own_outlet=checked("own_outlet", lambda: self._outlet(form.own_outlet)),
            answers=tuple(answers),
        )
        if errors:
            raise FormErrors(errors)
        return typed

    def _outlet(self, chosen: str) -> str | None:
        if not chosen or not self.club.member_policy.asks_outlet:
            return None
        return _one_of(chosen, [outlet.outlet_id for outlet in self.outlets()])

    def _try_to_save(self, member_id: str, typed: Typed, caller: Caller) -> None:
        before, now = self.show(member_id), self.clock.now()
        after = replace(
            self._with_what_is_asked(_with_email(before, typed.email), typed),
            first_name=typed.first_name,
            language=typed.language,
            details_confirmed_at=now,
        )
        unproved = after.unproved_email if after.unproved_email != before.unproved_email else None
        record = self._email_given_up(after, caller, now) if before.email and not after.email else None
        self._write(Change(before, after, record, unproved_email=unproved), now)

    def _with_what_is_asked(self, member: Member, typed: Typed) -> Member:
        """With what the club asks for now; what it has stopped asking for stays, and shows in the download."""
        policy = self.club.member_policy
        asked = {question.question_id for question in policy.questions}
        kept = tuple(answer for answer in member.answers if answer[0] not in asked)
        return replace(
            member,
            birth_date=typed.birth_date if policy.asks_birth_date else member.birth_date,
            own_outlet=typed.own_outlet if policy.asks_outlet else member.own_outlet,
            answers=(*typed.answers, *kept),
        )

    def _email_given_up(self, after: Member, caller: Caller, now: datetime) -> ConsentRecord | None:
        records = self.admission.members.consent_records(after.member_id)
        if PermissionKind.EMAIL not in permissions(records, email_confirmed=True):
            return None
        said_at = next_instant(records, now)
        evidence = Evidence.on_page(ConsentMethod.MEMBER_PAGE, said_at, after.language, caller)
        return ConsentRecord(new_record_id(said_at), evidence, withdrawn=(PermissionKind.EMAIL,))

    def _try_to_ask_again(self, member_id: str) -> None:
        member = self.show(member_id)
        if member.unproved_email:
            self._write(Change(member, member, unproved_email=member.unproved_email), self.clock.now())

    def _write(self, change: Change, now: datetime) -> None:
        counted: list[Write] = []
        if change.unproved_email is not None:
            limits = {PROOFS_LIMIT: change.after.member_id, PROOFS_TO_LIMIT: change.unproved_email}
            counted = [self.admission.access.limit_write(limit, asked, now) for limit, asked in limits.items()]
        try:
            self.admission.write(change, now, also=counted)
        except Busy as busy:
            failed = busy.__cause__
            found = failed.found if isinstance(failed, ConditionFailed) else {}
            reached = next((each for each in (PROOFS_LIMIT, PROOFS_TO_LIMIT) if each.purpose in found), None)
            if reached is not None:
                seconds = reached.window.seconds_left(now)
                raise Refusal("too_many_proofs", {"most": reached.most}, retry_after=seconds) from failed
            raise


def _with_email(member: Member, typed: str | None) -> Member:
    if typed is None:
        return replace(member, email=None, email_confirmed_at=None, pending_email=None)
    return member.given_email(typed)


def _answer(question: Question, given: Mapping[str, str]) -> str | None:
    chosen = given.get(question.question_id, "")
    return _one_of(chosen, question.answers) if chosen else None


def _one_of(chosen: str, offered: Sequence[str]) -> str:
    if chosen not in offered:
        raise Refusal("wording_changed")
    return chosen
