"""When somebody must be looked at because of what they just became or agreed to."""

from dataclasses import dataclass
from datetime import datetime

from stamkunde.clubs.model import Club
from stamkunde.members.consents import ConsentRecord, Permission
from stamkunde.members.model import Member, MemberState
from stamkunde.members.permission import notice_day
from stamkunde.retention.facts import club_time, facts_of
from stamkunde.retention.model import next_step
from stamkunde.retention.store import DueStore
from stamkunde.shared.transaction import Put


@dataclass(frozen=True, slots=True)
class Arming:
    """Makes one club's members due, in the transactions that give cause to."""

    club: Club
    store: DueStore

    def writes(self, before: Member | None, after: Member, record: ConsentRecord | None, now: datetime) -> list[Put]:
        """The earliest hint that a change gives cause to; none where it brings nothing that isn't armed already."""
        instants = self._of_the_chase(before, after, now) + self._of_permissions(record)
        return [self.store.due_write(after.member_id, max(min(instants), now))] if instants else []

    def _of_the_chase(self, before: Member | None, after: Member, now: datetime) -> list[datetime]:
        was_open = before is not None and before.state is MemberState.OPEN
        if after.state is not MemberState.OPEN or was_open:
            return []
        step = next_step(facts_of(after, (), self.club.time_zone, now), club_time(self.club), now)
        return [step.at] if step else []

    def _of_permissions(self, record: ConsentRecord | None) -> list[datetime]:
        if record is None:
            return []
        zone, calendar = self.club.time_zone, club_time(self.club)
        given = (Permission(wording.kind, wording, record.evidence) for wording in record.given)
        return [calendar.start_of(notice_day(permission, zone)) for permission in given]
