"""Another mobile number for a member, proved on both ends: a code to the one they give up, and one to the new."""

from collections.abc import Callable
from copy import replace

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.members.admission import Admission
from stamkunde.members.code_service import Codes
from stamkunde.members.codes import Challenge, CodePurpose
from stamkunde.members.consents import Caller
from stamkunde.members.joining import FormErrors
from stamkunde.members.model import Member
from stamkunde.members.stops import Stops
from stamkunde.shared.clock import Clock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import Patience
from stamkunde.shared.phone import parse_mobile

OLD_CODE, NEW_CODE = "old_code", "new_code"


class NumberAsked(Struct, frozen=True):
    """That somebody asked for another number: which, and the challenges of both codes."""

    phone: str
    old_challenge: str
    new_challenge: str


class NumberChange(Struct, frozen=True):
    """Changes the numbers of one club's members.

    Whoever holds a phone on which a page is open can't take the membership away with it, nor can whoever merely knows
    a number bring somebody else's into their own.
    """

    club: Club
    admission: Admission
    codes: Codes
    stops: Stops
    clock: Clock
    patience: Patience

    def ask(self, member_id: str, typed_phone: str, language: str, caller: Caller, *, once: str = "") -> NumberAsked:
        """Have both codes sent. For `once` see `Codes.ask`.

        Whether the number is another member's, nobody learns before both codes are right.

        Raises
        ------
        Refusal
            ``unknown_member``, ``phone_unchanged``, ``too_many_codes``, ``try_again``, and those of `parse_mobile`.
        """
        member = self.member(member_id)
        countries = self.club.join_countries
        phone = parse_mobile(typed_phone, country=self.club.country, allowed_countries=countries)
        if phone == member.phone:
            raise Refusal("phone_unchanged", pointer="/phone")

        def ask(purpose: CodePurpose, number: str) -> str:
            return self.codes.ask(
                purpose, number, caller, language=language, to_member=True, once=once, member_id=member_id
            )

        # The new number first: it may have been asked for too often, and nobody is to get a code for nothing.
        new_challenge = ask(CodePurpose.TAKE_NUMBER, phone)
        return NumberAsked(phone, ask(CodePurpose.GIVE_UP_NUMBER, member.phone), new_challenge)

    def change(self, member_id: str, asked: NumberAsked, old_code: str, new_code: str, language: str) -> None:
        """Change the number once both codes are right; the old number is told. Done again, it changes nothing.

        Raises
        ------
        FormErrors
            ``old_code``, ``new_code``: those of `Codes.check`.
        Refusal
            ``phone_taken``: somebody else is a member with it. ``unknown_member``, ``try_again``.
        """
        member = self.member(member_id)
        if member.phone == asked.phone:
            return
        errors: dict[str, Refusal] = {}

        def checked(field: str, check: Callable[[], Challenge]) -> Challenge | None:
            try:
                return check()
            except Refusal as refusal:
                if refusal.pointer != "/code":
                    raise
                errors[field] = refusal
                return None

        old = checked(
            OLD_CODE,
            lambda: self.codes.check(
                asked.old_challenge, CodePurpose.GIVE_UP_NUMBER, member.phone, old_code, language=language
            ),
        )
        new = checked(
            NEW_CODE,
            lambda: self.codes.check(
                asked.new_challenge, CodePurpose.TAKE_NUMBER, asked.phone, new_code, language=language
            ),
        )
        if old is None or new is None:
            raise FormErrors(errors)
        self.patience.until_done(lambda: self._try_to_change(member_id, asked.phone, old, new))

    def member(self, member_id: str) -> Member:
        """Whose number it is.

        Raises
        ------
        Refusal
            ``unknown_member``.
        """
        member = self.admission.members.load(member_id, consistent=True)
        if member is None:
            raise Refusal("unknown_member")
        return member

    def _try_to_change(self, member_id: str, phone: str, old: Challenge, new: Challenge) -> None:
        before, now = self.member(member_id), self.clock.now()
        if before.phone == phone:
            return
        members = self.admission.members
        if members.find_by_own_phone(phone, consistent=True) is not None:
            raise Refusal("phone_taken", pointer="/phone")
        uses = [
            replace(self.codes.use_write(self.codes.again(challenge), member_id), purpose=name)
            for name, challenge in ((OLD_CODE, old), (NEW_CODE, new))
        ]
        after = replace(before, phone=phone, details_confirmed_at=now, revision=before.revision + 1)
        writes = [
            *members.change_writes(before, after),
            members.number_write(after),
            members.number_removal(before),
            *self.stops.writes(before, members.consent_records(member_id), self.club.time_zone, now),
            *uses,
        ]
        letter = self.admission.messages().number_changed(before.phone, before.language, now)
        self.admission.commit(writes, [letter], member_id, now)
