"""What GatewayAPI.com calls: only what it has signed is believed, and it is written before it is answered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from gateway_hook.signature import signed_content
from stamkunde.bootstrap import CLIENT_CONFIG, aws_client
from stamkunde.messaging.model import DeliveryState
from stamkunde.settings import Settings
from stamkunde.shared.channel import Channel
from tests.function_fixtures import CONTEXT, ORIGIN_SECRET
from tests.functions.conftest import OpenClub
from tests.functions.test_delivery_worker import Message, sent
from tests.functions.test_join_page import stored
from tests.till_client import gateway_event

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

SECRET = "agreed with the gateway"
PATH = "/hooks/gatewayapi"
# Of GatewayAPI's own documentation, signed with the word "secret".
DOCUMENTED = (
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpZCI6MjM4MTcwMywibXNpc2RuIjo0NTQyNjA5MDQ1LCJ0aW1lIjoxNTIyNzY0MDYyLCJzdGF0"
    "dXMiOiJERUxJVkVSRUQiLCJlcnJvciI6bnVsbCwiY29kZSI6bnVsbCwidXNlcnJlZiI6bnVsbCwiY2FsbGJhY2tfdXJsIjoiaHR0cDovL2JiYWY3"
    "MTQyLm5ncm9rLmlvIiwiYXBpIjo0fQ.KdfDH65bnQtgxEkFnpAQodOciAJedZFB13r9wEo8t3Y"
)


@pytest.fixture(scope="session")
def agreed(tables: DynamoDBClient) -> None:
    """The secret in the parameter store, where an operator has put it."""
    store = aws_client("ssm", Settings(region="eu-north-1"), CLIENT_CONFIG)
    store.put_parameter(Name="/stamkunde/gatewayapi/hook", Value=SECRET, Type="SecureString", Overwrite=True)


@pytest.fixture(autouse=True)
def _with_the_secret(agreed: None) -> None:
    """Every test here has it."""


def token(content: Any, secret: str = SECRET, header: Any = None) -> str:
    signed = f"{encoded(header or {'typ': 'JWT', 'alg': 'HS256'})}.{encoded(content)}"
    proof = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(proof).decode().rstrip('=')}"


def encoded(part: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def call(signature: str | None, body: Any = None, method: str = "POST", **headers: str) -> dict[str, Any]:
    from gateway_hook.handler import lambda_handler

    given = {"x-stamkunde-origin": ORIGIN_SECRET, "content-type": "application/json"} | headers
    if signature is not None:
        given["x-gwapi-signature"] = signature
    event = gateway_event(method, PATH, given, json.dumps(body or {}))
    return lambda_handler(event, CONTEXT)  # type: ignore[arg-type]


def told_of(message: Message, status: str = "DELIVERED") -> dict[str, Any]:
    at = int(message.sent_at.timestamp())
    return {"id": 1000001, "msisdn": 4520123456, "time": at, "status": status, "userref": message.reference}


def test_a_report_is_written_down_and_answered(shop: OpenClub) -> None:
    message = sent(shop, Channel.SMS, DeliveryState.UNKNOWN)
    assert [call(token(told_of(message)))["statusCode"] for _ in range(2)] == [200, 200]
    assert message.state is DeliveryState.DELIVERED


def test_only_what_was_signed_is_read(shop: OpenClub) -> None:
    message, other = sent(shop, Channel.SMS), sent(shop, Channel.SMS)
    assert call(token(told_of(message)), told_of(other))["statusCode"] == 200
    assert (message.state, other.state) == (DeliveryState.DELIVERED, DeliveryState.SENT)


@pytest.mark.parametrize(
    "forged",
    [
        lambda told: None,
        lambda told: "",
        lambda told: "a.b.c",
        lambda told: token(told, "guessed"),
        lambda told: token(told, ""),
        lambda told: f"{encoded({'alg': 'none'})}.{encoded(told)}.",
        lambda told: token(told, header={"typ": "JWT", "alg": "none"}),
        lambda told: token(told, header={"typ": "JWT", "alg": "RS256"}),
        lambda told: token(told)[:-1],
        lambda told: token(told) + "A",
        lambda told: token({**told, "status": "ENROUTE"}).rpartition(".")[0] + "." + token(told).rpartition(".")[2],
        lambda told: token([told]),
        lambda told: DOCUMENTED,
        lambda told: token(told).replace(".", "é", 1),
        lambda told: token({**told, "more": "x" * 20_000}),
    ],
)
def test_nobody_is_believed_without_the_signature(shop: OpenClub, forged: Any) -> None:
    message = sent(shop, Channel.SMS)
    answer = call(forged(told_of(message)), told_of(message))
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (403, "signature_wrong")
    assert message.state is DeliveryState.SENT


def test_nobody_gets_there_but_through_the_front_door(shop: OpenClub) -> None:
    message = sent(shop, Channel.SMS)
    answer = call(token(told_of(message)), **{"x-stamkunde-origin": "guessed"})
    assert json.loads(answer["body"])["code"] == "origin_refused"
    assert message.state is DeliveryState.SENT


def test_a_reference_to_another_clubs_message_changes_nothing_here(shop: OpenClub, closed_shop: OpenClub) -> None:
    message = sent(shop, Channel.SMS)
    told = told_of(message)
    told["userref"] = told["userref"].replace(shop.club.club_id, closed_shop.club.club_id)
    assert call(token(told))["statusCode"] == 200
    assert message.state is DeliveryState.SENT


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_posting_is_offered(method: str) -> None:
    assert call(token({}), method=method)["statusCode"] == HTTPStatus.METHOD_NOT_ALLOWED


@pytest.mark.parametrize("told", [{}, {"msisdn": "x"}, {"id": 1, "msisdn": 45, "status": "DELIVERED"}])
def test_what_is_signed_and_still_no_report_is_refused(told: dict[str, Any]) -> None:
    assert call(token(told))["statusCode"] == HTTPStatus.BAD_REQUEST


def test_a_report_before_its_message_is_asked_for_again(shop: OpenClub) -> None:
    message = sent(shop, Channel.SMS, state=None)
    answer = call(token(told_of(message)))
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "60")


def test_stop_and_start_by_text_message(shop: OpenClub) -> None:
    number = shop.number()
    shop.joined(number, sms="yes")

    def answered(text: str) -> dict[str, Any]:
        told = {"id": 7, "msisdn": int(f"45{number}"), "receiver": 451204, "message": text, "senttime": 1795348800}
        return call(token(told | {"webhook_label": "stamkunde"}))

    assert answered(f"STOP {shop.till.club['slug']}")["statusCode"] == 200
    _, records = stored(shop, number)
    assert [kind.value for kind in records[-1].withdrawn] == ["sms"]
    assert len(shop.messages("stopped")) == 1
    assert answered("start")["statusCode"] == 200
    _, records = stored(shop, number)
    assert [wording.kind.value for wording in records[-1].given] == ["sms"]


def test_where_another_gateway_is_used_nobody_may_call(shop: OpenClub, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway_hook import handler

    monkeypatch.setattr(handler, "SETTINGS", Settings(region="eu-north-1", gatewayapi_hook_secret="/stamkunde/x"))
    assert call(token(told_of(sent(shop, Channel.SMS))))["statusCode"] == HTTPStatus.NOT_FOUND


def test_the_signature_of_the_gateways_own_documentation_is_read() -> None:
    content = signed_content(DOCUMENTED, "secret")
    assert content is not None
    assert (content["msisdn"], content["status"]) == (4542609045, "DELIVERED")
    assert signed_content(DOCUMENTED, "") is None
