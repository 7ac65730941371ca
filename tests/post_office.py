"""A club's messages on the real engine, with a network that fails on demand: what the sending is driven through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from stamkunde.clubs.model import Club
from stamkunde.gateways.wake_ups import WakeUps
from stamkunde.members.codes import CodePurpose, new_challenge
from stamkunde.message_bootstrap import code_of, note_use
from stamkunde.messaging.member_messages import MemberMessages
from stamkunde.messaging.model import DeliveryState, Domains, MessageKind
from stamkunde.messaging.outbox import Delivery, Message
from stamkunde.messaging.sending import Gateways, OutboxCare, Sending, Tended
from stamkunde.messaging.service import OperatorMessages
from stamkunde.messaging.store import ClubMessages, Outbox, outbox_key
from stamkunde.settings import Settings
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.ids import new_id
from stamkunde.shared.patience import Patience
from tests.factories import NOON, make_club
from tests.gateways.network import Mood, Network
from tests.ledger_checks import rows

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PHONE = "+4520123456"
EMAIL = "mette@example.com"
DOMAINS = Domains("klub.example.com", "k.test", "stamkunde.test")


@dataclass
class PostOffice:
    """The outbox of one engine account, with a clock that a test may move."""

    client: DynamoDBClient
    network: Network
    gateways: Gateways
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
    def store(self) -> ClubMessages:
        return ClubMessages(self.client, "messages", self.club.club_id)

    @property
    def operator(self) -> OperatorMessages:
        return OperatorMessages(self.club, self.store, self.wake_ups, self.clock, Patience(limit=30.0))

    @property
    def members(self) -> MemberMessages:
        return MemberMessages(self.club, self.store, self.wake_ups, DOMAINS)

    @property
    def worker(self) -> Sending:
        note = note_use(Settings("eu-north-1", members_table="members"), self.client, self.find_club)
        return Sending(self.outbox, self.gateways, code_of(self.find_club), note, self.clock, Patience(limit=30.0))

    @property
    def care(self) -> OutboxCare:
        return OutboxCare(self.outbox, self.wake_ups, self.clock, Patience(limit=30.0))

    def wait(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    def find_club(self, club_id: str) -> Club | None:
        return self.club if club_id == self.club.club_id else None

    def compose(self, kind: MessageKind, language: str = "da") -> Message:
        match kind:
            case MessageKind.CODE:
                challenge = new_challenge(CodePurpose.JOIN, self.now)
                return self.members.code(PHONE, challenge.challenge_id, language, self.now)
            case MessageKind.WELCOME:
                return self.members.welcome(PHONE, "Mette", language, self.now)
            case MessageKind.TILL_JOIN:
                return self.members.till_join(PHONE, new_id(""), language, self.now)
            case MessageKind.CONFIRM_EMAIL:
                return self.members.confirm_email(EMAIL, new_id(""), language, self.now)
        raise ValueError(f"operators write {kind}")

    def write(self, kind: MessageKind = MessageKind.TEST) -> Message:
        if kind is MessageKind.TEST:
            return self.operator.send(PHONE)
        message = self.compose(kind)
        self.store.commit(self.members.writes(message))
        self.members.wake(message)
        return message

    def work(self, message: Message) -> Delivery | None:
        return self.worker.send(outbox_key(message))

    def call_the_gateway(self, message: Message) -> None:
        """What a worker does between its claim and its record."""
        self.worker.prepare(message)()

    def tend(self) -> Tended:
        return self.care.tend()

    def delivery(self, message: Message) -> Delivery | None:
        return self.store.find_delivery(message.message_id)

    def state(self, message: Message) -> DeliveryState | None:
        delivery = self.delivery(message)
        return delivery.state if delivery else None

    def reason(self, message: Message) -> str | None:
        delivery = self.delivery(message)
        return delivery.reason if delivery else None

    def handed_over(self) -> int:
        return len(self.network.calls)

    def is_only_its_outcome_left(self) -> bool:
        kinds = self.kinds_of_rows()
        return (kinds["OUTBOX"], kinds["D"]) == (0, 1)

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
