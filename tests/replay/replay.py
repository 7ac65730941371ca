"""Posts the planned receipts through the HTTP till API, several tills at once, and compares every balance."""

from __future__ import annotations

import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

import httpx

from infra.local.home import Stack
from infra.local.operator import Operator
from tests.replay.plan import Household, Plan, PlannedBasket

TILLS = 4
AT_ONCE = 8
TWICE_EVERY = 10
CHANGED_EVERY = 100
YEAR_BEGINS = datetime(2016, 12, 31, 12, tzinfo=UTC)
OUTLETS = ("centrum", "havnen")


@dataclass
class Outcome:
    """What came of a replay."""

    answers: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    seconds: float = 0.0
    facts: dict[str, int] = field(default_factory=dict)

    def report(self) -> str:
        """The outcome in a few lines."""
        ranked = sorted(self.milliseconds)
        rate = len(ranked) / self.seconds
        said = ", ".join(f"{name} {count:,}" for name, count in sorted(self.answers.items()))
        p50, p99 = statistics.median(ranked), ranked[int(len(ranked) * 0.99)]
        lines = [
            ", ".join(f"{value:,} {name}" for name, value in self.facts.items()),
            f"answers: {said}",
            f"{len(ranked):,} receipts in {self.seconds:.1f} s: {rate:.0f} a second",
            f"p50 {p50:.1f} ms, p99 {p99:.1f} ms",
            f"{len(self.differences)} differences from the SQL calculation",
        ]
        return "\n".join(lines + self.differences[:20])


class Replay:
    """One replay of a number of baskets, in a club of its own.

    The club's clock walks through the year with the baskets, so each is posted on its day, or a few days late.
    Replaying again posts the same receipts, so it changes nothing.
    """

    def __init__(self, stack: Stack, baskets: int) -> None:
        self._plan = Plan(baskets)
        self._operator = Operator(stack)
        self._slug = f"replay-{baskets}"
        limits = httpx.Limits(max_keepalive_connections=AT_ONCE, max_connections=AT_ONCE)
        self._http = httpx.Client(base_url=stack.api_url, timeout=30, limits=limits)
        self._outcome = Outcome(facts=self._plan.facts())
        self._members: dict[int, dict[str, Any]] = {}

    def run(self) -> Outcome:
        """Enrol the households, post the baskets day by day, compare every balance."""
        self._club_id = self._open_club()
        self._keys = [self._open_till(number) for number in range(TILLS)]
        self._set_clock(YEAR_BEGINS)
        households = self._plan.households()
        for household in households:
            self._members[household.household_id] = self._enrol(household)
        begun = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as tills:
            for day, baskets in self._plan.days():
                self._set_clock(datetime.combine(day + timedelta(days=1), time_of_day(0, 5), UTC))
                list(tills.map(self._post_in_turn, _turns(baskets, day)))
        self._outcome.seconds = time.monotonic() - begun
        for household in households:
            self._compare(household)
        self._plan.close()
        return self._outcome

    def _open_club(self) -> str:
        there = self._operator.ask("show_club", slug=self._slug)
        if "club_id" not in there:
            there = self._operator.do(
                "create_club",
                slug=self._slug,
                name="Genspil",
                country="DK",
                contact="replay@stamkunde.example",
                clock_offset_seconds=_offset(YEAR_BEGINS),
            )
            for outlet_id in OUTLETS:
                self._operator.do("create_outlet", club_id=there["club_id"], outlet_id=outlet_id, name=outlet_id)
        return str(there["club_id"])

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
        answer = self._http.post("/v1/members", json=body, headers=self._headers(0))
        answer.raise_for_status()
        member: dict[str, Any] = answer.json()
        return member

    def _post_in_turn(self, baskets: list[PlannedBasket]) -> None:
        for basket in baskets:
            self._post(basket)

    def _post(self, basket: PlannedBasket) -> None:
        body = self._receipt(basket)
        if basket.basket_id % TWICE_EVERY == 0:
            with ThreadPoolExecutor(2) as twins:
                answers = list(twins.map(lambda _: self._send(basket, body), range(2)))
            self._check_twins(basket, answers)
        else:
            self._check(basket, self._send(basket, body))
        if basket.basket_id % CHANGED_EVERY == 1:
            self._check_changed(basket, body)

    def _receipt(self, basket: PlannedBasket) -> dict[str, Any]:
        member = self._members[basket.household_id]
        return {
            "receipt_number": str(basket.basket_id),
            "bought_at": basket.bought_at.isoformat(),
            "currency": "DKK",
            "member_id": member["member_id"],
            "account_id": member["account_id"],
            "lines": basket.lines,
            "spend_bonus": basket.spent,
        }

    def _send(self, basket: PlannedBasket, body: dict[str, Any]) -> httpx.Response:
        begun = time.perf_counter()
        while True:
            answer = self._http.post("/v1/purchases", json=body, headers=self._headers(basket.store_id))
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            self._outcome.answers["told to try again"] += 1
            time.sleep(float(answer.headers["retry-after"]) * random.random())
        self._outcome.milliseconds.append((time.perf_counter() - begun) * 1000)
        return answer

    def _check(self, basket: PlannedBasket, answer: httpx.Response) -> None:
        self._outcome.answers["repeated" if answer.status_code == httpx.codes.OK else "booked"] += 1
        shown = answer.json()
        told = (shown.get("earned", {}).get("amount"), shown.get("spent", {}).get("amount"))
        if answer.is_error or told != (basket.earned, basket.spent):
            self._outcome.differences.append(f"basket {basket.basket_id}: {answer.status_code} {shown}")

    def _check_twins(self, basket: PlannedBasket, answers: list[httpx.Response]) -> None:
        for answer in answers:
            self._check(basket, answer)
        if answers[0].json() != answers[1].json() or [a.status_code for a in answers].count(201) > 1:
            self._outcome.differences.append(f"basket {basket.basket_id}: sent twice, answered differently")

    def _check_changed(self, basket: PlannedBasket, body: dict[str, Any]) -> None:
        first, *rest = body["lines"]
        changed = body | {"lines": [first | {"amount": first["amount"] + 1}, *rest]}
        answer = self._send(basket, changed)
        self._outcome.answers["refused for another line"] += 1
        if answer.json().get("code") != "receipt_differs":
            self._outcome.differences.append(f"basket {basket.basket_id}: a changed line was not refused")

    def _compare(self, household: Household) -> None:
        phone = f"+45{26_000_000 + household.household_id}"
        shown = self._http.post("/v1/members/lookup", json={"phone": phone}, headers=self._headers(0)).json()
        balance = shown["balance"]
        available, pending = (0, household.balance) if household.open else (household.balance, 0)
        expected = {"total": household.balance, "available": available, "pending": pending}
        if balance != expected:
            self._outcome.differences.append(f"household {household.household_id}: {balance}, SQL says {expected}")

    def _headers(self, store_id: int) -> dict[str, str]:
        return {"authorization": f"Bearer {self._keys[store_id % TILLS]}"}


def _turns(baskets: list[PlannedBasket], day: date) -> Iterator[list[PlannedBasket]]:
    """What can be posted at once: all of a day, but a household's day in order when it spends.

    So tills race on the households that don't, and what is spent is what the plan says.
    """
    by_household: dict[int, list[PlannedBasket]] = {}
    for basket in baskets:
        by_household.setdefault(basket.household_id, []).append(basket)
    turns: list[list[PlannedBasket]] = []
    for theirs in by_household.values():
        spends = any(basket.spent for basket in theirs)
        turns += [theirs] if spends else [[basket] for basket in theirs]
    random.Random(day.toordinal()).shuffle(turns)
    return iter(turns)


def _offset(moment: datetime) -> int:
    return int((moment - datetime.now(UTC)).total_seconds())
