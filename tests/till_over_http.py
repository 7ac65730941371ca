"""A new club in a running local stack, its tills over real HTTP, and its tables seen from behind."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from infra.local.home import Stack
from infra.local.loopback import client
from infra.local.operator import Operator
from stamkunde.clubs.store import ClubStore
from stamkunde.shared.clock import SystemClock
from tests.ledger_checks import assert_ledger_adds_up
from tests.shop import Shop
from tests.till_client import Call, TillClient

OUTLET = "banegaarden"
TILL = "kasse-1"
HOUR = 3_600


def call_over(door: httpx.Client) -> Call:
    """How a till's calls travel: through the front door."""

    def call(method: str, path: str, headers: dict[str, str], body: str) -> tuple[int, dict[str, str], Any]:
        answer = door.request(method, path, headers=headers, content=body.encode())
        return answer.status_code, dict(answer.headers), answer.json()

    return call


@dataclass
class OpenShop:
    """A club with one outlet and one till, open for business."""

    stack: Stack
    till: TillClient
    shop: Shop
    operator: Operator

    @classmethod
    def in_stack(
        cls, stack: Stack, door: httpx.Client, *, name: str = "Bager Holm", country: str = "DK", **given: Any
    ) -> OpenShop:
        """A new one; `door` is a client of the stack's front door."""
        operator = Operator(stack)
        slug = f"bager-{random.randrange(10**9)}"
        standard = {
            "contact": "hej@bagerholm.example",
            "trade": "tourist_crafts",
            "keeping_reason": "Mange kommer kun på ferie, og ikke hvert år.",
        }
        club = operator.do("create_club", slug=slug, name=name, country=country, **(standard | given))
        club_id = club["club_id"]
        operator.do("create_outlet", club_id=club_id, outlet_id=OUTLET, name="Banegårdspladsen")
        key = _new_till_key(operator, club_id, TILL)
        return cls(stack, TillClient(club, key, call_over(door)), _seen_from_behind(stack, club_id), operator)

    @classmethod
    def with_offers(
        cls, stack: Stack, door: httpx.Client, programme: dict[str, Any], *coupons: dict[str, Any]
    ) -> OpenShop:
        """A new one where a programme and coupons count: they were published while its clock was behind."""
        shop = cls.in_stack(stack, door, clock_offset_seconds=-HOUR)
        club_id = shop.till.club["club_id"]
        begin = (datetime.now(UTC) - timedelta(seconds=HOUR // 2)).isoformat()
        shop.operator.do("publish_programme", club_id=club_id, valid_from=begin, programme=programme)
        for coupon in coupons:
            shop.operator.do("publish_coupon", club_id=club_id, coupon={"valid_from": begin} | coupon)
        shop.operator.do("move_clock", club_id=club_id, clock_offset_seconds=0)
        shop.shop = _seen_from_behind(stack, club_id)
        return shop

    def another_till(self, till_id: str) -> TillClient:
        """One more till at the outlet."""
        key = _new_till_key(self.operator, self.till.club["club_id"], till_id)
        return TillClient(self.till.club, key, self.till.call)

    def purchases(self, member_id: str) -> int:
        """How many movements the member's ledger holds, once it is seen to add up."""
        assert_ledger_adds_up(self.shop, member_id)
        return len(self.shop.entries(member_id))

    def day_totals(self) -> list[dict[str, Any]]:
        """The outlet's days of this year, once the job has counted what is due."""
        functions = client("lambda", self.stack.aws_endpoint)
        functions.invoke(FunctionName=self.stack.functions["day_totals_job"], Payload=b"{}")
        days: list[dict[str, Any]] = self.operator.do(
            "show_day_totals", club_id=self.till.club["club_id"], outlet_id=OUTLET, year=datetime.now(UTC).year
        )["days"]
        return days

    def turnover(self) -> int:
        """What the day totals say was sold."""
        return sum(day["turnover"] for day in self.day_totals())

    def wait_for_turnover(self, expected: int, seconds: float = 30) -> None:
        """Wait until the day totals say that this was sold: the stream is read in its own time."""
        deadline = time.monotonic() + seconds
        while (turnover := self.turnover()) != expected:
            assert time.monotonic() < deadline, f"the day totals say {turnover}, not {expected}"
            time.sleep(0.3)


def _new_till_key(operator: Operator, club_id: str, till_id: str) -> str:
    till = {"outlet_id": OUTLET, "till_id": till_id, "name": till_id, "receipt_numbers": "never"}
    key: str = operator.do("create_till", club_id=club_id, **till)["key"]
    return key


def _seen_from_behind(stack: Stack, club_id: str) -> Shop:
    tables = client("dynamodb", stack.aws_endpoint)
    known = ClubStore(tables, stack.tables["clubs"], club_id).load()
    assert known is not None
    members, ledger = stack.tables["members"], stack.tables["ledger"]
    return Shop(tables, known, SystemClock(), members_table=members, ledger_table=ledger)
