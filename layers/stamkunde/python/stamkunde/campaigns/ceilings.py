"""Rows of the messages table that hold a club's ceiling, and what its campaigns have cost in each month.

``CEILING#<club>`` / ``CEILING``: what the owner set. ``CEILING#<club>`` / ``SPENT#<month>``: minor units that
campaigns have spent, or have put aside for the messages that they are about to send.
"""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from stamkunde.campaigns.model.ceiling import Ceiling, month_of
from stamkunde.shared.clock import iso_instant, parse_instant
from stamkunde.shared.item import to_wire
from stamkunde.shared.reading import get_row
from stamkunde.shared.transaction import ConditionFailed, Update, update_alone

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
_NO_CEILING = Ceiling(None)


class Ceilings:
    """One club's ceiling. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str, time_zone: str) -> None:
        self._client = client
        self._table = table
        self._time_zone = time_zone
        self._pk = f"CEILING#{club_id}"

    def load(self) -> Ceiling:
        """What the owner set; nothing is too much until they do."""
        row = get_row(self._client, self._table, self._pk, "CEILING", consistent=True)
        if row is None:
            return _NO_CEILING
        return Ceiling(row["limit"], row["approved_by"], row["by"], parse_instant(row["set_at"]))

    def set(self, ceiling: Ceiling, now: datetime) -> None:
        """Put another ceiling in the place of the one before."""
        row: dict[str, Any] = {
            "pk": self._pk,
            "sk": "CEILING",
            "v": ITEM_VERSION,
            "limit": ceiling.limit,
            "approved_by": ceiling.approved_by,
            "by": ceiling.by,
            "set_at": iso_instant(now),
        }
        self._client.put_item(TableName=self._table, Item=to_wire(row))

    def spent(self, at: datetime) -> int:
        """What campaigns have cost so far in the club's calendar month of an instant, in minor units."""
        row = get_row(self._client, self._table, self._pk, _month_sk(self._month(at)), consistent=True)
        return row["spent"] if row else 0

    def put_aside(self, price: int, at: datetime) -> bool:
        """Count what is about to be sent against the month's ceiling; False if that would be passed.

        Whoever dies before it is sent leaves it counted: the ceiling is reached rather sooner than later.

        Raises
        ------
        Busy
            The table asked for patience.
        """
        limit = self.load().limit
        if price <= 0:
            return True
        if limit is None:
            self._add(price, at, "attribute_not_exists(spent) OR spent >= :nothing", {"nothing": 0})
            return True
        if price > limit:
            return False
        try:
            self._add(price, at, "attribute_not_exists(spent) OR spent <= :most", {"most": limit - price})
        except ConditionFailed:
            return False
        return True

    def give_back(self, price: int, at: datetime) -> None:
        """Take out again what was put aside at an instant and not spent.

        Raises
        ------
        Busy
            The table asked for patience.
        """
        if price > 0:
            self._add(-price, at, "spent >= :price", {"price": price})

    def _add(self, price: int, at: datetime, condition: str, values: dict[str, Any]) -> None:
        key = {"pk": self._pk, "sk": _month_sk(self._month(at))}
        change = "SET v = :v ADD spent :more"
        given = {**values, "v": ITEM_VERSION, "more": price}
        update_alone(self._client, Update("spent", self._table, key, change, condition, given))

    def _month(self, at: datetime) -> date:
        return month_of(at, self._time_zone)


def _month_sk(month: date) -> str:
    return f"SPENT#{month:%Y-%m}"
