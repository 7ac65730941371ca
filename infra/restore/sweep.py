"""Everything that any table holds of one club, by reading all of it: what nobody lists, a club's end takes too.

Only whoever closes a club, or brings back a copy that holds a closed one, reads whole tables, with rights of their
own (docs/runbook/restore.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any

from stamkunde.shared.item import from_wire, to_wire

AT_ONCE = 25
"""As many as one batch takes."""

OF_A_CLUB = "contains(pk, :club) OR contains(sk, :club) OR club = :club OR club_id = :club"
RECEIPT = "CLOSED#"


@dataclass(frozen=True)
class Sweep:
    """Finds and deletes what tables hold of a club: all but the receipt of one that has closed.

    Parameters
    ----------
    tables
        What each of our tables is called.
    """

    client: Any
    tables: Mapping[str, str]

    def count(self, club_id: str) -> dict[str, int]:
        """How many rows there are of each kind: the beginning of their key, and for members their own row."""
        kinds = Counter(_kind(row) for table in self.tables for row in self._rows(table, club_id))
        return dict(sorted(kinds.items()))

    def empty(self, club_id: str, *, but_club: bool = False) -> int:
        """Delete all rows; how many.

        Parameters
        ----------
        but_club
            Leave those of the clubs table: while they are there, jobs and tills know that it is closed.
        """
        gone = 0
        # The club itself goes last: by it a deleting that was stopped is found again.
        for table, name in sorted(self.tables.items(), key=lambda each: each[0] == "clubs"):
            if but_club and table == "clubs":
                continue
            for some in batched(self._rows(table, club_id), AT_ONCE, strict=False):
                delete_rows(self.client, name, some)
                gone += len(some)
        return gone

    def _rows(self, table: str, club_id: str) -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("scan").paginate(
            TableName=self.tables[table],
            ConsistentRead=True,
            FilterExpression=OF_A_CLUB,
            ProjectionExpression="pk, sk",
            ExpressionAttributeValues=to_wire({":club": club_id}),
        )
        rows = (from_wire(item) for page in pages for item in page["Items"])
        return (row for row in rows if not row["pk"].startswith(RECEIPT))


def delete_rows(client: Any, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Delete up to 25 rows, whatever became of them meanwhile."""
    keys = [{"pk": row["pk"], "sk": row["sk"]} for row in rows]
    left = {table: [{"DeleteRequest": {"Key": to_wire(key)}} for key in keys]} if keys else {}
    while left:
        left = client.batch_write_item(RequestItems=left).get("UnprocessedItems", {})


def _kind(row: Mapping[str, str]) -> str:
    """Such as ``MEMBER`` or ``ENTRY`` of what lies with a member or an account, else the beginning of the key."""
    beginning = row["pk"].partition("#")[0]
    return row["sk"].partition("#")[0] if beginning in {"M", "A"} else beginning
