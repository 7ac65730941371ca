"""A test message from the operators' task through queue and worker to a phone, in the deployed stack."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from infra.local.operator import Operator
from tests.journeys.traces import lines
from tests.local_stack import LocalStack, wait_until

PHONE = "28771905"


@pytest.fixture
def told(local_stack: LocalStack) -> dict[str, Any]:
    operator = Operator(local_stack.stack)
    club = operator.do(
        "create_club", slug=f"messages-{time.time_ns()}", name="Bager Ærø", country="DK", contact="x@example.com"
    )
    return operator.do("send_test_message", club_id=club["club_id"], phone=PHONE, wait_seconds=20)


def test_a_test_message_arrives_and_the_operator_is_told(local_stack: LocalStack, told: dict[str, Any]) -> None:
    assert (told["sender"], told["state"], told["reason"]) == ("BagerAeroe", "sent", None)
    shown = httpx.get(f"{local_stack.stack.aws_endpoint}/_ministack/sns/sms-messages", timeout=30).text
    assert f"+45{PHONE}" in shown


def test_no_log_of_the_worker_tells_to_whom_a_message_went(local_stack: LocalStack, told: dict[str, Any]) -> None:
    def of_the_message() -> list[str]:
        return [line for _, line in lines(local_stack) if told["message_id"] in line]

    wait_until(lambda: bool(of_the_message()))
    assert not [line for _, line in lines(local_stack) if PHONE in line or told["text"] in line]
