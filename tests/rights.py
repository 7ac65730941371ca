"""Holds functions under test to the catalogue's rights: AWS refuses what the local engine lets everybody do.

The engine asks nobody for rights. So every call that a handler makes, in the suites that run under this, is compared
with what its function's role may do: on tables, on queues, to phones and to mailboxes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.client import BaseClient

from infra.function_catalogue import FUNCTIONS
from infra.function_description import Function

FOLDERS = {f"/functions/{function.name}/": function for function in FUNCTIONS}


@pytest.fixture(autouse=True)
def held_to_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse what AWS would refuse."""
    make_call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: BaseClient, operation: str, given: Mapping[str, Any]) -> Any:
        function, service = _caller(), client.meta.service_model.service_name
        for table, action in _on_tables(operation, given):
            check(function, table, action)
        if service != "dynamodb":
            check_service(function, service, operation)
        return make_call(client, operation, given)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)


def check(function: str | None, table: str, action: str) -> None:
    """Fail when a function does what its role may not."""
    rights = next((each.rights for each in FUNCTIONS if each.name == function), None)
    # Not an assertion: a handler would take that for a fault of its own, and answer.
    if rights is not None and action not in rights.get(table, ()):
        pytest.fail(f"{function} may not {action} the table {table}")


def check_service(function: str | None, service: str, operation: str) -> None:
    """Fail when a function calls what is no table and its role says nothing of."""
    allowed = next((_other_calls(each) for each in FUNCTIONS if each.name == function), None)
    if allowed is not None and (service, operation) not in allowed:
        pytest.fail(f"{function} may not {operation} by {service}")


def _other_calls(function: Function) -> set[tuple[str, str]]:
    waking = {("sqs", "SendMessageBatch")} if function.wakes else set()
    starting = {("stepfunctions", "StartExecution")} if function.starts else set()
    # The right to list is called otherwise than what lists.
    on_files = (*function.on_evidence, *function.on_tombstones)
    names = ("ListObjectsV2" if action == "ListBucket" else action for action in on_files)
    keeping = {("s3", name) for name in names}
    sending = {("sns", "Publish"), ("sesv2", "SendEmail")} if function.sends_messages else set()
    campaigning = {("pinpoint-sms-voice-v2", "SendTextMessage")} if function.sends_campaigns else set()
    reading = {("ssm", "GetParameter")} if function.sends_campaigns or function.hears_gatewayapi else set()
    return waking | starting | keeping | sending | campaigning | reading


def _on_tables(operation: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The tables that a call reaches, and what it does there; a transaction needs the rights of its writes."""
    for write in given.get("TransactItems", ()):
        ((kind, what),) = write.items()
        yield what["TableName"], f"{kind}Item"
    for table in given.get("RequestItems", ()):
        yield table, operation
    if "TableName" in given:
        yield given["TableName"], operation


def _caller() -> str | None:
    """The function whose handler is at work, found among the callers; None for a test's own call."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        path = frame.f_code.co_filename
        if frame.f_code.co_name == "lambda_handler":
            return next((function.name for folder, function in FOLDERS.items() if folder in path), None)
    return None
