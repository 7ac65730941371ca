"""The ledger's invariants (docs/ledger.md), read back from the tables themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from stamkunde.ledger.model.accounts import LotKey
from stamkunde.shared.item import from_wire, to_wire
from tests.shop import Shop

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def assert_ledger_adds_up(shop: Shop, member_id: str) -> None:
    """Balance = sum of entries = sum of what is left in the lots, lot by lot; every amount is whole."""
    account = shop.account(member_id)
    entries = shop.entries(member_id)
    moved: Counter[LotKey] = Counter()
    for entry in entries:
        for change in entry.changes:
            moved[change.lot] += change.amount
    assert {lot: n for lot, n in moved.items() if n} == dict(account.lots)
    assert sum(entry.amount for entry in entries) == sum(account.lots.values()) - account.deficit
    assert sum(entry.movement.deficit for entry in entries) == account.deficit >= 0
    assert all(isinstance(n, int) and n > 0 for n in account.lots.values())
    # Accepting a version of the terms changes an account also where no bonus waits, and then leaves no entry.
    assert account.revision >= 1 + len(entries)


def rows(client: DynamoDBClient, table: str) -> list[dict[str, Any]]:
    """Everything in a table."""
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return [from_wire(item) for page in pages for item in page["Items"]]


def rows_of(client: DynamoDBClient, table: str, ids: Iterable[str]) -> list[dict[str, Any]]:
    """What a table holds of some clubs, or members: an account that many tests share holds hundreds."""
    named = {f":id{number}": each for number, each in enumerate(ids)}
    places = ("contains(pk, {})", "contains(sk, {})", "club = {}", "club_id = {}")
    pages = client.get_paginator("scan").paginate(
        TableName=table,
        ConsistentRead=True,
        FilterExpression=" OR ".join(place.format(name) for name in named for place in places),
        ExpressionAttributeValues=to_wire(named),
    )
    return [from_wire(item) for page in pages for item in page["Items"]]


def every_row(client: DynamoDBClient) -> dict[str, list[dict[str, Any]]]:
    """Everything in every table, to see that a refusal has written nothing."""
    return {
        table: sorted(rows(client, table), key=lambda row: (row["pk"], row["sk"]))
        for table in client.list_tables()["TableNames"]
    }
