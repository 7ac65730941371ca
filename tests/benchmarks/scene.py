"""Where the benchmarks take place: the local engine with a club in it, and the events that tills send."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import replace
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import boto3

from infra.function_catalogue import TABLES
from infra.local.engine import Engine
from infra.local.home import LOOPBACK, Home
from infra.local.loopback import client
from infra.packaging import Packages, build
from tests import lambda_sandbox
from tests.local_stack import free_port

BARE_HANDLERS = Path(__file__).with_name("bare")
# Where the Lambda runtime has its own boto3; the development environment's stands in for it.
RUNTIME_PACKAGES = Path(boto3.__file__).parent.parent

LINES_A_RECEIPT = 3
MEMBERS = 100


@dataclass(frozen=True)
class Scene:
    """A running engine with one club, one till and some members who have accepted the terms.

    They buy in turns: the engine's queries take longer the more a partition holds, and AWS's don't.
    """

    packages: Packages
    endpoint: str
    till_key: str
    till_row: dict[str, Any]
    members: Iterator[dict[str, Any]]
    items: dict[str, dict[str, Any]]
    receipts: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def environment(self, function: str) -> dict[str, str]:
        """The variables of a function here."""
        return {**lambda_sandbox.function_environment(function), "AWS_ENDPOINT_URL": self.endpoint}

    def bare_environment(self) -> dict[str, str]:
        """The variables of a bare handler here."""
        tables = {f"{table.upper()}_TABLE": table for table in TABLES}
        return {**tables, "AWS_ENDPOINT_URL": self.endpoint}

    def ours(self, function: str, events: list[Any]) -> lambda_sandbox.Start:
        """One of our functions in a fresh process."""
        path = lambda_sandbox.function_path(self.packages, function)
        handler = f"{function}.handler.lambda_handler"
        return lambda_sandbox.start(path, handler, environment=self.environment(function), events=events)

    def bare(self, name: str, events: list[Any]) -> lambda_sandbox.Start:
        """A bare handler in a fresh process."""
        path = [BARE_HANDLERS, RUNTIME_PACKAGES]
        return lambda_sandbox.start(
            path, f"{name}.lambda_handler", environment=self.bare_environment(), events=events
        )

    def purchase_body(self, lines: int = LINES_A_RECEIPT) -> dict[str, Any]:
        """A new receipt of the next member, as the till API takes it."""
        member = next(self.members)
        return {
            "receipt_number": f"R{next(self.receipts):08d}",
            "bought_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "currency": "DKK",
            "member_id": member["member_id"],
            "account_id": member["account_id"],
            "lines": [{"item_number": f"57000000{n:05d}", "quantity": 1, "amount": 4995} for n in range(lines)],
        }

    def purchase_event(self) -> dict[str, Any]:
        """A new receipt, as the gateway hands it over."""
        return post_event("/v1/purchases", self.purchase_body(), self.till_key)

    def bare_body(self) -> dict[str, Any]:
        """What the bare handler needs to write a receipt: copies of our own three items, under new keys."""
        number = next(self.receipts)
        keys = {
            "guard": {"pk": f"BARE#GUARD#{number}", "sk": "GUARD"},
            "account": {"pk": "BARE#ACCOUNT", "sk": "ACCOUNT"},
            "entry": {"pk": "BARE#ACCOUNT", "sk": f"ENTRY#{number}"},
        }
        items = {
            name: self.items[name] | {key: {"S": value} for key, value in own.items()} for name, own in keys.items()
        }
        return {
            "till_key": {name: self.till_row[name] for name in ("pk", "sk")},
            "account_pk": self.items["account"]["pk"],
            "items": items,
        }

    def bare_event(self) -> dict[str, Any]:
        """The bare handler's receipt, as the gateway hands it over."""
        return post_event("/v1/purchases", self.bare_body(), self.till_key)


@contextmanager
def scene() -> Iterator[Scene]:
    """Set the scene and take it down again."""
    packages = build()
    with tempfile.TemporaryDirectory(prefix="stamkunde-bench-") as folder:
        home = Home(Path(folder))
        home.prepare()
        engine = Engine(home, free_port())
        engine.start()
        try:
            yield _furnish(packages, engine.endpoint)
        finally:
            engine.stop()


def page_event(path: str) -> dict[str, Any]:
    """A browser's GET as API Gateway's HTTP API hands it to a Lambda (payload 2.0)."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"accept": "text/html", "x-stamkunde-origin": lambda_sandbox.ORIGIN_SECRET},
        "requestContext": {"http": {"method": "GET", "path": path, "sourceIp": "192.0.2.1"}},
        "isBase64Encoded": False,
    }


def post_event(path: str, body: Mapping[str, Any], till_key: str) -> dict[str, Any]:
    """A POST as API Gateway's HTTP API hands it to a Lambda (payload 2.0)."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "authorization": f"Bearer {till_key}",
            "content-type": "application/json",
            "x-stamkunde-origin": lambda_sandbox.ORIGIN_SECRET,
        },
        "requestContext": {
            "http": {"method": "POST", "path": path, "sourceIp": LOOPBACK},
            "stage": "$default",
        },
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


def _furnish(packages: Packages, endpoint: str) -> Scene:
    dynamodb = client("dynamodb", endpoint)
    for table in TABLES:
        dynamodb.create_table(
            TableName=table,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
    bare_stage = Scene(packages, endpoint, "", {}, iter(()), {})
    named = {"slug": "bench", "name": "Bench", "country": "DK", "contact": "Benchgade 1"}
    club = _operate(bare_stage, task="create_club", **named, trade="clothes")
    _operate(
        bare_stage,
        task="publish_join_page",
        club_id=club["club_id"],
        company="Bench ApS",
        registration_number="12345678",
        contact="bench@example.com",
        goods="benches",
        accent="#9a4f1c",
    )
    place = {"club_id": club["club_id"], "outlet_id": "shop"}
    _operate(bare_stage, task="create_outlet", name="Shop", **place)
    till = _operate(bare_stage, task="create_till", till_id="till", name="Till", receipt_numbers="never", **place)
    first_member, *members = _join(bare_stage, till["key"], club["terms_version"])
    stage = replace(
        bare_stage, till_key=till["key"], members=itertools.chain([first_member], itertools.cycle(members))
    )
    first = stage.ours("till_api", [stage.purchase_event()]).calls[0].answer
    assert first["statusCode"] == HTTPStatus.CREATED, first
    till_row = next(row for row in _rows(dynamodb, "clubs") if row["sk"]["S"].startswith("TILL#"))
    written = {
        row["sk"]["S"].partition("#")[0].lower(): row
        for row in _rows(dynamodb, "ledger")
        if "kind" not in row or row["kind"]["S"] == "purchase"
    }
    return replace(stage, till_row=till_row, items={name: written[name] for name in ("guard", "account", "entry")})


def _rows(dynamodb: Any, table: str) -> list[dict[str, Any]]:
    """All rows; binary values as text, since they travel in an event."""
    rows: list[dict[str, Any]] = dynamodb.scan(TableName=table)["Items"]
    return [
        {name: {"B": "x" * len(value["B"])} if "B" in value else value for name, value in row.items()} for row in rows
    ]


def _operate(stage: Scene, **task: str) -> dict[str, Any]:
    answer: dict[str, Any] = stage.ours("operator_task", [task]).calls[0].answer
    assert "code" not in answer, answer
    return answer


def _join(stage: Scene, till_key: str, terms_version: int) -> list[dict[str, Any]]:
    acceptance = {
        "terms_version": terms_version,
        "method": "counter_screen",
        "accepted_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    events = [
        post_event("/v1/members", {"phone": f"201234{n:02d}", "terms_acceptance": acceptance}, till_key)
        for n in range(MEMBERS)
    ]
    answers = [call.answer for call in stage.ours("till_api", events).calls]
    assert all(answer["statusCode"] == HTTPStatus.CREATED for answer in answers), answers[0]
    return [json.loads(answer["body"]) for answer in answers]
