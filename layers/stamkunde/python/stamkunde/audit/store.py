"""Rows of the members table that say what staff did: ``AUDIT#<club>#<day>`` / ``<instant>#<id>``.

Nothing here deletes one or takes anything out of it: the table clears it away after a year, by ``expires``.
"""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from stamkunde.audit.model import Act, parts
from stamkunde.shared.clock import iso_instant, local_date, parse_instant
from stamkunde.shared.reading import query_rows
from stamkunde.shared.transaction import Put, put_alone

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1


class AuditStore:
    """What staff did in one club. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str, time_zone: str) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id
        self._time_zone = time_zone

    def note(self, act: Act) -> None:
        """Write an act down, among those of the club's day; again, with everybody whom it turned out to be about.

        Raises
        ------
        Busy
            The table asked for patience.
        """
        for part in parts(act):
            put_alone(self._client, Put("act", self._table, self._row(part)))

    def of_day(self, day: date, now: datetime) -> list[Act]:
        """What was done on one of the club's days, oldest first; nothing of what is to be forgotten by now."""
        rows = query_rows(self._client, self._table, self._day_pk(day), consistent=True)
        return [act for act in map(_act, rows) if act.kept_until > now]

    def _row(self, act: Act) -> dict[str, Any]:
        return {
            "pk": self._day_pk(local_date(act.at, self._time_zone)),
            "sk": act.act_id,
            "v": ITEM_VERSION,
            "at": iso_instant(act.at),
            "by": act.by,
            "what": act.what,
            "members": list(act.member_ids),
            "expires": int(act.kept_until.timestamp()),
        }

    def _day_pk(self, day: date) -> str:
        return f"AUDIT#{self._club_id}#{day.isoformat()}"


def _act(row: dict[str, Any]) -> Act:
    return Act(row["sk"], parse_instant(row["at"]), row["by"], row["what"], tuple(row["members"]))
