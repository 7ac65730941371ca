"""Races for what there is one of: two tills ask for it at the same moment over real HTTP, and one of them gets it.

`make test` runs some rounds of each, `make prove` many. After each round the winner brings the goods back, so the
next round is about the same thing again, and in the end everything is as it was.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import httpx

from infra.local.home import Stack
from stamkunde.ledger.proof import Proof
from tests.till_client import Answer, TillClient
from tests.till_over_http import OpenShop

RYE, CAKE, BAG = "5701001000013", "5701001000020", "5701001000037"
BAGS = 40
TRY_AGAIN = {429, 503}
PROGRAMME: dict[str, Any] = {
    "rate": 300,
    "expiry_months": 36,
    "stamp_programmes": [
        {
            "stamp_programme_id": "rugbrod",
            "name": "Rugbrød",
            "needed": 10,
            "reward_name": "gratis rugbrød",
            "items": {"item_numbers": [RYE]},
            "reward": {"item_numbers": [RYE]},
        }
    ],
}
A_MONTH_FROM_NOW = (datetime.now(UTC) + timedelta(days=30)).isoformat()
CAKE_COUPON: dict[str, Any] = {
    "coupon_id": "kage",
    "name": "Gratis kage",
    "benefit": "free_item",
    "items": {"item_numbers": [CAKE]},
    "valid_until": A_MONTH_FROM_NOW,
    "uses_per_member": 1,
}
BAG_COUPON: dict[str, Any] = CAKE_COUPON | {
    "coupon_id": "pose",
    "name": "Fastelavnspose",
    "items": {"item_numbers": [BAG]},
    "uses_per_member": None,
    "total": BAGS,
}

type Customers = tuple[str, str]


@dataclass(frozen=True)
class Race:
    """What two tills want, and there is one of it.

    Parameters
    ----------
    name
        What they race for, in words.
    prepare
        Who stands at each of the tills, once there is one of it.
    wanted
        The receipt of each, as far as it is about that.
    worth
        What the winner's customer needn't pay, in minor units.
    refusal
        Why the loser's receipt is refused.
    """

    name: str
    prepare: Callable[[OpenShop], Customers]
    wanted: dict[str, Any]
    worth: int
    refusal: str


@dataclass
class Outcome:
    """What came of the rounds of a race."""

    race: Race
    rounds: int
    seconds: float = 0.0
    won: Counter[str] = field(default_factory=Counter)
    told_to_try_again: int = 0
    faults: list[str] = field(default_factory=list)

    def report(self) -> list[str]:
        """The outcome in a few lines."""
        won = ", ".join(f"{till} {count}" for till, count in sorted(self.won.items()))
        return [
            f"{self.rounds} rounds in {self.seconds:.1f} s; won by {won}; the other was told `{self.race.refusal}`",
            f"told to try again first: {self.told_to_try_again}",
            f"{len(self.faults)} rounds or accounts that were not as they must be",
            *self.faults[:20],
        ]


def run(stack: Stack, race: Race, rounds: int) -> Outcome:
    """Hold so many rounds of a race in a club of its own, and see that its ledger adds up after them."""
    with httpx.Client(base_url=stack.api_url, timeout=30) as door:
        shop = OpenShop.with_offers(stack, door, PROGRAMME, CAKE_COUPON, BAG_COUPON)
        return _Track(shop, race, Outcome(race, rounds)).run()


class _Track:
    """Where a race is held."""

    def __init__(self, shop: OpenShop, race: Race, outcome: Outcome) -> None:
        self._shop = shop
        self._race = race
        self._outcome = outcome
        self._tills = {"kasse-1": shop.till, "kasse-2": shop.another_till("kasse-2")}
        self._start = Barrier(len(self._tills), timeout=30)

    def run(self) -> Outcome:
        """All rounds, and what is there after them."""
        customers = self._race.prepare(self._shop)
        before, entries = self._belongings(customers), self._entries(customers)
        begun = time.monotonic()
        with ThreadPoolExecutor(len(self._tills)) as at_once:
            for number in range(self._outcome.rounds):
                self._round(number, customers, at_once)
        self._outcome.seconds = time.monotonic() - begun
        won = self._outcome.won.total()
        if self._belongings(customers) != before:
            self._fault("after all was brought back, something is not as it was")
        if self._entries(customers) != entries + 2 * won:
            self._fault(f"{won} receipts and {won} refunds left another number of entries")
        return self._outcome

    def _round(self, number: int, customers: Customers, at_once: ThreadPoolExecutor) -> None:
        answers = dict(zip(self._tills, at_once.map(self._ask, self._tills.values(), customers), strict=True))
        winners = [till for till, answer in answers.items() if answer.status in {200, 201}]
        told = ", ".join(f"{till}: {answer.status} {answer.code or ''}" for till, answer in answers.items())
        if len(winners) != 1:
            self._fault(f"round {number}: {len(winners)} winners ({told})")
        for till in winners:
            self._outcome.won[till] += 1
            gained = answers[till].body["discount"] + answers[till].body["paid_with_bonus"]
            if gained != self._race.worth:
                self._fault(f"round {number}: the winner was given {gained}")
            self._bring_back(number, self._tills[till], answers[till])
        for till in answers.keys() - set(winners):
            if not _is_clear(answers[till], self._race.refusal):
                self._fault(f"round {number}: the loser was told {answers[till].body}")

    def _ask(self, till: TillClient, member_id: str) -> Answer:
        """What a till is answered in the end: as a real one, it asks until it knows."""
        receipt = till.receipt(member_id, **self._race.wanted)
        self._start.wait()
        while (answer := till.send("POST", "/v1/purchases", receipt)).status in TRY_AGAIN:
            self._outcome.told_to_try_again += 1
            time.sleep(random.uniform(0.05, 0.5))
        return answer

    def _bring_back(self, number: int, till: TillClient, bought: Answer) -> None:
        refund = {"refund_number": f"R-{number}", "refunded_at": datetime.now(UTC).isoformat()}
        answer = till.send("POST", f"/v1/purchases/{bought.body['purchase_id']}/refunds", refund)
        if answer.status != httpx.codes.CREATED:
            self._fault(f"round {number}: nothing could be brought back: {answer.body}")

    def _belongings(self, customers: Customers) -> list[Any]:
        """What the customers have, and how many bags are taken, as the tables say."""
        accounts = [self._shop.shop.account(member_id) for member_id in customers]
        limit = self._shop.shop.store.coupons.limit(BAG_COUPON["coupon_id"])
        return [
            limit and limit.taken,
            *((each.lots, each.deficit, each.cards, each.rewards) for each in accounts),
            *({key: use.used for key, use in each.uses.items() if use.used} for each in accounts),
        ]

    def _entries(self, customers: Customers) -> int:
        """How many entries the customers have, once it is proved that they come to the accounts."""
        seen = self._shop.shop
        proof = Proof(seen.store, seen.clock, seen.club.time_zone)
        accounts = {seen.account(member_id).account_id for member_id in customers}
        proved = [proof.prove(account_id) for account_id in sorted(accounts)]
        for each in proved:
            if each.differences:
                self._fault(f"an account is not what its entries come to: {each.differences}")
        return sum(each.entries for each in proved)

    def _fault(self, what: str) -> None:
        self._outcome.faults.append(what)


def _is_clear(answer: Answer, refusal: str) -> bool:
    """Whether a refusal says why, to the till and to people."""
    told = (answer.status, answer.code, answer.headers["content-type"])
    return told == (422, refusal, "application/problem+json") and all(map(answer.body.get, ("title", "detail")))


def _one_customer(shop: OpenShop) -> str:
    member_id: str = shop.till.join("20123456").body["member_id"]
    return member_id


def _with_a_coupon(shop: OpenShop) -> Customers:
    return (_one_customer(shop),) * 2


def _with_a_full_card(shop: OpenShop) -> Customers:
    member_id = _one_customer(shop)
    shop.till.buy(member_id, lines=[{"item_number": RYE, "quantity": 10, "amount": 30_000}])
    return member_id, member_id


def _two_for_the_last_bag(shop: OpenShop) -> Customers:
    first = _one_customer(shop)
    collector, second = (shop.till.join(phone).body["member_id"] for phone in ("20123457", "20123458"))
    for bags in (10, 10, 10, 9):
        taken = shop.till.buy(
            collector,
            lines=[{"item_number": BAG, "quantity": bags, "amount": bags * 4_000}],
            redemptions=[{"kind": "coupon", "name": "pose"}] * bags,
        )
        assert (taken.status, taken.body["to_pay"]) == (201, 0), taken.body
    return first, second


def _with_bonus(shop: OpenShop) -> Customers:
    member_id = _one_customer(shop)
    shop.till.buy(member_id, 100_000)
    return member_id, member_id


RACES = (
    Race(
        "one coupon that a member may use once, at two tills",
        _with_a_coupon,
        {
            "lines": [{"item_number": CAKE, "quantity": 2, "amount": 5_000}],
            "redemptions": [{"kind": "coupon", "name": "kage"}],
        },
        2_500,
        "coupon_used",
    ),
    Race(
        "one full stamp card, at two tills",
        _with_a_full_card,
        {
            "lines": [{"item_number": RYE, "quantity": 2, "amount": 6_000}],
            "redemptions": [{"kind": "reward", "name": "rugbrod"}],
        },
        3_000,
        "no_reward",
    ),
    Race(
        f"the last of {BAGS} bags, for two members",
        _two_for_the_last_bag,
        {
            "lines": [{"item_number": BAG, "quantity": 1, "amount": 4_000}],
            "redemptions": [{"kind": "coupon", "name": "pose"}],
        },
        4_000,
        "coupon_sold_out",
    ),
    Race(
        "the same bonus, at two tills",
        _with_bonus,
        {"spend_bonus": 3_000, "amount": 10_000},
        3_000,
        "not_enough_bonus",
    ),
)
