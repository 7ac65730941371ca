"""Taking back what somebody allowed, by a link, a mail program's button, or an answer by text message; and START.

However it is said, it is one consent record, and whoever says it again changes nothing. By text message the answer
that it was understood goes out in the same transaction: nobody is stopped without hearing of it, or told so and not.
"""

from copy import replace
from datetime import datetime

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.members.admission import Admission, Change
from stamkunde.members.codes import STOPS_LIMIT, counted_address
from stamkunde.members.consents import (
    Caller,
    ConsentMethod,
    ConsentRecord,
    Evidence,
    PermissionKind,
    PermissionText,
    new_record_id,
    permissions,
    taken_back,
)
from stamkunde.members.model import Member
from stamkunde.members.permission import KIND_OF_CHANNEL, counted, has_lapsed
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import Clock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import Patience
from stamkunde.shared.phone import parse_phone
from stamkunde.shared.transaction import ConditionFailed


class Said(Struct, frozen=True):
    """How somebody said it.

    Parameters
    ----------
    caller
        Who asked over the web; None for an answer by text message.
    is_told
        Whether they get a text message that it was understood: they see nothing else of it.
    """

    method: ConsentMethod
    language: str
    caller: Caller | None = None
    is_told: bool = False

    def evidence(self, at: datetime) -> Evidence:
        """What is kept of it."""
        if self.caller is not None:
            return Evidence.on_page(self.method, at, self.language, self.caller)
        return Evidence(self.method, given_at=at, recorded_at=at, language=self.language)


class Stopping(Struct, frozen=True):
    """Stops, and starts again, what one club sends to its members."""

    club: Club
    admission: Admission
    clock: Clock
    patience: Patience

    def member_with(self, phone: str) -> Member | None:
        """Whose number that is now (E.164), as last confirmed."""
        return self.admission.members.find_by_own_phone(phone, consistent=True)

    def has_stopped(self, member: Member, channel: Channel) -> bool:
        """Whether their last word on a channel is a no."""
        return KIND_OF_CHANNEL[channel] in taken_back(self._counted(member))

    def stop(self, member_id: str, channel: Channel, said: Said) -> bool:
        """Take back what somebody allowed by a channel, whether they had allowed anything or not; whether it is news.

        False also for somebody who isn't there any more: nothing is sent to them.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        return self.patience.until_done(lambda: self._try_to_stop(member_id, channel, said))

    def stop_number(self, typed: str, channel: Channel, said: Said) -> None:
        """Stop a channel for whoever has a number that somebody types; nobody is told whether anybody has it.

        It is no proof that the number is theirs, so whoever has it gets a text message about it.

        Raises
        ------
        Refusal
            Those of `stamkunde.shared.phone.parse_phone`. ``try_again``: too many numbers were typed from there.
        """
        phone = parse_phone(typed, country=self.club.country, allowed_countries=self.club.join_countries)
        self._count(said)
        member = self.member_with(phone)
        if member is not None:
            self.stop(member.member_id, channel, replace(said, is_told=True))

    def start(self, member_id: str, said: Said) -> bool:
        """Give back what an answer by text message had stopped, and nothing else; whether there was anything.

        What was allowed before must still count, had nobody stopped it; and what was stopped in another way stays
        stopped: somebody else may hold the phone than whoever pressed a button.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        return self.patience.until_done(lambda: self._try_to_start(member_id, said))

    def _count(self, said: Said) -> None:
        now, address = self.clock.now(), counted_address(said.caller.client_ip if said.caller else "")
        try:
            self.admission.access.commit([self.admission.access.limit_write(STOPS_LIMIT, address, now)])
        except ConditionFailed as failed:
            raise Refusal("try_again", retry_after=STOPS_LIMIT.window.seconds_left(now)) from failed

    def _try_to_stop(self, member_id: str, channel: Channel, said: Said) -> bool:
        now = self.clock.now()
        member = self.admission.members.find(member_id, consistent=True)
        if member is None or self.has_stopped(member, channel):
            return False
        said_at = self.admission.word_at(member.member_id, now)
        evidence = said.evidence(said_at)
        record = ConsentRecord(new_record_id(said_at), evidence, withdrawn=(KIND_OF_CHANNEL[channel],))
        tells = [self.admission.messages().stopped(member.phone, member.language, now)] if said.is_told else []
        self.admission.write(Change(member, member, record), now, also_tells=tells)
        return True

    def _try_to_start(self, member_id: str, said: Said) -> bool:
        now = self.clock.now()
        member = self.admission.members.find(member_id, consistent=True)
        wording = self._stopped_by_text(member, now) if member else None
        if member is None or wording is None:
            return False
        said_at = self.admission.word_at(member.member_id, now)
        record = ConsentRecord(new_record_id(said_at), said.evidence(said_at), given=(wording,))
        self.admission.write(Change(member, member, record), now)
        return True

    def _stopped_by_text(self, member: Member, now: datetime) -> PermissionText | None:
        """The words they had said yes to when an answer by text message took that back, if it was their last word."""
        told = sorted(self._counted(member), key=lambda each: each.evidence.recorded_at)
        about = [each for each in told if PermissionKind.SMS in each.withdrawn or each.gives(PermissionKind.SMS)]
        last = about[-1] if about else None
        if last is None or PermissionKind.SMS not in last.withdrawn or not _by_text(last):
            return None
        before = permissions(about[:-1], email_confirmed=True).get(PermissionKind.SMS)
        if before is None or has_lapsed(before, self.club.time_zone, now):
            return None
        return before.wording

    def _counted(self, member: Member) -> list[ConsentRecord]:
        records = self.admission.members.consent_records(member.member_id)
        return counted(records, member, self.club.time_zone)


def _by_text(record: ConsentRecord) -> bool:
    return record.evidence.method is ConsentMethod.TEXT_REPLY
