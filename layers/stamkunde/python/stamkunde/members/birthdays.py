"""Whose birthday it is: the shop can see it on the day, and for a week.

``BIRTHDAYS#<club>#<day>#<shard>`` / ``<member>`` in the members table: on that day of the club's a member has their
birthday. A row is a hint: who is gone by now, or has told another date since, is not shown.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.members.model import Member, MemberState
from stamkunde.members.store import MemberStore
from stamkunde.shared.clock import Clock, local_date
from stamkunde.shared.ids import shard_of
from stamkunde.shared.reading import get_row, query_rows
from stamkunde.shared.transaction import THERE, Delete, Put, put_alone

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
BIRTHDAY_SHARDS = 16
SHOWN_FOR = timedelta(days=7)
"""So long the shop may make good what it missed while it was closed."""

CLEARED_AWAY_WITHIN = timedelta(days=3)
"""DynamoDB may take this long to clear away what has expired."""

_A_DAY = timedelta(days=1)


class Birthday(Struct, frozen=True):
    """A member, and the club's day on which they have their birthday."""

    member: Member
    day: date


class BirthdayNotes:
    """One club's notes. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id

    def note(self, member_id: str, day: date) -> None:
        """That it is a member's birthday; the same again changes nothing."""
        gone_after = datetime.combine(day, time.min, UTC) + SHOWN_FOR + _A_DAY
        row = self._key(member_id, day) | {"v": ITEM_VERSION, "expires": int(gone_after.timestamp())}
        put_alone(self._client, Put("birthday", self._table, row))

    def on(self, day: date) -> Iterator[str]:
        """Whose birthday it is on a day of the club's."""
        for shard in range(BIRTHDAY_SHARDS):
            for row in query_rows(self._client, self._table, self._pk(day, shard)):
                yield row["sk"]

    def removals(self, member_ids: Iterable[str], today: date) -> Iterator[Delete]:
        """All notes about somebody, whatever date they told then, taken away."""
        days = [today - _A_DAY * back for back in range((SHOWN_FOR + CLEARED_AWAY_WITHIN).days + 1)]
        for member_id in member_ids:
            for key in (self._key(member_id, day) for day in days):
                if get_row(self._client, self._table, key["pk"], key["sk"], consistent=True) is not None:
                    yield Delete("birthday", self._table, key, THERE)

    def _key(self, member_id: str, day: date) -> dict[str, str]:
        return {"pk": self._pk(day, shard_of(member_id, BIRTHDAY_SHARDS)), "sk": member_id}

    def _pk(self, day: date, shard: int) -> str:
        return f"BIRTHDAYS#{self._club_id}#{day.isoformat()}#{shard:02}"


class Birthdays(Struct, frozen=True):
    """Whose birthday it is in one club."""

    club: Club
    notes: BirthdayNotes
    members: MemberStore
    clock: Clock

    def list(self) -> list[Birthday]:
        """Today's, and those of the week before, the newest first."""
        today = local_date(self.clock.now(), self.club.time_zone)
        days = (today - _A_DAY * back for back in range(SHOWN_FOR.days))
        return [
            Birthday(member, day)
            for day in days
            for member_id in sorted(self.notes.on(day))
            if (member := self._celebrating(member_id, day)) is not None
        ]

    def _celebrating(self, member_id: str, day: date) -> Member | None:
        member = self.members.load(member_id)
        if member is None or member.is_gone(self.clock.now()) or birthday_from(member, day) != day:
            return None
        return member


def birthday_from(member: Member, day: date) -> date | None:
    """The first day from another on, on which a member is a year older; None for who isn't congratulated.

    Whoever was born on 29 February is so on 1 March, where there is no such day.
    """
    if member.birth_date is None or member.state is not MemberState.MEMBER or member.erasure is not None:
        return None
    this_year = _birthday_in(member.birth_date, day.year)
    return this_year if this_year >= day else _birthday_in(member.birth_date, day.year + 1)


def _birthday_in(born: date, year: int) -> date:
    """The first day of a year on which they are as old as they get in it."""
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, 3, 1)
