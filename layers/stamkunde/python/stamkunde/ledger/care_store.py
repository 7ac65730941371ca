"""Rows that the ledger's jobs keep for themselves, in the views table: all of them can be made again.

``CARE#<club>``: how far a job has come. ``LIABILITY#<club>#<month>``: what the club owed as a month ended.
``TOUCHED#<club>#<shard>``: accounts to prove tonight. ``DIFFERENCE#<club>#<shard>``: what didn't agree.
"""

from collections.abc import Iterable, Iterator, Sequence
from copy import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from stamkunde.ledger.model.liability import Liability
from stamkunde.ledger.model.proving import Difference, DifferenceKind
from stamkunde.ledger.store import is_guest
from stamkunde.shared.clock import iso_instant, parse_instant
from stamkunde.shared.ids import new_id, shard_of
from stamkunde.shared.item import to_wire
from stamkunde.shared.reading import get_row, query_rows
from stamkunde.shared.transaction import NOT_THERE, UNCHANGED, Busy, ConditionFailed, Delete, Put, commit

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
TOUCHED_SHARDS = 16
DIFFERENCE_SHARDS = 16
WHOLE = "WHOLE"


class Progress(Struct, frozen=True):
    """How far a job has come with a club.

    Parameters
    ----------
    period
        What it works on: the first day of a month, or a night.
    left
        Shards of the list of accounts that it hasn't done yet.
    revision
        0 while there is no row.
    """

    period: date
    left: tuple[int, ...]
    revision: int = 0


class Snapshot(Struct, frozen=True):
    """What a part of a club's accounts held when a month had ended."""

    taken_at: datetime
    liability: Liability


class Touched(Struct, frozen=True):
    """That an account must be proved; `mark` is new each time it is marked."""

    account_id: str
    mark: str


class Noted(Struct, frozen=True):
    """What didn't agree in an account when it was last proved."""

    account_id: str
    found_at: datetime
    differences: tuple[Difference, ...]


class CareStore:
    """What the jobs know of one club's ledger. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id

    def progress(self, job: str) -> Progress | None:
        """How far a job has come; None before its first time."""
        row = get_row(self._client, self._table, f"CARE#{self._club_id}", job, consistent=True)
        return Progress(date.fromisoformat(row["period"]), tuple(row["left"]), row["revision"]) if row else None

    def note_progress(self, job: str, before: Progress, after: Progress, more: Sequence[Put] = ()) -> Progress | None:
        """Write how far a job has come, with what else goes with it; None if another run was faster."""
        noted = replace(after, revision=before.revision + 1)
        row = {
            "pk": f"CARE#{self._club_id}",
            "sk": job,
            "v": ITEM_VERSION,
            "period": noted.period.isoformat(),
            "left": list(noted.left),
            "revision": noted.revision,
        }
        if before.revision == 0:
            put = Put("progress", self._table, row, NOT_THERE)
        else:
            put = Put("progress", self._table, row, UNCHANGED, {"before": before.revision})
        try:
            commit(self._client, [put, *more])
        except (ConditionFailed, Busy):
            return None
        return noted

    def snapshot_write(self, month: date, shard: int, snapshot: Snapshot) -> Put:
        """What a part of the accounts held when a month had ended; the same part again replaces it."""
        liability = snapshot.liability
        row = {
            "pk": self._liability_pk(month),
            "sk": f"{shard:02d}",
            "v": ITEM_VERSION,
            "taken_at": iso_instant(snapshot.taken_at),
            "accounts": liability.accounts,
            "by_year": {str(year): amount for year, amount in liability.by_year.items()},
            "pending_by_year": {str(year): amount for year, amount in liability.pending_by_year.items()},
            "deficit": liability.deficit,
            "reserved": liability.reserved,
            "lapsed": liability.lapsed,
        }
        return Put("liability", self._table, row)

    def whole_write(self, month: date) -> Put:
        """That all of a club's accounts have been looked at since a month ended."""
        return Put("whole", self._table, {"pk": self._liability_pk(month), "sk": WHOLE, "v": ITEM_VERSION})

    def snapshots(self, month: date) -> tuple[list[Snapshot], bool]:
        """What the parts of the club's accounts held when a month had ended, and whether those are all parts."""
        rows = {row["sk"]: row for row in query_rows(self._client, self._table, self._liability_pk(month))}
        is_whole = rows.pop(WHOLE, None) is not None
        return [_snapshot(row) for row in rows.values()], is_whole

    def touch(self, account_id: str) -> None:
        """Have an account proved tonight."""
        row = {"pk": self._touched_pk(account_id), "sk": account_id, "v": ITEM_VERSION, "mark": new_id("d")}
        self._client.put_item(TableName=self._table, Item=to_wire(row))

    def touched(self) -> Iterator[Touched]:
        """Accounts that wait to be proved."""
        for shard in range(TOUCHED_SHARDS):
            for row in query_rows(self._client, self._table, f"TOUCHED#{self._club_id}#{shard:02d}"):
                yield Touched(row["sk"], row["mark"])

    def untouch(self, touched: Touched) -> None:
        """Take a mark away, unless the account was touched again meanwhile."""
        key = {"pk": self._touched_pk(touched.account_id), "sk": touched.account_id}
        try:
            commit(self._client, [Delete("mark", self._table, key, "mark = :mark", {"mark": touched.mark})])
        except (ConditionFailed, Busy):
            return

    def note_differences(self, found: Sequence[Difference], found_at: datetime) -> None:
        """Keep what doesn't agree in one account for operators to see."""
        account_id = found[0].account_id
        row = {
            "pk": self._difference_pk(account_id),
            "sk": account_id,
            "v": ITEM_VERSION,
            "found_at": iso_instant(found_at),
            "differences": [[each.kind.value, each.entry_id] for each in found],
        }
        self._client.put_item(TableName=self._table, Item=to_wire(row))

    def forget_differences(self, account_id: str) -> None:
        """Nothing differs in an account any more."""
        key = {"pk": self._difference_pk(account_id), "sk": account_id}
        self._client.delete_item(TableName=self._table, Key=to_wire(key))

    def noted_differences(self) -> Iterator[Noted]:
        """What didn't agree when it was last proved."""
        for shard in range(DIFFERENCE_SHARDS):
            for row in query_rows(self._client, self._table, f"DIFFERENCE#{self._club_id}#{shard:02d}"):
                found = tuple(
                    Difference(row["sk"], DifferenceKind(kind), entry_id) for kind, entry_id in row["differences"]
                )
                yield Noted(row["sk"], parse_instant(row["found_at"]), found)

    def _liability_pk(self, month: date) -> str:
        return f"LIABILITY#{self._club_id}#{month:%Y-%m}"

    def _touched_pk(self, account_id: str) -> str:
        return f"TOUCHED#{self._club_id}#{shard_of(account_id, TOUCHED_SHARDS):02d}"

    def _difference_pk(self, account_id: str) -> str:
        return f"DIFFERENCE#{self._club_id}#{shard_of(account_id, DIFFERENCE_SHARDS):02d}"


def touch_accounts(client: "DynamoDBClient", table: str, accounts: Iterable[tuple[str, str]]) -> int:
    """Have accounts of some clubs proved tonight, for the stream consumer. Returns how many.

    Receipts without membership have no account that could be proved.
    """
    to_prove = {(club_id, account_id) for club_id, account_id in accounts if not is_guest(account_id)}
    for club_id, account_id in to_prove:
        CareStore(client, table, club_id).touch(account_id)
    return len(to_prove)


def _snapshot(row: dict[str, Any]) -> Snapshot:
    liability = Liability(
        row["accounts"],
        {int(year): amount for year, amount in row["by_year"].items()},
        {int(year): amount for year, amount in row["pending_by_year"].items()},
        row["deficit"],
        row["reserved"],
        row["lapsed"],
    )
    return Snapshot(parse_instant(row["taken_at"]), liability)
