"""A club's messages to its members on the real tables, with a queue that only notes what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stamkunde.clubs.model import Club
from stamkunde.gateways.wake_ups import WakeUps
from stamkunde.messaging.member_messages import MemberMessages
from stamkunde.messaging.model import Domains
from stamkunde.messaging.store import ClubMessages
from stamkunde.messaging.words_store import ClubWords
from stamkunde.shared.item import from_wire

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

DOMAINS = Domains("bonus.example", "bns.example", "mail.example")


@dataclass
class NotingQueue:
    """What was told to the queue, in order."""

    told: list[str] = field(default_factory=list)

    def send_message_batch(self, **given: Any) -> Mapping[str, Any]:
        self.told += [entry["MessageBody"] for entry in given["Entries"]]
        return {}


def member_messages(client: DynamoDBClient, club: Club, queue: NotingQueue | None = None) -> MemberMessages:
    """A club's messages to its members."""
    store = ClubMessages(client, "messages", club.club_id)
    words = ClubWords(client, "clubs", club.club_id).words
    return MemberMessages(club, store, WakeUps(queue or NotingQueue(), "queue"), DOMAINS, words=words)


def waiting(client: DynamoDBClient, kind: str | None = None) -> list[dict[str, Any]]:
    """The messages that wait, of one kind or of all."""
    pages = client.get_paginator("scan").paginate(TableName="messages", ConsistentRead=True)
    rows = (from_wire(item) for page in pages for item in page["Items"])
    found = [row for row in rows if row["pk"].startswith("OUTBOX#")]
    return [row for row in found if kind in (None, row["kind"])]


def token_in(row: dict[str, Any]) -> str:
    """The token of the link that a waiting message carries."""
    _, _, rest = str(row["text"]).partition(f"{DOMAINS.short}/")
    return rest.split()[0]
