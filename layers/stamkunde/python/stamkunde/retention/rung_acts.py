"""What a member is told who stays away: the rung that is due, or a note of why it passes them by."""

from collections.abc import Sequence
from copy import replace
from datetime import datetime

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.ledger.explanations import bonus_amount
from stamkunde.members.admission import Admission
from stamkunde.members.consents import ConsentRecord
from stamkunde.members.model import Member
from stamkunde.members.permission import Facts, basis
from stamkunde.members.service_link import LinkAct, NewLink, new_link
from stamkunde.messaging.member_messages import ToAbsent
from stamkunde.messaging.model import MessageKind
from stamkunde.messaging.outbox import Message
from stamkunde.retention.facts import club_time
from stamkunde.retention.model import Away, day_named, ladder_step, passed_over
from stamkunde.shared.channel import Channel
from stamkunde.shared.ladder import Rung, RungNotice, RungSkipped, RungText, SkipReason
from stamkunde.shared.money import Money, Points


class RungActs(Struct, frozen=True):
    """Tells one club's members who stay away: advertising needs a permission, and the last notice needs none."""

    club: Club
    admission: Admission

    def speak(self, member: Member, records: Sequence[ConsentRecord], away: Away, now: datetime) -> None:
        """Write the rung that is due, and what it passes over; the last one names the day in any case.

        Raises
        ------
        Busy
            Somebody else wrote the member: look again.
        """
        calendar = club_time(self.club)
        today = calendar.day_of(now)
        ladder = calendar.ladder(today)
        rung = ladder_step(away, ladder, calendar, now).rung
        if rung is None:
            raise ValueError("nothing is said at the end of a ladder")
        missed = [RungSkipped(each, today, SkipReason.OUTAGE) for each in passed_over(away, ladder, rung)]
        facts, is_last = Facts(self.club, member, tuple(records)), rung.text is RungText.LAST
        found = basis(facts, Channel.SMS, now)
        may = found is not None
        if not may and not is_last:
            skipped = RungSkipped(rung, today, SkipReason.NO_PERMISSION)
            self._write(member, away.noting(*missed, skipped), [], [], now)
            return
        names = day_named(ladder, away.active_on, today) if is_last else None
        stay = [new_link(LinkAct.STAY, now, until=calendar.start_of(names))] if names else []
        stop = [new_link(LinkAct.STOP_ADVERTISING, now)] if may else []
        told = ToAbsent(
            member.first_name,
            away.active_on,
            stop=stop[0].token if stop else None,
            stay=stay[0].token if stay else None,
            names=names,
            bonus=self._bonus(member, rung, now),
        )
        kind = kind_of(rung.text, may=may, has_bonus=told.bonus is not None)
        letter = self.admission.messages().to_absent(kind, member.phone, told, member.language, now, found)
        notice = RungNotice(rung, now, letter.message_id, names)
        self._write(member, away.noting(*missed, notice), [*stay, *stop], [letter], now)

    def _bonus(self, member: Member, rung: Rung, now: datetime) -> Money | Points | None:
        """What they can come and spend, or lose in the end; what somebody shares the others keep."""
        account = self.admission.account_of(member)
        if rung.text is RungText.LAST and len(account.members) > 1:
            return None
        balance = account.balance(now, self.club.time_zone)
        held = balance.available + balance.pending + balance.reserved
        return bonus_amount(held, self.club.currency, self.club.unit) if held > 0 else None

    def _write(
        self, member: Member, away: Away, links: Sequence[NewLink], letters: Sequence[Message], now: datetime
    ) -> None:
        after = replace(
            member,
            absence=away.absence,
            link_hashes=self.admission.remembered(member, links, now),
            revision=member.revision + 1,
        )
        members = self.admission.members
        writes = [
            *members.change_writes(member, after),
            *(members.link_write(link, member.member_id) for link in links),
        ]
        self.admission.commit(writes, letters, member.member_id, now)


def kind_of(text: RungText, *, may: bool, has_bonus: bool) -> MessageKind:
    """The message that says a rung's text to somebody who may be sent advertising, or only what they must be told."""
    match text:
        case RungText.MISSED_YOU:
            return MessageKind.LADDER_MISSED_YOU
        case RungText.BONUS:
            return MessageKind.LADDER_BONUS if has_bonus else MessageKind.LADDER_NO_BONUS
        case RungText.LAST if may:
            return MessageKind.LADDER_LAST_BONUS if has_bonus else MessageKind.LADDER_LAST
        case RungText.LAST:
            return MessageKind.LAST_NOTICE_BONUS if has_bonus else MessageKind.LAST_NOTICE
