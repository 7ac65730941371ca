"""The yardstick: the shortest handler that makes a purchase's calls, with boto3 as it comes.

The same reads and the same transaction of the same items, and nothing else: no rules, no checks, no answer worth
reading. One line is printed, because the local engine waits 50 ms for a handler that prints none.
"""

import base64
import json
import os
from typing import Any

import boto3

client = boto3.client("dynamodb")


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    text = event["body"]
    body = json.loads(base64.b64decode(text) if event.get("isBase64Encoded") else text)
    till = client.get_item(TableName=os.environ["CLUBS_TABLE"], Key=body["till_key"], ConsistentRead=True)["Item"]
    client.query(
        TableName=os.environ["LEDGER_TABLE"],
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues={":pk": body["account_pk"], ":sk": {"S": "ACCOUNT"}},
        ConsistentRead=True,
    )
    client.transact_write_items(
        TransactItems=[
            {"Put": put(body["items"]["guard"], "attribute_not_exists(pk)")},
            {"Put": put(body["items"]["account"], "revision <> :before", {":before": {"N": "-1"}})},
            {"Put": put(body["items"]["entry"], "attribute_not_exists(pk)")},
        ]
    )
    print(json.dumps({"till": till["sk"]["S"]}))
    return {"statusCode": 201, "headers": {"content-type": "application/json"}, "body": "{}"}


def put(item: dict[str, Any], condition: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "TableName": os.environ["LEDGER_TABLE"],
        "Item": item,
        "ConditionExpression": condition,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        **({"ExpressionAttributeValues": values} if values else {}),
    }
