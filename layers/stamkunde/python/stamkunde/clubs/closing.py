"""Closing a club: announced ahead, so that members can use what they have, and then everything of it goes.

``CLUB#<club>`` / ``CLUB#CLOSING``: until when it serves. ``CLOSED#<club>`` / ``CLOSED``: that it was, and nothing of
anybody. What lies in between, the deleting of every row, needs rights that no function has: `infra/closing.py`.
"""

from collections.abc import Mapping
from copy import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from stamkunde.clubs.model import Closing, Club
from stamkunde.clubs.store import ITEM_VERSION, REGISTRY_SHARDS
from stamkunde.erasure.model import COPIES_LAST
from stamkunde.shared.clock import iso_instant, local_date, parse_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import shard_of
from stamkunde.shared.patience import Patience
from stamkunde.shared.reading import get_row
from stamkunde.shared.transaction import NOT_THERE, THERE, ConditionFailed, Delete, Put, Write, commit, put_alone

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

SHORTEST_NOTICE = timedelta(days=30)
"""Earned bonus is a claim: there must be time to spend it (R26)."""

LEFT_LYING_AFTER = timedelta(days=7)
"""So long after its last day a club's data should have been deleted, and somebody is told that it wasn't."""

_NOT_BEGUN = "attribute_not_exists(began_at) OR attribute_type(began_at, :null)"


class Closed(Struct, frozen=True):
    """What is left of a club that has closed: a receipt that tells of nobody.

    Parameters
    ----------
    counts
        How much was deleted, by kind.
    """

    announced_at: datetime
    last_day: date
    deleted_on: date
    counts: Mapping[str, int]

    @property
    def out_of_copies_on(self) -> date:
        """The day by which nothing of it is left in copies either."""
        return self.deleted_on + COPIES_LAST


class ClosingClub(Struct, frozen=True):
    """The closing of one club, from the announcement to the receipt."""

    client: "DynamoDBClient"
    table: str
    club: Club

    def announce(self, last_day: date, now: datetime) -> Closing:
        """Say when the club's last day is, or that it is another one; until then it serves its members.

        Raises
        ------
        Refusal
            ``invalid_field``: it is less than 30 days away. ``unknown_club``: the club is being deleted.
        """
        earliest = local_date(now, self.club.time_zone) + SHORTEST_NOTICE
        if last_day < earliest:
            raise Refusal("invalid_field", {"expected": f">= {earliest.isoformat()}"}, "/last_day")
        closing = Closing(now, last_day)
        self._put(closing, f"{NOT_THERE} OR {_NOT_BEGUN}", {"null": "NULL"})
        return closing

    def take_back(self) -> None:
        """Stay open after all; a club that wasn't about to close stays as it is.

        Raises
        ------
        Refusal
            ``unknown_club``: the club is being deleted.
        """
        delete = Delete("closing", self.table, self._key("CLUB#CLOSING"), _NOT_BEGUN, {"null": "NULL"})
        try:
            Patience().until_done(lambda: commit(self.client, [delete]))
        except ConditionFailed as failed:
            raise Refusal("unknown_club", pointer="/club_id") from failed

    def begin(self, now: datetime, counts: Mapping[str, int]) -> Closing:
        """From now on there is no way back. What is there is counted once, also when the deleting is begun anew.

        Raises
        ------
        Refusal
            ``unknown_club``: it isn't closed, or not any more.
        """
        closing = self.club.closing
        if closing is None or not self.club.is_closed(now):
            raise Refusal("unknown_club", pointer="/club_id")
        if closing.began_at is not None:
            return closing
        begun = replace(closing, began_at=now, counts=counts)
        self._put(begun, "last_day = :day", {"day": closing.last_day.isoformat()})
        return begun

    def end(self, begun: Closing, now: datetime) -> Closed:
        """Destroy the club's keys and take away the club itself, with the receipt in its place.

        After it no number, address or code can be made into any of the hashes that its rows were found by.
        """
        closed = Closed(begun.announced_at, begun.last_day, local_date(now, self.club.time_zone), begun.counts)
        receipt = {
            "pk": f"CLOSED#{self.club.club_id}",
            "sk": "CLOSED",
            "v": ITEM_VERSION,
            "announced_at": iso_instant(closed.announced_at),
            "last_day": closed.last_day.isoformat(),
            "deleted_on": closed.deleted_on.isoformat(),
            "counts": dict(closed.counts),
        }
        registry = {"pk": f"CLUBS#{shard_of(self.club.club_id, REGISTRY_SHARDS):02d}", "sk": self.club.club_id}
        slug = {"pk": f"SLUG#{self.club.slug}", "sk": "SLUG"}
        own = ("CLUB", "CLUB#CLOSING", "CLUB#SIGNING_KEYS")
        there = [sk for sk in own if get_row(self.client, self.table, self._pk, sk, consistent=True)]
        writes: list[Write] = [
            Put("receipt", self.table, receipt, NOT_THERE),
            Delete("registry", self.table, registry, THERE),
            Delete("slug", self.table, slug, "club_id = :club", {"club": self.club.club_id}),
            *(Delete(sk, self.table, self._key(sk), THERE) for sk in there),
        ]
        Patience().until_done(lambda: commit(self.client, writes))
        return closed

    @property
    def _pk(self) -> str:
        return f"CLUB#{self.club.club_id}"

    def _key(self, sk: str) -> dict[str, Any]:
        return {"pk": self._pk, "sk": sk}

    def _put(self, closing: Closing, condition: str, values: dict[str, Any]) -> None:
        row = self._key("CLUB#CLOSING") | {
            "v": ITEM_VERSION,
            "announced_at": iso_instant(closing.announced_at),
            "last_day": closing.last_day.isoformat(),
            "began_at": closing.began_at and iso_instant(closing.began_at),
            "counts": dict(closing.counts),
        }
        put = Put("closing", self.table, row, condition, values)
        try:
            Patience().until_done(lambda: put_alone(self.client, put))
        except ConditionFailed as failed:
            raise Refusal("unknown_club", pointer="/club_id") from failed


def is_left_lying(club: Club, now: datetime) -> bool:
    """Whether a club is closed and still there, so that somebody has to be reminded of deleting it."""
    return club.is_closed(now - LEFT_LYING_AFTER)


def find_closed(client: "DynamoDBClient", table: str, club_id: str) -> Closed | None:
    """The receipt of a club that has closed."""
    row = get_row(client, table, f"CLOSED#{club_id}", "CLOSED", consistent=True)
    if row is None:
        return None
    return Closed(
        announced_at=parse_instant(row["announced_at"]),
        last_day=date.fromisoformat(row["last_day"]),
        deleted_on=date.fromisoformat(row["deleted_on"]),
        counts=row["counts"],
    )
