"""The project's tables in a bare engine, for tests that need no deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

TABLES = ("clubs", "members", "ledger", "views", "messages")


def create_tables(client: DynamoDBClient) -> None:
    """All tables under their plain names, in an account that has none: every one is keyed by pk and sk."""
    for table in TABLES:
        _create(client, table)


def _create(client: DynamoDBClient, table: str) -> None:
    try:
        client.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
    except client.exceptions.ResourceInUseException:
        # A functions' client waits a second: on a busy machine it has asked again for what it was already given.
        return
