"""Rows of the members table that say that somebody was erased, and not who.

``ERASED#<club>#<month>`` / ``<day>#<case>``: one an erasure, by the day on which it was due. The case itself is
forgotten with its member.
"""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from stamkunde.erasure.model import Cause, Receipt
from stamkunde.shared.item import to_wire
from stamkunde.shared.other_places import OtherPlace
from stamkunde.shared.reading import get_row, query_rows
from stamkunde.shared.transaction import NOT_THERE, THERE, Put

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1


class ReceiptStore:
    """One club's receipts of erasures. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id

    def load(self, due_on: date, receipt_id: str) -> Receipt | None:
        """A receipt by the day of UTC on which its erasure was due; None before that was begun."""
        row = get_row(self._client, self._table, *self._place(due_on, receipt_id), consistent=True)
        return _receipt(row) if row else None

    def of_month(self, month: date) -> Iterator[Receipt]:
        """The erasures that were due in a calendar month, those that are under way among them."""
        rows = query_rows(self._client, self._table, self._pk(month), consistent=True)
        return map(_receipt, rows)

    def find(self, receipt_id: str, month: date) -> tuple[date, Receipt] | None:
        """A receipt of an erasure that was due in a month, and the day of UTC on which it was."""
        for row in query_rows(self._client, self._table, self._pk(month), consistent=True):
            if row["sk"].partition("#")[2] == receipt_id:
                return date.fromisoformat(row["sk"].partition("#")[0]), _receipt(row)
        return None

    def begin_write(self, due_on: date, receipt: Receipt) -> Put:
        """That an erasure is begun, for the transaction that begins it; refused if it was."""
        pk, sk = self._place(due_on, receipt.receipt_id)
        row = {
            "pk": pk,
            "sk": sk,
            "v": ITEM_VERSION,
            "cause": receipt.cause.value,
            "asked_on": receipt.asked_on and receipt.asked_on.isoformat(),
            "begun_on": receipt.begun_on.isoformat(),
            "done_on": None,
            "ticks": [each.value for each in receipt.ticks],
            **({"asked_shop": True} if receipt.asked_shop else {}),
        }
        return Put("receipt", self._table, row, NOT_THERE)

    def complete(self, due_on: date, receipt_id: str, done_on: date) -> None:
        """That an erasure is done; done again, the later day counts."""
        self._change(due_on, receipt_id, "done_on", done_on.isoformat())

    def note_ticks(self, due_on: date, receipt: Receipt) -> None:
        """Where else staff have looked by now; two of a shop's staff who tick at once tick once more."""
        self._change(due_on, receipt.receipt_id, "ticks", [each.value for each in receipt.ticks])

    def _change(self, due_on: date, receipt_id: str, name: str, value: Any) -> None:
        pk, sk = self._place(due_on, receipt_id)
        self._client.update_item(
            TableName=self._table,
            Key=to_wire({"pk": pk, "sk": sk}),
            UpdateExpression="SET #name = :value",
            ConditionExpression=THERE,
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues=to_wire({":value": value}),
        )

    def _place(self, due_on: date, receipt_id: str) -> tuple[str, str]:
        return self._pk(due_on), f"{due_on.isoformat()}#{receipt_id}"

    def _pk(self, month: date) -> str:
        return f"ERASED#{self._club_id}#{month:%Y-%m}"


def _receipt(row: dict[str, Any]) -> Receipt:
    return Receipt(
        receipt_id=row["sk"].partition("#")[2],
        cause=Cause(row["cause"]),
        asked_on=_day(row["asked_on"]),
        begun_on=date.fromisoformat(row["begun_on"]),
        done_on=_day(row["done_on"]),
        ticks=tuple(OtherPlace(each) for each in row["ticks"]),
        asked_shop=row.get("asked_shop", row["cause"] == Cause.ASKED_BY_STAFF.value),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
