"""When somebody must be looked at because of what they just became or agreed to."""

from datetime import date, datetime

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.members.birthdays import birthday_from
from stamkunde.members.consents import ConsentRecord, Permission
from stamkunde.members.evidence_end import look_on
from stamkunde.members.model import Member, MemberState
from stamkunde.members.permission import notice_day
from stamkunde.retention.expiry import lapse_day
from stamkunde.retention.facts import club_time, facts_of, quiet_until
from stamkunde.retention.model import look_at, next_step
from stamkunde.retention.store import DueStore
from stamkunde.shared.clock import local_date
from stamkunde.shared.transaction import Put


class Arming(Struct, frozen=True):
    """Makes one club's members due, in the transactions that give cause to."""

    club: Club
    store: DueStore

    def writes(self, before: Member | None, after: Member, record: ConsentRecord | None, now: datetime) -> list[Put]:
        """The earliest hint that a change gives cause to; none where it brings nothing that isn't armed already."""
        instants = [*self._of_terms(before, after, now), *self._of_evidence(record), *self._of_news(after, record)]
        if after.email_confirmed and not (before and before.email_confirmed):
            # From now on that permission counts: the visit finds out until when.
            instants.append(now)
        today = local_date(now, self.club.time_zone)
        days = [_birthday_told(before, after, today)]
        if after.account_id and not (before and before.account_id):
            days.append(lapse_day(None, self.club, today))
        instants += [club_time(self.club).start_of(day) for day in days if day]
        if not instants:
            return []
        return [self.store.due_write(after.member_id, look_at(after.member_id, min(instants), now))]

    def day_write(self, member_id: str, day: date, now: datetime) -> Put:
        """A hint that there will be something to do about a member from a day of the club's on."""
        return self.store.due_write(member_id, look_at(member_id, club_time(self.club).start_of(day), now))

    def _of_terms(self, before: Member | None, after: Member, now: datetime) -> list[datetime]:
        """What somebody is reminded of who accepted no terms, and told who accepted older ones or stays away."""
        if after.state is MemberState.NEWSLETTER or (before and _stand_on_terms(before) == _stand_on_terms(after)):
            return []
        step = next_step(facts_of(after, (), self.club.time_zone, now), club_time(self.club), now)
        return [step.at] if step else []

    def _of_evidence(self, record: ConsentRecord | None) -> list[datetime]:
        """When the owner is told of a yes that lapses, and when this, or what it ended, is to be forgotten."""
        if record is None:
            return []
        zone, calendar = self.club.time_zone, club_time(self.club)
        given = (Permission(wording.kind, wording, record.evidence) for wording in record.given)
        days = [notice_day(permission, zone) for permission in given]
        ends_on = look_on(record, zone)
        return [calendar.start_of(day) for day in (*days, ends_on) if day]

    def _of_news(self, after: Member, record: ConsentRecord | None) -> list[datetime]:
        """Who only takes the news goes when nothing lets us send them: soon, if they said no or have to confirm."""
        if record is None or after.state is not MemberState.NEWSLETTER:
            return []
        if not record.withdrawn and after.unproved_email is None:
            return []
        zone = self.club.time_zone
        return [club_time(self.club).start_of(quiet_until(record.evidence.recorded_at, zone))]


def _birthday_told(before: Member | None, after: Member, today: date) -> date | None:
    """The next birthday of somebody who is congratulated on it from now on, or on another day than before."""
    day = birthday_from(after, today)
    return None if before and birthday_from(before, today) == day else day


def _stand_on_terms(member: Member) -> tuple[MemberState, int]:
    return member.state, member.terms_version
