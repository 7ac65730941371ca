"""When advertising was last sent by a yes (R29): noted in the consent record that the yes stands in.

What was said is never changed by it: a use stands beside the words and goes with them. It says that the shop made use
of them, not that anybody said anything again.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from stamkunde.messaging.model import Yes
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import iso_instant
from stamkunde.shared.transaction import THERE, ConditionFailed, Update, update_alone

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


class Uses:
    """The uses of one club's permissions. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id

    def note(self, yes: Yes, channel: Channel, at: datetime) -> None:
        """That advertising was sent then; one that was sent before the last changes nothing.

        Neither does one by a yes that is gone: whoever was deleted meanwhile is not written down again.

        Raises
        ------
        Busy
            Somebody writes the same row just now.
        """
        used = f"used_{channel.value}"
        key = {"pk": f"M#{self._club_id}#{yes.member_id}", "sk": f"CONSENT#{yes.record_id}"}
        later = f"{THERE} AND (attribute_not_exists({used}) OR {used} < :at)"
        try:
            update_alone(
                self._client, Update("use", self._table, key, f"SET {used} = :at", later, {"at": iso_instant(at)})
            )
        except ConditionFailed:
            return
