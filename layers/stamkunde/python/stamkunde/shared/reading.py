"""Reading rows: one by its key, or all of a partition whose sort keys begin alike. Nothing here can scan."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from stamkunde.shared.item import from_wire, to_wire

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def get_row(client: "DynamoDBClient", table: str, pk: str, sk: str, *, consistent: bool) -> dict[str, Any] | None:
    """One row, or None; `consistent` reads what was last confirmed, at twice the price."""
    answer = client.get_item(TableName=table, Key=to_wire({"pk": pk, "sk": sk}), ConsistentRead=consistent)
    return from_wire(answer["Item"]) if "Item" in answer else None


def query_rows(
    client: "DynamoDBClient", table: str, pk: str, sk_prefix: str | None = None, *, consistent: bool = False
) -> Iterator[dict[str, Any]]:
    """All rows of a partition in the order of their sort keys, page by page as they are taken."""
    values = {":pk": pk} if sk_prefix is None else {":pk": pk, ":sk": sk_prefix}
    pages = client.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="pk = :pk" if sk_prefix is None else "pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues=to_wire(values),
        ConsistentRead=consistent,
    )
    return (from_wire(item) for page in pages for item in page["Items"])


def query_between(
    client: "DynamoDBClient", table: str, pk: str, first: str, last: str, *, consistent: bool
) -> Iterator[dict[str, Any]]:
    """The rows of a partition whose sort keys lie between two, both included, in their order."""
    pages = client.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
        ExpressionAttributeValues=to_wire({":pk": pk, ":first": first, ":last": last}),
        ConsistentRead=consistent,
    )
    return (from_wire(item) for page in pages for item in page["Items"])
