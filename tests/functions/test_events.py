"""The sample events under events/ are real payloads: each handler takes its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.home import ROOT
from tests.function_fixtures import CONTEXT, ORIGIN_SECRET
from tests.till_client import TillClient

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def cases(function: str) -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "events" / function).glob("*.json"))}


def test_there_is_an_event_for_every_task_of_an_operator(tables: DynamoDBClient) -> None:
    from operator_task.tasks import TASKS

    assert {event["task"] for event in cases("operator_task").values()} == {
        model.__struct_config__.tag for model in TASKS
    }


@pytest.mark.parametrize("case", cases("operator_task"))
def test_an_operators_event_is_carried_out(case: str, till: TillClient, operate: Any) -> None:
    event = dict(cases("operator_task")[case])
    if "club_id" in event:
        event["club_id"] = till.club["club_id"]
    if case == "show_club":
        event["slug"] = till.club["slug"]
    fresh = {"create_club": {"slug": f"new-{till.club['slug']}"}, "create_till": {"till_id": "kasse-2"}}
    event |= fresh.get(case, {})
    if case == "create_outlet":
        event["outlet_id"] = "trojborg"
    answer = operate(**event)
    # The test club lives in real time, so the one thing that can't be done to it is to move its clock.
    assert answer.get("code") == ("clock_not_movable" if case == "move_clock" else None)


def test_there_is_an_event_for_every_route() -> None:
    from till_api.routes import ROUTES

    assert set(cases("till_api")) == {route.name for route in ROUTES}


@pytest.mark.parametrize("case", cases("till_api"))
def test_a_tills_event_is_understood(case: str, till: TillClient) -> None:
    from till_api.handler import lambda_handler

    event = cases("till_api")[case]
    event["headers"] |= {"authorization": f"Bearer {till.key}", "x-stamkunde-origin": ORIGIN_SECRET}
    answer = json.loads(lambda_handler(event, CONTEXT)["body"])  # type: ignore[arg-type]
    # The events name nobody who exists, and carry the time they were written down: understood, then refused for that.
    assert (
        answer.get("code")
        == {
            "look_up_member": "unknown_member",
            "join_member": "acceptance_before_terms",
            "quote_purchase": "unknown_member",
            "book_purchase": "unknown_member",
            "book_purchases": None,
            "show_purchase": "unknown_purchase",
            "show_ledger": "unknown_member",
        }[case]
    )


@pytest.mark.parametrize("function", ["ledger_stream", "day_totals_job", "message_worker", "outbox_job"])
def test_a_workers_events_are_taken(function: str, tables: DynamoDBClient) -> None:
    import importlib

    handler = importlib.import_module(f"{function}.handler").lambda_handler
    assert cases(function)
    for event in cases(function).values():
        handler(event, CONTEXT)
