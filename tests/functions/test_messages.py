"""From the row to phone and mailbox, through the real handlers, queue and gateways of the engine."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from copy import replace
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import botocore.session
import httpx
import pytest

from stamkunde.clubs.model import Club
from stamkunde.clubs.store import ClubStore
from stamkunde.gateways.wake_ups import WakeUps
from stamkunde.members.codes import CodePurpose, new_challenge, one_time_code
from stamkunde.message_bootstrap import email_gateway, member_messages, sms_gateway
from stamkunde.messaging.member_messages import MemberMessages
from stamkunde.messaging.outbox import Message
from stamkunde.messaging.sending import Gateways
from stamkunde.messaging.store import outbox_key
from stamkunde.observability import logger
from stamkunde.shared.clock import SystemClock
from stamkunde.shared.item import to_wire
from tests.function_fixtures import CONTEXT, new_till
from tests.gateways.network import Mood, Network, running_network
from tests.ledger_checks import rows_of

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def wake_up(*keys: dict[str, str]) -> dict[str, Any]:
    """The event that a queue's mapping makes of wake-ups."""
    records = [{"messageId": str(number), "body": json.dumps(key)} for number, key in enumerate(keys)]
    return {"Records": records}


@pytest.fixture
def queue(tables: DynamoDBClient, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The real queue that the handlers wake the worker by; what lies in it."""
    from operator_task import handler as operator_task
    from outbox_job import handler as outbox_job

    client: Any = botocore.session.get_session().create_client("sqs", region_name="eu-north-1")
    url = client.create_queue(QueueName="message-worker")["QueueUrl"]
    wake_ups = WakeUps(operator_task.DESK.wake_ups.client, url)
    monkeypatch.setattr(operator_task, "DESK", replace(operator_task.DESK, wake_ups=wake_ups))
    monkeypatch.setattr(outbox_job, "CARE", replace(outbox_job.CARE, wake_ups=wake_ups))

    def bodies() -> list[str]:
        found: list[str] = []
        while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            found += [message["Body"] for message in messages]
        return found

    bodies()
    return bodies


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, tables: DynamoDBClient) -> Iterator[Network]:
    """The worker in front of a network that fails on demand."""
    from message_worker import handler

    with running_network() as running, monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", running.url)
        gateways = Gateways(sms_gateway(handler.SETTINGS), email_gateway(handler.SETTINGS))
        patch.setattr(handler, "SENDING", replace(handler.SENDING, gateways=gateways))
        yield running


@pytest.fixture
def club(operate: Any) -> dict[str, Any]:
    shown: dict[str, Any] = new_till(operate, country="NO", name="Café Ærlig").club
    return shown


def on_phones() -> str:
    answer = httpx.get(
        f"{os.environ['AWS_ENDPOINT_URL']}/_ministack/sns/sms-messages",
        params={"account": os.environ["AWS_ACCESS_KEY_ID"]},
        timeout=30,
    )
    return json.dumps(answer.json(), ensure_ascii=False)


def work(*bodies: str) -> dict[str, Any]:
    from message_worker.handler import lambda_handler

    return lambda_handler(wake_up(*map(json.loads, bodies)), CONTEXT)  # type: ignore[arg-type]


def deliveries(tables: DynamoDBClient, message_id: str) -> list[dict[str, Any]]:
    return [row for row in rows_of(tables, "messages", [message_id]) if row["sk"] == "DELIVERY"]


def test_a_test_message_reaches_a_phone_in_the_clubs_name_and_language(
    club: dict[str, Any], operate: Any, queue: Any, tables: DynamoDBClient
) -> None:
    told = operate("send_test_message", club_id=club["club_id"], phone="40 61 23 45")
    assert told["sender"] == "CafeAerlig"
    assert told["text"] == "Dette er en test fra Café Ærlig. Du trenger ikke gjøre noe."
    assert (told["state"], told["reason"]) == ("pending", None)
    (body,) = queue()
    assert work(body) == {"batchItemFailures": []}
    shown = on_phones()
    assert "+4740612345" in shown
    assert told["text"] in shown
    assert "CafeAerlig" in shown
    (delivery,) = deliveries(tables, told["message_id"])
    assert (delivery["outcome"], delivery["kind"], delivery["class"]) == ("sent", "test", "critical")


@dataclass(frozen=True)
class Post:
    """A club's messages to members, put together as the functions do it."""

    members: MemberMessages
    club: Club

    def write(self, message: Message) -> dict[str, str]:
        self.members.store.commit(self.members.writes(message))
        return outbox_key(message)

    def code(self, phone: str) -> tuple[Message, str]:
        challenge = new_challenge(CodePurpose.JOIN, SystemClock().now()).challenge_id
        message = self.members.code(phone, challenge, "nb", SystemClock().now())
        return message, one_time_code(self.club.signing_keys, challenge, CodePurpose.JOIN, phone)

    def confirm_email(self, address: str, token: str) -> Message:
        return self.members.confirm_email(address, token, "nb", SystemClock().now())


@pytest.fixture
def post(club: dict[str, Any], tables: DynamoDBClient) -> Post:
    from message_worker.handler import SETTINGS

    stored = ClubStore(tables, "clubs", club["club_id"]).load()
    assert stored is not None
    return Post(member_messages(SETTINGS, tables, stored), stored)


def test_a_code_reaches_a_phone_and_is_the_one_that_the_page_will_ask_for(post: Post, tables: DynamoDBClient) -> None:
    message, code = post.code("+4740612345")
    assert work(json.dumps(post.write(message))) == {"batchItemFailures": []}
    assert f"{code} er koden din til Café Ærlig." in on_phones()
    assert f"@klub.example.com #{code}" in on_phones()
    (delivery,) = deliveries(tables, message.message_id)
    assert (delivery["outcome"], delivery["kind"], delivery["parts"]) == ("sent", "code", 1)


def test_an_e_mail_reaches_its_address_from_the_clubs_name_at_our_domain(post: Post, tables: DynamoDBClient) -> None:
    mail: Any = botocore.session.get_session().create_client("sesv2", region_name="eu-north-1")
    mail.create_email_identity(EmailIdentity="stamkunde.test")
    message = post.confirm_email("mette@example.com", "0123456789abcdef")
    assert work(json.dumps(post.write(message))) == {"batchItemFailures": []}
    (delivery,) = deliveries(tables, message.message_id)
    assert (delivery["outcome"], delivery["channel"], delivery["encoding"]) == ("sent", "email", None)
    shown = httpx.get(f"{os.environ['AWS_ENDPOINT_URL']}/_ministack/ses/messages").json()["messages"]
    (email,) = [
        each for each in shown[os.environ["AWS_ACCESS_KEY_ID"]] if each["MessageId"] == delivery["provider_id"]
    ]
    assert email["Subject"] == "Bekreft e-posten din hos Café Ærlig"
    assert "\nhttps://k.test/0123456789abcdef\n" in email["BodyText"]
    assert email["Source"].endswith(f"<{post.club.slug}@stamkunde.test>")


def test_an_operator_who_waits_is_told_what_became_of_it(
    club: dict[str, Any], operate: Any, queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = WakeUps.send

    def send_and_work(self: WakeUps, keys: Any) -> int:
        lost = send(self, keys)
        work(*map(json.dumps, keys))
        return lost

    monkeypatch.setattr(WakeUps, "send", send_and_work)
    told = operate("send_test_message", club_id=club["club_id"], phone="40612345", wait_seconds=5)
    assert told["state"] == "sent"


def test_the_minute_job_leaves_what_is_young_alone(club: dict[str, Any], operate: Any, queue: Any) -> None:
    from outbox_job.handler import lambda_handler

    operate("send_test_message", club_id=club["club_id"], phone="40612345")
    (body,) = queue()
    lambda_handler({}, CONTEXT)  # type: ignore[arg-type]
    assert body not in queue()
    work(body)


def test_the_minute_job_tells_of_a_row_that_it_cannot_read_where_and_not_what(
    queue: Any,
    post: Post,
    tables: DynamoDBClient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from outbox_job.handler import lambda_handler

    message, _ = post.code("+4740612345")
    long_due = replace(message, due_at=message.due_at - timedelta(minutes=3))
    put = post.members.store.outbox_write(long_due)
    key = {"pk": put.item["pk"], "sk": put.item["sk"]}
    tables.put_item(TableName="messages", Item=to_wire(put.item | {"kind": "fortune"}))
    log = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", log)
    try:
        told = lambda_handler({}, CONTEXT)  # type: ignore[arg-type]
    finally:
        tables.delete_item(TableName="messages", Key=to_wire(key))
    # Other tests' messages may wait here too.
    assert told["broken"] == 1
    assert told["waiting"] >= 1
    line = next(line for line in map(json.loads, log.getvalue().splitlines()) if line["level"] == "ERROR")
    assert (line["message"], line["error"], line["row"]) == ("outbox row broke", "ValueError", key["sk"])
    assert line["frames"]
    assert "612345" not in log.getvalue()
    assert "fortune" not in log.getvalue()
    noted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [blob["MessagesBroken"] for blob in noted if "MessagesBroken" in blob] == [[1.0]]
    assert [blob["MessagesWaiting"] for blob in noted if "MessagesWaiting" in blob] == [[told["waiting"]]]


def test_refusals_come_back_as_problems_and_write_nothing(club: dict[str, Any], operate: Any, queue: Any) -> None:
    abroad = operate("send_test_message", club_id=club["club_id"], phone="+44 7400 123456")
    assert (abroad["status"], abroad["code"]) == (422, "phone_country_not_allowed")
    assert operate("send_test_message", club_id="c0000000000000000", phone="40612345")["code"] == "unknown_club"
    assert queue() == []
    for _ in range(5):
        operate("send_test_message", club_id=club["club_id"], phone="40612345")
    many = operate("send_test_message", club_id=club["club_id"], phone="40612345")
    assert (many["status"], many["code"]) == (429, "too_many_messages")
    bodies = queue()
    assert len(bodies) == 5
    work(*bodies)


def test_one_message_that_fails_does_not_hold_up_the_others(
    club: dict[str, Any], operate: Any, queue: Any, network: Network, tables: DynamoDBClient
) -> None:
    from message_worker.handler import lambda_handler

    told = [operate("send_test_message", club_id=club["club_id"], phone="40612345") for _ in range(2)]
    bodies = queue()
    network.mood = Mood.THROTTLES
    assert work(bodies[0]) == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    network.mood = Mood.ACCEPTS
    event = {"Records": [{"messageId": "broken", "body": "not a key"}, *wake_up(json.loads(bodies[1]))["Records"]]}
    assert lambda_handler(event, CONTEXT) == {"batchItemFailures": [{"itemIdentifier": "broken"}]}  # type: ignore[arg-type]
    assert work(bodies[0]) == {"batchItemFailures": []}
    outcomes = [row["outcome"] for each in told for row in deliveries(tables, each["message_id"])]
    assert outcomes == ["sent", "sent"]


@pytest.mark.parametrize("mood", [Mood.ACCEPTS, Mood.THROTTLES, Mood.REFUSES, Mood.BREAKS, Mood.RESETS])
def test_neither_log_nor_queue_tells_to_whom_or_what_was_written(
    club: dict[str, Any],
    operate: Any,
    queue: Any,
    post: Post,
    network: Network,
    mood: Mood,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from message_worker.handler import lambda_handler

    log = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", log)
    network.mood = mood
    operate("send_test_message", club_id=club["club_id"], phone="40612345")
    operate("send_test_message", club_id=club["club_id"], phone="40612345 Ibrahim")
    code_message, code = post.code("+4740612345")
    e_mail = post.confirm_email("ibrahim@example.com", "0123456789abcdef")
    for message in (code_message, e_mail):
        post.write(message)
        post.members.wake(message)
    bodies = queue()
    assert len(bodies) >= 3
    work(*bodies)
    broken = {"Records": [{"messageId": "broken", "body": '"+4740612345 Ibrahim"'}]}
    lambda_handler(broken, CONTEXT)  # type: ignore[arg-type]
    logged = log.getvalue()
    assert "message recorded" in logged or "message waits on" in logged
    assert "message broke" in logged
    for told in (logged, *bodies):
        assert "612345" not in told
        assert "20123456" not in told
        assert "ibrahim" not in told.lower()
        assert code not in told
        assert "0123456789abcdef" not in told
        assert "Dette er en test" not in told
    network.mood = Mood.ACCEPTS
    work(*bodies)
