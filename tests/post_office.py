"""A club's messages on the real engine, with a network that fails on demand: what the sending is driven through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from stamkunde.clubs.model import Club
from stamkunde.gateways.sms import SmsGateway
from stamkunde.gateways.wake_ups import WakeUps
from stamkunde.messaging.model import DeliveryState
from stamkunde.messaging.outbox import Delivery, Message
from stamkunde.messaging.sending import OutboxCare, Sending, Tended
from stamkunde.messaging.service import OperatorMessages
from stamkunde.messaging.store import ClubMessages, Outbox, outbox_key
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.patience import Patience
from tests.factories import NOON, make_club
from tests.gateways.network import Mood, Network
from tests.ledger_checks import rows

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PHONE = "+4520123456"


@dataclass
class PostOffice:
    """The outbox of one engine account, with a clock that a test may move."""

    client: DynamoDBClient
    network: Network
    gateway: SmsGateway
    wake_ups: WakeUps
    woken: Callable[[], list[str]]
    club: Club = field(default_factory=make_club)
    now: datetime = NOON

    @property
    def clock(self) -> FixedClock:
        return FixedClock(self.now)

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.client, "messages")

    @property
    def operator(self) -> OperatorMessages:
        store = ClubMessages(self.client, "messages", self.club.club_id)
        return OperatorMessages(self.club, store, self.wake_ups, self.clock, Patience(limit=30.0))

    @property
    def worker(self) -> Sending:
        return Sending(self.outbox, self.gateway, self.clock, Patience(limit=30.0))

    @property
    def care(self) -> OutboxCare:
        return OutboxCare(self.outbox, self.wake_ups, self.clock, Patience(limit=30.0))

    def wait(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    def write(self) -> Message:
        return self.operator.send(PHONE)

    def work(self, message: Message) -> Delivery | None:
        return self.worker.send(outbox_key(message))

    def tend(self) -> Tended:
        return self.care.tend()

    def delivery(self, message: Message) -> Delivery | None:
        return self.operator.store.find_delivery(message.message_id)

    def state(self, message: Message) -> DeliveryState | None:
        delivery = self.delivery(message)
        return delivery.state if delivery else None

    def handed_over(self) -> int:
        return len(self.network.calls)

    def kinds_of_rows(self) -> Counter[str]:
        return Counter(row["pk"].split("#")[0] for row in rows(self.client, "messages"))

    def in_a_mood(self, mood: Mood) -> None:
        self.network.mood = mood


def sqs_queue(client: Any) -> tuple[WakeUps, Callable[[], list[str]]]:
    """A real queue, and what lies in it."""
    url = client.create_queue(QueueName="message-worker")["QueueUrl"]

    def bodies() -> list[str]:
        found: list[str] = []
        while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            found += [message["Body"] for message in messages]
        return found

    return WakeUps(client, url), bodies
