"""A club's codes and devices on the real engine: what tests of who may see a card drive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from stamkunde.clubs.model import Club
from stamkunde.gateways.wake_ups import WakeUps
from stamkunde.members.access_store import AccessStore
from stamkunde.members.code_service import Codes
from stamkunde.members.codes import Challenge, CodePurpose, one_time_code
from stamkunde.members.consents import Caller
from stamkunde.members.devices import Devices
from stamkunde.members.model import Member
from stamkunde.messaging.member_messages import MemberMessages
from stamkunde.messaging.model import Domains
from stamkunde.messaging.store import ClubMessages
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import new_id
from stamkunde.shared.patience import Patience
from tests.aws_clients import engine_client
from tests.factories import NOON, make_club
from tests.ledger_checks import rows
from tests.post_office import sqs_queue

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PHONE = "+4520123456"
PIXEL = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/142.0.0.0 Mobile Safari/537.36"
CALLER = Caller("203.0.113.7", PIXEL)
DOMAINS = Domains("localhost", "k.test", "stamkunde.test")


@dataclass
class AccessScene:
    """One club, with a clock that a test may move."""

    client: DynamoDBClient
    wake_ups: WakeUps
    woken: Callable[[], list[str]]
    club: Club = field(default_factory=make_club)
    now: datetime = NOON

    @property
    def clock(self) -> FixedClock:
        return FixedClock(self.now)

    @property
    def store(self) -> AccessStore:
        return AccessStore(self.client, "members", self.club.club_id, self.club.address_key)

    @property
    def messages(self) -> MemberMessages:
        outbox = ClubMessages(self.client, "messages", self.club.club_id)
        return MemberMessages(self.club, outbox, self.wake_ups, DOMAINS)

    @property
    def codes(self) -> Codes:
        return Codes(self.club, self.store, self.messages, self.clock, Patience(limit=60.0))

    @property
    def devices(self) -> Devices:
        return Devices(self.club, self.store, self.clock, Patience(limit=60.0))

    def wait(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    def ask(
        self,
        phone: str = PHONE,
        caller: Caller = CALLER,
        purpose: CodePurpose = CodePurpose.JOIN,
        *,
        to_member: bool = True,
        once: str = "",
    ) -> str:
        return self.codes.ask(purpose, phone, caller, language="da", to_member=to_member, once=once)

    def code(self, challenge_id: str, phone: str = PHONE, purpose: CodePurpose = CodePurpose.JOIN) -> str:
        return one_time_code(self.club.signing_keys, challenge_id, purpose, phone)

    def wrong_code(self, challenge_id: str) -> str:
        return f"{(int(self.code(challenge_id)) + 1) % 1_000_000:06d}"

    def check(
        self, challenge_id: str, typed: str, phone: str = PHONE, purpose: CodePurpose = CodePurpose.JOIN
    ) -> Challenge:
        return self.codes.check(challenge_id, purpose, phone, typed)

    def answer(self, challenge_id: str, typed: str) -> str:
        """What comes of typing a code: ``right``, or the refusal's code."""
        try:
            self.check(challenge_id, typed)
        except Refusal as refusal:
            return refusal.code
        return "right"

    def ask_or_refusal(self, phone: str = PHONE, caller: Caller = CALLER) -> Refusal | str:
        try:
            return self.ask(phone, caller)
        except Refusal as refusal:
            return refusal

    def open_device(self, member: Member, caller: Caller = CALLER) -> str:
        """A device that a right code opened: its token."""
        asked = self.ask(member.phone, caller, CodePurpose.OPEN_CARD)
        typed = self.code(asked, member.phone, CodePurpose.OPEN_CARD)
        challenge = self.check(asked, typed, member.phone, CodePurpose.OPEN_CARD)
        token, writes = self.devices.open(challenge, member, caller)
        self.store.commit([self.codes.use_write(challenge, member.member_id), *writes])
        return token

    def opens(self, token: str) -> str | None:
        """Whose card a browser with this token sees."""
        device = self.devices.find(token)
        return device.member_id if device else None

    def messages_waiting(self) -> int:
        return len([row for row in rows(self.client, "messages") if row["pk"].startswith("OUTBOX#")])

    def rows_of(self, kind: str) -> list[dict[str, Any]]:
        return [row for row in rows(self.client, "members") if row["pk"].startswith(f"{kind}#")]


def make_member(**given: Any) -> Member:
    standard: dict[str, Any] = {
        "member_id": new_id("m"),
        "account_id": new_id("a"),
        "phone": PHONE,
        "first_name": "Mette",
        "terms_version": 1,
        "joined_at": NOON,
        "language": "da",
    }
    return Member(**(standard | given))


def access_scene(client: DynamoDBClient, endpoint: str, **given: Any) -> AccessScene:
    """A scene with a queue of its own."""
    sqs = engine_client("sqs", endpoint)
    return AccessScene(client, *sqs_queue(sqs), **given)
