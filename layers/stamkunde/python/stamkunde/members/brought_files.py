"""Which files a club has brought members along from: whoever is gone since doesn't come back by the same file.

``BROUGHT#<club>#<keyed hash of the file>`` / ``BROUGHT``: that all of it was written but for the rows that were
refused each time, by their place in it. Nothing in it tells of anybody.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

from stamkunde.shared.reading import get_row
from stamkunde.shared.signing import derive
from stamkunde.shared.transaction import Put, commit

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1


class BroughtFiles:
    """One club's files. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str, address_key: bytes) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id
        self._address_key = address_key

    def refused(self, text: str) -> frozenset[int] | None:
        """Which rows were refused whenever a file was written, or a part of one; None if it never was to its end."""
        row = get_row(self._client, self._table, self._pk(text), "BROUGHT", consistent=True)
        return frozenset(row["refused"]) if row else None

    def add(self, text: str, refused: Collection[int]) -> None:
        """Remember that all of it is written; one that is broken off is brought again."""
        row = {"pk": self._pk(text), "sk": "BROUGHT", "v": ITEM_VERSION, "refused": sorted(refused)}
        commit(self._client, [Put("brought", self._table, row)])

    def _pk(self, text: str) -> str:
        # Keyed: of a file of one row somebody could try all numbers.
        same = "\n".join(text.removeprefix("\ufeff").split())
        return f"BROUGHT#{self._club_id}#{derive(self._address_key, 'brought_file', same).hex()}"
