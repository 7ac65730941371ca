"""Replays the plan through the HTTP till API, several tills at once, and compares every answer and balance."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from functools import partial
from itertools import groupby
from typing import Any

import httpx

from infra.local.home import Stack
from infra.local.operator import Operator
from tests.replay.outcome import Outcome
from tests.replay.plan import Household, Plan, PlannedDay, PlannedRefund, PlannedSale
from tests.replay.promises import OUTLETS, PROGRAMME
from tests.replay.tills import Tills

TILLS = 4
AT_ONCE = 8
DAYS_AT_ONCE = 2
"""The club's clock is moved so seldom; a sale comes at least two days after a refund that is quicker than it."""

YEAR_BEGINS = datetime(2016, 12, 31, 12, tzinfo=UTC)

type Event = PlannedSale | PlannedRefund


class Replay:
    """One replay of a number of baskets, in a club of its own.

    The club's clock walks through the year with the baskets, so each is posted on its day, or a few days late.
    Replaying again posts the same receipts and refunds, so it changes nothing.
    """

    def __init__(self, stack: Stack, baskets: int) -> None:
        self._plan = Plan(baskets)
        self._operator = Operator(stack)
        self._slug = f"replay-{baskets}"
        limits = httpx.Limits(max_keepalive_connections=AT_ONCE, max_connections=AT_ONCE)
        self._http = httpx.Client(base_url=stack.api_url, timeout=30, limits=limits)
        self._outcome = Outcome(facts=self._plan.facts())

    def run(self) -> Outcome:
        """Enrol the households, post what they buy and give back day by day, compare every balance."""
        there = self._operator.ask("show_club", slug=self._slug)
        again = "club_id" in there
        self._club_id = str(there["club_id"]) if again else self._open_club()
        self._keys = [self._open_till(number) for number in range(TILLS)]
        self._set_clock(YEAR_BEGINS)
        households = self._plan.households()
        members = {household.household_id: self._enrol(household) for household in households}
        tills = Tills(self._http, self._keys, members, self._outcome, again)
        begun = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as workers:
            for together in self._days_at_once(again):
                after = together[-1].day + timedelta(days=1)
                self._set_clock(datetime.combine(after, time_of_day(0, 5), UTC))
                list(workers.map(tills.send_early, [refund for planned in together for refund in planned.quick]))
                list(workers.map(partial(_post, tills), _turns([each for day in together for each in day.events])))
        self._outcome.seconds = time.monotonic() - begun
        for household in households:
            self._compare(household)
        self._plan.close()
        return self._outcome

    def _days_at_once(self, again: bool) -> Iterator[list[PlannedDay]]:
        """What is booked already, at a year's end, is no matter of the day any more."""
        if again:
            yield list(self._plan.days())
            return
        for _, days in groupby(self._plan.days(), lambda planned: planned.day.toordinal() // DAYS_AT_ONCE):
            yield list(days)

    def _open_club(self) -> str:
        created = self._operator.do(
            "create_club",
            slug=self._slug,
            name="Genspil",
            country="DK",
            contact="replay@stamkunde.example",
            clock_offset_seconds=_offset(YEAR_BEGINS),
        )
        club_id = str(created["club_id"])
        for outlet_id in OUTLETS:
            self._operator.do("create_outlet", club_id=club_id, outlet_id=outlet_id, name=outlet_id)
        valid_from = (YEAR_BEGINS + timedelta(hours=1)).isoformat()
        self._operator.do("publish_programme", club_id=club_id, valid_from=valid_from, programme=PROGRAMME)
        for coupon in self._plan.coupons():
            self._operator.do("publish_coupon", club_id=club_id, coupon=coupon)
        return club_id

    def _open_till(self, number: int) -> str:
        till = {"club_id": self._club_id, "till_id": f"till-{number}"}
        answer = self._operator.ask("replace_till_key", **till)
        if "key" not in answer:
            outlet_id = OUTLETS[number % len(OUTLETS)]
            answer = self._operator.do(
                "create_till", **till, outlet_id=outlet_id, name=f"Till {number}", receipt_numbers="never"
            )
        return str(answer["key"])

    def _set_clock(self, moment: datetime) -> None:
        self._operator.do("move_clock", club_id=self._club_id, clock_offset_seconds=_offset(moment))

    def _enrol(self, household: Household) -> dict[str, Any]:
        body: dict[str, Any] = {"phone": f"+45{26_000_000 + household.household_id}"}
        if not household.open:
            accepted_at = YEAR_BEGINS.isoformat()
            body["terms_acceptance"] = {
                "terms_version": 1,
                "method": "counter_screen",
                "accepted_at": accepted_at,
            }
        answer = self._http.post("/v1/members", json=body, headers=self._headers())
        answer.raise_for_status()
        member: dict[str, Any] = answer.json()
        return member

    def _compare(self, household: Household) -> None:
        phone = f"+45{26_000_000 + household.household_id}"
        shown = self._http.post("/v1/members/lookup", json={"phone": phone}, headers=self._headers()).json()
        left = household.balance
        available, pending = (0, left) if household.open else (max(0, left), 0)
        due = {"total": left, "available": available, "pending": pending}
        balance = {name: shown["balance"][name] for name in due}
        self._outcome.compare(f"household {household.household_id}", balance, due)
        stamps = sum(card["stamps"] for card in shown["stamps"])
        rewards = sum(reward["count"] for card in shown["stamps"] for reward in card["rewards"])
        told, expected = (stamps, rewards), (household.stamps, household.rewards)
        self._outcome.compare(f"household {household.household_id}, stamps and rewards", told, expected)

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._keys[0]}"}


def _turns(events: list[Event]) -> list[list[Event]]:
    """What can be posted at once: everything, but a household's in order where one event bears on the next.

    So tills race on the households that only buy, and what is spent, redeemed and owed is what the plan says.
    """
    by_household: dict[int, list[Event]] = {}
    for event in events:
        by_household.setdefault(event.household_id, []).append(event)
    turns: list[list[Event]] = []
    for theirs in by_household.values():
        in_turn = any(isinstance(each, PlannedRefund) or each.spent or each.coupon_id for each in theirs)
        turns += [theirs] if in_turn else [[each] for each in theirs]
    random.Random(len(events)).shuffle(turns)
    return turns


def _post(tills: Tills, events: list[Event]) -> None:
    for event in events:
        if isinstance(event, PlannedSale):
            tills.sell(event)
        else:
            tills.take_back(event)


def _offset(moment: datetime) -> int:
    return int((moment - datetime.now(UTC)).total_seconds())
