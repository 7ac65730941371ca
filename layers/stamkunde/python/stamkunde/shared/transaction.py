"""The only place that writes several items at once, or not at all."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from msgspec import Struct, field

from stamkunde.shared.faults import PASSING_CODES
from stamkunde.shared.item import from_wire, to_wire

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MOST_ITEMS = 100
NOT_THERE = "attribute_not_exists(pk)"
"""The condition of a row that must be new."""

THERE = "attribute_exists(pk)"
"""The condition of a row that must be there already."""

UNCHANGED = "revision = :before"
"""The condition of a row that nobody may have written since it was read."""


_NAME = re.compile(r"#(\w+)")


def _condition(condition: str | None, values: dict[str, Any]) -> dict[str, Any]:
    """The condition's part of a request; when it fails, what was there comes back.

    An attribute whose name is a word of DynamoDB's own, such as ``member``, is written ``#member``.
    """
    request: dict[str, Any] = {}
    if condition:
        request |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if names := _NAME.findall(condition):
            request["ExpressionAttributeNames"] = {f"#{name}": name for name in names}
    if values:
        request["ExpressionAttributeValues"] = {f":{name}": value for name, value in to_wire(values).items()}
    return request


class Put(Struct, frozen=True):
    """An intent to write a whole item.

    Parameters
    ----------
    purpose
        What this write is for; names it when its condition fails.
    table, item
        Where, and what.
    condition
        DynamoDB condition that must hold on what is there now, if any.
    values
        Values of the condition's placeholders, without their colon.
    """

    purpose: str
    table: str
    item: dict[str, Any]
    condition: str | None = None
    values: dict[str, Any] = field(default_factory=dict)

    def to_request(self) -> dict[str, Any]:
        """The intent as TransactWriteItems takes it; a failed condition gives back what was there."""
        where = {"TableName": self.table, "Item": to_wire(self.item)}
        return {"Put": where | _condition(self.condition, self.values)}


class Delete(Struct, frozen=True):
    """An intent to take a whole item away.

    Parameters
    ----------
    purpose
        What this is for; names it when its condition fails.
    table, key
        Where, and what.
    condition, values
        As in `Put`.
    """

    purpose: str
    table: str
    key: dict[str, Any]
    condition: str
    values: dict[str, Any] = field(default_factory=dict)

    def to_request(self) -> dict[str, Any]:
        """The intent as TransactWriteItems takes it; a failed condition gives back what was there."""
        where = {"TableName": self.table, "Key": to_wire(self.key)}
        return {"Delete": where | _condition(self.condition, self.values)}


class Update(Struct, frozen=True):
    """An intent to change some attributes of an item, which comes to be if it isn't there.

    Parameters
    ----------
    purpose
        What this is for; names it when its condition fails.
    table, key
        Where, and what.
    change
        DynamoDB update expression, such as ``ADD used :one``.
    condition, values
        As in `Put`; the values are those of both expressions.
    """

    purpose: str
    table: str
    key: dict[str, Any]
    change: str
    condition: str
    values: dict[str, Any]

    def to_request(self) -> dict[str, Any]:
        """The intent as TransactWriteItems takes it; a failed condition gives back what was there."""
        where = {"TableName": self.table, "Key": to_wire(self.key), "UpdateExpression": self.change}
        return {"Update": where | _condition(self.condition, self.values)}


type Write = Put | Delete | Update


@dataclass(eq=False, repr=False)
class ConditionFailed(Exception):
    """Nothing was written: conditions of these writes did not hold.

    Parameters
    ----------
    found
        By purpose, what stands in the way; None when the item isn't there.
    """

    found: dict[str, dict[str, Any] | None]

    def __post_init__(self) -> None:
        # Whatever prints an exception prints its arguments, and rows tell of people.
        super().__init__(*self.found)

    def __str__(self) -> str:
        return ", ".join(self.found)

    def __repr__(self) -> str:
        return f"ConditionFailed({self})"


class Busy(Exception):
    """Others write the same items at this moment; a new try may succeed, and writes nothing twice."""


def commit(client: "DynamoDBClient", writes: Sequence[Write]) -> None:
    """Write all intents in one transaction.

    A token goes along, so the client's own retry after a lost answer applies the writes once.

    Raises
    ------
    ConditionFailed
        A condition did not hold.
    Busy
        Another transaction or write held one of the items, or the table asked for patience.
    """
    if not 0 < len(writes) <= MOST_ITEMS:
        raise ValueError(f"a transaction takes 1 to {MOST_ITEMS} writes, not {len(writes)}")
    try:
        client.transact_write_items(
            TransactItems=[write.to_request() for write in writes],  # type: ignore[misc]
            ClientRequestToken=str(uuid.uuid4()),
        )
    except ClientError as error:
        raise _translate(error, writes) from error


def put_alone(client: "DynamoDBClient", put: Put) -> None:
    """Write one item by itself, for half of what a transaction costs.

    No token goes along: the client's own retry after a lost answer fails by its condition, so whoever asks looks
    whether what stands there is theirs.

    Raises
    ------
    ConditionFailed
        The condition did not hold.
    Busy
        A transaction held the item, or the table asked for patience.
    """
    try:
        client.put_item(**put.to_request()["Put"])
    except ClientError as error:
        raise _translate_alone(error, put) from error


def delete_alone(client: "DynamoDBClient", delete: Delete) -> None:
    """Take one item away by itself, for half of what a transaction costs.

    The client's own retry after a lost answer may fail by its condition, as in `put_alone`.

    Raises
    ------
    ConditionFailed
        The condition did not hold.
    Busy
        A transaction held the item, or the table asked for patience.
    """
    try:
        client.delete_item(**delete.to_request()["Delete"])
    except ClientError as error:
        raise _translate_alone(error, delete) from error


def update_alone(client: "DynamoDBClient", update: Update) -> None:
    """Change one item by itself, for half of what a transaction costs; see `put_alone`.

    Raises
    ------
    ConditionFailed
        The condition did not hold.
    Busy
        A transaction held the item, or the table asked for patience.
    """
    try:
        client.update_item(**update.to_request()["Update"])
    except ClientError as error:
        raise _translate_alone(error, update) from error


def _translate_alone(error: ClientError, write: Write) -> Exception:
    code = error.response["Error"]["Code"]
    if code in PASSING_CODES or code == "TransactionConflictException":
        return Busy()
    return ConditionFailed({write.purpose: None}) if code == "ConditionalCheckFailedException" else error


_PASSING_REASONS = {"TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"}


def _translate(error: ClientError, writes: Sequence[Write]) -> Exception:
    code = error.response["Error"]["Code"]
    if code in PASSING_CODES:
        return Busy()
    if code != "TransactionCanceledException":
        return error
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    if any(reason.get("Code") in _PASSING_REASONS for reason in reasons):
        # Of the other conditions nobody knows whether they hold, and callers decide by those that do not.
        return Busy()
    found = {
        write.purpose: from_wire(reason["Item"]) if reason.get("Item") else None
        for write, reason in zip(writes, reasons, strict=True)
        if reason.get("Code") == "ConditionalCheckFailed"
    }
    return ConditionFailed(found) if found else error
