"""When somebody must be looked at because of what they just became or agreed to."""

from datetime import datetime

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.members.consents import ConsentRecord, Permission
from stamkunde.members.evidence_end import look_on
from stamkunde.members.model import Member, MemberState
from stamkunde.members.permission import notice_day
from stamkunde.retention.facts import club_time, facts_of, quiet_until
from stamkunde.retention.model import next_step
from stamkunde.retention.store import DueStore
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
        return [self.store.due_write(after.member_id, max(min(instants), now))] if instants else []

    def _of_terms(self, before: Member | None, after: Member, now: datetime) -> list[datetime]:
        """What somebody is reminded of who accepted no terms, and told who accepted older ones."""
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


def _stand_on_terms(member: Member) -> tuple[MemberState, int]:
    return member.state, member.terms_version
