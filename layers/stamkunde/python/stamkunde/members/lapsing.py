"""The permissions that are about to lapse: two months ahead the owner can see whom to ask in the shop (R29).

``LAPSING#<club>#<month>#<shard>`` / ``<day>#<member>#<kind>`` in the members table: from that day on a member's
permission no longer counts. A row is a hint: what was renewed or taken back since is not shown.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.members.consents import Permission, PermissionKind, permissions
from stamkunde.members.model import Member
from stamkunde.members.permission import NOTED_MONTHS_AHEAD, counted, lapses_on
from stamkunde.members.store import MemberStore
from stamkunde.shared.clock import Clock, local_date, months_later
from stamkunde.shared.ids import shard_of
from stamkunde.shared.reading import query_rows
from stamkunde.shared.transaction import Delete, Put

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
LAPSING_SHARDS = 16
KEPT_AFTER = timedelta(days=31)
_OURS_OR_GONE = "attribute_not_exists(pk) OR v = :v"


class LapsingNote(Struct, frozen=True):
    """That a member's permission lapses from a club's day on, unless they renew it."""

    member_id: str
    kind: PermissionKind
    lapses_on: date


class LapsingPermission(Struct, frozen=True):
    """A member whose permission is about to lapse."""

    member: Member
    permission: Permission
    lapses_on: date


class LapsingNotes:
    """One club's notes. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id

    def write(self, note: LapsingNote) -> Put:
        """A note; the same again changes nothing."""
        gone_after = datetime.combine(note.lapses_on, time.min, UTC) + KEPT_AFTER
        row = {
            "pk": self._pk(note.lapses_on, shard_of(note.member_id, LAPSING_SHARDS)),
            "sk": f"{note.lapses_on.isoformat()}#{note.member_id}#{note.kind.value}",
            "v": ITEM_VERSION,
            "expires": int(gone_after.timestamp()),
        }
        return Put(f"lapsing_{note.kind.value}", self._table, row)

    def removal(self, note: LapsingNote) -> Delete:
        """A note taken away with its member; it may have gone by itself."""
        put = self.write(note)
        key = {"pk": put.item["pk"], "sk": put.item["sk"]}
        return Delete(f"{put.purpose}_{note.lapses_on}", self._table, key, _OURS_OR_GONE, {"v": ITEM_VERSION})

    def removals(self, member: Member) -> list[Delete]:
        """All notes about somebody, taken away."""
        noted = (LapsingNote(member.member_id, PermissionKind(kind), day) for kind, day in member.noted_lapses)
        return [self.removal(note) for note in noted]

    def of_month(self, month: date) -> Iterator[LapsingNote]:
        """What lapses in the calendar month of a day."""
        for shard in range(LAPSING_SHARDS):
            for row in query_rows(self._client, self._table, self._pk(month, shard)):
                day, member_id, kind = row["sk"].split("#")
                yield LapsingNote(member_id, PermissionKind(kind), date.fromisoformat(day))

    def _pk(self, month: date, shard: int) -> str:
        return f"LAPSING#{self._club_id}#{month:%Y-%m}#{shard:02}"


class LapsingPermissions(Struct, frozen=True):
    """Which of a club's permissions are about to lapse."""

    club: Club
    notes: LapsingNotes
    members: MemberStore
    clock: Clock

    def list(self) -> list[LapsingPermission]:
        """Those that still count and lapse within two months, the soonest first."""
        today = local_date(self.clock.now(), self.club.time_zone)
        months = (months_later(today.replace(day=1), ahead) for ahead in range(NOTED_MONTHS_AHEAD + 1))
        noted = {note for month in months for note in self.notes.of_month(month)}
        last = months_later(today, NOTED_MONTHS_AHEAD)
        coming = sorted(
            (note for note in noted if today < note.lapses_on <= last),
            key=lambda note: (note.lapses_on, note.member_id, note.kind),
        )
        return [found for note in coming if (found := self._still_lapsing(note))]

    def _still_lapsing(self, note: LapsingNote) -> LapsingPermission | None:
        member = self.members.load(note.member_id)
        if member is None or member.is_gone(self.clock.now()):
            return None
        records = counted(self.members.consent_records(note.member_id), member, self.club.time_zone)
        held = permissions(records, email_confirmed=member.email_confirmed).get(note.kind)
        if held is None or lapses_on(held, self.club.time_zone) != note.lapses_on:
            return None
        return LapsingPermission(member, held, note.lapses_on)
