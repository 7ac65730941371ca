"""The functions' real handlers, fed with the gateway's real events, on the real engine."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config

from stamkunde.bootstrap import CLIENT_CONFIG, aws_client, dynamodb_client
from tests.tables import create_tables
from tests.till_client import TillClient, gateway_event

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ORIGIN_SECRET = "local-front-door"
CONTEXT = SimpleNamespace(
    function_name="test", memory_limit_in_mb=512, invoked_function_arn="arn:test", aws_request_id="test-request"
)


@pytest.fixture(scope="session")
def environment(engine_endpoint: str) -> Iterator[None]:
    """What the stacks would tell the functions; one account of the engine for the whole session."""
    account = f"{random.randrange(10**11, 10**12)}"
    variables = {
        "AWS_REGION": "eu-north-1",
        "AWS_ENDPOINT_URL": engine_endpoint,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "CLUBS_TABLE": "clubs",
        "MEMBERS_TABLE": "members",
        "LEDGER_TABLE": "ledger",
        "VIEWS_TABLE": "views",
        "MESSAGES_TABLE": "messages",
        "MESSAGE_QUEUE": "message-worker",
        "MEMBER_MACHINE": f"arn:aws:states:eu-north-1:{account}:stateMachine:member-due",
        "ERASURE_MACHINE": f"arn:aws:states:eu-north-1:{account}:stateMachine:member-erased",
        "CAMPAIGN_MACHINE": f"arn:aws:states:eu-north-1:{account}:stateMachine:campaign-begun",
        # Buckets have one name in all accounts.
        "EVIDENCE_BUCKET": f"evidence-{account}",
        "TOMBSTONE_BUCKET": f"tombstones-{account}",
        "ORIGIN_SECRET": ORIGIN_SECRET,
        "PAGES_DOMAIN": "klub.example.com",
        "SHORT_DOMAIN": "k.test",
        "MAIL_DOMAIN": "stamkunde.test",
        "CLUB_CLOCKS": "allowed",
        "SMS_GATEWAY": "gatewayapi",
        "GATEWAYAPI_HOOK_SECRET": "/stamkunde/gatewayapi/hook",
    }
    before = dict(os.environ)
    os.environ.update(variables)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def tables(environment: None) -> DynamoDBClient:
    """The tables the handlers use, asked with more patience: to see all rows of many tests takes a while.

    Beside them, where they keep photos of forms and note who is erased.
    """
    from operator_task.handler import SETTINGS

    client = dynamodb_client(SETTINGS, CLIENT_CONFIG.merge(Config(read_timeout=60)))
    create_tables(client)
    files = aws_client("s3", SETTINGS, CLIENT_CONFIG)
    where = {"LocationConstraint": SETTINGS.region}
    for bucket in (SETTINGS.tombstone_bucket, SETTINGS.evidence_bucket):
        files.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
    return client


@pytest.fixture
def operate(tables: DynamoDBClient) -> Any:
    """Carry out an operator's task."""
    from operator_task.handler import lambda_handler

    return lambda task, **given: lambda_handler({"task": task, **given}, CONTEXT)  # type: ignore[arg-type]


@pytest.fixture
def till(tables: DynamoDBClient, operate: Any) -> TillClient:
    """A till of a new club."""
    return new_till(operate)


def new_till(operate: Any, **given: Any) -> TillClient:
    """A new club with one till, and a client that calls the till API's handler with its key."""
    from tests.documented import assert_documented
    from till_api.handler import lambda_handler

    standard = {
        "slug": f"club-{random.randrange(10**9)}",
        "name": "Bager Holm",
        "country": "DK",
        "contact": "hej@bagerholm.example",
        "trade": "tourist_crafts",
        "keeping_reason": "Mange kommer kun på ferie, og ikke hvert år.",
    }
    club = operate("create_club", **(standard | given))
    operate("create_outlet", club_id=club["club_id"], outlet_id="banegaarden", name="Banegårdspladsen")
    shown = operate(
        "create_till",
        club_id=club["club_id"],
        outlet_id="banegaarden",
        till_id="kasse-1",
        name="Kasse 1",
        receipt_numbers="never",
    )

    def call(method: str, path: str, headers: dict[str, str], body: str) -> tuple[int, dict[str, str], Any]:
        event = gateway_event(method, path, {"x-stamkunde-origin": ORIGIN_SECRET} | headers, body)
        answer = lambda_handler(event, CONTEXT)  # type: ignore[arg-type]
        body = json.loads(answer["body"])
        assert_documented(method, path, answer["statusCode"], body)
        return answer["statusCode"], answer["headers"], body

    return TillClient(club, shown["key"], call)
