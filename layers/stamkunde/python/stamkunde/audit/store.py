"""Rows of the members table that say what staff did: ``AUDIT#<club>#<month>`` / ``<instant>#<id>``.

Nothing here deletes one: the table clears it away after a year, by ``expires``. Whoever is erased is named in it by
what leads to nobody from then on: a partition a month, so that a year of it is read in a dozen queries.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from stamkunde.audit.model import Act, parts
from stamkunde.shared.clock import compact_instant, iso_instant, local_date, parse_instant, wall_instant
from stamkunde.shared.item import to_wire
from stamkunde.shared.reading import query_between, query_rows
from stamkunde.shared.transaction import THERE, Put, put_alone

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
        """Write an act down, among those of the club's month; again, with everybody whom it turned out to be about.

        Raises
        ------
        Busy
            The table asked for patience.
        """
        for part in parts(act):
            put_alone(self._client, Put("act", self._table, self._row(part)))

    def of_day(self, day: date, now: datetime) -> list[Act]:
        """What was done on one of the club's days, oldest first; nothing of what is to be forgotten by now."""
        first, last = self._start_of(day), self._start_of(day + timedelta(days=1))
        rows = query_between(self._client, self._table, self._month_pk(day), first, last, consistent=True)
        return [act for act in map(_act, rows) if act.kept_until > now]

    def forget(self, ids: Mapping[str, str], months: Iterable[date]) -> None:
        """Put something else in the place of some members' ids, in what was done in the months of some days."""
        for month in months:
            for row in query_rows(self._client, self._table, self._month_pk(month), consistent=True):
                if not ids.keys().isdisjoint(row["members"]):
                    self._client.update_item(
                        TableName=self._table,
                        Key=to_wire({"pk": row["pk"], "sk": row["sk"]}),
                        UpdateExpression="SET members = :members",
                        ConditionExpression=THERE,
                        ExpressionAttributeValues=to_wire(
                            {":members": [ids.get(each, each) for each in row["members"]]}
                        ),
                    )

    def _row(self, act: Act) -> dict[str, Any]:
        return {
            "pk": self._month_pk(local_date(act.at, self._time_zone)),
            "sk": act.act_id,
            "v": ITEM_VERSION,
            "at": iso_instant(act.at),
            "by": act.by,
            "what": act.what,
            "members": list(act.member_ids),
            "expires": int(act.kept_until.timestamp()),
        }

    def _month_pk(self, day: date) -> str:
        return f"AUDIT#{self._club_id}#{day:%Y-%m}"

    def _start_of(self, day: date) -> str:
        return compact_instant(wall_instant(datetime.combine(day, time()), self._time_zone))


def _act(row: dict[str, Any]) -> Act:
    return Act(row["sk"], parse_instant(row["at"]), row["by"], row["what"], tuple(row["members"]))
