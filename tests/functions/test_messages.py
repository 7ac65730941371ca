"""From an operator's task to the phone, through the real handlers, queue and gateway of the engine."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import botocore.session
import httpx
import pytest

from stamkunde.gateways.wake_ups import WakeUps
from stamkunde.message_bootstrap import sms_gateway
from stamkunde.observability import logger
from tests.function_fixtures import CONTEXT, new_till
from tests.gateways.network import Mood, Network, running_network
from tests.ledger_checks import rows

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
        patch.setattr(handler, "SENDING", replace(handler.SENDING, sms=sms_gateway(handler.SETTINGS)))
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
    return [row for row in rows(tables, "messages") if row["pk"].endswith(message_id) and row["sk"] == "DELIVERY"]


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
    bodies = queue()
    work(*bodies)
    broken = {"Records": [{"messageId": "broken", "body": '"+4740612345 Ibrahim"'}]}
    lambda_handler(broken, CONTEXT)  # type: ignore[arg-type]
    logged = log.getvalue()
    assert "message recorded" in logged or "message waits on" in logged
    assert "message broke" in logged
    for told in (logged, *bodies):
        assert "612345" not in told
        assert "20123456" not in told
        assert "Ibrahim" not in told
        assert "Dette er en test" not in told
    network.mood = Mood.ACCEPTS
    work(*bodies)
