"""What AWS's gateways report through the topic, from the queue to the rows it belongs to."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stamkunde.campaigns.chunk_store import ChunkKey, ChunkStore, RunKey, chunk_key
from stamkunde.campaigns.model.tally import Tally
from stamkunde.campaigns.results import Result, Results
from stamkunde.campaigns.runs import Run, RunStore
from stamkunde.gateways.reference import CampaignReference
from stamkunde.messaging.model import DeliveryState
from stamkunde.messaging.suppression import Suppressions
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import SystemClock, iso_instant
from stamkunde.shared.ids import new_id
from stamkunde.shared.transaction import commit
from tests.function_fixtures import CONTEXT
from tests.functions.conftest import OpenClub
from tests.functions.test_join_page import stored
from tests.ledger_checks import rows

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ADDRESSES = {Channel.SMS: "+4520123456", Channel.EMAIL: "mette@example.com"}
NUMBERS = itertools.count()


@dataclass
class Message:
    """A campaign's message as the worker has written it down."""

    shop: OpenClub
    key: ChunkKey
    member_id: str
    sent_at: datetime

    @property
    def reference(self) -> str:
        return CampaignReference(self.key.club_id, self.key.campaign_id, self.key.chunk_id, 1).text

    @property
    def state(self) -> DeliveryState | None:
        result = self.result
        return result.state if result else None

    @property
    def result(self) -> Result | None:
        results = Results(self.shop.client, "messages", self.key.club_id)
        return results.load(self.member_id, self.key.campaign_id, self.key.channel)

    def is_suppressed(self, shop: OpenClub | None = None) -> bool:
        club = (shop or self.shop).club
        suppressions = Suppressions(self.shop.client, "members", club.club_id, club.address_key)
        address = ADDRESSES[self.key.channel]
        return suppressions.suppressed(self.key.channel, [address, "x@y.dk"], SystemClock().now()) == {address}


def sent(
    shop: OpenClub, channel: Channel = Channel.EMAIL, state: DeliveryState | None = DeliveryState.SENT
) -> Message:
    """The second place of a campaign's list, and what the worker knows of it."""
    key = chunk_key(RunKey(shop.club.club_id, new_id("k"), channel), 0)
    member_id, now = new_id("m"), SystemClock().now()
    ChunkStore(shop.client, "messages", shop.club.club_id).write(key, [new_id("m"), member_id], now)
    message = Message(shop, key, member_id, now)
    runs = RunStore(shop.client, "messages", shop.club.club_id)
    commit(shop.client, runs.begin_writes(Run(key.run, 1, 2, 7, (0,), now, Tally())))
    if state is not None:
        result = Result(key, 1, member_id, state, now, parts=1, price=48)
        assert Results(shop.client, "messages", shop.club.club_id).record(result)
    return message


def mail_event(message: Message, kind: str, at: datetime | None = None, **details: Any) -> dict[str, Any]:
    told = iso_instant(at or message.sent_at)
    name = kind[0].lower() + kind[1:]
    mail = {"timestamp": told, "messageId": f"ses-{message.member_id}", "destination": [ADDRESSES[Channel.EMAIL]]}
    return {
        "eventType": kind,
        "mail": {**mail, "tags": {"ref": [message.reference]}},
        name: {"timestamp": told} | details,
    }


def bounce(message: Message, kind: str = "Permanent") -> dict[str, Any]:
    recipients = [{"emailAddress": ADDRESSES[Channel.EMAIL].upper(), "diagnosticCode": "550 mette@example.com"}]
    return mail_event(message, "Bounce", bounceType=kind, bounceSubType="General", bouncedRecipients=recipients)


def text_event(message: Message, kind: str, at: datetime | None = None) -> dict[str, Any]:
    return {
        "eventType": kind,
        "eventTimestamp": int((at or message.sent_at).timestamp() * 1000),
        "destinationPhoneNumber": ADDRESSES[Channel.SMS],
        "messageId": f"sms-{message.member_id}",
        "context": {"ref": message.reference},
    }


def deliver(*told: Any, wrapped: bool = False) -> list[str]:
    """Hand these to the worker in one batch; the ids of those that come again."""
    from delivery_worker.handler import lambda_handler

    records = []
    for each in told:
        body = each if isinstance(each, str) else json.dumps(each)
        if wrapped:
            body = json.dumps({"Type": "Notification", "TopicArn": "arn:aws:sns:…", "Message": body})
        records.append({"messageId": str(next(NUMBERS)), "body": body})
    failed = lambda_handler({"Records": records}, CONTEXT)["batchItemFailures"]  # type: ignore[arg-type]
    return [each["itemIdentifier"] for each in failed]


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_unknown_message_is_delivered_once_its_report_says_so(shop: OpenClub, wrapped: bool) -> None:
    mail, text = sent(shop, state=DeliveryState.UNKNOWN), sent(shop, Channel.SMS, DeliveryState.UNKNOWN)
    assert deliver(mail_event(mail, "Delivery"), text_event(text, "TEXT_DELIVERED"), wrapped=wrapped) == []
    assert (mail.state, text.state) == (DeliveryState.DELIVERED, DeliveryState.DELIVERED)


def test_a_bounce_fails_the_message_and_ends_the_address_in_this_club_alone(
    shop: OpenClub, closed_shop: OpenClub
) -> None:
    message = sent(shop)
    assert deliver(bounce(message), bounce(message)) == []
    assert message.result is not None
    assert (message.state, message.result.reason) == (DeliveryState.FAILED, "bounced_for_good")
    assert message.is_suppressed()
    assert not message.is_suppressed(closed_shop)


def test_the_older_shape_ends_the_address_of_the_club_that_wrote(shop: OpenClub) -> None:
    message = sent(shop)
    old = bounce(message)
    old["notificationType"] = old.pop("eventType")
    del old["mail"]["tags"]
    old["mail"]["source"] = f"Bager Holm <{shop.till.club['slug']}@mail.example.com>"
    assert deliver(old) == []
    assert message.is_suppressed()
    assert message.state is DeliveryState.SENT, "it names no message"


def test_a_full_mailbox_ends_the_address_the_third_time(shop: OpenClub) -> None:
    for number in range(3):
        message = sent(shop)
        assert not message.is_suppressed(), number
        deliver(bounce(message, "Transient"), bounce(message, "Transient"))
    assert message.is_suppressed()
    other = sent(shop)
    deliver(mail_event(other, "Delivery", other.sent_at + timedelta(minutes=1)))
    assert not other.is_suppressed()


def test_a_complaint_ends_the_address_although_it_arrived(shop: OpenClub) -> None:
    message = sent(shop)
    told = mail_event(message, "Complaint", complainedRecipients=[{"emailAddress": "mette@example.com"}])
    deliver(mail_event(message, "Delivery"), told)
    deliver(mail_event(message, "Delivery"))
    assert (message.state, message.is_suppressed()) == (DeliveryState.DELIVERED, True)


def test_a_number_that_nobody_has_is_written_to_no_more(shop: OpenClub) -> None:
    message = sent(shop, Channel.SMS)
    deliver(text_event(message, "TEXT_INVALID"))
    assert (message.state, message.is_suppressed()) == (DeliveryState.FAILED, True)


KINDS = ["TEXT_QUEUED", "TEXT_SUCCESSFUL", "TEXT_DELIVERED", "TEXT_UNKNOWN"]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=6))
def test_reports_in_any_order_and_number_leave_what_is_known_best(shop: OpenClub, kinds: list[str]) -> None:
    message = sent(shop, Channel.SMS, DeliveryState.UNKNOWN)
    assert deliver(*[text_event(message, kind) for kind in kinds]) == []
    best = DeliveryState.SENT if set(kinds) != {"TEXT_UNKNOWN"} else DeliveryState.UNKNOWN
    assert message.state is (DeliveryState.DELIVERED if "TEXT_DELIVERED" in kinds else best)


def test_a_report_before_its_message_comes_again_and_is_given_up_after_a_while(shop: OpenClub) -> None:
    early = sent(shop, Channel.SMS, state=None)
    told, late = text_event(early, "TEXT_DELIVERED"), sent(shop, Channel.SMS)
    (failed,) = deliver(text_event(late, "TEXT_DELIVERED"), told)
    assert late.state is DeliveryState.DELIVERED, "one that waits held up the others"
    assert failed == str(next(NUMBERS) - 1)
    hours_ago = early.sent_at - timedelta(hours=1)
    assert deliver(text_event(early, "TEXT_DELIVERED", hours_ago)) == []
    assert early.state is None


FOREIGN = {"timestamp": "2026-11-22T12:00:00Z", "messageId": "x", "destination": ["a@b.dk"]}


@pytest.mark.parametrize(
    "told",
    [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        json.dumps({"eventType": "Delivery", "mail": {**FOREIGN, "tags": {"ref": ["zz_1_s0_0"]}}}),
        json.dumps({"eventType": "Delivery", "mail": FOREIGN}),
    ],
)
def test_what_is_no_message_of_ours_changes_nothing(shop: OpenClub, told: str) -> None:
    before = [*rows(shop.client, "members"), *rows(shop.client, "messages")]
    assert deliver(told, wrapped=True) == []
    assert [*rows(shop.client, "members"), *rows(shop.client, "messages")] == before


def test_what_cannot_be_read_comes_again_and_ends_in_the_failure_queue(shop: OpenClub) -> None:
    message = sent(shop, Channel.SMS)
    assert (
        len(
            deliver(
                "{", text_event(message, "TEXT_DELIVERED") | {"eventTimestamp": "soon"}, bounce(message) | {"mail": 7}
            )
        )
        == 3
    )


def test_an_erased_members_report_is_nobodys(shop: OpenClub, tables: DynamoDBClient) -> None:
    message = sent(shop, Channel.SMS)
    tables.update_item(
        TableName="messages",
        Key={"pk": {"S": message.key.pk}, "sk": {"S": "LIST"}},
        UpdateExpression="SET members[1] = :nobody",
        ExpressionAttributeValues={":nobody": {"S": ""}},
    )
    assert deliver(text_event(message, "TEXT_DELIVERED")) == []
    assert message.state is DeliveryState.SENT


def test_stop_by_two_way_messaging_stops_and_answers(shop: OpenClub) -> None:
    number = shop.number()
    shop.joined(number, sms="yes")
    told = {
        "originationNumber": f"+45{number}",
        "destinationNumber": "+4599",
        "messageBody": "Stop",
        "inboundMessageId": "i",
    }
    assert deliver(told, told) == []
    _, records = stored(shop, number)
    assert (records[-1].evidence.method, [each.value for each in records[-1].withdrawn]) == ("text_reply", ["sms"])
    (answer,) = shop.messages("stopped")
    assert answer["recipient"] == f"+45{number}"


def test_the_log_names_nobody(shop: OpenClub, caplog: pytest.LogCaptureFixture) -> None:
    number = shop.number()
    shop.joined(number, sms="yes")
    message = sent(shop)
    caplog.clear()
    deliver(bounce(message), {"originationNumber": f"+45{number}", "messageBody": "STOP hemmeligt"}, "{")
    logged = repr([vars(record) for record in caplog.records])
    assert "report taken" in logged
    assert "answer heard" in logged
    for secret in ("example.com", "EXAMPLE.COM", "550", number, "hemmeligt", message.member_id):
        assert secret not in logged
