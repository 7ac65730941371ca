"""What somebody was written to: a row a message, which says that it was, and nothing of what it said.

``M#<club>#<member>`` / ``MESSAGE#<instant>#<message>``. The text is gone once a message is handed over; a member who
asks what we have sent them is told when, how and what it was about. The table clears a note away after a year.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from stamkunde.messaging.model import MessageKind
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import compact_instant, iso_instant, parse_instant
from stamkunde.shared.reading import query_rows
from stamkunde.shared.transaction import NOT_THERE, Put

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from stamkunde.messaging.outbox import Message

ITEM_VERSION = 1
MESSAGE_PREFIX = "MESSAGE#"
NOTE_LASTS = timedelta(days=365)


class MessageNote(Struct, frozen=True):
    """That somebody was written to."""

    written_at: datetime
    kind: MessageKind
    channel: Channel


class MessageNotes:
    """What one club's members were written to. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id

    def write(self, member_id: str, message: "Message", now: datetime) -> Put:
        """That a message was written to a member, for the transaction that writes the message."""
        row = {
            "pk": self._member_pk(member_id),
            "sk": f"{MESSAGE_PREFIX}{compact_instant(now)}#{message.message_id}",
            "v": ITEM_VERSION,
            "kind": message.kind.value,
            "channel": message.channel.value,
            "written_at": iso_instant(now),
            "expires": int((now + NOTE_LASTS).timestamp()),
        }
        return Put(f"{message.kind} note", self._table, row, NOT_THERE)

    def of(self, member_id: str, now: datetime) -> list[MessageNote]:
        """What a member was written to in the last year, oldest first."""
        rows = query_rows(self._client, self._table, self._member_pk(member_id), MESSAGE_PREFIX, consistent=True)
        return [_note(row) for row in rows if row["expires"] > now.timestamp()]

    def ids_of(self, member_id: str) -> frozenset[str]:
        """The messages that a member was written in the last year, sent or not."""
        rows = query_rows(self._client, self._table, self._member_pk(member_id), MESSAGE_PREFIX, consistent=True)
        return frozenset(row["sk"].rpartition("#")[2] for row in rows)

    def _member_pk(self, member_id: str) -> str:
        return f"M#{self._club_id}#{member_id}"


def _note(row: dict[str, Any]) -> MessageNote:
    return MessageNote(parse_instant(row["written_at"]), MessageKind(row["kind"]), Channel(row["channel"]))
