"""One-time codes of one club: asking for one, and typing it. Load, decide by the model, write once."""

from datetime import datetime

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.members.access_store import AccessStore
from stamkunde.members.codes import (
    LIMITS,
    TYPED_LIMIT,
    Challenge,
    CodePurpose,
    Limit,
    Window,
    clean_code,
    counted_address,
    is_right_code,
    new_challenge,
)
from stamkunde.members.consents import Caller
from stamkunde.messaging.member_messages import MemberMessages
from stamkunde.shared.clock import Clock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.language import text
from stamkunde.shared.patience import Patience
from stamkunde.shared.signing import derive
from stamkunde.shared.transaction import Busy, ConditionFailed, Update, Write

TOLD_IN_MINUTES_BELOW = 7200
"""Seconds; a longer wait is told in hours."""


class Codes(Struct, frozen=True):
    """One club's codes: proof that whoever stands before a page has the phone in hand."""

    club: Club
    store: AccessStore
    messages: MemberMessages
    clock: Clock
    patience: Patience

    def ask(
        self,
        purpose: CodePurpose,
        phone: str,
        caller: Caller,
        *,
        language: str,
        to_member: bool,
        once: str = "",
        member_id: str | None = None,
    ) -> str:
        """Have a code sent; the id of the challenge that it answers.

        Parameters
        ----------
        once
            Random letters of the form that asks: sent twice within half a minute, it asks for one code.
        to_member
            Whether the code is really sent. Asked for a card that doesn't exist, everything else is the same, and
            nobody can tell by trying numbers who is a member.
        member_id
            Whose list of messages it is to stand in, if there is one.

        Raises
        ------
        Refusal
            ``too_many_codes``, ``try_again``; no code is sent then.
        """
        return self.patience.until_done(
            lambda: self._try_to_ask(
                purpose, phone, caller, language=language, to_member=to_member, once=once, member_id=member_id
            )
        )

    def check(
        self, challenge_id: str, purpose: CodePurpose, phone: str, typed_code: str, *, language: str | None = None
    ) -> Challenge:
        """The challenge, if that is its code. The try is counted before anything is compared.

        A challenge that has been used comes back with `used_by`: what it led to stands, and nothing may be written
        again.

        Raises
        ------
        Refusal
            ``code_wrong`` with what is ``left``, ``code_locked``, ``code_expired``, ``try_again``;
            ``too_many_codes``, told in `language`: so many were typed in the club that somebody may be guessing.
        """
        digits = clean_code(typed_code)
        challenge = self.patience.until_done(
            lambda: self._try_to_count(challenge_id, purpose, language or self.club.language, typed=digits)
        )
        keys = self.club.signing_keys
        if digits and is_right_code(keys, challenge_id, purpose, phone, digits):
            return challenge
        if challenge.tries_left == 0:
            raise Refusal("code_locked", pointer="/code")
        raise Refusal("code_wrong", {"left": challenge.tries_left}, "/code")

    def again(self, challenge: Challenge) -> Challenge:
        """A challenge as it stands now: another post of the same code may have used it meanwhile.

        Raises
        ------
        Refusal
            ``code_expired``.
        """
        found = self.store.load_challenge(challenge.challenge_id)
        if found is None:
            raise Refusal("code_expired", pointer="/code")
        return found

    def use_write(self, challenge: Challenge, member_id: str) -> Update:
        """That the code was used for a member, refused if it has been: for the transaction of what it allows."""
        return self.store.use_write(challenge, member_id)

    def _try_to_ask(
        self,
        purpose: CodePurpose,
        phone: str,
        caller: Caller,
        *,
        language: str,
        to_member: bool,
        once: str,
        member_id: str | None,
    ) -> str:
        now = self.clock.now()
        challenge = new_challenge(purpose, now, self._form(once, phone, now))
        message = self.messages.code(phone, challenge.challenge_id, language, now)
        counters = self.store.limit_writes(LIMITS, phone, counted_address(caller.client_ip), now)
        writes: list[Write] = [*counters, self.store.challenge_write(challenge)]
        if to_member:
            writes += self.messages.writes(message)
        if to_member and member_id is not None:
            writes.append(self.store.message_notes.write(member_id, message, now))
        try:
            self.store.commit(writes)
        except ConditionFailed as failed:
            if "challenge" in failed.found:
                asked = self.store.load_challenge(challenge.challenge_id)
                if asked is not None and asked.is_just_asked_for(now):
                    # Whoever asked first may have been cut off before the worker was woken.
                    self.messages.wake(self.messages.code(phone, asked.challenge_id, language, asked.asked_at))
                    return asked.challenge_id
                return self._try_to_ask(
                    purpose, phone, caller, language=language, to_member=to_member, once="", member_id=member_id
                )
            reached = [limit for limit in LIMITS if limit.purpose in failed.found]
            if not reached:
                raise Busy from failed
            raise self._too_many(reached, language) from failed
        # Also for a message that was not written: the worker finds nothing, and an answer takes as long as any.
        self.messages.wake(message)
        return challenge.challenge_id

    def _form(self, once: str, phone: str, now: datetime) -> str:
        """What names a form: with the hour in it, or whoever saw a code once could bring it back another day.

        Challenges are kept for longer than their hour, so no name leads to two of them.
        """
        if not once:
            return ""
        return derive(self.club.address_key, "code_form", once, phone, Window.HOUR.name_at(now)).hex()

    def _too_many(self, reached: list[Limit], language: str) -> Refusal:
        seconds = max(limit.window.seconds_left(self.clock.now()) for limit in reached)
        if seconds < TOLD_IN_MINUTES_BELOW:
            wait = text(language, "wait.minutes", count=-(-seconds // 60))
        else:
            wait = text(language, "wait.hours", count=-(-seconds // 3600))
        return Refusal("too_many_codes", {"wait": wait}, retry_after=seconds)

    def _try_to_count(
        self, challenge_id: str, purpose: CodePurpose, language: str, *, typed: str | None
    ) -> Challenge:
        now = self.clock.now()
        challenge = self.store.load_challenge(challenge_id)
        if challenge is None or challenge.purpose is not purpose or challenge.is_over(now):
            raise Refusal("code_expired", pointer="/code")
        if challenge.tries_left == 0:
            raise Refusal("code_locked", pointer="/code")
        if typed is None:
            return challenge
        try:
            self.store.commit([self.store.try_write(challenge), self.store.limit_write(TYPED_LIMIT, "", now)])
        except ConditionFailed as failed:
            if TYPED_LIMIT.purpose in failed.found:
                raise self._too_many([TYPED_LIMIT], language) from failed
            raise Busy from failed
        return challenge.counted()
