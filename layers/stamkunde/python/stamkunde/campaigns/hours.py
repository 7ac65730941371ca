"""When a club's campaigns may arrive: ``HOURS#<club>`` / ``HOURS`` of the messages table, if it chose for itself."""

from datetime import time
from typing import TYPE_CHECKING, Any

from stamkunde.messaging.quiet_hours import SendingHours, SendingWindow
from stamkunde.shared.item import to_wire
from stamkunde.shared.reading import get_row

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
_USUAL = SendingHours()


class HoursStore:
    """One club's sending hours. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self._pk = f"HOURS#{club_id}"

    def load(self) -> SendingHours:
        """The club's hours; the usual ones until it chose others."""
        row = get_row(self._client, self._table, self._pk, "HOURS", consistent=True)
        if row is None:
            return _USUAL
        return SendingHours(_window(row["workdays"]), _window(row["sundays_and_holidays"]))

    def set(self, hours: SendingHours) -> None:
        """Choose other hours."""
        row: dict[str, Any] = {
            "pk": self._pk,
            "sk": "HOURS",
            "v": ITEM_VERSION,
            "workdays": _written(hours.workdays),
            "sundays_and_holidays": _written(hours.sundays_and_holidays),
        }
        self._client.put_item(TableName=self._table, Item=to_wire(row))


def _written(window: SendingWindow) -> list[str]:
    return [f"{window.opens:%H:%M}", f"{window.closes:%H:%M}"]


def _window(written: list[str]) -> SendingWindow:
    opens, closes = map(time.fromisoformat, written)
    return SendingWindow(opens, closes)
