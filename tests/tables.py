"""The project's tables in a bare engine, for tests that need no deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

TABLES = ("clubs", "members", "ledger", "views", "messages")


def create_tables(client: DynamoDBClient) -> None:
    """All tables under their plain names: every one is keyed by pk and sk."""
    for table in TABLES:
        client.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
