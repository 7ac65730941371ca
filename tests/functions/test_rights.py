"""Every function in these suites is held to its rights; this shows that it would be noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests import rights
from tests.till_client import TillClient

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def test_a_right_that_is_missing_fails_the_call(till: TillClient, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str | None, str, str]] = []

    def note(*call: Any) -> None:
        seen.append(call)

    monkeypatch.setattr(rights, "check", note)
    till.join()
    assert {("till_api", "clubs", "Query"), ("till_api", "members", "PutItem")} <= set(seen)


@pytest.mark.parametrize(
    ("function", "table", "action"),
    [
        ("asset_page", "clubs", "GetItem"),
        ("join_page", "ledger", "DeleteItem"),
        ("till_api", "members", "Scan"),
        ("proof_job", "ledger", "PutItem"),
        ("ledger_job", "ledger", "DeleteItem"),
        ("ledger_job", "members", "Query"),
    ],
)
def test_nobody_does_what_the_catalogue_does_not_say(function: str, table: str, action: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=f"{function} may not {action} the table {table}"):
        rights.check(function, table, action)
    rights.check(None, table, action)


@pytest.mark.parametrize(
    ("function", "service", "operation"),
    [
        ("till_api", "sns", "Publish"),
        ("outbox_job", "sesv2", "SendEmail"),
        ("message_worker", "sqs", "SendMessageBatch"),
        ("join_page", "kms", "Decrypt"),
    ],
)
def test_nobody_sends_or_wakes_who_may_not(function: str, service: str, operation: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=f"{function} may not {operation} by {service}"):
        rights.check_service(function, service, operation)
    rights.check_service(None, service, operation)


def test_what_a_transaction_only_looks_at_needs_a_right_of_its_own(
    tables: DynamoDBClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "_caller", lambda: "till_api")
    condition = {"TableName": "clubs", "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}, "ConditionExpression": "pk = sk"}
    with pytest.raises(pytest.fail.Exception, match="till_api may not ConditionCheckItem the table clubs"):
        tables.transact_write_items(TransactItems=[{"ConditionCheck": condition}])  # type: ignore[typeddict-item]
