"""Rows of the views table.

``DAY#<club>#<outlet>#<day>#<shard>``: a row an entry, put under the entry's own id, so a repeat overwrites itself.
``DIRTY#<shard>``: outlet days to recompute. ``TOTAL#<club>#<outlet>#<year>``: a row a day.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING

from msgspec import Struct

from stamkunde.shared.ids import new_id, shard_of
from stamkunde.shared.item import to_wire
from stamkunde.shared.reading import query_rows
from stamkunde.shared.transaction import Busy, ConditionFailed, Delete, Put, commit
from stamkunde.views.model import DayTotal, OutletDay, SaleFact

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
DAY_SHARDS = 8
DIRTY_SHARDS = 4


class DirtyMark(Struct, frozen=True):
    """That an outlet day must be recomputed; `mark` is new each time it is marked."""

    outlet_day: OutletDay
    mark: str


class ProjectionStore:
    """What keeps the day totals: for the stream consumer and the job, which serve all clubs."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def put_fact(self, fact: SaleFact) -> None:
        """Note what an entry means, however often it is told."""
        row = {
            "pk": _day_pk(_outlet_day(fact), fact.entry_id),
            "sk": fact.entry_id,
            "v": ITEM_VERSION,
            "purchases": fact.purchases,
            "turnover": fact.turnover,
            "earned": fact.earned,
            "spent": fact.spent,
            "refunds": fact.refunds,
            "refunded": fact.refunded,
        }
        self._client.put_item(TableName=self._table, Item=to_wire(row))

    def delete_fact(self, fact: SaleFact) -> None:
        """Forget what an entry meant, once the entry is gone."""
        key = {"pk": _day_pk(_outlet_day(fact), fact.entry_id), "sk": fact.entry_id}
        self._client.delete_item(TableName=self._table, Key=to_wire(key))

    def mark_dirty(self, outlet_days: Iterable[OutletDay]) -> None:
        """Have these days recomputed."""
        for outlet_day in set(outlet_days):
            sk = _dirty_sk(outlet_day)
            row = {"pk": _dirty_pk(sk), "sk": sk, "v": ITEM_VERSION, "mark": new_id("d")}
            self._client.put_item(TableName=self._table, Item=to_wire(row))

    def dirty(self) -> Iterator[DirtyMark]:
        """Every day that waits to be recomputed."""
        for shard in range(DIRTY_SHARDS):
            for row in query_rows(self._client, self._table, f"DIRTY#{shard}", consistent=True):
                club_id, outlet_id, day = row["sk"].split("#")
                yield DirtyMark(OutletDay(club_id, outlet_id, date.fromisoformat(day)), row["mark"])

    def facts(self, outlet_day: OutletDay) -> Iterator[SaleFact]:
        """All facts of an outlet's day."""
        for shard in range(DAY_SHARDS):
            for row in query_rows(self._client, self._table, _day_prefix(outlet_day) + str(shard), consistent=True):
                yield SaleFact(
                    outlet_day.club_id,
                    outlet_day.outlet_id,
                    outlet_day.day,
                    row["sk"],
                    row["purchases"],
                    row["turnover"],
                    row["earned"],
                    row["spent"],
                    row.get("refunds", 0),
                    row.get("refunded", 0),
                )

    def put_total(self, mark: DirtyMark, total: DayTotal) -> bool:
        """Write a day's totals whole and take its mark away; False if it was marked again since, and waits once more.

        One transaction: a run that was overtaken must not leave an old total behind with nothing to mend it.
        """
        outlet_day = mark.outlet_day
        row = {
            "pk": _total_pk(outlet_day.club_id, outlet_day.outlet_id, outlet_day.day.year),
            "sk": outlet_day.day.isoformat(),
            "v": ITEM_VERSION,
            "purchases": total.purchases,
            "turnover": total.turnover,
            "earned": total.earned,
            "spent": total.spent,
            "refunds": total.refunds,
            "refunded": total.refunded,
        }
        sk = _dirty_sk(outlet_day)
        key = {"pk": _dirty_pk(sk), "sk": sk}
        cleared = Delete("mark", self._table, key, "mark = :mark", {"mark": mark.mark})
        try:
            commit(self._client, [Put("total", self._table, row), cleared])
        except (ConditionFailed, Busy):
            return False
        return True


class DayTotals:
    """One club's day totals, to look at. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str) -> None:
        self._client = client
        self._table = table
        self._club_id = club_id

    def of_year(self, outlet_id: str, year: int) -> Iterator[DayTotal]:
        """An outlet's days of a year that saw a member, in order."""
        for row in query_rows(self._client, self._table, _total_pk(self._club_id, outlet_id, year)):
            yield DayTotal(
                date.fromisoformat(row["sk"]),
                row["purchases"],
                row["turnover"],
                row["earned"],
                row["spent"],
                row.get("refunds", 0),
                row.get("refunded", 0),
            )


def _outlet_day(fact: SaleFact) -> OutletDay:
    return OutletDay(fact.club_id, fact.outlet_id, fact.day)


def _day_prefix(outlet_day: OutletDay) -> str:
    return f"DAY#{outlet_day.club_id}#{outlet_day.outlet_id}#{outlet_day.day.isoformat()}#"


def _day_pk(outlet_day: OutletDay, entry_id: str) -> str:
    return f"{_day_prefix(outlet_day)}{shard_of(entry_id, DAY_SHARDS)}"


def _dirty_sk(outlet_day: OutletDay) -> str:
    return f"{outlet_day.club_id}#{outlet_day.outlet_id}#{outlet_day.day.isoformat()}"


def _dirty_pk(sk: str) -> str:
    return f"DIRTY#{shard_of(sk, DIRTY_SHARDS)}"


def _total_pk(club_id: str, outlet_id: str, year: int) -> str:
    return f"TOTAL#{club_id}#{outlet_id}#{year}"
