"""Reading rows: one by its key, or all of a partition whose sort keys begin alike. Nothing here can scan."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stamkunde.shared.item import from_wire, to_wire

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def get_row(client: "DynamoDBClient", table: str, pk: str, sk: str, *, consistent: bool) -> dict[str, Any] | None:
    """One row, or None; `consistent` reads what was last confirmed, at twice the price."""
    answer = client.get_item(TableName=table, Key=to_wire({"pk": pk, "sk": sk}), ConsistentRead=consistent)
    return from_wire(answer["Item"]) if "Item" in answer else None


def get_rows(
    client: "DynamoDBClient", table: str, keys: Sequence[Mapping[str, Any]], *, consistent: bool = False
) -> list[dict[str, Any]]:
    """Those of some rows, at most a hundred, that there are, in no order: one call for all of them."""
    wanted = [to_wire(key) for key in keys]
    found = []
    while wanted:
        asked: Any = {table: {"Keys": wanted, "ConsistentRead": consistent}}
        answer: Any = client.batch_get_item(RequestItems=asked)
        found += [from_wire(row) for row in answer["Responses"].get(table, [])]
        wanted = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
    return found


def query_rows(
    client: "DynamoDBClient", table: str, pk: str, sk_prefix: str | None = None, *, consistent: bool = False
) -> Iterator[dict[str, Any]]:
    """All rows of a partition in the order of their sort keys, page by page as they are taken."""
    if sk_prefix is None:
        return query_where(client, table, "pk = :pk", {":pk": pk}, consistent=consistent)
    values = {":pk": pk, ":sk": sk_prefix}
    return query_where(client, table, "pk = :pk AND begins_with(sk, :sk)", values, consistent=consistent)


def query_between(
    client: "DynamoDBClient", table: str, pk: str, first: str, last: str, *, consistent: bool
) -> Iterator[dict[str, Any]]:
    """The rows of a partition whose sort keys lie between two, both included, in their order."""
    values = {":pk": pk, ":first": first, ":last": last}
    return query_where(client, table, "pk = :pk AND sk BETWEEN :first AND :last", values, consistent=consistent)


def query_where(
    client: "DynamoDBClient", table: str, condition: str, values: dict[str, Any], *, consistent: bool
) -> Iterator[dict[str, Any]]:
    """The rows that a condition on the keys finds, in the order of their sort keys, page by page as they are taken.

    botocore's paginator does the same for every operation there is, which costs a purchase a fiftieth of its
    processor time.
    """
    query: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": to_wire(values),
        "ConsistentRead": consistent,
    }
    while True:
        page = client.query(**query)
        yield from map(from_wire, page["Items"])
        if "LastEvaluatedKey" not in page:
            return
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
