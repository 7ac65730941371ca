"""A till sends what was sold and paid; what it has reckoned itself is not asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ledger_checks import every_row
from tests.till_client import TillClient

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


@pytest.mark.parametrize("field", ["earned", "bonus", "points", "balance", "rate", "stamps", "total"])
def test_what_a_till_has_reckoned_itself_is_refused(till: TillClient, tables: DynamoDBClient, field: str) -> None:
    member_id = till.join().body["member_id"]
    before = every_row(tables)
    answer = till.send("POST", "/v1/purchases", till.receipt(member_id) | {field: 100_000})
    assert (answer.status, answer.code, answer.body["pointer"]) == (422, "invalid_field", f"/{field}")
    assert every_row(tables) == before
