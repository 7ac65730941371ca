"""What it costs to look at members who are due, and to remind them: the same in a small club and in a large one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stamkunde.retention.store import DUE_SHARDS
from tests.due_cost import DUE, Units, cost_of_an_hour
from tests.due_scene import open_due_shop

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

SIZES = (1_000, 10_000)


def test_an_hour_costs_the_same_however_many_members_there_are(dynamodb: DynamoDBClient) -> None:
    small, large = (cost_of_an_hour(open_due_shop(dynamodb), members) for members in SIZES)
    assert small == large
    assert small.nobody == Units(written=1, read=DUE_SHARDS + 1)
    assert small.rearmed.written == 2 * DUE + 1
    assert small.rearmed.read == DUE_SHARDS + 1 + DUE
    assert small.acted.written > small.rearmed.written
    assert small.is_within_the_budget()
